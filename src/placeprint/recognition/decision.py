"""Accept a place or say UNKNOWN: pure functions of scores."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the best place is accepted, and why, in one line."""

    accepted: bool
    why: str


def decide(score: float, margin: float, *, threshold: float | None, margin_threshold: float | None) -> Decision:
    """Accept the best place unless its score or its margin is too low.

    Parameters
    ----------
    score : float
        Cosine similarity of the best match; NaN when there is none.
    margin : float
        To the best other place; NaN when there is no other place, and then it rejects nothing.
    threshold, margin_threshold : float or None
        A value *below* the threshold is rejected; None asks nothing.
    """
    if math.isnan(score):
        return Decision(False, "the gallery holds nothing to compare with")
    if threshold is not None and score < threshold:
        return Decision(False, f"the best score {score:.3f} is below the threshold {threshold:.3f}")
    if margin_threshold is not None and margin < margin_threshold:
        return Decision(
            False, f"the margin {margin:.3f} to another place is below the threshold {margin_threshold:.3f}"
        )
    if threshold is None and margin_threshold is None:
        return Decision(True, f"the best score is {score:.3f}; no threshold was asked for, so every photo gets a place")
    return Decision(True, f"the best score {score:.3f} and the margin {margin:.3f} reach what was asked for")
