"""Numbers of several settings with their intervals, as geometry; the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from placeprint.evaluation.compare import Comparison
from placeprint.evaluation.metrics.intervals import Interval
from placeprint.report.axis import NARROW, Axis

NEAR_ONE = 0.95
"""Where an axis begins at the latest: it ends at 1 then, which no share exceeds."""


@dataclass(frozen=True, slots=True)
class Strip:
    """An interval of one setting: the value and its ends on the axis, 0 to 1."""

    name: str
    interval: Interval
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One number of all settings with its intervals, under each other on one axis."""

    title: str
    axis: Axis
    strips: tuple[Strip, ...]


def charts(comparison: Comparison) -> tuple[Chart, ...]:
    """Return the numbers that have intervals, each setting's on one axis."""
    numbers: dict[str, list[Interval | None]] = {
        "Recall@1": [row.recall_at_1 for row in comparison],
        "mAP": [row.average_precision for row in comparison],
        "Recall@1, UNKNOWN a miss": [row.open_set_recall_at_1 for row in comparison],
    }
    names = [row.setting.name for row in comparison]
    made = [_chart(title, [*zip(names, found, strict=True)]) for title, found in numbers.items()]
    return tuple(chart for chart in made if chart.strips)


def _chart(title: str, found: Sequence[tuple[str, Interval | None]]) -> Chart:
    known = [(name, one) for name, one in found if one is not None and one.low == one.low and one.value == one.value]
    if not known:
        return Chart(title, Axis.around(0, 1), ())
    axis = Axis.around(min(NEAR_ONE, *(one.low for _, one in known)), max(one.high for _, one in known), NARROW)
    return Chart(title, axis, tuple(Strip(n, i, axis.at(i.value), axis.at(i.low), axis.at(i.high)) for n, i in known))
