"""Where the parts of images are that follow each other in one file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from placeprint.arrays import Numbers


class Consecutive:
    """Where images are that follow each other in one block: 8 bytes an image beside their shapes.

    `shapes`, shape (n, 2): Height and width of each.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]] | Numbers) -> None:
        self._shapes = np.asarray(shapes, None if len(shapes) else np.int64).reshape(-1, 2)

    @cached_property
    def _ends(self) -> Numbers:
        sides = self._shapes.astype(np.int64)
        ends: Numbers = (sides[:, 0] * sides[:, 1]).cumsum()
        return ends

    @property
    def rows(self) -> int:
        """How many rows all images have."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def most(self) -> int:
        """How many rows an image has at most."""
        return int(np.diff(self._ends, prepend=0).max(initial=0))

    def at(self, images: int | Numbers) -> Numbers:
        """Return block, first row, height and width of some images, shape (m, 4), or of one."""
        shapes = self._shapes[images].astype(np.int64)
        first = self._ends[images] - shapes[..., 0] * shapes[..., 1]
        return np.stack([np.zeros_like(first), first, shapes[..., 0], shapes[..., 1]], axis=-1)

    def __call__(self) -> Numbers:
        """Return all of that."""
        return self.at(np.arange(len(self._shapes)))
