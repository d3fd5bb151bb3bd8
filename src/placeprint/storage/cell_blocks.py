"""Cells of an image in blocks, each by one code: neighbouring cells are alike, and what they share is kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.storage.part_limits import MOST_PARTS
from placeprint.storage.product_code import ProductCode


@dataclass(frozen=True, slots=True, eq=False)
class CellBlocks:
    """Keeps squares of neighbouring cells by a code of all their numbers.

    A square that reaches over the edge is filled with the cells at the edge. The last byte of each square says how
    many rows and columns of those at the lower right corner are the image's: rows times 16, plus columns.
    """

    name: str
    code: ProductCode
    side: int  # Cells along one side of a square, at most 15.

    @property
    def depth(self) -> int:
        """Bytes of a cell."""
        return self.code.depth // self.side**2

    @property
    def bytes(self) -> int:
        """Bytes that are kept of a square."""
        return self.code.bytes + 1

    def encoded(self, part: NDArray[Any]) -> NDArray[np.uint8]:
        """Return what is kept of one image: shape (height, width, depth) becomes (squares down, across, bytes)."""
        rows, columns = ((size - 1) % self.side + 1 for size in part.shape[:2])
        kept = self.code.encoded(squares(part, self.side))
        return np.dstack([kept, np.full(kept.shape[:2], rows * 16 + columns, np.uint8)])

    def decoded(self, kept: NDArray[np.uint8]) -> NDArray[Any]:
        """Return cells that are near those that were encoded, shape (height, width, depth).

        Raises `GalleryCorruptError` when it says that an image has other cells than can be.
        """
        side, (down, across) = self.side, kept.shape[:2]
        rows, columns = divmod(int(kept[-1, -1, -1]), 16) if kept.size else (side, side)
        height, width = (down - 1) * side + rows, (across - 1) * side + columns
        if not (0 < rows <= side and 0 < columns <= side and height * width <= MOST_PARTS):
            raise GalleryCorruptError("a file of parts is damaged: run placeprint verify, or build the gallery again")
        cells = self.code.decoded(kept[:, :, :-1]).reshape(down, across, side, side, self.depth).swapaxes(1, 2)
        return cells.reshape(down * side, across * side, self.depth)[:height, :width]


def squares(part: NDArray[Any], side: int) -> NDArray[Any]:
    """Return one image's cells in squares: shape (height, width, depth) becomes (down, across, side x side x depth)."""
    filled = np.pad(part, [*((0, -size % side) for size in part.shape[:2]), (0, 0)], "edge")
    down, across, depth = filled.shape[0] // side, filled.shape[1] // side, filled.shape[2]
    apart = filled.reshape(down, side, across, side, depth).swapaxes(1, 2)
    return apart.reshape(down, across, side * side * depth)
