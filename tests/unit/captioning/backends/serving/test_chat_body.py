import base64
import io

import orjson
import pytest
from PIL import Image

from booruflow.captioning.backends.interface import Request
from booruflow.captioning.backends.serving.chat_body import chat_body
from booruflow.captioning.prompts.prompt import Prompt


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (300, 201)])
def test_both_formats_carry_the_same_pixels(size):
    noise = Image.effect_noise(size, 80)
    image = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT), noise))
    pixels = []
    for wire in ("PNG", "BMP"):
        body = orjson.loads(chat_body(Request(1, Prompt("s", "u <|image_pad|>"), image), {"model": "m"}, 40_000, wire))
        system, user = body["messages"]
        assert (body["model"], system["content"], user["content"][1]["text"]) == ("m", "s", "u <image_pad>")
        head, data = user["content"][0]["image_url"]["url"].split(",")
        assert head == f"data:image/{wire.lower()};base64"
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=[wire]) as sent:
            assert sent.width * sent.height <= 40_000
            pixels.append((sent.size, sent.convert("RGB").tobytes()))
    assert pixels[0] == pixels[1]
