"""Drawing a scene as an image: background, figures, objects and lettering, by strokes of a pen.

In: a scene, a random generator. Out: an RGB image; both together determine every pixel.
"""
