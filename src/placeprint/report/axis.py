"""Axes of charts: from where to where, and the labels at their ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Distances of the ticks, of which the smallest is taken that gives few enough."""

MAX_STEPS = 8
NARROW = 4
"""Steps on an axis of a small chart."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis whose first tick is at its beginning and the last at its end, evenly spaced."""

    # low, high: Values at the ends.
    low: float
    high: float
    ticks: tuple[str, ...]  # Labels of the ticks.

    @classmethod
    def around(cls, low: float, high: float, most: int = MAX_STEPS) -> Axis:
        """Return the axis that holds all values from `low` to `high`, both finite, in at most so many steps."""
        for step in STEPS:
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if last - first <= most:
                break
        last = max(last, first + 1)
        return cls(first * step, last * step, tuple(_label(n * step) for n in range(first, last + 1)))

    def at(self, value: float) -> float:
        """Return where a value lies, 0 at the beginning and 1 at the end."""
        return (value - self.low) / (self.high - self.low)

    def labels(self) -> tuple[tuple[float, str], ...]:
        """Return each tick's place, 0 to 1, and its label."""
        return tuple((n / (len(self.ticks) - 1), text) for n, text in enumerate(self.ticks))


UNIT = Axis(0.0, 1.0, ("0", "0.25", "0.5", "0.75", "1"))
"""Of shares and probabilities."""


def _label(value: float) -> str:
    return f"{value:.2f}".removesuffix("0").removesuffix(".0") if abs(value) > 1e-9 else "0"
