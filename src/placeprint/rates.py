"""What a count of nothing tells of a rate: that none of a few was seen does not say that there is none."""

from __future__ import annotations

LEVEL = 0.95


def most_of_none(units: float, level: float = LEVEL) -> float:
    """Return the highest rate that is likely where none of so many units had what is counted, 0 to 1.

    The exact interval of a binomial (Clopper and Pearson 1934, "The Use of Confidence or Fiducial Limits", Biometrika
    26), whose lower end is 0 then: of 3 units 0.71, of 30 0.12, of 300 0.012. Of units that all have it, one less this
    is the lower end. A bootstrap would make an interval from 0 to 0 of them.

    `units`: What may be taken as independent of each other: queries, or places; above 0.
    `level`: The share of such intervals that hold the truth.
    """
    return 1.0 - float(((1 - level) / 2) ** (1 / units))
