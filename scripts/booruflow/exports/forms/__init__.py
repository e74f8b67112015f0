"""The forms of exports, one module each, named as the form.

In: the rows of an export and its settings. Out: the texts beside the images, as one trainer reads them, and how it is told so.
"""
