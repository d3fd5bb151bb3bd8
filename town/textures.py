"""Surfaces as small pictures: brick, stone, plaster, tiles, grass, with smaller copies for the distance.

A texel is four bytes: red, green, blue and a code. Code 0 is a hole (the gaps in a tree's leaves), 255 is
matter, and 1 to 254 is window glass: at night the panes with the lowest codes are lit first, so the same
window is lit in every view of one evening.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

PAINTS: tuple[Colour, ...] = (
    (196, 84, 66),
    (222, 176, 84),
    (96, 140, 160),
    (226, 206, 170),
    (150, 170, 120),
    (214, 140, 120),
    (120, 130, 160),
)
DOORS: tuple[Colour, ...] = ((30, 70, 60), (120, 30, 36), (36, 50, 100), (60, 44, 36), (170, 120, 30))
"""Colours of house fronts, and of doors."""
Floats = NDArray[np.floating[Any]]

TEXELS_PER_METRE = 24.0
MATTER = 255


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture at several sizes, each half of the one before, in one flat array.

    Attributes
    ----------
    texels : ndarray of shape (n,), uint32
        All levels, one after another; rows go upwards.
    starts, widths, heights : ndarray of shape (n_levels,), int32
        Where each level begins and its size in texels.
    scale : float
        Texels per metre of level 0.
    repeats : bool
        Whether the picture goes on beyond its edge (its sides are then powers of two).
    holes : bool
        Whether some texels are holes.
    """

    texels: NDArray[np.uint32]
    starts: NDArray[np.int32]
    widths: NDArray[np.int32]
    heights: NDArray[np.int32]
    scale: float
    repeats: bool
    holes: bool


def make_texture(rgba: NDArray[np.uint8], *, scale: float = TEXELS_PER_METRE, repeats: bool = False) -> Texture:
    """Build the levels of a picture of shape (height, width, 4), whose first row is the top."""
    level = np.ascontiguousarray(rgba[::-1])
    levels = [level]
    while min(level.shape[:2]) >= 4 and len(levels) < 8:
        height, width = level.shape[0] // 2 * 2, level.shape[1] // 2 * 2
        even = level[:height, :width]
        rows = even[::2].astype(np.uint16) + even[1::2]
        level = ((rows[:, ::2] + rows[:, 1::2]) >> 2).astype(np.uint8)
        level[..., 3] = even[::2, ::2, 3]
        levels.append(np.ascontiguousarray(level))
    flat = [lev.view(np.uint32).ravel() for lev in levels]
    sizes = [f.size for f in flat]
    return Texture(
        texels=np.concatenate(flat),
        starts=np.cumsum([0, *sizes[:-1]]).astype(np.int32),
        widths=np.array([lev.shape[1] for lev in levels], np.int32),
        heights=np.array([lev.shape[0] for lev in levels], np.int32),
        scale=scale,
        repeats=repeats,
        holes=bool((rgba[..., 3] == 0).any()),
    )


def cloudy(shape: tuple[int, int], rng: np.random.Generator, *, octaves: Sequence[int] = (4, 8, 16, 32, 64)) -> Floats:
    """Return smooth, seamless noise of the given shape in [0, 1], a sum of ever finer layers."""
    from PIL import Image

    height, width = shape
    total = np.zeros(shape, np.float32)
    for n, cells in enumerate(octaves):
        grid = rng.random((cells, cells), dtype=np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        step = (width / cells, height / cells)
        full = Image.fromarray(wrapped).resize(
            (width, height), Image.Resampling.BICUBIC, box=(2, 2, 2 + width / step[0], 2 + height / step[1])
        )
        total += np.asarray(full) * 0.6**n
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def coloured(shade: Floats, colour: Colour) -> NDArray[np.uint8]:
    """Multiply a colour by a shade of shape (height, width); return texels of matter."""
    out = np.full((*shade.shape, 4), MATTER, np.uint8)
    for k in range(3):
        out[..., k] = np.clip(shade * np.float32(colour[k]), 0, 255)
    return out


def courses(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    block: tuple[int, int],
    joint: float = 0.75,
    spread: float = 0.16,
) -> Floats:
    """Return the shade of a wall laid in courses: blocks of (width, height) texels, every second row shifted."""
    height, width = shape
    bw, bh = block
    rows, columns = np.arange(height) // bh, np.arange(width)
    shift = (rows % 2) * (bw // 2)
    which = (columns[None, :] + shift[:, None]) // bw
    tones = 1 + spread * rng.standard_normal((rows.max() + 1, which.max() + 1)).astype(np.float32)
    shade = tones[rows[:, None], which]
    lines = (np.arange(height) % bh == 0)[:, None] | ((columns[None, :] + shift[:, None]) % bw == 0)
    return np.asarray(np.where(lines, np.float32(joint), shade) * (0.86 + 0.28 * cloudy(shape, rng)), np.float32)


def material(kind: str, shape: tuple[int, int], colour: Colour, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint a surface of one kind and colour.

    Parameters
    ----------
    kind : str
        One of brick, stone, ashlar, plaster, planks, tiles, slate, cobbles, metal, grass, sand, asphalt.
    shape : (int, int)
        Height and width in texels.
    """
    laid = {
        "brick": {"block": (6, 3), "joint": 1.12, "spread": 0.14},
        "stone": {"block": (16, 9), "joint": 0.72, "spread": 0.13},
        "ashlar": {"block": (28, 14), "joint": 0.8, "spread": 0.06},
        "tiles": {"block": (7, 8), "joint": 0.6, "spread": 0.12},
        "slate": {"block": (10, 6), "joint": 0.72, "spread": 0.12},
        "cobbles": {"block": (6, 6), "joint": 0.78, "spread": 0.11},
        "planks": {"block": (400, 5), "joint": 0.62, "spread": 0.07},
        "metal": {"block": (14, 300), "joint": 0.78, "spread": 0.03},
    }
    rough = {"plaster": 0.16, "grass": 0.7, "sand": 0.3, "asphalt": 0.24}
    if kind in laid:
        return coloured(courses(shape, rng, **laid[kind]), colour)  # type: ignore[arg-type]
    amount = rough[kind]
    shade = 1 - amount / 2 + amount * cloudy(shape, rng, octaves=(3, 7, 19, 61, 150))
    grain = 0.5 * amount * (rng.random(shape, dtype=np.float32) - 0.5)
    return coloured(shade + grain, colour)


@lru_cache(maxsize=96)
def tiled(kind: str, colour: Colour, seed: int = 0) -> Texture:
    """Return a surface that repeats, for roofs, plinths and the ground; kept for the next place that asks."""
    rng = np.random.default_rng([seed, len(kind)])
    side = 512 if kind in {"grass", "sand", "asphalt", "cobbles"} else 256
    return make_texture(material(kind, (side, side), colour, rng), scale=TEXELS_PER_METRE, repeats=True)


@lru_cache(maxsize=32)
def plain(colour: Colour) -> Texture:
    """Return a surface of one colour."""
    return make_texture(coloured(np.ones((4, 4), np.float32), colour), scale=1.0, repeats=True)
