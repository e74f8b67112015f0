import random
from dataclasses import replace

import pytest
from PIL import Image, ImageChops

from booruflow.demo.drawing.backgrounds import PAINTERS
from booruflow.demo.drawing.image import draw
from booruflow.demo.drawing.objects import OBJECT_PAINTERS
from booruflow.demo.drawing.pen import Pen, mix, star
from booruflow.demo.scene import BACKGROUNDS, BOX, FLAT_BACKGROUNDS, HEADWEAR, MOUTHS, OBJECTS, SIZES, Figure, Piece, Scene

FIGURE = Figure("girl", "red", "short_hair", "blue", None, Piece("blue", "dress"))
SCENE = Scene((FIGURE,), "white_background", None, None, None, "teal_marmot", 1)


def changed_area(one: Scene, other: Scene) -> tuple[int, int, int, int] | None:
    return ImageChops.difference(draw(one, random.Random(1)), draw(other, random.Random(1))).getbbox()


def test_a_seed_determines_the_image():
    assert draw(SCENE, random.Random(3)).tobytes() == draw(SCENE, random.Random(3)).tobytes()
    assert draw(SCENE, random.Random(3)).tobytes() != draw(SCENE, random.Random(4)).tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_background_fills_every_size(background, size):
    image = draw(replace(SCENE, background=background, size=size), random.Random(1))
    assert image.size == size
    assert image.mode == "RGB"
    # no blank canvas is left along the edges
    width, height = size
    edges = [image.crop((0, 0, width, 1)), image.crop((0, 0, 1, height)), image.crop((width - 1, 0, width, height))]
    if background not in ("white_background", "polka_dot_background", "snow"):
        for edge in edges:
            assert sum(count for count, colour in edge.getcolors(1000) if colour == (255, 255, 255)) < 8


def test_every_background_and_object_can_be_drawn():
    assert set(OBJECT_PAINTERS) == set(OBJECTS) - {None}
    assert {*PAINTERS, *(f"{colour}_background" for colour in FLAT_BACKGROUNDS)} == set(BACKGROUNDS)


@pytest.mark.parametrize("kind", [name for name in OBJECTS if name])
def test_the_object_is_drawn_on_its_side(kind):
    left, _, right, _ = changed_area(replace(SCENE, side=1, object="heart"), replace(SCENE, side=1, object=kind)) or (
        (200, 0, 201, 0) if kind == "heart" else (0, 0, 0, 0)
    )
    assert left > BOX / 2
    assert right <= BOX


@pytest.mark.parametrize("headwear", [name for name in HEADWEAR if name])
def test_each_headwear_changes_the_image(headwear):
    plain = replace(SCENE, figures=(replace(FIGURE, headwear="beret", bow="red"),))
    hatted = replace(SCENE, figures=(replace(FIGURE, headwear=headwear, bow="red"),))
    assert (changed_area(plain, hatted) is None) == (headwear == "beret")


@pytest.mark.parametrize("mouth", MOUTHS[1:])
def test_mouths_differ_clearly(mouth):
    box = changed_area(SCENE, replace(SCENE, figures=(replace(FIGURE, mouth=mouth),)))
    assert box is not None
    assert box[2] - box[0] > 24
    assert box[3] - box[1] > 10


def test_lettering_stays_inside_the_image():
    for side in (-1, 1):
        bubble = replace(SCENE, lettering="TEA TIME", lettering_kind="bubble", side=side)
        change = ImageChops.difference(draw(bubble, random.Random(1)), draw(SCENE, random.Random(1)))
        for edge in ((0, 0, 1, BOX), (BOX - 1, 0, BOX, BOX), (0, 0, BOX, 1)):
            assert max(high for _, high in change.crop(edge).getextrema()) < 40


def test_moved_pens_compose():
    pen = Pen.on(Image.new("RGB", (2 * 336, 2 * 256)), (0, 0, 0), 1)
    assert pen.bounds == (-40, 0, 296, 256)
    inner = pen.moved(10, 20, 2).moved(5, 5, 0.5)
    assert inner.pixels([(1, 1)]) == pen.pixels([(21, 31)])


def test_mix_and_star():
    assert mix((0, 100, 200), (100, 100, 0), 0.5) == (50, 100, 100)
    corners = star(0, 0, 10, 0.5)
    assert len(corners) == 10
    assert corners[0] == (0, -10)
