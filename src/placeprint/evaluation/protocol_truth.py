"""Ground truth of the field's protocols: by frames, and by lists; and the truth that a protocol asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats, Rows
from placeprint.dataset.protocols.found import Listed
from placeprint.dataset.protocols.protocol import Right
from placeprint.dataset.protocols.reading import ProtocolSet
from placeprint.evaluation.ground_truth import ByDistance, ByPlace, GroundTruth
from placeprint.records import ImageRecord

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class ByFrame:
    """A gallery image is right when its frame is at most so many from the query's, in step with it."""

    frames: Floats  # (n,): Of the gallery; NaN where unknown.
    tolerance: int  # Frames; the border counts.
    rule: str
    unjudged: str = "without a frame"

    @classmethod
    def of(cls, gallery: Sequence[ImageRecord], right: Right) -> ByFrame:
        """Collect the gallery's frames."""
        frames = np.array([np.nan if r.frame is None else r.frame for r in gallery], np.float64)
        return cls(frames, right.frames or 0, right.says)

    def positives(self, query: ImageRecord) -> Rows:
        """Return the rows within the tolerance."""
        return np.flatnonzero(self.offsets(query) <= self.tolerance).astype(np.int64)

    def ignored(self, query: ImageRecord) -> Rows:  # noqa: ARG002 - none for any
        """Return no rows: every image counts."""
        return _NONE

    def judges(self, query: ImageRecord) -> bool:
        """Return whether the query has a frame."""
        return query.frame is not None

    def offsets(self, query: ImageRecord) -> Floats:
        """Return how many frames each gallery image is away; NaN where unknown."""
        return np.abs(self.frames - (np.nan if query.frame is None else query.frame))


@dataclass(frozen=True, slots=True)
class ByList:
    """A gallery image is right when the query's list names it; images of its junk list count neither way."""

    row_of: Mapping[str, int]  # Gallery rows by path.
    lists: Mapping[str, Listed]  # By the query's path.
    rule: str
    unjudged: str = "without a list"

    def positives(self, query: ImageRecord) -> Rows:
        """Return the rows that are listed as right."""
        listed = self.lists.get(query.path)
        return _NONE if listed is None else self._rows(listed.right)

    def ignored(self, query: ImageRecord) -> Rows:
        """Return the rows that are listed as junk and not as right."""
        listed = self.lists.get(query.path)
        return _NONE if listed is None else self._rows(listed.junk - listed.right)

    def judges(self, query: ImageRecord) -> bool:
        """Return whether there is a list for the query; of gallery images all are judged."""
        return query.path in self.lists or query.path in self.row_of

    def _rows(self, paths: frozenset[str]) -> Rows:
        return np.array(sorted(self.row_of[path] for path in paths if path in self.row_of), np.int64)


def truth_of(found: ProtocolSet, gallery: Sequence[ImageRecord], queries: Sequence[ImageRecord]) -> GroundTruth:
    """Return the ground truth that a protocol asks for; the gallery's records are the protocol's own."""
    right = found.protocol.right
    if right.metres is not None:
        return ByDistance.of(gallery, queries, radius=right.metres)
    if right.frames is not None:
        return ByFrame.of(gallery, right)
    if right.listed:
        return ByList({record.path: row for row, record in enumerate(gallery)}, found.lists, right.says)
    return ByPlace.of(gallery)


def offsets_of(truth: GroundTruth, query: ImageRecord) -> NDArray[np.float64] | None:
    """Return how far each gallery image is away, in metres or frames; None where the truth is no distance."""
    return truth.offsets(query) if isinstance(truth, ByDistance | ByFrame) else None
