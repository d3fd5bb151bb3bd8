"""Rows of numbers in few bytes: product quantisation.

Jegou, Douze and Schmid 2011, "Product quantization for nearest neighbor search": the numbers of a row are cut into
groups, and of each group the number of its nearest learned centre is kept, one byte. Reading looks the centres up.
With a rotation before (Ge et al. 2013, "Optimized product quantization") groups are as independent as they can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CENTRES = 256
_FOUR_BITS = 16
"""What is dropped of a position is its last four bits: of 640 pixels a sixth of one stays."""


@dataclass(frozen=True, slots=True, eq=False)
class ProductCode:
    """How one kind of parts is kept in few bytes."""

    name: str  # What a gallery's head calls it; for ever of these centres.
    centres: NDArray[Any]  # (groups, 256, width): Of each group of numbers.
    kind: np.dtype[Any]  # ``int8`` or ``uint8``: of the rows.
    # (numbers, groups x width): Applied before rows are cut into groups. Of fewer columns where the rest is not kept.
    rotation: NDArray[np.float32] | None = None
    # Little-endian 16-bit numbers behind the row's 8-bit numbers, an even count; 12 bits are kept of each.
    positions: int = 0

    @property
    def numbers(self) -> int:
        """How many signed 8-bit numbers a row has before its positions."""
        return len(self.rotation) if self.rotation is not None else int(self.centres.shape[0] * self.centres.shape[2])

    @property
    def depth(self) -> int:
        """Bytes of a row."""
        return self.numbers + 2 * self.positions

    @property
    def bytes(self) -> int:
        """Bytes that are kept of a row."""
        return len(self.centres) + 3 * self.positions // 2

    def encoded(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Return what is kept of rows: shape (..., depth) becomes (..., bytes)."""
        flat = np.ascontiguousarray(rows).reshape(-1, self.depth).view(np.int8)
        values = flat[:, : self.numbers].astype(np.float32)
        if self.rotation is not None:
            values = values @ self.rotation
        made = np.empty((len(flat), self.bytes), np.uint8)
        groups = np.split(values, len(self.centres), axis=1)
        for number, (group, centres) in enumerate(zip(groups, self.centres.astype(np.float32), strict=True)):
            made[:, number] = ((centres**2).sum(axis=1) - 2 * (group @ centres.T)).argmin(axis=1)
        if self.positions:
            made[:, len(self.centres) :] = _short(np.ascontiguousarray(flat[:, self.numbers :]))
        return made.reshape(*rows.shape[:-1], self.bytes)

    def decoded(self, kept: NDArray[np.uint8]) -> NDArray[Any]:
        """Return rows that are near those that were encoded: shape (..., bytes) becomes (..., depth)."""
        flat = np.ascontiguousarray(kept).reshape(-1, self.bytes)
        groups = len(self.centres)
        made = np.empty((len(flat), self.depth), np.int8)
        values = self.centres[np.arange(groups), flat[:, :groups]].reshape(len(flat), groups * self.centres.shape[2])
        if self.rotation is not None:
            values = np.rint(values.astype(np.float32) @ self.rotation.T).clip(-127, 127)
        made[:, : self.numbers] = values
        if self.positions:
            made[:, self.numbers :] = _long(np.ascontiguousarray(flat[:, groups:]))
        return made.view(self.kind).reshape(*kept.shape[:-1], self.depth)


def _short(positions: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return pairs of 16-bit numbers as pairs of 12-bit numbers in three bytes."""
    wide = positions.view("<i2").astype(np.int32)
    near = np.clip((wide + _FOUR_BITS // 2) // _FOUR_BITS, -2048, 2047) & 0xFFF
    first, second = near[:, ::2], near[:, 1::2]
    parts = (first & 0xFF, (first >> 8) | ((second & 0xF) << 4), second >> 4)
    return np.stack(parts, axis=2).astype(np.uint8).reshape(len(wide), 3 * first.shape[1])


def _long(kept: NDArray[np.uint8]) -> NDArray[np.int8]:
    parts = kept.reshape(len(kept), kept.shape[1] // 3, 3).astype(np.int32)
    first = parts[:, :, 0] | ((parts[:, :, 1] & 0xF) << 8)
    second = (parts[:, :, 1] >> 4) | (parts[:, :, 2] << 4)
    both = np.stack([first, second], axis=2).reshape(len(kept), 2 * first.shape[1])
    signed = (both ^ 0x800) - 0x800
    return np.ascontiguousarray((signed * _FOUR_BITS).astype("<i2")).view(np.int8)
