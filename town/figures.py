"""What comes and goes: trees with the season, passers-by, cars and lamps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from town.solids import GLOW, LEAVES, SOLID, Face, box, card, lathe, moved, polygon
from town.textures import Colour, Texture, make_texture, plain


@lru_cache(maxsize=16)
def leaves(kind: str, variant: int) -> Texture:
    """Draw the crown of a tree, 256 texels high and wide: round, conifer, poplar, bush or bare."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng([5, len(kind), variant])
    image = Image.new("RGBA", (256, 256))
    draw = ImageDraw.Draw(image)
    if kind == "bare":
        _branch(draw, rng, (128.0, 255.0), -math.pi / 2, 62.0, 9)
    else:
        for x, y, r, tone in _clumps(kind, rng):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(int(tone * 0.84), int(tone), int(tone * 0.66), 255))
    return make_texture(np.asarray(image), scale=256.0)


def _clumps(kind: str, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Return leaf clumps (x, y, radius, brightness), back ones first."""
    lumps = [
        (0.0, 0.0, 0.62),
        *(
            (r * math.cos(a), r * math.sin(a), s)
            for a, r, s in zip(
                np.arange(9) * 0.7 + rng.uniform(0, 6),
                rng.uniform(0.42, 0.66, 9),
                rng.uniform(0.22, 0.38, 9),
                strict=True,
            )
        ),
    ]
    found = []
    for n in range(2200):
        part, angle = math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        cx, cy, size = lumps[int(rng.integers(len(lumps)))]
        dx, dy = math.cos(angle) * part, math.sin(angle) * part
        x, y = cx + size * dx, cy + size * dy
        if kind == "conifer":
            down = rng.random() ** 0.7
            x, y = rng.uniform(-1, 1) * down * 0.8 * (0.7 + 0.3 * ((down * 7) % 1.0)), down * 2 - 1
        elif kind == "poplar":
            x *= 0.42
        light = 0.52 - 0.3 * dy - 0.16 * dx - 0.2 * y + 0.2 * n / 2200
        tone = 40 + 95 * max(light, 0) * rng.uniform(0.6, 1.25)
        found.append((128 + x * 118, 128 + y * 116, rng.uniform(2.0, 6.0), min(tone, 200)))
    return found


def _branch(
    draw: object, rng: np.random.Generator, at: tuple[float, float], angle: float, length: float, width: int
) -> None:
    tip = (at[0] + math.cos(angle) * length, at[1] + math.sin(angle) * length)
    draw.line([at, tip], fill=(74, 62, 52, 255), width=max(width, 1))  # type: ignore[attr-defined]
    if length > 7:
        for _ in range(3):
            _branch(draw, rng, tip, angle + rng.normal(0, 0.5), length * rng.uniform(0.6, 0.82), width - 2)


def tree(at: Sequence[float], height: float, kind: str, variant: int, *, season: str, facing: float) -> list[Face]:
    """Make a tree: a trunk and crossed cards of leaves, in the dress of the season."""
    bare = season == "winter" and kind in {"round", "poplar"}
    crown = leaves("bare" if bare else kind, variant % 3)
    width = height * {"round": 0.8, "poplar": 0.55, "conifer": 0.6, "bush": 1.3}[kind]
    stem = 0.0 if bare or kind == "bush" else height * (0.1 if kind == "conifer" else 0.24)
    crown_height = height - stem
    shade = 0.75 + 0.12 * (variant % 5)
    tint = (shade * (0.9 + 0.08 * (variant % 4)), shade, shade * 0.9)
    if bare:
        tint = (1.0, 1.0, 1.0)
    seasonal = SOLID if bare or kind == "conifer" else LEAVES
    foot = (at[0], at[1], at[2] + stem)
    fitted = replace(crown, scale=256.0 / crown_height)
    faces = [
        card(width, crown_height, fitted, at=foot, facing=facing + turn, kind=seasonal, tint=tint, lean=0.8)
        for turn in (0.0, 1.2)
    ]
    faces = [replace(f, across=f.across * (crown_height / width)) for f in faces]
    if stem:
        bark = plain((82, 66, 52))
        faces += lathe(
            [(height * 0.03, at[2]), (height * 0.018, at[2] + stem * 1.5)], [bark], sides=6, at=(at[0], at[1], 0)
        )
    return faces


_SKIN: tuple[Colour, ...] = ((236, 200, 172), (198, 150, 118), (128, 88, 62), (92, 62, 46))


_CLOTHES: tuple[Colour, ...] = (
    (150, 44, 42),
    (44, 60, 96),
    (74, 84, 62),
    (196, 186, 166),
    (52, 50, 54),
    (176, 132, 70),
    (104, 70, 92),
    (92, 120, 140),
    (222, 218, 208),
    (120, 96, 74),
    (40, 84, 80),
    (206, 166, 62),
)


@lru_cache(maxsize=64)
def person(variant: int) -> Texture:
    """Draw a passer-by, 72 by 192 texels."""
    from PIL import Image, ImageDraw

    rng = np.random.default_rng([6, variant])
    image = Image.new("RGBA", (72, 192))
    draw = ImageDraw.Draw(image)
    coat = _CLOTHES[int(rng.integers(len(_CLOTHES)))]
    grey = int(rng.integers(24, 92))
    legs, hair = (
        (grey, grey + int(rng.integers(-6, 6)), grey + int(rng.integers(0, 34))),
        (grey + 20, grey, max(grey - 14, 8)),
    )
    skin = _SKIN[variant % 4]
    stride = int(rng.integers(4, 14))
    for side, tone in ((-1, 0.8), (1, 1.0)):
        shade = tuple(int(v * tone) for v in legs)
        draw.line([(36 + side * 4, 104), (36 + side * stride, 184)], fill=(*shade, 255), width=12)
        draw.ellipse((36 + side * stride - 8, 180, 36 + side * stride + 9, 191), fill=(28, 24, 24, 255))
        sleeve = tuple(int(v * (0.72 + 0.1 * side)) for v in coat)
        draw.line([(36 + side * 13, 46), (36 + side * (17 + stride // 3), 98)], fill=(*sleeve, 255), width=9)
    hem = 112 if variant % 3 else 136
    draw.polygon([(22, 42), (50, 42), (53, 100), (56, hem), (17, hem), (19, 100)], fill=(*coat, 255))
    draw.line([(36, 46), (36, hem)], fill=(*(int(v * 0.7) for v in coat), 255), width=2)
    draw.rectangle((32, 30, 40, 44), fill=(*skin, 255))
    draw.ellipse((25, 8, 47, 38), fill=(*skin, 255))
    draw.pieslice((23, 3, 49, 36), 170, 380, fill=(*hair, 255))
    if variant % 4 == 1:
        draw.rectangle((48, 92, 64, 116), fill=(*(int(v * 0.5) for v in coat), 255))
    if variant % 5 == 2:
        draw.ellipse((50, 48, 66, 92), fill=(150, 60, 40, 255))
    return make_texture(np.asarray(image), scale=192 / 1.78)


def passer(at: Sequence[float], variant: int, *, facing: float, height: float = 1.75) -> Face:
    """Make a passer-by who stands at a spot; the card is turned to the camera."""
    return card(0.66, height, person(variant % 64), at=at, facing=facing, lean=0.3)


@lru_cache(maxsize=24)
def _side_of_car(colour: Colour) -> Texture:
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (200, 72))
    draw = ImageDraw.Draw(image)
    body = (*colour, 255)
    dark = (*(int(v * 0.6) for v in colour), 255)
    draw.polygon([(38, 30), (62, 4), (136, 4), (166, 30)], fill=body)
    draw.rounded_rectangle((2, 28, 198, 60), radius=9, fill=body)
    draw.polygon([(48, 29), (66, 9), (96, 9), (96, 29)], fill=(52, 62, 72, 240))
    draw.polygon([(102, 29), (102, 9), (133, 9), (154, 29)], fill=(52, 62, 72, 240))
    draw.line([(99, 28), (99, 58)], fill=dark, width=2)
    draw.line([(4, 46), (196, 46)], fill=dark, width=2)
    draw.rectangle((2, 52, 198, 60), fill=dark)
    draw.rectangle((188, 34, 197, 42), fill=(250, 240, 200, 255))
    draw.rectangle((3, 34, 10, 42), fill=(190, 30, 25, 255))
    for x in (42, 158):
        draw.ellipse((x - 17, 38, x + 17, 71), fill=(24, 24, 26, 255))
        draw.ellipse((x - 9, 46, x + 9, 63), fill=(150, 152, 156, 255))
    return make_texture(np.asarray(image), scale=200 / 4.2)


def car(at: Sequence[float], colour: Colour, *, turn: float) -> list[Face]:
    """Make a parked car, 4.2 metres long."""
    side, paint, glass = _side_of_car(colour), plain(colour), plain((58, 68, 78))
    half, wide = 2.1, 0.85
    faces = [
        polygon([(-half, -wide, 0), (half, -wide, 0), (half, -wide, 1.5), (-half, -wide, 1.5)], side, flat=True),
        polygon([(half, wide, 0), (-half, wide, 0), (-half, wide, 1.5), (half, wide, 1.5)], side, flat=True),
    ]
    faces += box((4.1, 1.66, 0.62), [paint], at=(0, 0, 0.28))
    outline = [(-1.3, 0.9), (-0.8, 1.42), (0.75, 1.42), (1.38, 0.9)]
    for n, ((x0, z0), (x1, z1)) in enumerate(itertools.pairwise(outline)):
        faces.append(
            polygon(
                [(x0, wide, z0), (x0, -wide, z0), (x1, -wide, z1), (x1, wide, z1)],
                paint if n == 1 else glass,
                flat=True,
            )
        )
    return moved(faces, at, turn=turn)


def lamp(at: Sequence[float]) -> list[Face]:
    """Make a street lamp whose light hangs 4.2 metres up."""
    iron = plain((40, 44, 46))
    post = lathe([(0.14, 0), (0.09, 0.5), (0.06, 3.9)], [iron], sides=6, at=at)
    head = lathe([(0.12, 3.9), (0.24, 4.4), (0.0, 4.75)], [plain((235, 225, 190)), iron], sides=6, at=at)
    return post + [_glowing(f) for f in head[:6]] + head[6:]


def _glowing(face: Face) -> Face:
    return replace(face, kind=GLOW)
