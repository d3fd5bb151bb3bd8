"""One position of a photo's matches: the spot that most evidence speaks for, never a mean of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Floats
from placeprint.dataset.distances import metres_among

SPOT = 60.0
"""Metres around a match within which others speak for the same spot: across a square, or along a façade."""
ELSEWHERE = 4 * SPOT
"""Metres from which an image is taken not to show the same."""
_TEMPERATURE = 0.05
"""By how much less similar a match weighs a third."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A position, and what speaks for it."""

    # latitude, longitude: Degrees.
    latitude: float
    longitude: float
    confidence: float  # The score of the best match there.
    support: tuple[int, ...]  # Which of the matches stand there, best first.
    witness: float = -np.inf  # The score of the second there; -inf where the first stands alone.

    @property
    def where(self) -> tuple[float, float]:
        """Latitude and longitude."""
        return self.latitude, self.longitude


def estimate(positions: Floats, scores: Floats) -> Estimate | None:
    """Return the spot that most evidence speaks for; None without a match that has a position.

    Each match weighs by its score; around the match with the most weight within `SPOT` the weighted mean is taken. So
    neither two cities nor two squares are averaged, and one image with a wrong position does not outweigh several.

    `positions`, shape (n, 2): Latitude and longitude of the matches, degrees; NaN where not known.
    `scores`, shape (n,): Best first.
    """
    rows = np.flatnonzero(np.isfinite(positions[:, 0]) & np.isfinite(scores))
    if not len(rows):
        return None
    places, score = positions[rows], scores[rows]
    weights = np.exp((score - score.max()) / _TEMPERATURE)
    near = metres_among(places) <= SPOT
    there = near[int(np.argmax(near @ weights))]
    latitude, longitude = _mean(places[there], weights[there])
    best = [*np.sort(score[there])[::-1].tolist(), -np.inf]
    return Estimate(latitude, longitude, best[0], tuple(int(row) for row in rows[there]), best[1])


def _mean(places: Floats, weights: Floats) -> tuple[float, float]:
    """Return the weighted mean of positions that are near each other, also across the date line."""
    first = places[0]
    east = (places[:, 1] - first[1] + 180) % 360 - 180
    share = weights / weights.sum()
    longitude = float(first[1] + share @ east)
    return float(share @ places[:, 0]), (longitude + 180) % 360 - 180
