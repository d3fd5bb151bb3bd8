"""What became of each query, in a few words, and the order in which a person looks at them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult


class Outcome(StrEnum):
    """What became of a query; the worst first."""

    NAMED_WRONG = "named wrong"
    LET_IN = "unknown let in"
    NOT_NAMED = "not named"
    NAMED_RIGHT = "named right"
    KEPT_OUT = "rightly not named"

    @property
    def good(self) -> bool:
        """Whether nothing is to be mended."""
        return self in (Outcome.NAMED_RIGHT, Outcome.KEPT_OUT)

    @property
    def worth(self) -> int:
        """Order outcomes of one query: 1 for what is wanted, 0 for a place that is not named, -1 for a wrong one."""
        return 1 if self.good else 0 if self is Outcome.NOT_NAMED else -1


UNDECIDED = {
    Outcome.NAMED_WRONG: "wrong place first",
    Outcome.LET_IN: "not in the gallery",
    Outcome.NAMED_RIGHT: "right place first",
}
"""Words where nothing can be UNKNOWN: every query gets a place, and nobody decided that."""


def outcome_of(query: EvaluatedQuery) -> Outcome:
    """Return what became of a query."""
    if not query.accepted:
        return Outcome.NOT_NAMED if query.known else Outcome.KEPT_OUT
    if not query.known:
        return Outcome.LET_IN
    return Outcome.NAMED_RIGHT if query.right else Outcome.NAMED_WRONG


def outcome_words(query: EvaluatedQuery, *, asked: bool) -> str:
    """Return what became of a query for people; `asked` tells whether UNKNOWN was possible."""
    outcome = outcome_of(query)
    return str(outcome) if asked else UNDECIDED.get(outcome, str(outcome))


def worst_first(result: EvaluationResult) -> list[EvaluatedQuery]:
    """Return the queries, those with the worst outcome first and of these the surest."""
    order = {outcome: place for place, outcome in enumerate(Outcome)}
    return sorted(result.queries, key=lambda q: (order[outcome_of(q)], -_or_least(sureness(q)), q.path))


def sureness(query: EvaluatedQuery) -> float:
    """Return the calibrated probability of the best place where there is one, else the best score."""
    return query.score if math.isnan(query.probability) else query.probability


def count(queries: Iterable[EvaluatedQuery]) -> dict[Outcome, int]:
    """Count outcomes, also those that no query has."""
    counts = dict.fromkeys(Outcome, 0)
    for query in queries:
        counts[outcome_of(query)] += 1
    return counts


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else value
