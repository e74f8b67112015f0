"""Functions on plain strings: cleaning, English grammar, places, text shown in images, refusals and repetition.

In: strings. Out: cleaned strings, phrases and yes-or-no answers. Nothing here knows about JSON or markdown.
"""
