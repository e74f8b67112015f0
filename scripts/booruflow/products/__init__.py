"""What a run is for: tags JSON, meta_cap, meta_lat, tars, subsets, and the manifest with its consistency checks.

In: sorted tables and id-keyed JSON of the sources and of captioning. Out: the files that trainers and people read.
"""
