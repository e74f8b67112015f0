"""What people look at: pages with charts, from one base.

In: products, counts and images. Out: the report (`overview/`), and charts (SVG) of the token file.
"""
