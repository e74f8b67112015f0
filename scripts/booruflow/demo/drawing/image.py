"""The whole image of a scene."""

import random

from PIL import Image

from booruflow.demo.drawing.backgrounds import draw_background
from booruflow.demo.drawing.figures import draw_figure
from booruflow.demo.drawing.objects import draw_lettering, draw_object
from booruflow.demo.drawing.pen import SUPERSAMPLING, Pen
from booruflow.demo.scene import ARTISTS, Scene


def draw(scene: Scene, rng: random.Random) -> Image.Image:
    """An RGB image of `scene.size`; `rng` varies positions slightly."""
    style = ARTISTS[scene.artist]
    width, height = scene.size
    image = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), (255, 255, 255))
    pen = Pen.on(image, style.ink, style.line)
    draw_background(pen, scene.background, rng)

    def jitter(limit: float) -> float:
        return rng.uniform(-limit, limit)

    if len(scene.figures) == 1:
        figure = scene.figures[0]
        beside = scene.object is not None or scene.lettering_kind == "bubble"
        x = 128 + (-scene.side * 26 if beside else 0) + jitter(5)
        tall_hat = figure.headwear in ("witch_hat", "crown", "straw_hat")
        y = 110 + jitter(3) if tall_hat else 104 + jitter(4)
        draw_figure(pen.moved(x, y, 1 + jitter(0.04)), figure, style.tone)
        object_x, lettering_x = 128 + scene.side * 78 + jitter(5), 128 + scene.side * 74
    else:
        for x, figure in zip((68, 188), scene.figures, strict=True):
            draw_figure(pen.moved(x + jitter(4), 122 + jitter(4), 0.86), figure, style.tone)
        object_x, lettering_x = 128 + jitter(3), 128 + scene.side * 30
    if scene.object:
        draw_object(pen.moved(object_x, 244 + jitter(4)), scene.object)
    if scene.lettering:
        draw_lettering(pen, scene.lettering, scene.lettering_kind == "bubble", lettering_x, 27 + jitter(3))
    return image.resize(scene.size, Image.Resampling.LANCZOS)
