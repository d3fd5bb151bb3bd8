"""Compares photos: which of them are one look, and what speaks for pairs of looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from placeprint.arrays import Vectors
from placeprint.embedding.pipeline import Embedded
from placeprint.grouping.clusters import Agglomeration, Pair, Position
from placeprint.grouping.evidence import (
    candidates,
    cell_votes,
    point_matches,
    usual_matches,
    without_mean,
    worth_matching,
)
from placeprint.grouping.looks import looks_of
from placeprint.grouping.result import Constraint, Link
from placeprint.grouping.same_place import SamePlace
from placeprint.progress import Progress


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks, and what speaks for pairs of them.

    Attributes
    ----------
    paths : tuple of str
        Of all photos.
    looks : tuple of tuple of int
        The photos of each look, as rows of `paths`; the first stands for it.
    pairs : mapping of (int, int) to float or None
        Candidates, as numbers of looks: the log-odds of their matches, None where they were not matched.
    vectors : ndarray of float32, shape (n_looks, dim)
        Unit vectors, see `placeprint.grouping.evidence.without_mean`.
    positions : tuple of (float, float) or None
        Of each look.
    matched : int
        Pairs that were matched.
    """

    paths: tuple[str, ...]
    looks: tuple[tuple[int, ...], ...]
    pairs: dict[Pair, float | None]
    vectors: Vectors
    positions: tuple[Position | None, ...]
    matched: int

    def joined(
        self, constraints: Sequence[Constraint], same: SamePlace, least: float
    ) -> tuple[list[list[int]], dict[Pair, float]]:
        """Return the looks of each group, and the probability of each pair by itself."""
        home = {self.paths[row]: number for number, look in enumerate(self.looks) for row in look}
        linked: dict[Link, set[Pair]] = {link: set() for link in Link}
        for one in constraints:
            a, b = sorted((home[one.a], home[one.b]))
            if a != b:
                linked[one.link].add((a, b))
        growing = Agglomeration(self.vectors, self.pairs, self.positions, same, linked[Link.CANNOT])
        odds = growing.odds(list(self.pairs))
        growing.join_all(sorted(linked[Link.MUST]))
        probabilities = dict(zip(self.pairs, map(same.probability_of, odds.tolist()), strict=True))
        return growing.run(least), probabilities


def compared(
    done: Embedded, constraints: Sequence[Constraint], same: SamePlace, progress: Progress | None = None
) -> Looks:
    """Compare embedded photos; those that an answer parts are never one look."""
    rows = {record.path: row for row, record in enumerate(done.records)}
    parted = {(rows[one.a], rows[one.b]) for one in constraints if one.link is Link.CANNOT}
    looks = looks_of(done.records, done.vectors, candidates(without_mean(done.vectors), progress), parted)
    first = [look[0] for look in looks]
    vectors = without_mean(done.vectors[first])
    found = candidates(vectors, progress)
    votes = cell_votes(found, done.parts["cells"].kept(first), progress)
    asked = worth_matching(found, votes, len(first))
    matched = point_matches(asked, done.parts["xfeat"].kept(first), progress)
    odds = same.point_odds(matched, usual_matches(asked, matched, len(first)))
    pairs: dict[Pair, float | None] = dict.fromkeys(found.pairs)
    pairs.update(zip(asked, odds.tolist(), strict=True))
    positions = (next((at for row in look if (at := done.records[row].degrees) is not None), None) for look in looks)
    paths = tuple(record.path for record in done.records)
    return Looks(paths, tuple(map(tuple, looks)), pairs, vectors, tuple(positions), len(asked))
