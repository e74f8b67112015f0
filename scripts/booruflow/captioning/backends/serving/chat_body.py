"""The body of a chat request: settings, prompt and image, as the bytes that are sent."""

import base64
import io
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import orjson
from PIL import Image

from booruflow.captioning.backends.chat_template import without_control_tokens
from booruflow.captioning.backends.interface import Request
from booruflow.captioning.backends.serving.png import png_bytes

ImageFormat: TypeAlias = Literal["PNG", "BMP"]
"""Both keep every pixel. All servers read PNG; a BMP costs no time to write, and twice the bytes."""

DEFAULT_MAX_PIXELS = 4 << 20
"""The largest image sent when the config sets no limit: servers refuse huge images."""


def chat_body(request: Request, settings: Mapping[str, Any], max_pixels: int, image_format: ImageFormat) -> bytes:
    """The JSON of a request with an image of at most `max_pixels` pixels; `settings` are all other fields of the body."""
    assert request.image is not None
    image = limit_pixels(request.image, max_pixels)
    data = png_bytes(image) if image_format == "PNG" else _bmp_bytes(image)
    url = f"data:image/{image_format.lower()};base64,{base64.b64encode(data).decode()}"
    system, user = without_control_tokens(request.prompt)
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": user}]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
    return orjson.dumps({**settings, "messages": messages})


def _bmp_bytes(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "BMP")
    return data.getvalue()


def limit_pixels(image: Image.Image, max_pixels: int) -> Image.Image:
    """The image, scaled down to at most `max_pixels` pixels with its aspect ratio kept."""
    ratio = math.sqrt(max_pixels / (image.width * image.height))
    if ratio >= 1:
        return image
    return image.resize((max(1, int(image.width * ratio)), max(1, int(image.height * ratio))), Image.Resampling.BICUBIC)
