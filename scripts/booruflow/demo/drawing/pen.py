"""A pen that draws outlined shapes in its own coordinate system: an origin and a scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from booruflow.demo.scene import BOX, Colour

Point: TypeAlias = tuple[float, float]

SUPERSAMPLING = 2
"""Drawn at this multiple of the final size; line widths are in pixels of the large image."""
WHITE: Colour = (255, 255, 255)


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` blended with a share (0 to 1) of `other`."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def star(x: float, y: float, radius: float, inner: float = 0.45, points: int = 5) -> list[Point]:
    """The corners of a star; `inner` is the inner radius as a fraction of `radius`."""
    corners = []
    for i in range(2 * points):
        r = radius * (inner if i % 2 else 1)
        corners.append((x + r * math.sin(i * math.pi / points), y - r * math.cos(i * math.pi / points)))
    return corners


@dataclass(frozen=True)
class Pen:
    """Draws on `image` with origin (x, y) and `scale`, with outlines of width `line` in colour `ink`."""

    image: Image.Image
    canvas: ImageDraw.ImageDraw
    ink: Colour
    line: int
    x: float
    y: float
    scale: float = 1

    @classmethod
    def on(cls, image: Image.Image, ink: Colour, line: int) -> "Pen":
        """A pen whose origin is the upper left corner of the box (see `scene.BOX`)."""
        x, y = (image.width / SUPERSAMPLING - BOX) / 2, image.height / SUPERSAMPLING - BOX
        return cls(image, ImageDraw.Draw(image), ink, line, x, y)

    def moved(self, x: float, y: float, scale: float = 1) -> "Pen":
        """The same pen with its origin at (x, y) and its units `scale` times as large."""
        return replace(self, x=self.x + x * self.scale, y=self.y + y * self.scale, scale=self.scale * scale)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge of the image in this pen's coordinates."""
        (left, top), (right, bottom) = (
            ((px / SUPERSAMPLING - self.x) / self.scale, (py / SUPERSAMPLING - self.y) / self.scale)
            for px, py in ((0, 0), self.image.size)
        )
        return left, top, right, bottom

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """This pen's coordinates -> pixels of the large image."""
        s = SUPERSAMPLING
        return [((self.x + x * self.scale) * s, (self.y + y * self.scale) * s) for x, y in points]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour, outline: bool = True) -> None:
        """A filled ellipse around (x, y)."""
        box = self.pixels([(x - rx, y - ry), (x + rx, y + ry)])
        self.canvas.ellipse(box, fill, self.ink if outline else None, self.line if outline else 0)

    def polygon(self, points: Sequence[Point], fill: Colour, outline: bool = True) -> None:
        """A filled polygon."""
        corners = self.pixels(points)
        self.canvas.polygon(corners, fill)
        if outline:
            self.canvas.line(corners + corners[:2], self.ink, self.line, joint="curve")

    def path(self, points: Sequence[Point], colour: Colour | None = None, width: int | None = None) -> None:
        """An open line through the points, in `ink` by default."""
        self.canvas.line(self.pixels(points), colour or self.ink, width or self.line, joint="curve")

    def arc(
        self, x: float, y: float, rx: float, ry: float, start: float, end: float,
        colour: Colour | None = None, width: int | None = None,
    ) -> None:  # fmt: skip
        """A part of an ellipse's outline, from `start` to `end` in degrees, clockwise from three o'clock."""
        box = self.pixels([(x - rx, y - ry), (x + rx, y + ry)])
        self.canvas.arc(box, start, end, colour or self.ink, width or self.line)

    def rectangle(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A filled rectangle without an outline."""
        self.canvas.rectangle(self.pixels([(left, top), (right, bottom)]), fill)

    def rounded(
        self, left: float, top: float, right: float, bottom: float, radius: float, fill: Colour | None,
        colour: Colour | None = None, width: int | None = None,
    ) -> None:  # fmt: skip
        """A rectangle with round corners; only an outline if `fill` is None."""
        box = self.pixels([(left, top), (right, bottom)])
        corner = radius * self.scale * SUPERSAMPLING
        self.canvas.rounded_rectangle(box, corner, fill, colour or self.ink, width or self.line)

    def dome(self, left: float, top: float, right: float, bottom: float, fill: Colour, start: int = 180, end: int = 360) -> None:
        """Half an ellipse with its chord, by default the upper half."""
        self.canvas.chord(self.pixels([(left, top), (right, bottom)]), start, end, fill, self.ink, self.line)

    def slice(self, x: float, y: float, radius: float, start: int, end: int, fill: Colour) -> None:
        """A slice of a pie, without an outline."""
        self.canvas.pieslice(self.pixels([(x - radius, y - radius), (x + radius, y + radius)]), start, end, fill)

    def gradient(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """A vertical colour gradient over the full width of the image."""
        strip = Image.new("RGB", (1, 64))
        for i in range(64):
            strip.putpixel((0, i), mix(upper, lower, i / 63))
        (_, y0), (_, y1) = self.pixels([(0, top), (0, bottom)])
        band = strip.resize((self.image.width, int(y1) - int(y0)), Image.Resampling.BILINEAR)
        self.image.paste(band, (0, int(y0)))

    def width_of(self, text: str, font: ImageFont.FreeTypeFont) -> float:
        """The width of a text in pixels of the final image."""
        return self.canvas.textlength(text, font) / SUPERSAMPLING

    def text(
        self, x: float, y: float, text: str, font: ImageFont.FreeTypeFont, fill: Colour,
        border: int = 0, border_colour: Colour | None = None,
    ) -> None:  # fmt: skip
        """A text centred on (x, y), with an optional border."""
        at = self.pixels([(x, y)])[0]
        self.canvas.text(at, text, fill, font, anchor="mm", stroke_width=border, stroke_fill=border_colour)
