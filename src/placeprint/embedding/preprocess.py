"""Image to model input, driven only by the ModelSpec."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from placeprint.arrays import Cells, Maps, Pixels, Vectors
from placeprint.errors import ModelError
from placeprint.records import ModelSpec
from placeprint.storage.part_limits import MOST_PARTS

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling


POINT_SIDE = 480
"""Pixels of the shorter side that local features are looked for in."""
SIDE = 32
"""Sides of an input whose aspect is kept are multiples of so many pixels."""
FEWEST = 8
"""Rows and columns of cells at least, however long and narrow an image is."""
FULL_SIZE = 1 << 20
"""A shorter side that no image has: it is decoded at full size."""
LONGEST = 16
"""Times as long as it is wide: longer images are not resized as a whole."""
LEAST = 1e-6
"""What the generalised mean takes smaller values of a feature map for."""
CELL_SCALE = 254
"""A cell is a unit vector times this, in 8 bits with a sign: components above one half are cut off."""


@dataclass(frozen=True, slots=True)
class WholeMaps:
    """What one pass over an image in its own aspect gives."""

    cells: Maps  # (channels, rows, columns): The map that cells are taken from.
    # (channels, height, width): The last map, where the embedding is pooled from it.
    features: Maps | None


def needed_side(spec: ModelSpec) -> int:
    """Return the shorter side, in pixels, below which a reduced decode would lose detail."""
    if spec.resize == "torchvision":
        return FULL_SIZE
    once = spec.resize_size if spec.resize == "crop" else spec.input_size
    if spec.views == ("whole",):
        once = 0
    square = int(spec.cells**0.5) * spec.cells_stride
    return max(once, square, POINT_SIDE if spec.xfeat else 0)


def prepare(image: Image, spec: ModelSpec, view: str = "") -> Pixels:
    """Resize and crop an upright RGB image.

    `view`: ``crop``, ``squash`` or ``flip``; empty for the ModelSpec's own `resize`.
    Returns shape (input_size, input_size, 3): Mean and std are applied later, in the runner.
    """
    resample = _filter(spec)
    side = spec.input_size
    if view in ("squash", "flip") or (not view and spec.resize == "squash"):
        squashed = np.asarray(image.resize((side, side), resample))
        return np.ascontiguousarray(squashed[:, ::-1]) if view == "flip" else squashed
    if spec.resize == "torchvision":
        return _as_torchvision(image, spec)
    # Only the part that the crop keeps is resampled: the same pixels, less work on panoramas.
    cut = min(image.size) * side / (spec.resize_size or side)
    left, top = max(0.0, (image.width - cut) / 2), max(0.0, (image.height - cut) / 2)
    box = (left, top, min(left + cut, image.width), min(top + cut, image.height))
    return np.asarray(image.resize((side, side), resample, box=box))


def _as_torchvision(image: Image, spec: ModelSpec) -> Pixels:
    """Resize and cut by whole pixels: the longer side is rounded down, the corner to the nearest, halves to even."""
    side, resample = spec.input_size, _filter(spec)
    resized = [max(spec.resize_size * each // min(image.size), spec.resize_size) for each in image.size]
    left, top = (round((each - side) / 2) for each in resized)
    if max(resized) <= LONGEST * spec.resize_size:
        return np.asarray(image.resize((resized[0], resized[1]), resample).crop((left, top, left + side, top + side)))
    # Of a very long image only the cut is resampled: the same but for rounding, and it fits into memory.
    across, down = image.width / resized[0], image.height / resized[1]
    right, bottom = min((left + side) * across, image.width), min((top + side) * down, image.height)
    return np.asarray(image.resize((side, side), resample, box=(left * across, top * down, right, bottom)))


def prepare_whole(image: Image, spec: ModelSpec) -> Pixels:
    """Resize an upright RGB image so that its map has about `spec.cells` cells, keeping its aspect.

    Returns shape (height, width, 3): Both sides are multiples of 32.
    """
    rows, columns = cell_grid(image.width / image.height, spec.cells, SIDE // spec.cells_stride or 1)
    return np.asarray(image.resize((columns * spec.cells_stride, rows * spec.cells_stride), _filter(spec)))


@lru_cache(maxsize=1024)
def cell_grid(aspect: float, most: int, step: int) -> tuple[int, int]:
    """Return how many rows and columns of cells come nearest to an aspect, and to `most` cells but not above.

    `aspect`: Width over height.
    `most`: Cells.
    `step`: Rows and columns are multiples of it.
    """
    sides = range(-(-FEWEST // step) * step, max(most // FEWEST, FEWEST) + 1, step)
    grids = [(rows, columns) for rows in sides for columns in sides if rows * columns <= most] or [(step, step)]

    def cost(grid: tuple[int, int]) -> float:
        rows, columns = grid
        return 2 * abs(math.log(columns / rows / aspect)) - rows * columns / most

    return min(grids, key=cost)


def cells_of(features: Maps) -> Cells:
    """Return the cells of a feature map: one unit vector each, in 8 bits.

    `features`: shape (channels, height, width).
    Returns shape (height, width, channels): See `CELL_SCALE`. A cell of zeros stays one.
    Raises `ModelError` when the model gives more than are kept.
    """
    if (count := features[0].size) > MOST_PARTS:
        raise ModelError(f"the model gives a map of {count} cells, more than the {MOST_PARTS} that are kept")
    cells = features.transpose(1, 2, 0)
    unit = cells / np.maximum(np.linalg.norm(cells, axis=2, keepdims=True), 1e-9)
    return np.ascontiguousarray(np.rint(unit * CELL_SCALE).clip(-127, 127).astype(np.int8))


def _filter(spec: ModelSpec) -> Resampling:
    from PIL.Image import Resampling

    return {"bilinear": Resampling.BILINEAR, "bicubic": Resampling.BICUBIC}[spec.interpolation]


def normalised(pixels: Pixels, spec: ModelSpec) -> Maps:
    """Return the graph's input for runners that do not normalise by themselves.

    Returns shape (1, 3, height, width).
    """
    scaled = (pixels.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def pooled(features: Maps, spec: ModelSpec) -> Vectors:
    """Pool a feature map over space.

    `features`: shape (channels, height, width).
    Returns shape (channels,): The mean, or the generalised mean of Radenovic et al. 2018 (GeM), which takes values
    above 0.
    """
    flat = features.reshape(len(features), -1)
    if spec.pooling == "average":
        return np.asarray(flat.mean(axis=1), dtype=np.float32)
    return np.asarray(np.power(np.power(flat.clip(LEAST), spec.gem_p).mean(axis=1), 1 / spec.gem_p), dtype=np.float32)
