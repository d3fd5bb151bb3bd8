"""Measure what a person's answers do to groups: 5 to the pairs that the page asks, beside 20 to pairs drawn at random.

    python benchmarks/group_questions.py TOWN        # TOWN: made by `python -m town TOWN --places 60 --views 6`

All photos of a labelled set lie in one flat folder without names; answers are the labels'. Prints B-cubed F before,
after the first 5 pairs of `placeprint.grouping.questions`, all asked at once or one after another, and after 20 random
pairs of photos, or of all pairs that would be asked (means of `DRAWS` draws). Reads ../shared/data; pairs
that are matched are kept in the user's cache.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from placeprint.grouping.groups import alone_of, edges_of, groups_of
from placeprint.grouping.questions import questions
from placeprint.grouping.result import Constraint, Grouping, Link
from placeprint.grouping.same_place import shipped_same_place
from tools.bcubed import b_cubed
from tools.same_place_fit import LabelledLooks, labelled_looks, sets_of

ASKED, RANDOM, DRAWS = 5, 20, 5
RATE = 0.02
SETS = ("landmarks", "poznan_bovw", "smvs_landmarks", "town")


def grouped(one: LabelledLooks, said: Sequence[Constraint]) -> tuple[float, Grouping]:
    """Return B-cubed F of the groups that respect what was said, and the groups."""
    same, looks = shipped_same_place(), one.looks
    groups, probabilities = looks.joined(said, same, same.least(RATE))
    edges = edges_of(looks, groups, probabilities)
    home = {row: number for number, group in enumerate(groups) for look in group for row in looks.looks[look]}
    found = Grouping(
        root=Path(),
        images=len(looks.paths),
        looks=len(looks.looks),
        groups=groups_of(looks, groups, edges, {}),
        alone=alone_of(looks, groups),
        edges=edges,
        constraints=tuple(said),
        false_merge_rate=RATE,
        model="",
        matched=0,
        failures=(),
        seconds=0.0,
    )
    return b_cubed([home[row] for row in range(len(looks.paths))], one.places).f, found


def answered(one: LabelledLooks, pairs: Iterable[tuple[str, str]]) -> list[Constraint]:
    """Answer pairs by the labels."""
    place = dict(zip(one.looks.paths, one.places, strict=True))
    return [Constraint(Link.MUST if place[a] == place[b] else Link.CANNOT, a, b) for a, b in pairs]


def measured(one: LabelledLooks) -> str:
    """Return a row of the table."""
    before, found = grouped(one, ())
    first = [(each.edge.a, each.edge.b) for each in questions(found)]
    at_once = grouped(one, answered(one, first[:ASKED]))[0]
    said: list[Constraint] = []
    for _ in range(ASKED):
        asked = questions(grouped(one, said)[1])
        said += answered(one, [(each.edge.a, each.edge.b) for each in asked[:1]])
    turn = grouped(one, said)[0]
    rng = random.Random(0)  # noqa: S311 - no secret
    any_pair, doubtful = list[float](), list[float]()
    for _ in range(DRAWS):
        pairs = [(a, b) for a, b in (rng.sample(one.looks.paths, 2) for _ in range(RANDOM))]
        any_pair.append(grouped(one, answered(one, pairs))[0])
        doubtful.append(grouped(one, answered(one, rng.sample(first, min(RANDOM, len(first)))))[0])
    cells = (before, at_once, turn, float(np.mean(any_pair)), float(np.mean(doubtful)))
    return " | ".join([one.name, *(f"{value:.4f}" for value in cells)])


def main() -> None:
    """Print a table."""
    print(f"set | F before | {ASKED} asked at once | one after another | {RANDOM} random pairs | {RANDOM} of all asked")
    for name, folder in sets_of(Path(sys.argv[1])).items():
        if name in SETS:
            with tempfile.TemporaryDirectory() as room:
                print(measured(labelled_looks(name, [folder], Path(room))), flush=True)


if __name__ == "__main__":
    main()
