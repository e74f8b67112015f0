"""The products of a run: meta_cap, meta_lat, tars, subsets, and the manifest with its consistency checks.

In: sorted tables and id-keyed JSON from sources and captioning. Out: the files that trainers and people read.
"""
