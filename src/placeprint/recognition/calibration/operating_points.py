"""What other false-accept rates would keep and let in: computed once, when a gallery is calibrated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from placeprint.arrays import Floats
from placeprint.gallery.trade_off import RATES, OperatingPoint
from placeprint.recognition.calibration.estimators import Mixture


def operating_points(
    limit: Callable[[float], float], mixture: Mixture, known: Floats, *, rate: float, seed: int
) -> tuple[OperatingPoint, ...]:
    """Return the points of `RATES` and of the stated rate, in ascending order; a higher rate never keeps less.

    `limit`: From a rate to the probability above which an image gets a place.
    `mixture`: What is expected of a new place.
    `known`, shape (n,): Probabilities of queries of known places; may be empty.
    `rate`: The stated one: its limit stays as it is, and the others give way.
    `seed`: Of the intervals.
    """
    limits = {rate: limit(rate)}
    for higher in (other for other in RATES if other > rate):
        limits[higher] = min(limit(higher), min(limits.values()))  # what holds for a lower rate holds for this one
    for lower in (other for other in reversed(RATES) if other < rate):
        limits[lower] = max(limit(lower), max(limits.values()))
    return tuple(
        OperatingPoint(
            false_accept_rate=each,
            threshold=float(np.nextafter(limits[each], np.inf)),
            accepted_share=float((known > limits[each]).mean()) if len(known) else None,
            expected_rate=mixture.rate(limits[each]),
            rate_interval=mixture.rate_interval(limits[each], seed=seed),
        )
        for each in sorted(limits)
    )
