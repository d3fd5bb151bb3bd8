"""The frozen result of mining: hard images, confusable places, labels to look at."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from placeprint.evaluation.json_values import plain
from placeprint.notebooks import Tabular, html_table
from placeprint.records import FailedImage, Match, SetAside
from placeprint.terminal import counted

_SHOWN = 20
"""Pairs of places that a notebook shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedImage:
    """One labelled image as an anchor, among the gallery images.

    Attributes
    ----------
    path : str
    places : tuple of str
    positives : tuple of Match
        Images that share a place, the least similar first; exact copies of the anchor are none.
    best_positive : Match or None
        The most similar of them all.
    negatives : tuple of Match
        Images that share no place, the most similar first, without the suspect labels.
    margin : float
        Score of the best positive less that of the best negative; NaN where either is missing.

    Examples
    --------
    >>> import placeprint
    >>> mined = placeprint.mine(gallery="town.gallery")
    >>> hardest = mined.anchors[0]
    >>> len(hardest.negatives), hardest.violation
    (9, False)
    """

    path: str
    places: tuple[str, ...]
    positives: tuple[Match, ...]
    best_positive: Match | None
    negatives: tuple[Match, ...]
    margin: float

    @property
    def violation(self) -> bool:
        """True when an image of another place is nearer than any of its own."""
        return self.margin < 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two near-identical images that share no place: probably a wrong label, or the same place twice."""

    path: str
    places: tuple[str, ...]
    other: Match
    same_bytes: bool  # The files are equal; otherwise only their embeddings nearly are.

    @property
    def how(self) -> str:
        """How alike they are, in a few words."""
        return "the same bytes" if self.same_bytes else f"cosine {self.other.score:.3f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePair:
    """Two places that are hard to tell apart."""

    places: tuple[str, str]  # Sorted.
    images: tuple[int, int]  # Gallery images of each.
    anchors: int  # Images of either place whose best negative is in the other.
    violations: int  # Those of them that are nearer to the other place than to their own.
    # highest, mean: Score of their best negatives.
    highest: float
    mean: float
    example: tuple[str, str]  # The anchor and the negative of the highest score.
    advice: str  # One line for whoever takes photos.


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningResult(Tabular):
    """What mining found: hard images, confusable places, suspect labels.

    Attributes
    ----------
    dataset, model, fingerprint : str
        What was mined.
    roots : tuple of str
        Folders that the gallery's paths are relative to.
    n_gallery : int
        Labelled gallery images.
    anchors : tuple of MinedImage
        The smallest margin first; without a margin last.
    pairs : tuple of PlacePair
        Most violations first, then most anchors, then the highest score.
    n_pairs : int
        Before the limit.
    suspects : tuple of Suspect
        Equal files first, then the most similar.
    without_positives : tuple of str
        Places of which no image has another, but for copies, in the gallery.
    unlabelled : tuple of str
        Paths of images that took no part, as they have no place.
    set_aside : tuple of SetAside
        Rows of a table of embeddings that were not asked.
    unusable : tuple of FailedImage
    seconds : float
        Wall time of the search.

    Examples
    --------
    >>> import placeprint
    >>> mined = placeprint.mine(gallery="town.gallery")
    >>> mined.pairs[0].places
    ('town-hall', 'town-hall-2')
    """

    dataset: str
    model: str
    fingerprint: str
    roots: tuple[str, ...]
    n_gallery: int
    anchors: tuple[MinedImage, ...]
    pairs: tuple[PlacePair, ...]
    n_pairs: int
    suspects: tuple[Suspect, ...]
    without_positives: tuple[str, ...]
    unlabelled: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    unusable: tuple[FailedImage, ...]
    seconds: float

    @property
    def violations(self) -> tuple[MinedImage, ...]:
        """Anchors that are nearer to another place than to their own, the worst first."""
        return tuple(a for a in self.anchors if a.violation)

    @property
    def says(self) -> str:
        """One line for people."""
        places = len({place for a in self.anchors for place in a.places})
        mined = f"{counted(len(self.anchors), 'labelled image')} of {counted(places, 'place')}"
        if not any(a.negatives for a in self.anchors):
            return f"{mined}: there is no image of another place to learn from"
        judged = sum(not math.isnan(a.margin) for a in self.anchors)
        nearer = f"{len(self.violations)} of {judged} that can be judged"
        return f"{mined}: {nearer} are nearer to another place than to their own"

    def __repr__(self) -> str:
        """Say what was found, in one line."""
        return f"<MiningResult of {self.dataset}: {self.says}>"

    def _repr_html_(self) -> str:
        """Show a notebook the places that are confused most."""
        columns = ("place", "and", "images", "mistaken", "highest", "mean", "advice")
        rows = ((*p.places, p.anchors, p.violations, p.highest, p.mean, p.advice) for p in self.pairs[:_SHOWN])
        return html_table(repr(self)[1:-1], columns, rows)

    def table(self) -> list[dict[str, Any]]:
        """Return one row a triplet."""
        return [
            {
                "anchor": anchor.path,
                "positive": positive.path,
                "negative": negative.path,
                "positive_score": positive.score,
                "negative_score": negative.score,
            }
            for anchor, positive, negative in self.triplets()
        ]

    def triplets(self) -> Iterator[tuple[MinedImage, Match, Match]]:
        """Yield triplets of anchor, positive and negative: anchors in order, for each the hardest first."""
        for anchor in self.anchors:
            for positive, negative in product(anchor.positives, anchor.negatives):
                yield anchor, positive, negative

    def to_dict(self, *, every_anchor: bool = False) -> dict[str, Any]:
        """Ready for JSON: NaN becomes null; only the violations, unless every anchor is asked for."""
        row = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in ("anchors", "set_aside")}
        row["set_aside"] = [aside.to_dict() for aside in self.set_aside]
        row |= {"n_anchors": len(self.anchors), "says": self.says, "violations": plain(self.violations)}
        return row | ({"anchors": plain(self.anchors)} if every_anchor else {})


def ranked_pairs(
    anchors: Sequence[MinedImage], suspects: Sequence[Suspect], images: Mapping[str, int]
) -> tuple[PlacePair, ...]:
    """Collect which two places have their best negatives in each other, the most confused first.

    `suspects`: Between two places they come first: other images do not mend a wrong label.
    `images`: Gallery images of each place.
    """
    found: dict[tuple[str, str], list[MinedImage]] = defaultdict(list)
    for anchor in anchors:
        if anchor.negatives:
            for names in _pairs_of(anchor.places, anchor.negatives[0].places):
                found[names].append(anchor)
    twins = Counter(names for s in suspects for names in _pairs_of(s.places, s.other.places))
    pairs = (_pair(names, near, images, twins[names]) for names, near in found.items())
    return tuple(sorted(pairs, key=lambda p: (-p.violations, -p.anchors, -p.highest, p.places)))


def _pairs_of(places: Sequence[str], others: Sequence[str]) -> set[tuple[str, str]]:
    return {(min(pair), max(pair)) for pair in product(places, others)}


def _pair(names: tuple[str, str], anchors: Sequence[MinedImage], images: Mapping[str, int], twins: int) -> PlacePair:
    closest = max(anchors, key=lambda a: a.negatives[0].score)
    return PlacePair(
        places=names,
        images=(images[names[0]], images[names[1]]),
        anchors=len(anchors),
        violations=sum(a.violation for a in anchors),
        highest=closest.negatives[0].score,
        mean=sum(a.negatives[0].score for a in anchors) / len(anchors),
        example=(closest.path, closest.negatives[0].path),
        advice=_advice(names, anchors, images, twins),
    )


def _advice(names: tuple[str, str], anchors: Sequence[MinedImage], images: Mapping[str, int], twins: int) -> str:
    """Advise what to photograph: more images help the place that is mistaken; those of the other would hurt it."""
    if twins:
        return f"look at the {counted(twins, 'suspect label')} between the two before taking photos"
    fewer, more = sorted(names, key=lambda name: images[name])
    lost = Counter(name for a in anchors if a.violation for name in names if name in a.places)
    if not lost:
        if images[fewer] > 1:
            return "none: no photo is mistaken yet"
        return f"more photos of {fewer}: {images[fewer]} in the gallery, too few to see mistakes"
    worse, better = sorted(names, key=lambda name: -lost[name])
    if lost[worse] > lost[better]:
        return f"more photos of {worse}: {lost[worse]} mistaken, {images[worse]} in the gallery"
    if images[fewer] < images[more]:
        return f"more photos of {fewer}: {images[fewer]} in the gallery, the other has {images[more]}"
    return "more photos of both, of what only one of them has"
