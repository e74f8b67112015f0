"""Exports: the data set, or a subset, in the form that one trainer reads.

In: the posts with their images, tags and captions. Out: a folder with texts, images and a README that says how to train on it.
"""
