"""Backgrounds: flat, striped, dotted, and five landscapes."""

import random

from booruflow.demo.drawing.pen import WHITE, Pen, mix, star
from booruflow.demo.scene import FLAT_BACKGROUNDS, Colour

BRIGHT: list[Colour] = [colour for name, colour in FLAT_BACKGROUNDS.items() if name != "white"]


def draw_background(pen: Pen, kind: str, rng: random.Random) -> None:
    """Fill the image with the background whose tag is `kind`."""
    colour = FLAT_BACKGROUNDS.get(kind.removesuffix("_background"))
    if colour:
        _, top, _, bottom = pen.bounds
        pen.gradient(top, bottom, mix(colour, WHITE, 0.25), colour)
    else:
        PAINTERS[kind](pen, rng)


def stripes(pen: Pen, rng: random.Random) -> None:
    """Diagonal stripes of one bright colour on another."""
    ground, stripe = rng.sample(BRIGHT, 2)
    left, top, right, bottom = pen.bounds
    pen.rectangle(left, top, right, bottom, mix(ground, WHITE, 0.35))
    for x in range(-528 + rng.randrange(34), 800, 34):
        pen.polygon(
            [(x - top / 2, top), (x + 17 - top / 2, top), (x + 17 - bottom / 2, bottom), (x - bottom / 2, bottom)],
            stripe,
            outline=False,
        )


def dots(pen: Pen, rng: random.Random) -> None:
    """White dots on a bright colour."""
    left, top, right, bottom = pen.bounds
    pen.rectangle(left, top, right, bottom, rng.choice(BRIGHT))
    for row, y in enumerate(range(int(top) + 8, int(bottom) + 30, 30)):
        for x in range(int(left) + 4 + 15 * (row % 2), int(right) + 30, 30):
            pen.oval(x, y, 7.5, 7.5, WHITE, outline=False)


def night(pen: Pen, rng: random.Random) -> None:
    """Stars, a crescent moon, dark hills."""
    left, top, right, bottom = pen.bounds
    pen.gradient(top, bottom, (18, 22, 66), (74, 66, 138))
    for _ in range(round(46 * (right - left) * (200 - top) / 51200)):
        x, y, radius = rng.uniform(left, right), rng.uniform(top, 200), rng.choice([1.2, 1.2, 2, 2.8])
        if radius > 2.5:
            pen.polygon(star(x, y, radius * 2.2, 0.35, 4), (255, 248, 206), outline=False)
        else:
            pen.oval(x, y, radius, radius, (240, 240, 255), outline=False)
    x = rng.choice([34, 222])
    pen.oval(x, 40, 24, 24, (255, 242, 176), outline=False)
    pen.oval(x + 10, 34, 21, 21, (26, 28, 76), outline=False)
    pen.oval(128, 300, 240, 80, (40, 44, 84), outline=False)


def meadow(pen: Pen, rng: random.Random) -> None:
    """Green hills under a blue sky with clouds."""
    left, top, right, bottom = pen.bounds
    pen.gradient(top, bottom, (126, 196, 250), (206, 236, 255))
    for _ in range(3):
        x, y = rng.uniform(left + 10, right - 10), rng.uniform(top + 24, 80)
        for dx, dy, radius in ((-16, 3, 11), (0, -4, 15), (16, 3, 11), (0, 6, 13)):
            pen.oval(x + dx, y + dy, radius * 1.2, radius * 0.8, WHITE, outline=False)
    pen.oval(60, 300, 190, 116, (132, 204, 104), outline=False)
    pen.oval(210, 308, 180, 112, (108, 186, 88), outline=False)
    for _ in range(16):
        x, y = rng.uniform(left + 4, right - 4), rng.uniform(206, 252)
        tuft = [(x - 4, y - 8), (x, y), (x + 1, y - 11), (x + 2, y), (x + 6, y - 7)]
        pen.path(tuft, (70, 146, 66), 3)


def sunset(pen: Pen, rng: random.Random) -> None:
    """A low sun over dark land."""
    left, top, right, bottom = pen.bounds
    pen.gradient(top, 120, (108, 74, 150), (250, 148, 96))
    pen.gradient(120, 200, (250, 148, 96), (255, 214, 120))
    pen.oval(128 + rng.choice([-70, 70]), 176, 38, 38, (255, 240, 170), outline=False)
    pen.rectangle(left, 194, right, bottom, (96, 66, 104))


def beach(pen: Pen, rng: random.Random) -> None:
    """Sand in front of the sea."""
    left, top, right, bottom = pen.bounds
    pen.gradient(top, 130, (150, 214, 252), (222, 244, 255))
    pen.rectangle(left, 118, right, bottom, (52, 148, 206))
    for _ in range(9):
        x, y = rng.uniform(left, right - 6), rng.uniform(126, 176)
        pen.path([(x, y), (x + 7, y - 3), (x + 14, y), (x + 21, y - 3)], (206, 238, 250), 3)
    pen.oval(128, 268, 250, 90, (244, 250, 252), outline=False)
    pen.oval(128, 274, 250, 90, (246, 222, 168), outline=False)


def snow(pen: Pen, rng: random.Random) -> None:
    """Snowy hills, snowflakes in the air."""
    left, top, right, bottom = pen.bounds
    pen.gradient(top, bottom, (168, 188, 216), (220, 230, 244))
    pen.oval(70, 300, 210, 100, (250, 252, 255), outline=False)
    pen.oval(220, 304, 190, 100, (240, 246, 254), outline=False)
    for _ in range(round(60 * (right - left) * (bottom - top) / 65536)):
        radius = rng.choice([1.5, 2, 3])
        pen.oval(rng.uniform(left, right), rng.uniform(top, bottom), radius, radius, WHITE, outline=False)


PAINTERS = {
    "striped_background": stripes,
    "polka_dot_background": dots,
    "night_sky": night,
    "grass": meadow,
    "sunset": sunset,
    "beach": beach,
    "snow": snow,
}
