import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources.buckets import bucket_errors, buckets, training_resolution

SIDE = st.integers(1, 20_000)
SIZES = st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=50)


def nearest_slowly(size, sizes):
    """The trainer's rule with upscaling, one image and one bucket at a time."""
    if size in sizes:
        return size
    wanted = size[0] / size[1]
    best = sizes[0]
    for candidate in sizes[1:]:
        if abs(candidate[0] / candidate[1] - wanted) < abs(best[0] / best[1] - wanted):
            best = candidate
    return best


def own_slowly(size, resolution, step):
    """The trainer's rule without upscaling, one image at a time."""

    def to_steps(pixels):
        return int(pixels + 0.5) // step * step

    area, ratio = resolution * resolution, size[0] / size[1]
    if size[0] * size[1] > area:
        ideal = math.sqrt(area * ratio)
        width, height = to_steps(ideal), to_steps(area / ideal)
        if not width or not height or not to_steps(width / ratio):
            return None
        width_error = abs(width / to_steps(width / ratio) - ratio)
        height_error = abs(to_steps(height * ratio) / height - ratio)
        by_width, by_height = (width, int(width / ratio + 0.5)), (int(height * ratio + 0.5), height)
        size = by_width if width_error < height_error else by_height
    return size[0] // step * step, size[1] // step * step


DEFAULTS = {"resolution": 1024, "min_reso": 256, "max_reso": 2048, "step": 64, "no_upscale": False}


def resolved(sizes, **settings):
    widths, heights = training_resolution(*np.array(sizes).T, **(DEFAULTS | settings))
    return list(zip(widths.tolist(), heights.tolist(), strict=True))


def test_buckets_of_the_classic_setting():
    # 512 px, 256 to 1024: the set every sd-scripts user of SD 1.5 has seen printed
    halves = [
        (256, 832), (256, 896), (256, 960), (256, 1024), (320, 704), (320, 768), (384, 640), (448, 576), (512, 512),
    ]  # fmt: skip
    assert buckets(512, 256, 1024, 64) == sorted(halves + [(height, width) for width, height in halves[:-1]])


def test_buckets_of_sdxl_hold_its_well_known_sizes():
    known = {(1024, 1024), (896, 1152), (832, 1216), (768, 1344), (640, 1600), (1152, 896), (1216, 832), (1344, 768)}
    assert known <= set(buckets(1024, 512, 2048, 64))


def test_every_side_stays_within_the_longest():
    assert max(max(size) for size in buckets(1024, 256, 1024, 64)) == 1024
    assert (512, 1024) in buckets(1024, 256, 1024, 64)


@given(
    resolution=st.one_of(st.integers(64, 2048), st.tuples(st.integers(64, 2048), st.integers(64, 2048))),
    step=st.sampled_from([8, 32, 48, 64]),
)
def test_buckets_fit_the_area_and_come_in_pairs(resolution, step):
    sides = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    sizes = buckets(resolution, 64, 2048, step)
    assert sizes == sorted(set(sizes))
    assert {(height, width) for width, height in sizes} == set(sizes)
    assert all(width * height <= math.prod(sides) for width, height in sizes)
    assert all(width % step == height % step == 0 for width, height in sizes)


def test_limits_between_steps_are_widened():
    assert buckets(512, 300, 1000, 64) == buckets(512, 256, 1024, 64)


@pytest.mark.parametrize("settings", [(128, 256, 1024, 64), (2048, 256, 1024, 64), (512, 32, 1024, 64)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(UserError, match="set them so that"):
        buckets(*settings)


def test_hand_computed_nearest_ratios():
    # 3:4 = 0.75: 896/1152 = 0.778 is 0.028 away, 832/1216 = 0.684 is 0.066 away
    # 850x1200 = 0.708: 832/1216 is 0.024 away, 896/1152 is 0.069 away
    # 512x1920 is a bucket itself though 512/1920 is not the nearest of any other; 1x9999 goes to the thinnest
    images = [(3000, 4000), (850, 1200), (512, 1920), (1, 9999), (9999, 1), (10, 10)]
    expected = [(896, 1152), (832, 1216), (512, 1920), (512, 2048), (2048, 512), (1024, 1024)]
    assert resolved(images, min_reso=512) == expected


def test_of_equally_near_ratios_the_smaller_bucket_wins():
    # 5/8 lies halfway between 2/4 = 128/256 and 3/4 = 192/256; widths decide
    assert {(128, 256), (192, 256)} <= set(buckets(224, 128, 256, 64))
    assert resolved([(500, 800)], resolution=224, min_reso=128, max_reso=256) == [(128, 256)]


def test_hand_computed_sizes_without_upscaling():
    # small: only cut to steps. 2000x3000: area 1024^2, ideal 836.1 x 1254.1; by height 1216: 811 wide -> 768, ratio
    # 0.632; by width 832: 1248 high -> 1216, ratio 0.684, nearer to 0.667
    assert resolved([(700, 500), (2000, 3000)], no_upscale=True) == [(640, 448), (832, 1216)]


def test_images_without_a_bucket_are_zero():
    assert resolved([(0, 5), (5, -1)]) == [(0, 0), (0, 0)]
    assert resolved([(63, 900), (64, 900), (100_000, 20)], no_upscale=True) == [(0, 0), (64, 896), (0, 0)]


@given(
    images=SIZES,
    resolution=st.integers(256, 1536),
    min_reso=st.integers(64, 256),
    max_reso=st.integers(1536, 2300),
    step=st.sampled_from([32, 64]),
)
def test_arrays_agree_with_the_rule_for_one_image(images, resolution, min_reso, max_reso, step):
    sizes = buckets(resolution, min_reso, max_reso, step)
    # buckets themselves, their multiples, and sizes halfway between two of them
    images = images + sizes[:5] + [(3 * width, 3 * height) for width, height in sizes]
    images += [(a * d + c * b, 2 * b * d) for (a, b), (c, d) in itertools.pairwise(sizes)]
    settings = {"resolution": resolution, "min_reso": min_reso, "max_reso": max_reso, "step": step}
    assert resolved(images, **settings) == [nearest_slowly(image, sizes) for image in images]


@given(images=SIZES, resolution=st.integers(128, 1536), step=st.sampled_from([8, 64]))
def test_without_upscaling_arrays_agree_with_the_rule_for_one_image(images, resolution, step):
    expected = []
    for image in images:
        size = own_slowly(image, resolution, step)
        expected.append(size if size and all(size) else (0, 0))
    assert resolved(images, resolution=resolution, step=step, no_upscale=True) == expected


def test_settings_without_a_bucket_are_one_line():
    settings = {"resolution": 1024, "min_bucket_reso": 4096, "max_bucket_reso": 2048, "bucket_reso_steps": 64}
    assert list(bucket_errors(settings | {"bucket_no_upscale": False})) == [
        "meta_lat: resolution 1024x1024 with min_bucket_reso 4096, max_bucket_reso 2048 and bucket_reso_steps 64:"
        " set them so that bucket_reso_steps <= min_bucket_reso <= resolution <= max_bucket_reso"
    ]
    assert not list(bucket_errors(settings | {"bucket_no_upscale": True}))
    assert not list(bucket_errors(settings | {"bucket_no_upscale": False, "min_bucket_reso": 256}))
