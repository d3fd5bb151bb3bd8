"""Rows of numbers as a gallery keeps them: as they are, or by a code."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.storage.cell_blocks import CellBlocks
from placeprint.storage.product_code import ProductCode
from placeprint.storage.thinned import Thinned

PartCode = ProductCode | CellBlocks | Thinned
"""In how few bytes the parts of an image are kept."""


class Block(Protocol):
    """Rows of numbers, shape (rows, depth): an array, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and depth."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of the numbers."""

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return some rows."""


class CodedRows:
    """Rows of numbers that are kept in few bytes, and decoded when an image's are read: a block of `Ragged`.

    `stored`, shape (rows, code.bytes): What is kept.
    Raises `ValueError` when the rows are not of this code.
    """

    def __init__(self, stored: Block, code: PartCode) -> None:
        if stored.shape[1] != code.bytes or stored.dtype != np.uint8:
            raise ValueError(f"rows of {stored.shape[1]} {stored.dtype} are not of code {code.name}")
        self.stored, self.code = stored, code
