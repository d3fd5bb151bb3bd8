"""Guesses which way is up in an image, from the cells of one look: phones and scanners do not always say it.

A softmax over the means of three by three parts of the map. What it learned is a file beside the bundled model and
holds for that model's cells alone; other models do without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from placeprint.arrays import Cells, Floats
from placeprint.embedding.models import WEIGHTS
from placeprint.embedding.preprocess import CELL_SCALE
from placeprint.errors import ModelError
from placeprint.records import ModelSpec
from placeprint.storage.arrays import read_archive
from placeprint.storage.regular_files import read_regular

TURNS = (0, 90, 180, 270)
"""Degrees against the clock by which an image may have been turned."""
GRID = 3
"""Rows and columns of parts. Four and five were no better on sets that were left out."""
FILE = "efficientnet-lite0.upright.npz"
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class UprightHead:
    """What tells which way is up."""

    weights_sha256: str  # Of the ONNX file whose cells it reads.
    matrix: Floats  # (GRID * GRID * channels + 1, len(TURNS)): The last row is the bias.

    def probabilities(self, cells: Cells) -> Floats:
        """Return how probable it is that the image was turned by each of `TURNS`: shape (4,), adding up to 1."""
        logits = features(cells) @ self.matrix[:-1] + self.matrix[-1]
        odds = np.exp(logits - logits.max())
        return np.asarray(odds / odds.sum())


def features(cells: Cells) -> Floats:
    """Return the mean cell of each part of an image, row by row.

    `cells`, shape (height, width, channels): See `placeprint.embedding.preprocess.cells_of`.
    """
    rows, columns = (np.linspace(0, side, GRID + 1).astype(np.int64) for side in cells.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(cells, rows[:-1], axis=0, dtype=np.int64), columns[:-1], axis=1)
    counts = np.outer(np.diff(rows), np.diff(columns))[:, :, None]
    return np.asarray(sums / (counts * CELL_SCALE)).reshape(-1)


def upright_head(spec: ModelSpec) -> UprightHead | None:
    """Return what tells which way is up in the cells of a model; None where nothing does.

    Raises `ModelError` when the file in the package is damaged.
    """
    if not spec.cells:
        return None
    head = read_head(WEIGHTS / FILE)
    return head if head.weights_sha256 == spec.weights_sha256 else None


@cache
def read_head(path: Path) -> UprightHead:
    """Read what `tools/learn_upright.py` wrote."""
    try:
        table = read_archive(read_regular(path, _LARGEST))
        return UprightHead(str(table["sha256"]), table["matrix"].astype(np.float64))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f'"{path}" is damaged: install placeprint again') from error
