"""The training resolution of an image: the bucket that kohya's sd-scripts puts it in.

The rule is that of `BucketManager` in `library/train_util.py` and of `make_bucket_resolutions` in
`library/model_util.py` of kohya-ss/sd-scripts (v0.9.1 to v0.10.1):

- With upscaling (the default) there is a fixed set of buckets. An image goes to the bucket of its own size if there
  is one, else to that of the nearest aspect ratio; of two equally near, to the one with the smaller (width, height).
- Without upscaling each image has its own bucket: an image larger than the training area is shrunk to that area, and
  the sides are cropped to whole steps.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from booruflow.core.errors import UserError

Size = tuple[int, int]
"""Width and height in pixels."""

Pixels = NDArray[np.int64]


def training_resolution(
    widths: ArrayLike, heights: ArrayLike, resolution: int | Size, min_reso: int, max_reso: int, step: int, no_upscale: bool
) -> tuple[Pixels, Pixels]:
    """Training widths and heights in pixels, from the sizes of images; all arrays have one length.

    Args:
        widths: original widths in pixels, integers.
        heights: original heights in pixels, integers.
        resolution: the side of the training area, or its (width, height).
        min_reso: shortest side of a bucket; not used without upscaling.
        max_reso: longest side of a bucket; not used without upscaling.
        step: sides of buckets are multiples of this.
        no_upscale: never enlarge an image.

    Returns:
        Widths and heights; both are 0 where there is no bucket: a side is not positive, or without upscaling a side of the
        bucket would be shorter than one step (the trainer aborts on such an image).

    Raises:
        UserError: the settings allow no bucket for `resolution`.
    """
    width, height = np.asarray(widths, np.int64), np.asarray(heights, np.int64)
    usable = (width > 0) & (height > 0)
    width, height = np.where(usable, width, 1), np.where(usable, height, 1)
    if no_upscale:
        train_width, train_height = _own_bucket(width, height, math.prod(_sides(resolution)), step)
    else:
        train_width, train_height = _nearest_bucket(width, height, buckets(resolution, min_reso, max_reso, step))
    usable &= (train_width > 0) & (train_height > 0)
    return np.where(usable, train_width, 0), np.where(usable, train_height, 0)


def buckets(resolution: int | Size, min_reso: int, max_reso: int, step: int) -> list[Size]:
    """All buckets in ascending (width, height): the largest sizes of whole steps within the area of `resolution`.

    `min_reso` is rounded down and `max_reso` up to a multiple of `step`, as in the trainer.

    Raises:
        UserError: `resolution` is not between `min_reso` and `max_reso`.
    """
    sides = _sides(resolution)
    shortest, longest = min_reso // step * step, -(-max_reso // step) * step
    if step < 1 or shortest < step or min(sides) < shortest or max(sides) > longest:
        raise UserError(
            f"meta_lat: resolution {sides[0]}x{sides[1]} with min_bucket_reso {min_reso}, max_bucket_reso {max_reso} and"
            f" bucket_reso_steps {step}: set them so that bucket_reso_steps <= min_bucket_reso <= resolution <= max_bucket_reso"
        )
    area = math.prod(sides)
    square = math.isqrt(area) // step * step
    sizes = {(square, square)}
    for width in range(shortest, longest + 1, step):
        height = min(longest, area // width // step * step)
        if height >= shortest:
            sizes |= {(width, height), (height, width)}
    return sorted(sizes)


def bucket_errors(meta_lat: Mapping[str, Any]) -> Iterator[str]:
    """The error of `buckets` for the config section meta_lat; without upscaling there are no fixed buckets, and no error."""
    if not meta_lat["bucket_no_upscale"]:
        try:
            buckets(*(meta_lat[key] for key in ("resolution", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps")))
        except UserError as error:
            yield str(error)


def _sides(resolution: int | Size) -> Size:
    return (resolution, resolution) if isinstance(resolution, int) else resolution


def _nearest_bucket(width: Pixels, height: Pixels, sizes: list[Size]) -> tuple[Pixels, Pixels]:
    """The bucket of the image's own size or else of the nearest aspect ratio."""
    bucket_width, bucket_height = np.array(sizes, np.int64).T
    # of buckets with the same ratio np.unique keeps the first, as the trainer does
    ratios, bucket = np.unique(bucket_width / bucket_height, return_index=True)
    ratio = width / height
    above = np.searchsorted(ratios, ratio).clip(max=len(ratios) - 1)
    below = (above - 1).clip(min=0)
    error_above, error_below = np.abs(ratios[above] - ratio), np.abs(ratios[below] - ratio)
    takes_below = (error_below < error_above) | ((error_below == error_above) & (bucket[below] < bucket[above]))
    chosen = bucket[np.where(takes_below, below, above)]
    is_bucket = np.isin(_code(width, height), _code(bucket_width, bucket_height))
    return np.where(is_bucket, width, bucket_width[chosen]), np.where(is_bucket, height, bucket_height[chosen])


def _code(width: Pixels, height: Pixels) -> Pixels:
    """One number per size, to compare sizes with."""
    return width << 32 | height


def _own_bucket(width: Pixels, height: Pixels, area: int, step: int) -> tuple[Pixels, Pixels]:
    """The bucket of each image when none is enlarged; a side may be 0."""
    ratio = width / height
    ideal_width = np.sqrt(area * ratio)
    # shrink so that one side is a whole number of steps: the side that keeps the aspect ratio better
    by_width = _to_steps(_rounded(ideal_width), step)
    by_height = _to_steps(_rounded(area / ideal_width), step)
    with np.errstate(divide="ignore", invalid="ignore"):
        width_error = np.abs(by_width / _to_steps(_rounded(by_width / ratio), step) - ratio)
        height_error = np.abs(_to_steps(_rounded(by_height * ratio), step) / by_height - ratio)
    takes_width = width_error < height_error
    shrunk_width = np.where(takes_width, by_width, _rounded(by_height * ratio))
    shrunk_height = np.where(takes_width, _rounded(by_width / ratio), by_height)
    # the trainer divides by zero where a side became 0 above
    possible = np.isfinite(width_error) & np.isfinite(height_error)
    too_large = width * height > area
    return (
        _to_steps(np.where(too_large, shrunk_width * possible, width), step),
        _to_steps(np.where(too_large, shrunk_height * possible, height), step),
    )


def _rounded(pixels: NDArray[np.float64]) -> Pixels:
    """Rounded to whole pixels, halves up."""
    return (pixels + 0.5).astype(np.int64)


def _to_steps(pixels: Pixels, step: int) -> Pixels:
    """Rounded down to a multiple of `step`."""
    return pixels - pixels % step
