"""When to give a position, and how far it may be off, learned from images whose position is known.

Radius and threshold are split-conformal quantiles (Vovk et al. 2005; Lei et al. 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from placeprint.arrays import Floats
from placeprint.errors import CalibrationError
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.recognition.spots.estimate import ELSEWHERE, SPOT
from placeprint.terminal import counted

LEAST = 20
"""Images with a neighbour, and estimates that are given, with which a radius can be told."""
SHARE, FALSE_ACCEPT_RATE = 0.9, 0.05
"""The defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLimits:
    """When an estimate is given, and how far it may be off.

    Attributes
    ----------
    confidence : float
        An estimate below it is not given.
    radius : float
        Metres within which the stated share of the given estimates are right.
    share : float
        Of the estimates, that the radius covers.
    false_accept_rate : float
        The share of photos taken elsewhere that may get a position.
    given : float
        Share of the held-out images that got one, with others of their spot in the gallery.
    median_error : float
        Metres, of those.
    n_known, n_unknown : int
        Images that were held out with others of their spot in the gallery, and without.

    Examples
    --------
    >>> import placeprint
    >>> limits = placeprint.PositionLimits(
    ...     confidence=0.4, radius=47.0, share=0.9, false_accept_rate=0.05, given=0.5, median_error=9.0,
    ...     n_known=40, n_unknown=40)
    >>> limits.radius
    47.0
    """

    confidence: float
    radius: float
    share: float
    false_accept_rate: float
    given: float
    median_error: float
    n_known: int
    n_unknown: int


def learn_limits(evidence: PositionEvidence, *, share: float, rate: float) -> PositionLimits:
    """Learn when to give an estimate and its radius.

    The threshold is the lowest that keeps the rate of photos of elsewhere, and with which no more than half of what the
    radius may miss is at another spot: so the radius is that of a spot, not of a town.

    Raises `CalibrationError` when there is too little to learn from, or no estimate would be given.
    """
    sure, errors = np.array(evidence.known, np.float64).reshape(-1, 2).T
    unknown = np.array(evidence.unknown, np.float64)
    if len(sure) < LEAST:
        raise CalibrationError(
            f"fewer than {LEAST} images with a known position have another within {SPOT:g} m, too few to tell how far "
            "an estimate may be off: add photos of the same spots, or give locate photos with positions, too"
        )
    if len(unknown) + 1 < 1 / rate:
        raise CalibrationError(
            f"{counted(len(unknown), 'image')} can be asked with all that is within {ELSEWHERE:g} m left out: too few "
            f"to keep a rate of {100 * rate:g} %"
        )
    threshold = max(upper_quantile(unknown, 1 - rate), _stray_threshold(sure, errors, (1 - share) / 2))
    kept = sure > threshold
    radius = upper_quantile(errors[kept], share)
    if int(kept.sum()) < LEAST or math.isinf(radius):
        raise CalibrationError(
            f"at {100 * rate:g} % false positions only {counted(int(kept.sum()), 'held-out image')} of {len(kept)} "
            "would get one, too few to tell a radius: allow a higher --false-accept-rate, or add photos with positions"
        )
    return PositionLimits(
        confidence=float(np.nextafter(threshold, np.inf)),
        radius=max(radius, 1.0),
        share=share,
        false_accept_rate=rate,
        given=float(kept.mean()),
        median_error=float(np.median(errors[kept])),
        n_known=len(sure),
        n_unknown=len(unknown),
    )


def limits_or_why(
    evidence: PositionEvidence, *, share: float = SHARE, rate: float = FALSE_ACCEPT_RATE
) -> tuple[PositionLimits | None, str]:
    """Return the limits, or None and why nothing can be told."""
    try:
        return learn_limits(evidence, share=share, rate=rate), ""
    except CalibrationError as error:
        return None, str(error)


def upper_quantile(values: Floats, share: float) -> float:
    """Return what a new value exceeds with a probability of at most ``1 - share``; infinity where too few tell."""
    rank = math.ceil((len(values) + 1) * share)
    return float(np.sort(values)[rank - 1]) if 0 < rank <= len(values) else math.inf


def _stray_threshold(sure: Floats, errors: Floats, allowed: float) -> float:
    """Return the lowest confidence above which at most this share of the estimates are at another spot."""
    order = np.argsort(-sure, kind="stable")
    strays = np.cumsum(errors[order] > 2 * SPOT)
    fine = np.flatnonzero(strays <= allowed * np.arange(1, len(order) + 1))
    if not len(fine):
        return math.inf
    last = int(fine[-1])
    return float(sure[order[last + 1]]) if last + 1 < len(order) else -math.inf
