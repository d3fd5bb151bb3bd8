"""Turns counts of agreement into evidence: how far they are beyond chance."""

from __future__ import annotations

import numpy as np

from placeprint.arrays import Floats

ONSET = 1.5
"""Spreads above the usual at which evidence begins. Chosen with the weight on smvs_landmarks, poznan_bovw,
vprbench_corridor and cohog_sped_thumbs; see docs/accuracy.md."""
SHARPNESS = 2.0
_LEAST_SPREAD = 0.03
_USUAL_SPREAD = 0.35
"""Of the logarithm of votes between images that show different places: 0.16 (corridor) to 0.59 (webcams)."""
_USUAL_WORTH = 1.0
"""How many images that spread is worth: it stands in where a shortlist is too short to tell."""


def beyond_chance(votes: Floats) -> Floats:
    """Return the evidence for each candidate of one query; near 0 where it agrees no more than the others do.

    What agrees by chance depends on the images: in a corridor every frame fits every other, a facade repeats
    itself, a thumbnail has little to agree about. So the other candidates of the same query are the measure: most
    of them show other places. The logarithm of the votes is taken in units of its spread below the median, and
    passed through a soft hinge.

    `votes`, shape (n,): See `placeprint.recognition.rerank.cells.votes`.
    Returns shape (n,): At least 0, and 0.024 at the median; zeros for fewer than two candidates.
    """
    if len(votes) < 2:
        return np.zeros(len(votes))
    logs = np.log(np.maximum(votes, 1.0))
    middle = float(np.median(logs))
    below = logs[logs <= middle] - middle
    spread = np.sqrt(((below**2).sum() + _USUAL_WORTH * _USUAL_SPREAD**2) / (len(below) + _USUAL_WORTH))
    above = (logs - middle) / (spread + _LEAST_SPREAD)
    return np.asarray(np.logaddexp(0.0, SHARPNESS * (above - ONSET)) / SHARPNESS)
