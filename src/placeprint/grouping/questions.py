"""Which pairs of photos a person should be asked about first: those whose answer is expected to change most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from placeprint.grouping.result import Edge, Grouping

SEVERAL = 0.05
"""How much less probable it is that two groups of several looks each were parted wrongly than their surest pair says:
so many pairs did not join them. Of 165 such groups of five labelled sets two were one place, of those alone a third."""
LIKELY = 0.5
"""Probability of a wrong decision from which on a pair is asked before all others: of two large groups even little is
worth much, and what was learned from pairs of photos says least of those."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether two photos show one place."""

    edge: Edge
    worth: float  # Photos that the answer is expected to change for the better.


def questions(found: Grouping) -> tuple[Question, ...]:
    """Return what to ask, the pair that teaches most first: one pair for two groups, one for a photo of a group.

    Joining groups of a and b photos changes what 2 a b / (a + b) photos find (the sum of what B-cubed recall gains);
    taking one photo out of a group of n changes 2 (n - 1) / n. That times the probability that it was decided wrongly
    (see `SEVERAL`) is what an answer is worth. What was more probably decided wrongly than not comes before all else.
    Pairs that were answered are not asked again.
    """
    home = {photo: number for number, group in enumerate(found.groups) for photo in group.photos}
    sizes = [len(group.photos) for group in found.groups]
    several = {photo for group in found.groups if len(group.looks) > 1 for photo in group.photos}
    answered = {frozenset((one.a, one.b)) for one in found.constraints}
    best: dict[object, Edge] = {}
    for edge in found.edges:
        for key in _keys(edge, home):
            if key not in best or edge.probability > best[key].probability:
                best[key] = edge
    asked: dict[Edge, tuple[float, float]] = {}
    for edge in best.values():
        if frozenset((edge.a, edge.b)) in answered:
            continue
        ours, theirs = (sizes[home[path]] if path in home else 1 for path in (edge.a, edge.b))
        changes = 2 * (ours - 1) / ours if edge.joined else 2 * ours * theirs / (ours + theirs)
        wrong = 1 - edge.probability if edge.joined else edge.probability
        if not edge.joined and several.issuperset((edge.a, edge.b)):
            wrong *= SEVERAL
        asked[edge] = wrong, wrong * changes
    ranked = sorted(asked.items(), key=lambda one: (one[1][0] < LIKELY, -one[1][1], one[0].a, one[0].b))
    return tuple(Question(edge, worth) for edge, (_, worth) in ranked)


def _keys(edge: Edge, home: dict[str, int]) -> Iterator[object]:
    """Yield what an edge may be the question of: its two groups, or of one group each of its photos."""
    if edge.joined:
        yield from (edge.a, edge.b)
    else:
        yield frozenset(home.get(path, path) for path in (edge.a, edge.b))
