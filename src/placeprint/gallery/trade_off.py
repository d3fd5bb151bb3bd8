"""What a gallery would keep and let in at other false-accept rates than the one it was calibrated for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RATES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Kept with a calibration."""
SHOWN = (0.01, 0.05, 0.1, 0.2)
"""Those of them that are printed."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """One false-accept rate and its price."""

    # The rate that was asked for: the share of queries of unknown places that may get a place.
    false_accept_rate: float
    threshold: float  # A probability below it is not accepted.
    # The share of queries of known places expected to get a place; None when nothing tells.
    accepted_share: float | None
    expected_rate: float  # The share of queries of unknown places expected to get one; at most the rate.
    rate_interval: tuple[float, float]  # 95 % interval of that share, over new places.

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dataclasses.asdict(self) | {"rate_interval": list(self.rate_interval)}


def point_for(points: Sequence[OperatingPoint], rate: float) -> OperatingPoint | None:
    """Return the point of a rate, or of the next lower one that is kept; None where all are higher."""
    lower = [point for point in points if point.false_accept_rate <= rate + _ROUNDING]
    return max(lower, key=lambda point: point.false_accept_rate, default=None)


def shown_points(points: Sequence[OperatingPoint], decides: float) -> tuple[OperatingPoint, ...]:
    """Return the points that are printed: a few, and the one of the rate that decides."""
    return tuple(point for point in points if point.false_accept_rate in (*SHOWN, decides))
