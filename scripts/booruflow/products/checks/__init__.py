"""Checks of the products: they are consistent, and as they were built.

In: the products of a run and the manifest. Out: the counts of the summary, or one line that says what does not hold.
"""
