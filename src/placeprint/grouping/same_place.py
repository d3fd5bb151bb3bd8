"""How surely two groups of photos show one place: what was learned on other sets of photos, shipped as data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from placeprint.arrays import Floats
from placeprint.errors import UsageError

FILE = "same_place.json"
NEAR = 50.0
"""Metres between positions up to which they speak for one place: receivers are that far off between walls."""
_FOR, _FALL, _AGAINST = 2.0, 6.0, -8.0
PARTED = NEAR * math.exp((_FOR - _AGAINST) / _FALL)
"""Metres (265) from which positions speak against one place as much as they ever do."""


@dataclass(frozen=True, slots=True)
class SamePlace:
    """What speaks for one place, in log-odds.

    Attributes
    ----------
    likeness : float
        Weight of how alike two photos are, beyond `usual_likeness`; see `placeprint.grouping.evidence.without_mean`.
    usual_likeness : float
    repeated : float
        How far the likenesses of two groups' photos say the same: with many photos their mean counts ``1 / repeated``
        times as much as one.
    points : float
        Weight of the evidence of matched local features, `placeprint.recognition.rerank.matches.beyond_chance`.
    left : tuple of 2 floats
        How alike what is left and a whole group are at least, and by how much more than any other, to be added to it.
    probability : tuple of 2 floats
        Slope and constant of the logistic that turns log-odds of a pair into a probability.
    rates : tuple of (float, float)
        Rates of false merges, ascending, and the log-odds that keep them.
    """

    likeness: float
    usual_likeness: float
    repeated: float
    points: float
    left: tuple[float, float]
    probability: tuple[float, float]
    rates: tuple[tuple[float, float], ...]

    def together(self, likeness: Floats, ours: int, theirs: Floats, evidence: Floats) -> Floats:
        """Return the log-odds of a group with each of several others.

        Parameters
        ----------
        likeness : ndarray of float64, shape (n,)
            Means over all pairs of a photo of the one and a photo of the other.
        ours : int
            Photos of the one.
        theirs : ndarray of float64, shape (n,)
            And of each other.
        evidence : ndarray of float64, shape (n,)
            That of the pair between them that matches best; 0 where none was matched.
        """
        many = 2 * ours * theirs / (ours + theirs)
        weight = self.likeness / (self.repeated + (1 - self.repeated) / many)
        return np.asarray(weight * (likeness - self.usual_likeness) + self.points * evidence)

    def probability_of(self, log_odds: float) -> float:
        """Return the probability that a pair shows one place."""
        slope, constant = self.probability
        return 1 / (1 + math.exp(-min(max(slope * log_odds + constant, -700.0), 700.0)))

    def least(self, rate: float) -> float:
        """Return the log-odds from which groups are joined at a rate of false merges.

        Raises
        ------
        UsageError
            For a rate that was not measured.
        """
        kept = [odds for known, odds in self.rates if known <= rate]
        if not kept or not rate < 1:
            raise UsageError(
                f"a false-merge rate must be at least {self.rates[0][0]:g}, the lowest that was measured, and below 1, "
                f"not {rate:g}"
            )
        return kept[-1]

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> SamePlace:
        """Read the shipped file, which `tools/learn_same_place.py` makes."""
        (likeness, margin), (slope, shift) = row["left"], row["probability"]
        rates = tuple((float(rate), float(odds)) for rate, odds in row["rates"])
        scalars = row["likeness"], row["usual_likeness"], row["repeated"], row["points"]
        return cls(*scalars, (likeness, margin), (slope, shift), rates)


@cache
def shipped_same_place() -> SamePlace:
    """Return what comes with the package."""
    text = resources.files("placeprint.grouping").joinpath(FILE).read_text(encoding="ascii")
    return SamePlace.from_dict(json.loads(text))


def position_odds(metres: float) -> float:
    """Return the log-odds that two positions give: for one place up to `NEAR`, then against it.

    Bounded, because receivers are wrong at times; not learned, because the labelled sets have no positions.
    """
    return _FOR if metres <= NEAR else max(_AGAINST, _FOR - _FALL * math.log(metres / NEAR))
