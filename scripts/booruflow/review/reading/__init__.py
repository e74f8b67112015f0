"""The products of a data set read by place: in come ids, places and conditions, out come rows, entries and images.

What is missing, or just being built, counts as absent.
"""
