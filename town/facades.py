"""Façades: whole walls of houses, floor by floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from town.textures import Colour, Texture
from town.walls import Style, Wall

if TYPE_CHECKING:
    from PIL import ImageDraw

    Draw = ImageDraw.ImageDraw


def facade(
    width: float, height: float, style: Style, rng: np.random.Generator, *, ground: str = "door", cornice: bool = True
) -> Texture:
    """Paint the façade of a house.

    Parameters
    ----------
    width, height : float
        In metres.
    ground : str
        What the ground floor has: door, shop, arcade, windows or blind.
    """
    wall = Wall(width, height, style, rng)
    if style.beams:
        wall.timber()
    if style.quoins:
        _quoins(wall)
    floors = max(int((height - 0.4) / style.storey), 1)
    columns = max(int((width - 0.5) / style.pitch), 1)
    for floor in range(floors):
        y = floor * style.storey + 1.0
        if floor == 0 and ground != "windows":
            continue
        for n in range(columns):
            if y + style.window[1] < height - 0.3:
                wall.window((n + 0.5) * width / columns, y, *style.window)
        if style.balconies and floor:
            _railing(wall, y)
    _ground_floor(wall, ground, columns)
    if cornice:
        wall.band(height - 0.5, 0.5, teeth=True)
        wall.band(style.storey - 0.15, 0.22)
    return wall.aged()


def _ground_floor(wall: Wall, ground: str, columns: int) -> None:
    style, width = wall.style, wall.width
    if ground == "shop":
        split = width * 0.7
        wall.shop(split / 2 + 0.2, split - 0.4, style.storey - 0.35)
        wall.door(split + (width - split) / 2, 1.1, 2.3)
    elif ground == "arcade":
        for n in range(columns):
            x, w = (n + 0.5) * width / columns, width / columns * 0.72
            wall.opening(x, 0, w, style.storey - 0.5, "arch", style.trim, grow=0.16)
            wall.opening(x, 0, w, style.storey - 0.5, "arch", (46, 40, 38), 20 + 9 * (n % 4))
    elif ground == "door":
        at = int(wall.rng.integers(columns))
        for n in range(columns):
            if n == at:
                wall.door((n + 0.5) * width / columns, 1.2, 2.4, "arch" if style.head == "arch" else "flat")
            else:
                wall.window((n + 0.5) * width / columns, 0.95, *style.window)


def _quoins(wall: Wall) -> None:
    for n in range(int(wall.height / 0.4)):
        w = 0.7 if n % 2 else 0.45
        wall.box(0, n * 0.4, w, 0.36, wall.style.trim)
        wall.box(wall.width - w, n * 0.4, w, 0.36, wall.style.trim)


def _railing(wall: Wall, y: float) -> None:
    dark: Colour = (38, 38, 42)
    wall.box(0.4, y - 0.1, wall.width - 0.8, 0.1, (165, 160, 150))
    wall.box(0.4, y + 0.85, wall.width - 0.8, 0.06, dark)
    for n in range(int((wall.width - 0.8) / 0.2)):
        wall.box(0.4 + n * 0.2, y, 0.05, 0.85, dark)
