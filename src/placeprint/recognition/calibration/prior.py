"""A decision learned from other images, for galleries that are too small to learn their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats
from placeprint.recognition.calibration.estimators import Sample
from placeprint.recognition.decision.rules import logistic

FILE = "prior.json"


@dataclass(frozen=True, slots=True)
class Prior:
    """A decision learned from many small galleries."""

    model: str  # Whose scores these were.
    places: int  # In each of those galleries.
    single: bool  # Whether each place had one image.
    matched: bool  # Whether local features were matched, which sets the two sides farther apart.
    coefficients: tuple[float, float, float]  # As in `placeprint.recognition.decision.rules.Probability`.
    usual_agreement: float  # Mean agreement around an unknown query.
    low: float  # Mean score of the best image of another place.
    gap: float  # How far the best image of the same place lies above that: see `above`.
    features: Floats  # (n, 2): Standing and agreement of unknown queries.
    groups: NDArray[np.int64]  # (n,): The place of each.

    def above(self, low: float) -> float:
        """Return the usual score within one place, guessed from that between different places."""
        return above(low, self.gap, matched=self.matched)

    def below(self, high: float) -> float:
        """Return the usual score between different places, guessed from that within one place."""
        return high - self.gap if self.matched else (high - self.gap) / (1 - self.gap)

    def likeness(self, places: int) -> float:
        """Return how much of its weight it has among so many places: all up to its own number, then less.

        The best of many other places scores higher than the best of few, so what such small galleries let in is less
        than what a larger one does, and would loosen its threshold.
        """
        return min(1.0, self.places / max(places, 1))

    def sample(self, coefficients: tuple[float, ...]) -> Sample:
        """Return the probabilities that these coefficients give to its unknown queries."""
        return Sample(logistic(self.features, coefficients), self.groups)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Prior:
        """Read a row of the shipped file, which `tools/learn_prior.py` makes."""
        b0, b1, b2 = row["coefficients"]
        features = np.array(row["features"], np.float64).reshape(-1, 2)
        groups = np.array(row["groups"], np.int64)
        kind = row["model"], row["places"], row["single"], row["matched"]
        scalars = *kind, (b0, b1, b2), row["usual_agreement"], row["low"], row["gap"]
        return cls(*scalars, features, groups)


def shipped_priors() -> tuple[Prior, ...]:
    """Return the priors that come with the package, by number of places; `tools/learn_prior.py` made them."""
    text = resources.files("placeprint.recognition.calibration").joinpath(FILE).read_text(encoding="ascii")
    return tuple(Prior.from_dict(row) for row in json.loads(text)["priors"])


def prior_for(places: int, priors: Sequence[Prior], *, matched: bool = False, single: bool = False) -> Prior:
    """Return the prior of the nearest number of places, of galleries that were asked the same way if there are any.

    Of those, of galleries with one image a place for such a gallery, and with several for any other.
    """
    return min(priors, key=lambda p: (p.matched != matched, p.single != single, abs(p.places - places), p.places))


def above(low: float, gap: float, *, matched: bool) -> float:
    """Return the score that lies a gap above another: a share of what is left to 1, where scores end there.

    Matched points lift scores by as much whatever they were, and past 1.
    """
    return low + (gap if matched else gap * (1 - low))
