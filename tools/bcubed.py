"""B-cubed: how pure and how whole groups are, as seen from each image."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Floats, Numbers


@dataclass(frozen=True, slots=True)
class BCubed:
    """Precision and recall of each image.

    Attributes
    ----------
    precisions : ndarray of float64, shape (n,)
        Of the images in an image's group, itself included, the share that shows its place.
    recalls : ndarray of float64, shape (n,)
        Of the images that show its place, itself included, the share that is in its group.
    """

    precisions: Floats
    recalls: Floats

    @property
    def precision(self) -> float:
        """The mean over images; NaN without any."""
        return float(self.precisions.mean()) if len(self.precisions) else float("nan")

    @property
    def recall(self) -> float:
        """The mean over images; NaN without any."""
        return float(self.recalls.mean()) if len(self.recalls) else float("nan")

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def b_cubed(groups: Sequence[Hashable], places: Sequence[Hashable]) -> BCubed:
    """Compare groups with places.

    Bagga and Baldwin 1998, "Algorithms for scoring coreference chains"; Amigó et al. 2009, "A comparison of extrinsic
    clustering evaluation metrics based on formal constraints", which it alone of the usual ones meets.

    Parameters
    ----------
    groups, places : sequence
        The group and the place of each image; an image that is alone, or shows no place, has one of its own.

    Returns
    -------
    BCubed

    Raises
    ------
    ValueError
        When the two differ in length.
    """
    if len(groups) != len(places):
        raise ValueError(f"{len(groups)} groups do not fit {len(places)} places")
    ours, theirs = _numbered(groups), _numbered(places)
    both = _numbered(list(zip(ours.tolist(), theirs.tolist(), strict=True)))
    together = np.bincount(both)[both]
    return BCubed(together / np.bincount(ours)[ours], together / np.bincount(theirs)[theirs])


def _numbered(labels: Sequence[Hashable]) -> Numbers:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)
