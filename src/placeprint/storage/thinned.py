"""A code that keeps only some of an image's parts: the strongest points, or cells that are scattered over the image.

Which cells are kept depends on nothing but how many there are, so that no position is written down. What is not kept
reads as zeros, which are like nothing. Choosing cells by what they show was tried and is worse: docs/experiments.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Numbers
from placeprint.errors import GalleryCorruptError
from placeprint.storage.part_limits import MOST_PARTS
from placeprint.storage.product_code import ProductCode


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """Keeps at most so many rows of an image by a code.

    Rows that carry positions are sorted, the strongest first. Others lie on a grid: of an image of more cells than are
    kept there is one row more, which begins with the numbers of the grid's rows and columns.
    """

    name: str
    code: ProductCode
    most: int

    @property
    def depth(self) -> int:
        """Bytes of a row."""
        return self.code.depth

    @property
    def bytes(self) -> int:
        """Bytes that are kept of a row."""
        return self.code.bytes

    def encoded(self, part: NDArray[Any]) -> NDArray[np.uint8]:
        """Return what is kept of one image, shape (height, width, depth)."""
        if self.code.positions:
            return self.code.encoded(part[: self.most])
        height, width, depth = part.shape
        if height * width <= self.most:
            return self.code.encoded(part)
        made = np.zeros((self.most + 1, 1, self.bytes), np.uint8)
        made[0, 0, :4] = np.array([height, width], "<u2").view(np.uint8)
        made[1:, 0] = self.code.encoded(part.reshape(-1, depth)[scattered(height * width, self.most)])
        return made

    def decoded(self, kept: NDArray[np.uint8]) -> NDArray[Any]:
        """Return one image's rows that are near those that were encoded, and zeros for those that were not.

        Raises `GalleryCorruptError` when it says that the image had other cells than can be.
        """
        if self.code.positions or kept.shape[0] * kept.shape[1] <= self.most:
            return self.code.decoded(kept)
        rows = kept.reshape(-1, self.bytes)
        height, width = np.ascontiguousarray(rows[0, :4]).view("<u2").tolist()
        if len(rows) != self.most + 1 or not self.most < height * width <= MOST_PARTS:
            raise GalleryCorruptError("a file of parts is damaged: run placeprint verify, or build the gallery again")
        made = np.zeros((height * width, self.depth), self.code.kind)
        made[scattered(height * width, self.most)] = self.code.decoded(rows[1:])
        return made.reshape(height, width, self.depth)


@lru_cache(64)  # a damaged file may say another grid for each image
def scattered(count: int, most: int) -> Numbers:
    """Return so many of the first numbers, ascending: scattered, and the same for ever.

    In the order of their hashes by SplitMix64 (Steele et al. 2014, Fast splittable pseudorandom number generators).

    Examples
    --------
    >>> scattered(20, 4).tolist()
    [2, 4, 6, 18]
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    order = np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")
    return np.sort(order[:most])
