"""How the queries of a run were answered, counted: by grade, and by the false-accept rate."""

from __future__ import annotations

from dataclasses import dataclass

from placeprint.records import Grade


@dataclass(frozen=True, slots=True)
class GradeCount:
    """How many queries got a grade.

    Attributes
    ----------
    right, wrong : int
        Queries of known places whose best place is the right one, and another.
    unknown : int
        Queries of places that the gallery lacks.
    """

    grade: Grade
    right: int
    wrong: int
    unknown: int


@dataclass(frozen=True, slots=True)
class RateOutcome:
    """What the queries of a run would have been answered at another false-accept rate.

    Attributes
    ----------
    false_accept_rate, threshold : float
        The rate that the calibration keeps, and the least probability that it accepts then.
    expected_share, expected_rate : float or None, float
        The shares of known and of unknown queries that were expected to get a place then.
    named_right, named_wrong : int
        Queries of known places that would get their place, and another.
    false_accepts : int
        Queries of places that the gallery lacks that would get one.
    """

    false_accept_rate: float
    threshold: float
    expected_share: float | None
    expected_rate: float
    named_right: int
    named_wrong: int
    false_accepts: int
