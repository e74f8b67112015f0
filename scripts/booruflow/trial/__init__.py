"""A trial before days are spent: a few images captioned as all will be, shown on one page, and what all of them will take.

In: posts, images, existing captions, and the captioner. Out: trial/index.html and trial/trial.json.
"""
