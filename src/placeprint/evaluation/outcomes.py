"""How the queries of a run were answered, counted: by grade, and by the false-accept rate."""

from __future__ import annotations

from dataclasses import dataclass

from placeprint.records import Grade


@dataclass(frozen=True, slots=True)
class GradeCount:
    """How many queries got a grade."""

    grade: Grade
    # right, wrong: Queries of known places whose best place is the right one, and another.
    right: int
    wrong: int
    unknown: int  # Queries of places that the gallery lacks.


@dataclass(frozen=True, slots=True)
class RateOutcome:
    """What the queries of a run would have been answered at another false-accept rate."""

    # false_accept_rate, threshold: The rate that the calibration keeps, and the least probability that it accepts then.
    false_accept_rate: float
    threshold: float
    # expected_share, expected_rate: The shares of known and of unknown queries that were expected to get a place then.
    expected_share: float | None
    expected_rate: float
    # named_right, named_wrong: Queries of known places that would get their place, and another.
    named_right: int
    named_wrong: int
    false_accepts: int  # Queries of places that the gallery lacks that would get one.
