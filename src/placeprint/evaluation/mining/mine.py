"""Hard negatives and confusable pairs of places, ranked: what to train on, and what to photograph next."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from placeprint.arrays import Rows, Scores
from placeprint.dataset.manifest import Manifest
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.mining.result import MinedImage, MiningResult, Suspect, ranked_pairs
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import Vectors, unit_vectors
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import BuildOptions, BuildWords, Imported, ImportedWords, records_of
from placeprint.progress import Progress, Stretch
from placeprint.recognition.copies import NEAR_DUPLICATE
from placeprint.records import ImageRecord, Match
from placeprint.terminal import counted

BLOCK_BYTES = 64 * 1024 * 1024
"""Scores held at once: those of 167 anchors against 100,000 gallery images."""

MOST_TWINS = 10
"""Suspects told of one image: of n black images 10 n pairs, not n²."""

_NONE = np.empty(0, np.int64)


class MineWords(BuildWords, ImportedWords, total=False):
    """Keywords of `mine`."""


def mine(
    dataset: Path | str | Manifest | None = None,
    *,
    gallery: AnyGallery | Path | str | None = None,
    negatives: int = 10,
    positives: int = 1,
    pairs: int = 100,
    progress: Progress | None = None,
    **options: Unpack[MineWords],
) -> MiningResult:
    """Find the hardest negatives and positives of each image, and the places that are hardest to tell apart.

    Every labelled image is an anchor, of the gallery and of the queries, and is compared with all other
    labelled gallery images but its copies; a query that is a copy of a gallery image of its place is none. Nearly equal
    images of different places are reported as suspect labels and are no negatives: to train on them is to
    train on a mistake. What is left can still be wrong: correct the suspects, and mine again.

    Parameters
    ----------
    dataset, gallery
        As in `placeprint.evaluate`.
    negatives, positives : int
        How many an anchor keeps, the hardest first.
    pairs : int
        How many pairs of places are listed.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``, ``preset``, ``index``, ``embeddings``, ``records``: as in
        `placeprint.evaluate`. The search is exact, and by cosine similarity alone.

    Raises
    ------
    UsageError, DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.mine(gallery="town.gallery").pairs[0].places
    ('town-hall', 'town-hall-2')
    """
    if min(negatives, positives, pairs) < 1:
        raise UsageError(f"negatives, positives and pairs must be at least 1: {negatives}, {positives}, {pairs}")
    build, imported = records_of({"index": "exact", **options}, BuildOptions, Imported)
    inputs = gather(dataset, gallery, options=build, imported=imported, progress=progress)
    return mine_inputs(inputs, negatives=negatives, positives=positives, pairs=pairs, progress=progress)


def mine_inputs(
    inputs: Inputs, *, negatives: int = 10, positives: int = 1, pairs: int = 100, progress: Progress | None = None
) -> MiningResult:
    """Mine a gallery and queries that are embedded already, as `mine` does."""
    began = time.perf_counter()
    anchors, suspects = _searched(inputs.gallery, _asked(inputs), negatives, positives, progress)
    unlabelled = dict.fromkeys(r.path for r in (*inputs.gallery.records, *inputs.queries.records) if not r.places)
    if not anchors and unlabelled:
        raise DatasetError(f"none of {counted(len(unlabelled), 'image')} has a place: there is nothing to mine")
    labelled = [r for r in inputs.gallery.records if r.places]
    ranked = ranked_pairs(anchors, suspects, Counter(place for r in labelled for place in r.places))
    have = {place for anchor in anchors if anchor.positives for place in anchor.places}
    return MiningResult(
        dataset=inputs.name,
        model=inputs.gallery.spec.name,
        fingerprint=inputs.gallery.spec.fingerprint(),
        roots=inputs.gallery.roots,
        n_gallery=len(labelled),
        anchors=anchors,
        pairs=ranked[:pairs],
        n_pairs=len(ranked),
        suspects=suspects,
        without_positives=tuple(sorted({place for a in anchors for place in a.places} - have)),
        unlabelled=tuple(unlabelled),
        set_aside=inputs.queries.set_aside,
        unusable=inputs.unusable,
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rows of some images that are anchors; numbered from `first`, the gallery's own from 0."""

    records: Sequence[ImageRecord]
    vectors: Vectors
    rows: Rows
    first: int


def _asked(inputs: Inputs) -> tuple[_Asked, _Asked]:
    """Return the gallery's anchors, and the queries that are not its images under the same label."""
    gallery, queries = inputs.gallery.records, inputs.queries.records
    own = inputs.queries.own_rows or (-1,) * len(queries)
    shown: dict[str, set[str]] = defaultdict(set)
    for record in gallery:
        if record.content_hash:
            shown[record.content_hash].update(record.places)
    asked = []
    for row, query in zip(own, queries, strict=True):
        known = {*shown.get(query.content_hash, ()), *(gallery[row].places if row >= 0 else ())}
        asked.append(bool(query.places) and known.isdisjoint(query.places))
    held = [bool(r.places) for r in gallery]
    return (
        _Asked(gallery, inputs.gallery.vectors, np.flatnonzero(held), 0),
        _Asked(queries, inputs.queries.vectors, np.flatnonzero(asked), len(gallery)),
    )


class _Searched:
    """The gallery that anchors are compared with."""

    def __init__(self, gallery: Gallery, negatives: int, positives: int) -> None:
        self.records, self.vectors = gallery.records, np.asarray(gallery.vectors)
        self.negatives, self.positives = negatives, positives
        self.truth = ByPlace.of(gallery.records)
        self.unlabelled = np.flatnonzero([not r.places for r in gallery.records])
        copies: dict[str, list[int]] = defaultdict(list)
        for row, record in enumerate(gallery.records):
            if record.content_hash:
                copies[record.content_hash].append(row)
        self.copies = {content: np.array(rows, np.int64) for content, rows in copies.items()}

    def lines(self, asked: _Asked) -> Iterator[tuple[int, Scores]]:
        """Yield each anchor's row and its scores over the gallery, -inf where an image has no label."""
        step = max(1, BLOCK_BYTES // (4 * max(len(self.vectors), 1)))
        for start in range(0, len(asked.rows), step):
            rows = asked.rows[start : start + step]
            scores = unit_vectors(asked.vectors[rows]) @ self.vectors.T
            scores[:, self.unlabelled] = -np.inf
            yield from zip(rows.tolist(), scores, strict=True)

    def look(self, record: ImageRecord, number: int, line: Scores) -> tuple[MinedImage, tuple[Suspect, ...]]:
        """Sort one anchor's scores, which are overwritten, into its own place, suspects and other places."""
        right = self.truth.positives(record)
        copies = self.copies.get(record.content_hash, _NONE)
        good = np.setdiff1d(right, np.append(copies, number))
        best = self._ranked(line, good, 1)
        positives = self._ranked(line, good, self.positives, least=True)
        line[right] = -np.inf
        alike = np.union1d(np.flatnonzero(line >= NEAR_DUPLICATE), copies[line[copies] > -np.inf])
        twins = self._ranked(line, alike, MOST_TWINS)
        line[alike] = -np.inf
        negatives = self._ranked(line, _candidates(line, self.negatives), self.negatives)
        margin = best[0].score - negatives[0].score if best and negatives else math.nan
        return (
            MinedImage(
                path=record.path,
                places=record.places,
                positives=positives,
                best_positive=best[0] if best else None,
                negatives=negatives,
                margin=margin,
            ),
            tuple(Suspect(record.path, record.places, t, bool((copies == t.row).any())) for t in twins),
        )

    def _ranked(self, line: Scores, rows: Rows, most: int, *, least: bool = False) -> tuple[Match, ...]:
        """Return the rows of the highest scores, or the lowest; of equal ones the lower row first."""
        order = rows[np.lexsort((rows, line[rows] if least else -line[rows]))][:most]
        return tuple(
            Match(row, self.records[row].path, self.records[row].places, float(line[row])) for row in order.tolist()
        )


def _candidates(line: Scores, most: int) -> Rows:
    """Return the columns of the highest scores, all that share the last one that is let in."""
    border = np.partition(line, -most)[-most] if len(line) > most else -np.inf
    return np.flatnonzero((line >= border) & (line > -np.inf))


def _searched(
    gallery: Gallery, asked: Sequence[_Asked], negatives: int, positives: int, progress: Progress | None
) -> tuple[tuple[MinedImage, ...], tuple[Suspect, ...]]:
    """Compare every anchor with the gallery and rank the results; each suspect pair is listed once."""
    searched = _Searched(gallery, negatives, positives)
    anchors: list[MinedImage] = []
    suspects: dict[frozenset[int], Suspect] = {}
    with Stretch(progress, "mining", sum(len(part.rows) for part in asked)) as tick:
        for part in asked:
            for row, line in searched.lines(part):
                number = part.first + row
                anchor, twins = searched.look(part.records[row], number, line)
                anchors.append(anchor)
                for twin in twins:
                    suspects.setdefault(frozenset((number, twin.other.row)), twin)
                tick()
    return (
        tuple(sorted(anchors, key=_smallest_margin)),
        tuple(sorted(suspects.values(), key=lambda s: (not s.same_bytes, -s.other.score, s.path))),
    )


def _smallest_margin(anchor: MinedImage) -> tuple[float, float, str]:
    hardest = anchor.negatives[0].score if anchor.negatives else -math.inf
    return np.nan_to_num(anchor.margin, nan=math.inf), -hardest, anchor.path
