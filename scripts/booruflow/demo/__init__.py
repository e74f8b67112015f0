"""The embedded sample: drawn posts, what is true of them, and a tiny captioner that reads them."""
