"""Compares two images cell by cell: whether the same things appear in the same arrangement.

Cells of a feature map that are each other's nearest are matched, and the matches vote for how the one image must be
moved and scaled to lie on the other (a Hough vote, Lowe 2004, "Distinctive image features", section 7.4; on dense
maps like Hausler et al. 2021, "Patch-NetVLAD", rapid spatial scoring). Images are upright, so nothing turns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Cells

Weights = NDArray[np.float32]

SCALES = (1.0, 2 ** (1 / 3), 2 ** (-1 / 3), 2 ** (2 / 3), 2 ** (-2 / 3))
"""How much larger the one may be: steps of a third of an octave."""
NEAR = 2.0
"""Cells within which two matches mean the same movement."""
_UNIT = np.float32(1 / 254)


@dataclass(frozen=True, slots=True)
class Lines:
    """Which spots of a query lie on which spots of a gallery image."""

    # (n, 4): x and y in the query, x and y in the gallery image: 0 to 1 from the upright image's left and top.
    ends: Weights
    weights: Weights  # (n,): How alike the two spots are, best first, at most 1.

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.weights)


def votes(query: Cells, candidates: Iterable[Cells], *, until: float = math.inf) -> NDArray[np.float64]:
    """Return each candidate's vote: the summed similarity of the matches that move together.

    `query`: shape (height, width, channels).
    `candidates`: each shape (height, width, channels).
    `until`: The moment, by `time.perf_counter`, from which no other candidate is begun.
    Returns shape (n,): As many as there was time for.
    """
    ours = _flat(query)
    found = []
    for candidate in candidates:
        if time.perf_counter() > until:
            break
        here, there, weights = _mutual(ours @ _flat(candidate).T)
        ways = _ways(here, there, query.shape[1], candidate.shape[1])
        found.append(float(_support(ways, weights).max(initial=0.0)))
    return np.array(found)


def lines(query: Cells, candidate: Cells) -> Lines:
    """Return the matches behind the best vote, for a picture."""
    here, there, weights = _mutual(_flat(query) @ _flat(candidate).T)
    ways = _ways(here, there, query.shape[1], candidate.shape[1])
    support = _support(ways, weights)
    if not support.size:
        return Lines(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    scale, centre = np.unravel_index(int(support.argmax()), support.shape)
    with_it = _together(ways[scale])[centre]
    order = np.flatnonzero(with_it)[np.argsort(-weights[with_it], kind="stable")]
    ends = np.column_stack([_spots(here[order], query.shape), _spots(there[order], candidate.shape)])
    return Lines(ends.astype(np.float32), weights[order])


def _flat(cells: Cells) -> Weights:
    return cells.reshape(-1, cells.shape[2]).astype(np.float32) * _UNIT


def _mutual(likeness: Weights) -> tuple[NDArray[np.int64], NDArray[np.int64], Weights]:
    """Return the cells that are each other's nearest, and how alike they are (never below 0)."""
    nearest = likeness.argmax(axis=1)
    best = likeness[np.arange(len(likeness)), nearest]
    here = np.flatnonzero(best >= likeness.max(axis=0)[nearest])
    here = here[np.argsort(nearest[here], kind="stable")]
    here = here[np.diff(nearest[here], prepend=-1) > 0]  # equal cells, as of a blank wall, count once
    return here, nearest[here], np.maximum(best[here], 0)


def _ways(here: NDArray[np.int64], there: NDArray[np.int64], width: int, other_width: int) -> Weights:
    """Return how each match moves its cell at each scale, shape (scales, matches, 2)."""
    a = np.column_stack(np.divmod(here, width)).astype(np.float32)
    b = np.column_stack(np.divmod(there, other_width)).astype(np.float32)
    return b[None] - a[None] * np.array(SCALES, np.float32)[:, None, None]


def _together(ways: Weights) -> NDArray[np.bool_]:
    """Return which matches move alike, shape (..., matches, matches)."""
    down, right = ways[..., 0], ways[..., 1]
    apart = (down[..., :, None] - down[..., None, :]) ** 2 + (right[..., :, None] - right[..., None, :]) ** 2
    return np.asarray(apart <= NEAR**2)


def _support(ways: Weights, weights: Weights) -> NDArray[np.float32]:
    """Return the weight that moves with each match at each scale, shape (scales, matches)."""
    return np.asarray(_together(ways) @ weights, np.float32)


def _spots(cells: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the middles of cells as x and y from 0 to 1."""
    rows, columns = np.divmod(cells, shape[1])
    return np.column_stack([(columns + 0.5) / shape[1], (rows + 0.5) / shape[0]])
