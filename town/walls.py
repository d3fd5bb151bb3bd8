"""One wall that is being painted: openings, windows, doors, shops, bands, half timbering, age."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from town.textures import TEXELS_PER_METRE, Colour, Texture, cloudy, make_texture, material

if TYPE_CHECKING:
    from PIL import ImageDraw

    Draw = ImageDraw.ImageDraw

_NAMES = (
    "ROSE",
    "ANKER",
    "LUNA",
    "OTTO",
    "STERN",
    "MILO",
    "FINK",
    "HELGA",
    "PIKE",
    "ALBA",
    "BRAND",
    "CORVO",
    "DUNN",
    "EULE",
    "FARO",
    "GRETE",
    "HALM",
    "IRIS",
    "JUNO",
    "KLEE",
    "LARK",
    "MOSS",
    "NERO",
    "OPAL",
    "PELL",
    "QUILL",
    "RABE",
    "SOLE",
    "TARN",
    "ULME",
    "VOSS",
)
_TRADES = (
    "CAFE",
    "BOOKS",
    "BAKERY",
    "HOTEL",
    "TEA",
    "WINE",
    "SHOES",
    "FLOWERS",
    "MUSIC",
    "TOYS",
    "BANK",
    "CHEESE",
    "BIKES",
    "& SONS",
)


@dataclass(frozen=True)
class Style:
    """How the façades of one building look.

    Attributes
    ----------
    wall : str
        A kind of `material`.
    colour, trim, frame, accent : Colour
        Of the wall, of cornices and lintels, of window frames, of doors, shutters and signs.
    head : str
        What is over a window: flat, arch, gable or pointed.
    window : (float, float)
        Width and height of a window (metres).
    pitch : float
        Metres from one window to the next.
    storey : float
        Metres from one floor to the next.
    panes : (int, int)
        Panes across and down.
    shutters, boxes, quoins, beams, balconies : bool
        Extras: shutters, flower boxes, corner stones, half timbering, railings.
    """

    wall: str
    colour: Colour
    trim: Colour = (225, 215, 195)
    frame: Colour = (238, 234, 225)
    accent: Colour = (120, 40, 35)
    head: str = "flat"
    window: tuple[float, float] = (1.1, 1.7)
    pitch: float = 2.4
    storey: float = 3.3
    panes: tuple[int, int] = (2, 3)
    shutters: bool = False
    boxes: bool = False
    quoins: bool = False
    beams: bool = False
    balconies: bool = False


class Wall:
    """A wall that is being painted; all measures are metres from its lower left corner."""

    def __init__(self, width: float, height: float, style: Style, rng: np.random.Generator) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height, self.style, self.rng = width, height, style, rng
        shape = (max(round(height * TEXELS_PER_METRE), 4), max(round(width * TEXELS_PER_METRE), 4))
        self.image = Image.fromarray(material(style.wall, shape, style.colour, rng), "RGBA")
        self.draw: Draw = ImageDraw.Draw(self.image)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the texel of a spot on the wall."""
        return x * TEXELS_PER_METRE, (self.height - y) * TEXELS_PER_METRE

    def box(self, x: float, y: float, w: float, h: float, colour: Colour, code: int = 255) -> None:
        """Fill a rectangle whose lower left corner is (x, y)."""
        x0, y1 = self.at(x, y)
        x1, y0 = self.at(x + w, y + h)
        self.draw.rectangle(
            (round(x0), round(y0), max(round(x1) - 1, round(x0)), max(round(y1) - 1, round(y0))), fill=(*colour, code)
        )

    def shape(self, points: list[tuple[float, float]], colour: Colour, code: int = 255) -> None:
        """Fill a polygon."""
        self.draw.polygon([self.at(*p) for p in points], fill=(*colour, code))

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, code: int = 255) -> None:
        """Fill an ellipse about (x, y)."""
        x0, y0 = self.at(x - rx, y + ry)
        x1, y1 = self.at(x + rx, y - ry)
        self.draw.ellipse((x0, y0, x1, y1), fill=(*colour, code))

    def text(self, x: float, y: float, height: float, words: str, colour: Colour) -> None:
        """Write words centred on (x, y)."""
        from PIL import ImageFont

        font = ImageFont.load_default(size=height * TEXELS_PER_METRE)
        self.draw.text(self.at(x, y), words, font=font, fill=(*colour, 255), anchor="mm")

    def opening(
        self, x: float, y: float, w: float, h: float, head: str, colour: Colour, code: int = 255, grow: float = 0.0
    ) -> None:
        """Fill an opening centred on x whose sill is at y, with a flat, arched, pointed or gabled head."""
        half, top = w / 2 + grow, y + h + grow
        if head == "arch":
            self.ellipse(x, top - half, half, half, colour, code)
            top -= half
        elif head == "pointed":
            rise = half * 1.5
            self.shape(
                [
                    (x - half, top - rise),
                    (x - half * 0.72, top - rise * 0.45),
                    (x, top),
                    (x + half * 0.72, top - rise * 0.45),
                    (x + half, top - rise),
                ],
                colour,
                code,
            )
            top -= rise
        self.box(x - half, y - grow, 2 * half, top - y + grow, colour, code)

    def window(self, x: float, y: float, w: float, h: float, head: str | None = None) -> None:
        """Draw a window centred on x, its sill at y."""
        style = self.style
        head = style.head if head is None else head
        if style.shutters and w < 2:
            for side in (-1, 1):
                self.box(x + side * (w * 0.78) - w * 0.24, y, w * 0.48, h, style.accent)
                for n in range(1, int(h / 0.2)):
                    self.box(x + side * (w * 0.78) - w * 0.2, y + n * 0.2, w * 0.4, 0.05, darker(style.accent, 0.7))
        self.opening(x, y, w, h, head, style.trim, grow=0.14)
        if head == "gable":
            self.shape([(x - w * 0.75, y + h + 0.12), (x + w * 0.75, y + h + 0.12), (x, y + h + 0.6)], style.trim)
        self.opening(x, y, w, h, head, style.frame)
        code = int(self.rng.integers(1, 255))
        glass = tuple(int(v) for v in self.rng.integers((34, 42, 50), (78, 90, 104)))
        self.opening(x, y + 0.07, w - 0.14, h - 0.14, head, (glass[0], glass[1], glass[2]), code)
        for n in range(1, style.panes[0]):
            self.box(
                x - w / 2 + n * w / style.panes[0] - 0.03,
                y,
                0.07,
                h * (0.8 if head in {"arch", "pointed"} else 1),
                style.frame,
            )
        for n in range(1, style.panes[1]):
            self.box(x - w / 2, y + n * h / style.panes[1] - 0.03, w, 0.06, style.frame)
        if self.rng.random() < 0.35:
            self.box(x - w / 2 + 0.09, y + 0.1, w * 0.24, h * 0.7, (205, 195, 180))
        self.box(x - w / 2 - 0.22, y - 0.2, w + 0.44, 0.17, style.trim)
        self.box(x - w / 2 - 0.22, y - 0.28, w + 0.44, 0.08, darker(style.colour, 0.55))
        if style.boxes and self.rng.random() < 0.7:
            self._flowers(x, y, w)

    def _flowers(self, x: float, y: float, w: float) -> None:
        colour = tuple(int(v) for v in self.rng.integers((150, 20, 40), (255, 150, 160)))
        for dx in self.rng.uniform(-w / 2, w / 2, 26):
            green = self.rng.random() < 0.5
            tone = (50, int(self.rng.integers(80, 130)), 40) if green else (colour[0], colour[1], colour[2])
            self.ellipse(x + dx, y + float(self.rng.uniform(-0.1, 0.25)), 0.09, 0.09, tone)

    def band(self, y: float, h: float, colour: Colour | None = None, *, teeth: bool = False) -> None:
        """Draw a band along the wall with its shadow below, with or without dentils."""
        tone = self.style.trim if colour is None else colour
        self.box(0, y - 0.12, self.width, 0.14, darker(self.style.colour, 0.55))
        self.box(0, y, self.width, h, tone)
        self.box(0, y + h * 0.7, self.width, h * 0.3, darker(tone, 1.12))
        for n in range(int(self.width / 0.5)) if teeth else ():
            self.box(n * 0.5 + 0.1, y - 0.22, 0.26, 0.22, tone)

    def door(self, x: float, w: float, h: float, head: str = "flat") -> None:
        """Draw a door with its frame, panels and step."""
        self.opening(x, 0, w, h, head, self.style.trim, grow=0.22)
        self.opening(x, 0, w, h, head, self.style.accent)
        for n in (-1, 1):
            for low in (0.15, 0.52):
                self.box(x + n * w * 0.22 - w * 0.15, h * low, w * 0.3, h * 0.3, darker(self.style.accent, 0.72))
        self.box(x - 0.02, 0, 0.05, h * 0.84, darker(self.style.accent, 0.5))
        self.box(x - w / 2 - 0.3, 0, w + 0.6, 0.16, (150, 146, 138))

    def shop(self, x: float, w: float, h: float) -> None:
        """Draw a shop front with its sign."""
        rng, accent = self.rng, self.style.accent
        self.box(x - w / 2, 0, w, h, accent)
        count = max(int(w / 1.3), 1)
        for n in range(count):
            left = x - w / 2 + 0.15 + n * (w - 0.3) / count
            self.box(left + 0.06, 0.55, (w - 0.3) / count - 0.12, h - 1.3, (64, 74, 84), int(rng.integers(1, 90)))
            for _ in range(5):
                tone = tuple(int(v) for v in rng.integers(60, 235, 3))
                self.box(
                    left + 0.15 + float(rng.uniform(0, 0.7)),
                    0.6,
                    0.2,
                    float(rng.uniform(0.2, 0.8)),
                    (tone[0], tone[1], tone[2]),
                )
        words = f"{_NAMES[rng.integers(len(_NAMES))]} {_TRADES[rng.integers(len(_TRADES))]}"
        self.box(x - w / 2, h - 0.7, w, 0.7, darker(accent, 0.7))
        self.text(x, h - 0.37, min(0.55, 1.5 * w / len(words)), words, (245, 228, 170))

    def timber(self) -> None:
        """Draw half timbering over the whole wall."""
        dark, storey = self.style.trim, self.style.storey
        floors = max(round(self.height / storey), 1)
        step = self.height / floors
        columns = max(round(self.width / (self.style.pitch / 2)), 2)
        for floor in range(floors + 1):
            self.box(0, min(floor * step, self.height - 0.26), self.width, 0.26, dark)
        for n in range(columns + 1):
            self.box(min(n * self.width / columns, self.width - 0.22), 0, 0.22, self.height, dark)
        for floor in range(1, floors):
            for n in range(columns):
                if self.rng.random() < 0.35:
                    x, y, dx = n * self.width / columns, floor * step, self.width / columns
                    a, b = ((x, y), (x + dx, y + step)) if self.rng.random() < 0.5 else ((x + dx, y), (x, y + step))
                    self.draw.line([self.at(*a), self.at(*b)], fill=(*dark, 255), width=5)

    def aged(self, dirt: float = 0.22) -> Texture:
        """Let the wall age (streaks, a dark foot, stains) and return it as a texture."""
        pixels = np.asarray(self.image).copy()
        shape = pixels.shape[:2]
        stains = cloudy((shape[0], shape[1]), self.rng, octaves=(2, 3, 5, 9, 33))
        up = np.linspace(1, 0, shape[0], dtype=np.float32)[:, None]
        foot = 1 - 0.22 * np.clip(1 - up * self.height / 1.6, 0, 1)
        shade = (1 + dirt / 2 - dirt * stains) * foot
        pixels[..., :3] = np.clip(pixels[..., :3] * shade[..., None], 0, 255).astype(np.uint8)
        return make_texture(pixels)


def darker(colour: Colour, part: float) -> Colour:
    """Multiply a colour; parts above 1 make it lighter."""
    r, g, b = (min(int(v * part), 255) for v in colour)
    return r, g, b


def clock_face(wall: Wall, x: float, y: float, r: float) -> None:
    """Paint a clock about (x, y)."""
    wall.ellipse(x, y, r * 1.12, r * 1.12, (60, 54, 48))
    wall.ellipse(x, y, r, r, (238, 232, 214))
    for n in range(12):
        a = math.pi * n / 6
        wall.ellipse(x + r * 0.82 * math.sin(a), y + r * 0.82 * math.cos(a), r * 0.08, r * 0.08, (40, 36, 34))
    ink = (30, 28, 30, 255)
    wall.draw.line([wall.at(x, y), wall.at(x + r * 0.1, y + r * 0.7)], fill=ink, width=4)
    wall.draw.line([wall.at(x, y), wall.at(x + r * 0.45, y - r * 0.2)], fill=ink, width=5)
