"""Compares photos: which of them are one look, and what speaks for pairs of looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.embedding.pipeline import Embedded
from placeprint.grouping.clusters import Agglomeration, Pair, Position
from placeprint.grouping.evidence import (
    MOST_MATCHED,
    SURE,
    candidates,
    cell_votes,
    point_matches,
    without_mean,
    worth_matching,
)
from placeprint.grouping.looks import looks_of
from placeprint.grouping.result import Constraint, Link
from placeprint.grouping.same_place import SamePlace
from placeprint.progress import Progress
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
        home = {self.paths[row]: number for number, look in enumerate(self.looks) for row in look}
        linked: dict[Link, set[Pair]] = {link: set() for link in Link}
        for one in constraints:
            a, b = sorted((home[one.a], home[one.b]))
            if a != b:
                linked[one.link].add((a, b))
        growing = self.growing(same, linked[Link.CANNOT])
        odds = growing.odds(self.pairs)
        growing.join_all(sorted(linked[Link.MUST]))
        probabilities = dict(zip(self.pairs, map(same.probability_of, odds.tolist()), strict=True))
        groups = growing.run(least)
        found = {look: number for number, group in enumerate(groups) for look in group}
        parted = [pair for pair in self.pairs if found[pair[0]] != found[pair[1]]]
        between = growing.odds(parted).tolist()
        probabilities.update(zip(parted, map(same.probability_of, between), strict=True))
        return groups, probabilities

    def growing(self, same: SamePlace, cannot: Iterable[Pair] = ()) -> Agglomeration:
        """Return the looks as they are before any are joined."""
        evidence = dict(zip(self.pairs, self.evidence.tolist(), strict=True))
        return Agglomeration(self.vectors, evidence, self.positions, same, cannot)


def compared(
    done: Embedded,
    constraints: Sequence[Constraint] = (),
    *,
    root: Path | None = None,
    most: int = MOST_MATCHED,
    progress: Progress | None = None,
) -> Looks:
    """Compare embedded photos; those that an answer parts are never one look.

    Parameters
    ----------
    done : Embedded
    constraints : sequence of Constraint
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
    found = candidates(vectors, progress)
    votes = cell_votes(found, done.parts["cells"].kept(first), progress)
    known, asked = worth_matching(found, votes, len(first), most)
    pairs, evidence = found.pairs, np.zeros(len(found))
    evidence[known] = matches.beyond_chance(np.full(len(known), SURE))
    points = point_matches([pairs[row] for row in asked], done.parts["xfeat"].kept(first), progress)
    evidence[asked] = matches.beyond_chance(points)
    positions = (next((at for row in look if (at := done.records[row].degrees) is not None), None) for look in looks)
    return Looks(
        paths=tuple(record.path for record in done.records),
        looks=tuple(map(tuple, looks)),
        vectors=vectors,
        positions=tuple(positions),
        pairs=tuple(pairs),
        evidence=evidence,
        matched=len(asked),
    )
