"""The position of a gallery's answers: which of its images are witnesses, and what its evidence allows to say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.gallery.columns import path_hash
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.position_evidence import PositionEvidence, renewal
from placeprint.recognition.spots.estimate import Estimate, estimate
from placeprint.recognition.spots.limits import FALSE_ACCEPT_RATE, SHARE, PositionLimits, limits_or_why
from placeprint.records import AnswerPosition, Match

LOOKED_AT = 30
"""Matches whose positions are looked at."""
SHOWN = 5
"""Images that are named."""
_MOST_LEARNED = 16
"""Pairs of a share and a rate whose limits are kept: the server's clients choose the rate."""


class Spots:
    """A gallery's images as witnesses of positions.

    `gallery`: The whole, or the part around a query.
    `distrusted`: Rows that are no witnesses; see `distrusted_rows`.
    """

    def __init__(self, gallery: Gallery, distrusted: Collection[int]) -> None:
        self._gallery, self.positions = gallery, gallery.records.columns.positions
        self.there: Flags = np.isfinite(self.positions[:, 0])
        self.there[list(distrusted)] = False
        self._learned: dict[tuple[float, float], tuple[PositionLimits | None, str]] = {}

    def of(self, matches: Sequence[Match]) -> Estimate | None:
        """Return the spot that the best matches with a position speak for; `Estimate.support` are their rows."""
        rows, scores = self.witnesses(matches)
        return self.among(rows, scores)

    def witnesses(self, matches: Sequence[Match]) -> tuple[list[int], Floats]:
        """Return rows and scores of the matches whose positions are looked at, best first."""
        found = [(m.row, m.score) for m in matches if self.there[m.row]][:LOOKED_AT]
        return [row for row, _ in found], np.array([score for _, score in found], np.float64)

    def among(self, rows: Sequence[int], scores: Floats) -> Estimate | None:
        """Return the spot that witnesses speak for."""
        spot = estimate(self.positions[list(rows)], scores)
        return None if spot is None else replace(spot, support=tuple(rows[number] for number in spot.support))

    @cached_property
    def any(self) -> bool:
        """Whether any image has a position."""
        return bool(np.isfinite(self.positions[:, 0]).any())

    def position(
        self, matches: Sequence[Match], rate: float | None = None, share: float = SHARE
    ) -> AnswerPosition | None:
        """Return the position of an answer; None for a gallery without positions.

        `matches`: Best first.
        `rate`: The share of photos taken elsewhere that may get a position.
        `share`: Of positions, that lie within their radius.
        """
        if not self.any:
            return None
        asked = AnswerPosition(share=share, false_accept_rate=FALSE_ACCEPT_RATE if rate is None else rate)
        evidence = self._gallery.position_evidence
        if evidence is None:
            return replace(asked, why=_unlearned(self._gallery.preset.name))
        limits, why = self._limits(evidence, asked.share, asked.false_accept_rate)
        if limits is None:
            return replace(asked, why="; ".join(filter(None, [why, evidence.older()])))
        return self.told(self.of(matches), limits)

    def _limits(self, evidence: PositionEvidence, share: float, rate: float) -> tuple[PositionLimits | None, str]:
        """Return what `limits_or_why` does, learned once: each time takes 0.2 ms."""
        known = self._learned.get((share, rate))
        if known is None:
            known = limits_or_why(evidence, share=share, rate=rate)
            if len(self._learned) >= _MOST_LEARNED:
                self._learned.clear()
            self._learned[share, rate] = known
        return known

    def told(self, spot: Estimate | None, limits: PositionLimits) -> AnswerPosition:
        """Return an estimate as a position where the limits allow it, else why they do not."""
        none = AnswerPosition(share=limits.share, false_accept_rate=limits.false_accept_rate)
        if spot is None:
            return replace(none, why="no image of the gallery can be compared with it")
        paths = tuple(self._gallery.records[row].path for row in spot.support[:SHOWN])
        seen = replace(none, confidence=spot.confidence, images=paths)
        if spot.confidence < limits.confidence:
            return replace(
                seen,
                why=f"too little speaks for one spot: confidence {spot.confidence:.3f}, and {limits.confidence:.3f} is "
                f"needed to keep false positions at {100 * limits.false_accept_rate:g} %",
            )
        more = f" and {len(spot.support) - 1} more" if len(spot.support) > 1 else ""
        why = f"it shows what {paths[0]}{more} within the spot {'show' if more else 'shows'}"
        return replace(seen, latitude=spot.latitude, longitude=spot.longitude, radius=limits.radius, why=why)


def distrusted_rows(gallery: Gallery, evidence: PositionEvidence | None) -> list[int]:
    """Return the rows whose position the gallery's other images contradict."""
    if evidence is None or not evidence.distrusted:
        return []
    columns = gallery.records.columns
    wrong = {(root, path_hash(path)) for root, path in evidence.distrusted}
    alike = np.flatnonzero(np.isin(columns.paths, np.array([code for _, code in wrong], np.uint64)))
    return [row for row in alike.tolist() if (int(columns.roots[row]), int(columns.paths[row])) in wrong]


def _unlearned(preset: str) -> str:
    """Say that an older release wrote the gallery, or that it is asked by another preset than it was built with."""
    return (
        f"when to give a position was not learned for preset {preset}; for the one that the gallery was "
        f"built with, {renewal()}"
    )
