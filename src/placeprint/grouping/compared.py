"""Compares photos: which of them are one look, and what speaks for pairs of looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.embedding.pipeline import Embedded
from placeprint.grouping.clusters import FAR, Agglomeration, Pair, Position
from placeprint.grouping.evidence import (
    MATCHED,
    SAME_VIEW,
    SURE,
    candidates,
    cell_votes,
    point_matches,
    ranks,
    without_mean,
)
from placeprint.grouping.looks import looks_of
from placeprint.grouping.result import Constraint, Link
from placeprint.grouping.rounds import MOST_MATCHED, Likely, in_rounds
from placeprint.grouping.same_place import SamePlace
from placeprint.progress import Progress, Stretch
from placeprint.recognition.rerank import matches


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks, and what speaks for pairs of them.

    Attributes
    ----------
    paths : tuple of str
        Of all photos.
    looks : tuple of tuple of int
        The photos of each look, as rows of `paths`; the first stands for it.
    vectors : ndarray of float32, shape (n_looks, dim)
        Unit vectors, see `placeprint.grouping.evidence.without_mean`.
    positions : tuple of (float, float) or None
        Of each look.
    pairs : tuple of (int, int)
        Looks that are near each other.
    evidence : ndarray of float64, shape (n_pairs,)
        Of matched local features, see `placeprint.recognition.rerank.matches.beyond_chance`; 0 where none were matched.
    matched : int
        How many pairs were matched.
    """

    paths: tuple[str, ...]
    looks: tuple[tuple[int, ...], ...]
    vectors: Vectors
    positions: tuple[Position | None, ...]
    pairs: tuple[Pair, ...]
    evidence: Floats
    matched: int

    def joined(
        self, constraints: Sequence[Constraint], same: SamePlace, least: float
    ) -> tuple[list[list[int]], dict[Pair, float]]:
        """Return the looks of each group, and the probability of each pair: where it lies in two groups, of these."""
        must, cannot = self.linked(constraints)
        odds = self.growing(same).odds(self.pairs)
        probabilities = dict(zip(self.pairs, map(same.probability_of, odds.tolist()), strict=True))
        growing = self.grown(same, least, must, cannot)
        groups = growing.groups()
        found = {look: number for number, group in enumerate(groups) for look in group}
        parted = [pair for pair in self.pairs if found[pair[0]] != found[pair[1]]]
        between = growing.odds(parted).tolist()
        probabilities.update(zip(parted, map(same.probability_of, between), strict=True))
        return groups, probabilities

    def linked(self, constraints: Iterable[Constraint]) -> tuple[list[Pair], list[Pair]]:
        """Return the looks that answers put together, and those that they part."""
        home = {self.paths[row]: number for number, look in enumerate(self.looks) for row in look}
        linked: dict[Link, set[Pair]] = {link: set() for link in Link}
        for one in constraints:
            a, b = sorted((home[one.a], home[one.b]))
            if a != b:
                linked[one.link].add((a, b))
        return sorted(linked[Link.MUST]), sorted(linked[Link.CANNOT])

    def grown(self, same: SamePlace, least: float, must: Sequence[Pair], cannot: Sequence[Pair]) -> Agglomeration:
        """Return what is joined down to a bound.

        What must be together is joined when each of the two is where it belongs: joined before, two photos that are
        unlike each other would be like nothing else. Only where that would put together what an answer parts it is.
        """
        growing = self.growing(same, cannot)
        growing.grow(least)
        if not growing.join_all(must):
            growing = self.growing(same, cannot)
            growing.join_all(must)
        growing.grow(least)
        return growing

    def growing(self, same: SamePlace, cannot: Iterable[Pair] = ()) -> Agglomeration:
        """Return the looks as they are before any are joined."""
        evidence = dict(zip(self.pairs, self.evidence.tolist(), strict=True))
        return Agglomeration(self.vectors, evidence, self.positions, same, cannot)


def compared(
    done: Embedded,
    constraints: Sequence[Constraint] = (),
    *,
    bound: tuple[SamePlace, float] | None = None,
    root: Path | None = None,
    most: int = MOST_MATCHED,
    progress: Progress | None = None,
) -> Looks:
    """Compare embedded photos; those that an answer parts are never one look.

    Parameters
    ----------
    done : Embedded
    constraints : sequence of Constraint
    bound : tuple of SamePlace and float, optional
        What groups will be joined by, and the least log-odds: pairs that cannot change these groups are not matched.
        Without it all that are worth matching are, as for learning.
    root : Path, optional
        Where the photos are, see `placeprint.grouping.looks.looks_of`.
    most : int
        Pairs whose local features are matched.
    progress : Progress, optional
    """
    rows = {record.path: row for row, record in enumerate(done.records)}
    parted = {(rows[one.a], rows[one.b]) for one in constraints if one.link is Link.CANNOT}
    near = candidates(without_mean(done.vectors), progress)
    looks = looks_of(done.records, done.vectors, near, root=root, parted=parted, progress=progress)
    first = [look[0] for look in looks]
    vectors = without_mean(done.vectors[first])
    positions = [next((at for row in look if (at := done.records[row].degrees) is not None), None) for look in looks]
    found = candidates(vectors, progress).within(FAR, positions)
    votes = cell_votes(found, done.parts["cells"].kept(first), progress)
    looked = Looks(
        paths=tuple(record.path for record in done.records),
        looks=tuple(map(tuple, looks)),
        vectors=vectors,
        positions=tuple(positions),
        pairs=tuple(found.pairs),
        evidence=matches.beyond_chance(np.where(votes >= SAME_VIEW, SURE, 0.0)),
        matched=0,
    )
    points = done.parts["xfeat"].kept(first)
    asked = ranks(found, votes, positions)
    open_rows = np.flatnonzero((looked.evidence == 0) & (asked < MATCHED))
    with Stretch(progress, "matching at most", min(most, len(open_rows))) as tick:
        likely = Likely(looked.pairs, asked, votes, lambda pairs: point_matches(pairs, points, tick))
        if bound is None:
            evidence, count = likely.with_matched(looked.evidence, open_rows), len(open_rows)
        else:
            (same, least), linked = bound, looked.linked(constraints)

            def grown(known: Floats) -> Agglomeration:
                return replace(looked, evidence=known).grown(same, least, *linked)

            evidence, count = in_rounds(likely, looked.evidence, grown, least, most)
    return replace(looked, evidence=evidence, matched=count)
