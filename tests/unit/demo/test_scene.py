import random

import pytest

from booruflow.demo.scene import BOW_COLOURS, CHARACTERS, SIZES, choose_figure, choose_scene


def test_a_seed_determines_the_scene():
    assert choose_scene(random.Random(4)) == choose_scene(random.Random(4))
    assert choose_scene(random.Random(4)) != choose_scene(random.Random(5))


def test_figures_are_dressed_consistently():
    for seed in range(300):
        figure = choose_figure(random.Random(seed))
        assert (figure.lower is not None) == (figure.garment.kind in ("shirt", "hoodie"))
        assert figure.lower is None or figure.lower.colour != figure.garment.colour
        assert (figure.headwear == "bow") == (figure.bow in BOW_COLOURS)
        assert figure.kind == "girl" or (figure.garment.kind != "dress" and figure.style == "short_hair")


def test_a_character_has_a_fixed_appearance_and_is_never_twice_in_an_image():
    for seed in range(300):
        figures = choose_scene(random.Random(seed), pair=True).figures
        names = [figure.name for figure in figures if figure.name]
        assert len(names) == len(set(names))
        for figure in figures:
            if figure.name:
                assert (figure.hair, figure.garment) == (CHARACTERS[figure.name].hair, CHARACTERS[figure.name].garment)


@pytest.mark.parametrize("wanted", [True, False])
def test_arguments_fix_the_choice(wanted):
    for seed in range(20):
        scene = choose_scene(random.Random(seed), SIZES[1], pair=wanted, lettering=wanted, with_object=wanted)
        assert scene.size == SIZES[1]
        assert (len(scene.figures) == 2) == wanted
        assert (scene.lettering is not None) == (scene.lettering_kind is not None) == wanted
        assert (scene.object is not None) == wanted
