"""What settings changed, query by query: gained and lost against the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from placeprint.evaluation.compare import Compared, Comparison
from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
from placeprint.report.outcomes import Outcome, count, outcome_of, outcome_words
from placeprint.terminal import counted

EVERY_SETTING = 6
"""Settings up to which a query shows what all of them said; with more, what the first said and the one that changed."""

NAMED = 4
"""Settings that the first sentence names."""
PLAIN = 0.05
"""Below this p a difference is told as hardly luck."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A query that a setting answers better or worse than the first one."""

    path: str
    said: Mapping[int, EvaluatedQuery]  # The query as settings answered it, by their number.
    # before, after: What became of it by the first setting and by this one, in a few words.
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What one setting gained and lost against the first."""

    number: int  # Of the setting, from 1: the first is 0.
    # gained, lost: In the order of the queries.
    gained: tuple[Changed, ...]
    lost: tuple[Changed, ...]


def headline(comparison: Comparison) -> str:
    """Return how many known photos each setting named right, or put the right place first for."""
    first = comparison[0].result
    if not first.n_answerable:
        return "No query photo has a right answer in the gallery, so there is nothing to gain or lose."
    if any(decided(row.result) for row in comparison):
        done, numbers = "Named right", [count(row.result.queries)[Outcome.NAMED_RIGHT] for row in comparison]
    else:
        done, numbers = "The right place came first", [sum(q.right for q in row.result.queries) for row in comparison]
    shown = [
        f"{row.setting.name} {number} of {row.result.n_answerable}"
        for row, number in zip(comparison.rows[:NAMED], numbers, strict=False)
    ]
    if len(comparison) > NAMED:
        shown.append(f"{len(comparison) - NAMED} more")
    return f"{done}: {', '.join(shown)}."


def told(row: Compared, changes: Changes, first: str) -> str:
    """Return what a setting changed against the first, and whether that may be luck."""
    gained, lost = counted(len(changes.gained), "query", "queries"), len(changes.lost)
    named = row.open_set_test is not None
    test, of = (row.open_set_test if named else row.recall_test), "named right" if named else "whose place came first"
    luck = ""
    if test is not None:
        sure = "hardly luck" if test.p_value < PLAIN else "may be luck"
        numbers = f"{test.first_only} gained, {test.second_only} lost"
        luck = f" Of known photos {of}: {numbers}; {sure} (p = {test.p_value:.3f})."
    return f"Against {first}, {row.setting.name} gained {gained} and lost {lost}.{luck}"


def changes_of(comparison: Comparison) -> tuple[Changes, ...]:
    """Return what each setting but the first changed."""
    answers = [{query.path: query for query in row.result.queries} for row in comparison]
    return tuple(_changes(comparison, answers, number) for number in range(1, len(answers)))


def decided(result: EvaluationResult) -> bool:
    """Return whether UNKNOWN was a possible answer."""
    return result.open_set.recall_at_1 is not None


def better(query: EvaluatedQuery) -> tuple[int, bool]:
    """Order answers to one query: first by what was named, then by whether the right place came first."""
    return outcome_of(query).worth, query.right


def _changes(comparison: Comparison, answers: Sequence[Mapping[str, EvaluatedQuery]], number: int) -> Changes:
    gained: list[Changed] = []
    lost: list[Changed] = []
    words = [decided(row.result) for row in comparison]
    shown = range(len(answers)) if len(answers) <= EVERY_SETTING else (0, number)
    for path, now in answers[number].items():
        then = answers[0].get(path)
        if then is None or better(then) == better(now):
            continue
        said = {n: answers[n][path] for n in shown if path in answers[n]}
        before, after = outcome_words(then, asked=words[0]), outcome_words(now, asked=words[number])
        if before == after:  # what was named stayed: the order changed
            before, after = (f"{text}, {_first(q)}" for text, q in ((before, then), (after, now)))
        (gained if better(now) > better(then) else lost).append(Changed(path, said, before, after))
    return Changes(number, tuple(gained), tuple(lost))


def _first(query: EvaluatedQuery) -> str:
    return "right place first" if query.right else "wrong place first"


def differing(comparison: Comparison) -> list[tuple[str, list[EvaluatedQuery | None]]]:
    """Return the queries that not all settings answer alike, each with what every setting said; None where it did not.

    Those that most settings get wrong come first.
    """
    answers = [{query.path: query for query in row.result.queries} for row in comparison]
    paths = dict.fromkeys(path for said in answers for path in said)
    rows = [(path, [said.get(path) for said in answers]) for path in paths]
    unlike = [row for row in rows if len({_told(query) for query in row[1]}) > 1]
    return sorted(unlike, key=lambda row: (sum(outcome_of(q).worth for q in row[1] if q is not None), row[0]))


def _told(query: EvaluatedQuery | None) -> tuple[object, ...]:
    return () if query is None else (outcome_of(query), query.predicted)
