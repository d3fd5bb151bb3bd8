"""XFeat: learned local features of an image, a point and a descriptor each.

Potje et al. 2024, "XFeat: Accelerated Features for Lightweight Image Matching". The graph in the package gives the
strongest point of each cell of 8 x 8 pixels; those that lie too close to a stronger one are dropped here. What is kept
of an image is matched by `placeprint.recognition.rerank.matches`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Packed
from placeprint.embedding.runners.bundled_graph import BundledGraph
from placeprint.errors import VectorError

if TYPE_CHECKING:
    from PIL.Image import Image

DESCRIPTOR = 64
ROW_BYTES = DESCRIPTOR + 4
"""Of a packed feature: 64 numbers in 8 bits, x and y in 16."""
LONG_SIDE, SHORTEST_LONG_SIDE = 640, 416
"""Pixels of the longer side: larger images are reduced to the first, smaller ones enlarged to the second. At 416 pixels
for large images, or with 256 features instead of 512, matches no longer told places apart (docs/experiments.md)."""
_SIDE = 32
_LEAST_SIDE = 96
_CLOSE = 2.5
"""Pixels, across or down, within which only the strongest point stays: the 5 x 5 window of the paper."""
_BLANK = 2.0
"""Grey levels: standard deviation up to which an image shows nothing."""
_QUANTUM = 254.0
_POSITION = 32767.0


def extract(image: Image, graph: BundledGraph, *, most: int) -> Packed:
    """Return the strongest local features of an upright RGB image.

    `graph`: ``xfeat``.
    `most`: How many features at most.
    Returns shape (n, 68): Strongest first. A row is a descriptor (64 signed bytes, 254 times a unit vector, cut off at
    one half) and two little-endian int16: x and y from the middle of the image, 32767 for half of the longer side.
    """
    grey = _working(image)
    if grey is None:
        return np.empty((0, ROW_BYTES), np.uint8)
    points, scores, descriptors = graph.run(grey[None, None])
    kept = _apart(points, scores)[:most]
    height, width = grey.shape
    place = (points[kept] - np.array([width, height]) / 2) / (max(width, height) / 2)
    packed = np.empty((len(kept), ROW_BYTES), np.uint8)
    packed[:, :DESCRIPTOR] = np.rint(descriptors[kept] * _QUANTUM).clip(-127, 127).astype(np.int8).view(np.uint8)
    packed[:, DESCRIPTOR:] = np.rint(place.clip(-1, 1) * _POSITION).astype("<i2").view(np.uint8)
    return packed


def unpack(rows: Packed) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read what `extract` packed.

    Returns `points`, shape (n, 2): x and y from the middle of the image, -1 to 1 along the longer side.
    `descriptors`, shape (n, 64): Unit vectors.
    Raises `VectorError` when `rows` are not such an array.
    """
    if rows.ndim != 2 or rows.shape[1] != ROW_BYTES or rows.dtype != np.uint8:
        raise VectorError(f"packed features are uint8 of shape (n, {ROW_BYTES}), not {rows.dtype} {rows.shape}")
    rows = np.ascontiguousarray(rows)
    descriptors = np.ascontiguousarray(rows[:, :DESCRIPTOR]).view(np.int8).astype(np.float32)
    descriptors /= np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-9)
    points = np.ascontiguousarray(rows[:, DESCRIPTOR:]).view("<i2").astype(np.float32) / np.float32(_POSITION)
    return points, descriptors


def _working(image: Image) -> NDArray[np.float32] | None:
    """Return the grey image of mean 0 and variance 1 in which features are looked for; sides are multiples of 32.

    None for a blank one, in which the graph sees noise.
    """
    from PIL.Image import Resampling

    longer = max(image.size)
    scale = min(max(longer, SHORTEST_LONG_SIDE), LONG_SIDE) / longer
    width, height = (max(_LEAST_SIDE, round(side * scale / _SIDE) * _SIDE) for side in image.size)
    colours = image if image.mode == "RGB" else image.convert("RGB")
    mean = colours.convert("L", (1 / 3, 1 / 3, 1 / 3, 0))
    grey = np.asarray(mean.resize((width, height), Resampling.BILINEAR, reducing_gap=2.0), np.float32)
    grey, spread = grey - grey.mean(), grey.std()
    return np.asarray(grey / spread, np.float32) if spread > _BLANK else None


def _apart(points: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the real points, strongest first, without those close to a stronger one that stays."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    at = points[order]
    across = np.abs(at[:, None, 0] - at[None, :, 0]) <= _CLOSE
    close = np.triu(across & (np.abs(at[:, None, 1] - at[None, :, 1]) <= _CLOSE), 1)
    stays = np.ones(len(order), np.bool_)
    for stronger in np.flatnonzero(close.any(axis=1)):
        if stays[stronger]:
            stays[close[stronger]] = False
    return order[stays]
