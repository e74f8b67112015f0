"""What a person looks at after a run: plots of the counts, and images beside their captions."""
