"""The object beside the figures, and lettering in a speech bubble or at the bottom."""

import math
from collections.abc import Callable

from PIL import ImageFont

from booruflow.demo.drawing.pen import SUPERSAMPLING, WHITE, Pen, star
from booruflow.demo.scene import Colour


def draw_object(pen: Pen, kind: str) -> None:
    """The object whose tag is `kind`, about 50 units high, standing on the pen's origin."""
    OBJECT_PAINTERS[kind](pen)


def cat(pen: Pen, fur: Colour, eyes: Colour) -> None:
    """A sitting cat; the tail of a pale one gets an outline."""
    tail: list[tuple[float, float]] = [(15, -6), (29, -14), (25, -32)]
    if sum(fur) < 384:
        pen.path(tail, fur, 12)
    else:
        pen.path(tail, width=12)
        pen.path([(15, -6), (29, -14), (25, -31)], fur, 7)
    pen.oval(0, -12, 18, 16, fur)
    for s in (-1, 1):
        pen.polygon([(s * 17, -52), (s * 4, -45), (s * 19, -34)], fur)
    pen.oval(0, -33, 20, 16, fur)
    for s in (-1, 1):
        pen.oval(s * 8, -34, 4, 5, eyes, outline=False)
        pen.oval(s * 8, -34, 1.6, 4.4, (20, 20, 30), outline=False)
    pen.polygon([(-2.5, -27), (2.5, -27), (0, -24)], (240, 140, 150), outline=False)


def ball(pen: Pen) -> None:
    """A beach ball of three colours."""
    pen.oval(0, -21, 22, 22, (250, 250, 250))
    for i, colour in enumerate([(226, 62, 62), (60, 120, 220), (250, 206, 70)]):
        pen.slice(0, -21, 21, i * 120, i * 120 + 62, colour)
    pen.oval(0, -21, 5, 5, (250, 250, 250))


def flower(pen: Pen, petals: Colour, heart: Colour) -> None:
    """A flower with six petals."""
    pen.path([(0, 0), (-2, -30)], (60, 130, 60), 7)
    pen.oval(10, -10, 10, 5, (90, 170, 84))
    for i in range(6):
        angle = i * math.pi / 3
        pen.oval(-2 + 13 * math.cos(angle), -38 + 13 * math.sin(angle), 9, 9, petals)
    pen.oval(-2, -38, 8, 8, heart)


def umbrella(pen: Pen) -> None:
    """An open red umbrella."""
    pen.path([(0, -46), (0, -2)], (100, 70, 50), 6)
    pen.arc(5, -4, 5, 5, 0, 180, (100, 70, 50), 6)
    pen.dome(-34, -62, 34, 2, (222, 66, 78))
    pen.dome(-13, -62, 13, 2, (255, 216, 220))


def yellow_star(pen: Pen) -> None:
    """A five-pointed star."""
    pen.polygon(star(0, -28, 28, 0.5), (255, 214, 70))


def balloon(pen: Pen) -> None:
    """A red balloon on a string."""
    pen.path([(0, -44), (4, -24), (-3, -2)], width=3)
    pen.polygon([(-5, -36), (5, -36), (0, -44)], (236, 74, 92))
    pen.oval(0, -62, 20, 24, (240, 84, 100))
    pen.oval(-7, -70, 4, 6, (255, 190, 196), outline=False)


def heart(pen: Pen) -> None:
    """A pink heart."""
    outline = []
    for i in range(40):
        a = i * math.tau / 40
        height = 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)
        outline.append((1.6 * 16 * math.sin(a) ** 3, -28 - 1.6 * height))
    pen.polygon(outline, (246, 92, 140))


def mushroom(pen: Pen) -> None:
    """A red mushroom with white spots."""
    pen.rounded(-9, -24, 9, 0, 6, (250, 238, 216))
    pen.dome(-28, -50, 28, 6, (216, 56, 56))
    for x, y, radius in ((-14, -30, 4), (2, -38, 5), (15, -29, 4)):
        pen.oval(x, y, radius, radius, WHITE, outline=False)


def pumpkin(pen: Pen) -> None:
    """A carved pumpkin."""
    for x in (-13, 13, 0):
        pen.oval(x, -19, 15, 19, (242, 142, 48))
    pen.path([(0, -38), (4, -46)], (80, 130, 60), 9)
    for s in (-1, 1):
        pen.polygon([(s * 10 - 5, -18), (s * 10 + 5, -18), (s * 10, -27)], (70, 40, 30), outline=False)
    pen.polygon([(-14, -13), (14, -13), (0, -4)], (70, 40, 30), outline=False)


OBJECT_PAINTERS: dict[str, Callable[[Pen], None]] = {
    "black_cat": lambda pen: cat(pen, (60, 58, 68), (250, 220, 90)),
    "white_cat": lambda pen: cat(pen, (250, 250, 252), (80, 140, 220)),
    "ball": ball,
    "red_flower": lambda pen: flower(pen, (222, 54, 70), (255, 226, 120)),
    "yellow_flower": lambda pen: flower(pen, (252, 206, 60), (122, 80, 50)),
    "umbrella": umbrella,
    "star_(symbol)": yellow_star,
    "balloon": balloon,
    "heart": heart,
    "mushroom": mushroom,
    "pumpkin": pumpkin,
}


def draw_lettering(pen: Pen, text: str, bubble: bool, x: float, y: float) -> None:
    """A speech bubble around (x, y), moved so that it fits into the image; or large letters at the bottom."""
    font = ImageFont.load_default(30 * SUPERSAMPLING)  # Pillow's own font: the same on every machine
    assert isinstance(font, ImageFont.FreeTypeFont)
    if not bubble:
        pen.text(128, 236, text, font, (255, 236, 92), border=9, border_colour=(60, 30, 70))
        return
    half = pen.width_of(text, font) / 2
    left, _, right, _ = pen.bounds
    x = min(max(x, left + half + 14), right - half - 14)
    s = 1 if x < 128 else -1
    pen.polygon([(x + s * 6, y + 14), (x + s * 34, y + 34), (x + s * 24, y + 10)], WHITE)
    pen.rounded(x - half - 12, y - 21, x + half + 12, y + 21, 18, WHITE)
    pen.polygon([(x + s * 7, y + 10), (x + s * 29, y + 28), (x + s * 23, y + 8)], WHITE, outline=False)
    pen.text(x, y, text, font, (30, 26, 40))
