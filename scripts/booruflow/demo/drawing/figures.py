"""A figure, from back to front: back hair, legs, arms, clothes, head, face, fringe, headwear.

The pen's origin is the centre of the head; y ranges from -98 (the tip of a witch hat) to 146 (the soles).
"""

import math

from booruflow.demo.drawing.pen import WHITE, Pen, Point, mix
from booruflow.demo.scene import BOW_COLOURS, CLOTH_COLOURS, EYE_COLOURS, HAIR_COLOURS, LOWER_COLOURS, Colour, Figure

BELT = (242, 190, 70)


def draw_figure(pen: Pen, figure: Figure, tone: int) -> None:
    """Draw the figure; `tone` makes its skin warmer (above 0) or cooler."""
    skin = mix((255, 226, 204), (240, 190, 150), 0.15 + tone / 60)
    hair = HAIR_COLOURS[figure.hair]
    shade = mix(hair, (40, 20, 60), 0.22)
    back_hair(pen, figure, hair, shade)
    legs(pen, figure, skin)
    arms(pen, figure, skin)
    pen.polygon([(-7, 40), (7, 40), (7, 54), (-7, 54)], mix(skin, (220, 130, 110), 0.25), outline=False)
    clothes(pen, figure)
    for s in (-1, 1):
        pen.oval(s * 44, 8, 6, 8, skin)
    pen.oval(0, 4, 44, 40, skin)
    face(pen, figure, shade)
    front_hair(pen, figure, hair)
    headwear(pen, figure)


def back_hair(pen: Pen, figure: Figure, hair: Colour, shade: Colour) -> None:
    """Hair behind the head."""
    if figure.style == "long_hair":
        right: list[Point] = [(30, 94), (40, 100), (56, 92), (58, 40), (52, -10)]
        left = [(-x, y) for x, y in reversed(right)]
        pen.polygon([*left, (0, 98), *right], shade)
        return
    steps = [i / 12 for i in range(13)]
    if figure.style == "twintails":
        for s in (-1, 1):
            outer = [(s * (46 + 26 * math.sin(t * math.pi) + 8 * t), -26 + 112 * t) for t in steps]
            inner = [(s * (42 + 2 * math.sin(t * math.pi) + 6 * t), -22 + 108 * t) for t in reversed(steps)]
            pen.polygon(outer + inner, hair)
    elif figure.style == "ponytail":
        outer = [(30 + 52 * math.sin(t * 2.2), -44 + 128 * t) for t in steps]
        inner = [(26 + 18 * math.sin(t * 2.6), -20 + 90 * t) for t in reversed(steps)]
        pen.polygon(outer + inner, hair)
    elif figure.style == "hair_bun":
        pen.oval(0, -56, 22, 20, hair)
        pen.arc(0, -55, 12, 10, 200, 380, shade)
    if figure.style == "short_hair" and figure.kind == "girl":  # a bob, flared at the chin
        right = [(30, 40), (44, 44), (57, 36), (53, 0), (44, -28)]
        pen.polygon([(-x, y) for x, y in reversed(right)] + right, shade)
    else:
        pen.oval(0, -8, 50, 38, shade)


def legs(pen: Pen, figure: Figure, skin: Colour) -> None:
    """Legs and shoes."""
    bare = figure.lower is None or figure.lower.kind != "pants"
    for s in (-1, 1):
        pen.rounded(s * 11 - 8.5, 96, s * 11 + 8.5, 141, 5, skin if bare else LOWER_COLOURS[figure.lower.colour])  # type: ignore[union-attr]
        pen.rounded(s * 12 - 11, 134, s * 12 + 11, 146, 5, (96, 62, 50))


def arms(pen: Pen, figure: Figure, skin: Colour) -> None:
    """Hands, arms, sleeves."""
    top = CLOTH_COLOURS[figure.garment.colour]
    for s in (-1, 1):
        if figure.garment.kind == "kimono":
            pen.polygon([(s * 16, 52), (s * 40, 70), (s * 46, 104), (s * 26, 106), (s * 18, 76)], top)
            pen.oval(s * 36, 107, 6, 6, skin)
            continue
        pen.oval(s * 36, 95, 6.5, 6.5, skin)
        arm = [(s * 17, 50), (s * 30, 60), (s * 42, 90), (s * 30, 95), (s * 18, 74)]
        if figure.garment.kind == "hoodie":
            pen.polygon(arm, top)
        else:
            pen.polygon(arm, skin)
            pen.polygon([(s * 16, 50), (s * 29, 57), (s * 35, 72), (s * 22, 77), (s * 16, 70)], top)


def clothes(pen: Pen, figure: Figure) -> None:
    """Skirt or pants, then the garment."""
    colour, kind = figure.garment
    if figure.lower and figure.lower.kind == "skirt":
        skirt = LOWER_COLOURS[figure.lower.colour]
        pen.polygon([(-20, 88), (20, 88), (37, 121), (-37, 121)], skirt)
        for x in (-18, -6, 6, 18):
            pen.path([(x * 0.62, 92), (x * 1.35, 120)], mix(skirt, (60, 40, 60), 0.35), 2)
    elif figure.lower:
        pen.polygon([(-20, 84), (20, 84), (21, 106), (-21, 106)], LOWER_COLOURS[figure.lower.colour])
    {"dress": dress, "kimono": kimono, "shirt": shirt, "hoodie": hoodie}[kind](pen, colour)


def dress(pen: Pen, colour: str) -> None:
    """A dress with a pale hem."""
    cloth = CLOTH_COLOURS[colour]
    right: list[Point] = [(22, 128), (44, 123), (17, 78), (19, 50)]
    pen.polygon([(-x, y) for x, y in reversed(right)] + [(0, 125), *right], cloth)
    pen.path([(-17, 79), (17, 79)], mix(cloth, (60, 40, 90), 0.2), pen.line + 4)
    pen.path([(-40, 117), (-21, 122), (0, 119), (21, 122), (40, 117)], mix(cloth, WHITE, 0.65), 4)


def kimono(pen: Pen, colour: str) -> None:
    """A kimono with its obi."""
    cloth = CLOTH_COLOURS[colour]
    pen.polygon([(-20, 50), (20, 50), (23, 84), (27, 134), (-27, 134), (-23, 84)], cloth)
    pen.path([(-12, 48), (4, 76)], WHITE, 6)
    pen.path([(12, 48), (-2, 70)], WHITE, 6)
    pen.rounded(-23, 76, 23, 92, 3, (200, 70, 80) if colour in ("yellow", "white") else (250, 214, 96))
    pen.path([(6, 94), (10, 132)], mix(cloth, (60, 40, 90), 0.2), 3)


def shirt(pen: Pen, colour: str) -> None:
    """A shirt with a collar and two buttons."""
    pen.polygon([(-20, 50), (20, 50), (21, 92), (-21, 92)], CLOTH_COLOURS[colour])
    collar = (90, 120, 200) if colour == "white" else (250, 250, 255)
    for s in (-1, 1):
        pen.polygon([(s * 13, 47), (0, 58), (s * 9, 65)], collar)
    for y in (70, 81):
        pen.oval(0, y, 1.8, 1.8, pen.ink, outline=False)


def hoodie(pen: Pen, colour: str) -> None:
    """A hoodie with the hood down."""
    cloth = CLOTH_COLOURS[colour]
    shade = mix(cloth, (60, 40, 90), 0.2)
    pen.polygon([(-20, 50), (20, 50), (21, 98), (-21, 98)], cloth)
    pen.polygon([(-28, 45), (28, 45), (19, 60), (0, 65), (-19, 60)], shade)
    for s in (-1, 1):
        pen.path([(s * 7, 62), (s * 8, 76)], WHITE, 4)
    pen.polygon([(-13, 80), (13, 80), (17, 94), (-17, 94)], shade)


def face(pen: Pen, figure: Figure, brow: Colour) -> None:
    """Cheeks, eyes, brows, mouth, glasses: large, so that they stay recognisable in a small image."""
    eye = EYE_COLOURS[figure.eyes]
    down = 2.5 if figure.mouth == "frown" else 0
    for s in (-1, 1):
        pen.oval(s * 31, 22, 7, 4.5, (255, 178, 170), outline=False)
        pen.oval(s * 19, 7, 10, 13, (252, 252, 255), outline=False)
        pen.oval(s * 19, 7.5, 9, 12.4, mix(eye, (20, 10, 40), 0.35), outline=False)
        pen.oval(s * 19, 9.5, 7.8, 9.6, eye, outline=False)
        pen.oval(s * 19, 7, 2.8, 5, mix(eye, (0, 0, 10), 0.8), outline=False)
        pen.oval(s * 19 - 2.8, 2.4, 2.7, 3.2, WHITE, outline=False)
        pen.oval(s * 19 + 2.8, 14, 1.5, 1.7, WHITE, outline=False)
        pen.arc(s * 19, 7, 11, 13.5, 195, 345, width=pen.line + 3)
        pen.path([(s * 26, -12 - down * 0.4), (s * 12, -12 + down * 1.5)], brow, pen.line)
    if figure.mouth == "smile":
        pen.arc(0, 20, 15, 13, 20, 160, width=pen.line + 4)
    elif figure.mouth == "open_mouth":
        pen.dome(-14, 8, 14, 42, (190, 44, 58), start=0, end=180)
        pen.oval(0, 37, 6.5, 3, (250, 150, 150), outline=False)
    else:
        pen.arc(0, 42, 15, 14, 205, 335, width=pen.line + 4)
    if figure.glasses:
        frame = (40, 36, 50)
        for s in (-1, 1):
            pen.rounded(s * 19 - 14, -7, s * 19 + 14, 22, 10, None, frame, pen.line + 2)
        pen.path([(-5, 7), (5, 7)], frame, pen.line + 2)


def front_hair(pen: Pen, figure: Figure, hair: Colour) -> None:
    """Hair on the head with its fringe, a highlight, and strands beside the face."""
    cap = [(50 * math.cos(a), 2 - 46 * math.sin(a)) for a in (math.radians(-8 + i * 7) for i in range(29))]
    fringe: list[Point] = [(-42, 4), (-36, -14), (-26, -2), (-16, -16), (-6, -3), (4, -17)]
    fringe += [(14, -3), (24, -16), (33, -2), (39, -14), (43, 4)]
    pen.polygon(cap + fringe, hair)
    shine = [(34 * math.cos(a), -4 - 30 * math.sin(a)) for a in (math.radians(50 + i * 8) for i in range(11))]
    pen.path(shine, mix(hair, WHITE, 0.42), 7)
    if figure.kind == "boy":
        pen.polygon([(-16, -42), (-6, -58), (2, -46), (14, -57), (16, -42)], hair)
        return
    for s in (-1, 1):
        if figure.style == "short_hair":
            pen.polygon([(s * 50, -6), (s * 55, 34), (s * 42, 38), (s * 38, 22), (s * 41, 0)], hair)
        elif figure.style in ("long_hair", "twintails"):
            pen.polygon([(s * 50, -6), (s * 52, 34), (s * 45, 46), (s * 41, 30), (s * 42, 0)], hair)
        if figure.style == "twintails":
            pen.oval(s * 47, -24, 6, 7, (248, 214, 96))


def headwear(pen: Pen, figure: Figure) -> None:
    """A hat, a crown or a bow."""
    if figure.headwear == "witch_hat":
        felt = (74, 54, 110)
        pen.polygon([(-34, -30), (-10, -82), (10, -98), (30, -90), (16, -80), (34, -30)], felt)
        pen.oval(0, -30, 66, 12, felt)
        pen.polygon([(-33, -37), (33, -37), (30, -49), (-29, -49)], BELT)
    elif figure.headwear == "straw_hat":
        pen.oval(0, -27, 68, 14, (240, 206, 120))
        pen.dome(-38, -72, 38, 8, (246, 216, 136))
        pen.polygon([(-38, -32), (38, -32), (36, -44), (-36, -44)], (214, 70, 70))
    elif figure.headwear == "beret":
        pen.oval(-6, -42, 44, 17, (160, 44, 58))
        pen.path([(-6, -58), (-3, -66)], width=pen.line + 4)
    elif figure.headwear == "crown":
        pen.polygon([(-28, -36), (-32, -70), (-15, -54), (0, -76), (15, -54), (32, -70), (28, -36)], (255, 204, 64))
        for x in (-16, 0, 16):
            pen.oval(x, -43, 3.4, 3.4, (220, 60, 80), outline=False)
    elif figure.headwear == "bow" and figure.bow:
        ribbon = BOW_COLOURS[figure.bow]
        for s in (-1, 1):
            pen.polygon([(24, -46), (24 + s * 25, -62), (24 + s * 27, -34)], ribbon)
        pen.oval(24, -46, 7, 7, mix(ribbon, (0, 0, 0), 0.15))
