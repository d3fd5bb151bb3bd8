"""Groups, photos alone and pairs, as they are told: by paths and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from placeprint.dataset.checks.measurements import ImageFacts, measure_files
from placeprint.grouping.clusters import Pair
from placeprint.grouping.compared import Looks
from placeprint.grouping.names import named
from placeprint.grouping.result import Alone, Edge, Group
from placeprint.grouping.towns import known_towns
from placeprint.progress import Progress, Stretch

_KEPT = 0.05
"""Probability from which a pair that was compared is told."""
_NOTHING = "no other photo shows what it shows"
_PLAIN = "no other photo shows what it shows, and it has few shades, as a document, a screen or a blank photo: no place"
FEW_GREYS = 0.75
"""Share of a photo that eight greys fill from which it is said to be plain, see `docs/groups.md`."""
MOST_LOOKED_AT = 2000
"""Photos alone that are decoded for that: a minute or two."""


def edges_of(compared: Looks, groups: Sequence[Sequence[int]], probabilities: Mapping[Pair, float]) -> tuple[Edge, ...]:
    """Return the pairs that are not certain to be different places."""
    home = {look: number for number, looks in enumerate(groups) for look in looks}
    first = [compared.paths[look[0]] for look in compared.looks]
    return tuple(
        Edge(first[a], first[b], probability, home[a] == home[b])
        for (a, b), probability in probabilities.items()
        if probability >= _KEPT
    )


def alone_of(compared: Looks, groups: Sequence[Sequence[int]]) -> tuple[Alone, ...]:
    """Return the photos that are in no group."""
    single = (compared.looks[looks[0]] for looks in groups if len(looks) == 1)
    return tuple(Alone(compared.paths[look[0]], _NOTHING) for look in sorted(single) if len(look) == 1)


def reasoned(alone: Sequence[Alone], root: Path, progress: Progress | None = None) -> tuple[Alone, ...]:
    """Return photos that are alone with a better reason where their pixels tell one; a file that is gone has none."""
    looked = alone[:MOST_LOOKED_AT]
    facts = measure_files(root, [one.path for one in looked])
    told = []
    with Stretch(progress, "looking at those alone", len(looked)) as tick:
        for one, found in zip(looked, facts, strict=True):
            plain = isinstance(found, ImageFacts) and found.few_greys >= FEW_GREYS
            told.append(Alone(one.path, _PLAIN) if plain else one)
            tick()
    return (*told, *alone[MOST_LOOKED_AT:])


def groups_of(
    compared: Looks, groups: Sequence[Sequence[int]], edges: Sequence[Edge], given: Mapping[str, str]
) -> tuple[Group, ...]:
    """Return the groups of two and more photos, the largest first.

    `groups`: Looks.
    `given`: What a person called the place of a photo.
    """
    paths = compared.paths
    looks = [[tuple(paths[row] for row in compared.looks[look]) for look in _typical(one, compared)] for one in groups]
    several = [one for one in looks if len(one) > 1 or len(one[0]) > 1]
    several.sort(key=lambda one: (-sum(map(len, one)), one[0]))
    strongest: dict[str, float] = {}
    for edge in edges:
        for path in (edge.a, edge.b) if edge.joined else ():
            strongest[path] = max(strongest.get(path, 0.0), edge.probability)
    photos = [tuple(path for look in one for path in look) for one in several]
    positions = {
        paths[look[0]]: at for look, at in zip(compared.looks, compared.positions, strict=True) if at is not None
    }
    names = named(photos, given, paths, positions, known_towns() if positions else None)
    return tuple(
        Group(
            place=name,
            named_by=source,
            photos=inside,
            looks=tuple(one),
            weakest=1.0 if len(one) == 1 else min(strongest.get(look[0], 0.0) for look in one),
        )
        for one, inside, (name, source) in zip(several, photos, names, strict=True)
    )


def _typical(looks: Sequence[int], compared: Looks) -> list[int]:
    """Return the looks of a group, the one that is nearest to all others first."""
    inside = compared.vectors[list(looks)]
    return [looks[at] for at in np.argsort(-(inside @ inside.mean(axis=0)), kind="stable").tolist()]
