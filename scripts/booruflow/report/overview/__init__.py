"""The report of a run: what became of each post, and what it cost, as one page.

In: the products of the workflow, and the settings without secrets. Out: results/report/index.html.
"""
