"""Ranks a shortlist again: by the other images of each place, and by what agrees part by part."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Floats, Parts, Rows
from placeprint.cores import available_cores
from placeprint.errors import GalleryCorruptError
from placeprint.gallery.gallery import Gallery
from placeprint.presets import MOST_OF_A_PLACE
from placeprint.recognition.rerank import cells, matches
from placeprint.recognition.rerank.blas import one_blas_thread
from placeprint.recognition.rerank.evidence import beyond_chance
from placeprint.storage.data_folder import ADVICE
from placeprint.storage.ragged import Ragged

Memo = dict[int, float]
"""The votes of cells that were counted for one query before, by gallery row."""

WITNESSES = 3
"""Images of a place that are asked for evidence, where it has so many."""
OWN_SHARE = 0.25
"""What of an image's evidence is its own; the rest is that of its place's witnesses. Both chosen on the landmark and
poznan_bovw galleries, each image left out in turn."""

MOST_SUMS = 4096
"""Sums of places that are remembered: 40 MB."""

_NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One query's neighbours, best first."""

    rows: Rows  # Shape (n,).
    scores: NDArray[np.float32]  # (n,): What they were ranked by; behind the shortlist never above its last.
    similarities: NDArray[np.float32]  # (n,): Cosine similarities.


def matches_points(gallery: Gallery) -> bool:
    """Return whether a gallery is asked by matching local features too."""
    return bool(gallery.preset.evidence(gallery.parts))


class Reranker:
    """A gallery's places and parts, ready to rank shortlists again by the gallery's preset.

    `vectors`, shape (n_gallery, dim): What reads the gallery's vectors, where that is not the gallery
    (`placeprint.gallery.index.file_rows`).
    `at_once`: Pairs of images whose local features are matched at the same time; as many as there are cores by default.
    """

    def __init__(
        self, gallery: Gallery, *, vectors: NDArray[np.float32] | None = None, at_once: int | None = None
    ) -> None:
        self._vectors = gallery.vectors if vectors is None else vectors
        self._gallery, self._records, self._preset = gallery, gallery.records, gallery.preset
        self._at_once = available_cores() if at_once is None else at_once
        self._sums: dict[int, tuple[Floats, int]] = {}

    @property
    def parts(self) -> Mapping[str, Ragged]:
        """What is kept of each gallery image."""
        return self._gallery.parts

    @property
    def matches(self) -> bool:
        """Whether local features are matched."""
        return matches_points(self._gallery)

    def begin(self, parts: Parts) -> None:
        """Load what ranking needs beside what the caller does next, the search."""
        if self.matches and "xfeat" in parts:
            matches.begin()

    @property
    def shortlist(self) -> int:
        """How many neighbours are ranked again."""
        return self._preset.shortlist

    def ranked(
        self,
        vector: NDArray[np.float32],
        parts: Parts,
        rows: Rows,
        scores: NDArray[np.float32],
        *,
        gone: Rows = _NOBODY,
        only: Flags | None = None,
    ) -> Ranked:
        """Rank the first of a ranking again; what lies behind the shortlist keeps its order.

        `vector`, `parts`, `gone`, `only`: As in `scores`.
        `rows`, `scores`, shape (n,): Neighbours and their cosine similarities, best first, without those that are gone.
        """
        again = self.scores(vector, parts, rows[: self._preset.shortlist], gone=gone, only=only)
        return _merged(rows, scores, again)

    def scores(
        self,
        vector: NDArray[np.float32],
        parts: Parts,
        rows: Rows,
        *,
        gone: Rows = _NOBODY,
        only: Flags | None = None,
        memo: Memo | None = None,
    ) -> Floats:
        """Return new scores for a shortlist.

        `vector`, shape (dim,): The query's embedding, a unit vector.
        `parts`: Of the query; a kind that is missing gives no evidence.
        `rows`, shape (n,): Of the gallery.
        `gone`: Rows that are left out: their places are ranked as if these images were not there.
        `only`, shape (n_gallery,): Rows that count; all others are left out in the same way.
        `memo`: Of this query: what was compared is looked up in it and put into it, to ask again with others gone.
        Returns shape (n,): Comparable with each other and with those of other queries to this gallery.
        """
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            scores = self._with_places(vector, rows, gone, only)
            best = np.argsort(-scores, kind="stable")[: self._preset.verified]
            until = self._deadline()
            found = self._evidence(parts, rows[best], until, {} if memo is None else memo)
            scores[best] += self._backed(found, self._records.place_codes[rows[best]], gone, only)
            self._match(scores, parts, rows, until)
        if not np.isfinite(scores).all():
            raise GalleryCorruptError(f"{self._gallery.where} holds invalid vectors: {ADVICE}")
        return matches.levelled(scores) if self.matches else scores

    def _deadline(self) -> float:
        """Return the moment, by `time.perf_counter`, from which nothing else of a query is compared."""
        budget = self._preset.budget_ms
        return time.perf_counter() + budget / 1000 if budget else math.inf

    def _evidence(self, parts: Parts, rows: Rows, until: float, memo: Memo) -> Floats:
        """Return the weighted evidence of cells for each row, at least 0; 0 where there was no time."""
        total = np.zeros(len(rows))
        kept = self._gallery.parts.get("cells")
        if kept is None or "cells" not in parts or not self._preset.cell_weight:
            return total
        names = rows.tolist()
        new = [row for row in names if row not in memo]
        memo.update(zip(new, cells.votes(parts["cells"], kept.kept(new), until=until).tolist(), strict=False))
        found = [memo[row] for row in takewhile(memo.__contains__, names)]
        total[: len(found)] += self._preset.cell_weight * beyond_chance(np.array(found))
        return total

    def _match(self, scores: Floats, parts: Parts, rows: Rows, until: float) -> None:
        """Add the evidence of matched local features to the best scores."""
        if not self.matches or "xfeat" not in parts:
            return
        best = np.argsort(-scores, kind="stable")[: self._preset.matched]
        kept = iter(self._gallery.parts["xfeat"].kept(rows[best].tolist()))
        found = matches.confidences(parts["xfeat"], kept, until=until, at_once=self._at_once)
        compared = best[: len(found)]
        scores[compared] = matches.matched_scores(scores[compared], found, self._preset.match_weight)

    def _backed(self, evidence: Floats, codes: Rows, gone: Rows, only: Flags | None) -> Floats:
        """Return evidence that is backed by other images of the same place.

        One image that agrees may be chance; three of a place that agree are not. Where a place has few images it
        need not have more than it has.
        """
        backed = evidence.copy()
        for code in sorted(set(codes.tolist())):  # np.unique imports masked arrays, 25 ms
            here = codes == code
            members = self._members(code, only)
            needed = min(WITNESSES, len(members) - (int(np.isin(members, gone).sum()) if len(gone) else 0))
            best = np.sort(evidence[here])[::-1][:needed]
            backed[here] = OWN_SHARE * evidence[here] + (1 - OWN_SHARE) * best.sum() / max(needed, 1)
        return backed

    def _with_places(self, vector: NDArray[np.float32], rows: Rows, gone: Rows, only: Flags | None) -> Floats:
        """Return the similarity to each image blended with the mean of its place.

        Database-side augmentation (Turcot and Lowe 2009; Arandjelovic and Zisserman 2012) with the labels instead of
        neighbours. The blend ``x + w m`` of an image and the mean is divided by a power of its length: by the
        length itself, places with many images would win over places with one. The mean holds the image too, so that
        an image that is in the gallery finds itself first.
        """
        images = np.asarray(self._vectors[rows], np.float64)
        scores = images @ vector.astype(np.float64)
        weight, power = self._preset.place_weight, self._preset.place_power
        if not weight:
            return scores
        codes = self._records.place_codes[rows]
        for code in sorted(set(codes.tolist())):  # np.unique imports masked arrays, 25 ms
            total, count = self._place(code, gone, only)
            if count < 2:
                continue
            here = codes == code
            blend = images[here] + weight * total / count
            length = np.linalg.norm(blend, axis=1)
            scores[here] = blend @ vector / (length**power * (1 + weight) ** (1 - power))
        return scores

    def _place(self, code: int, gone: Rows, only: Flags | None) -> tuple[Floats, int]:
        """Return the sum of the vectors of a place, of a sample where it is large, and how many they are."""
        members = self._members(code, only)
        left = members[~np.isin(members, gone)] if len(gone) else members
        known = self._sums if only is None and len(left) == len(members) else {}
        if code not in known:
            if len(known) >= MOST_SUMS:
                known.clear()
            sample = self._sample(left)
            known[code] = np.asarray(self._vectors[sample], np.float64).sum(axis=0), len(sample)
        return known[code]

    def _members(self, code: int, only: Flags | None) -> Rows:
        """Return a place's rows, of those that count."""
        rows = self._records.rows_of(code)
        return rows if only is None else rows[only[rows]]

    def _sample(self, members: Rows) -> Rows:
        if len(members) <= MOST_OF_A_PLACE:
            return members
        drawn = np.argsort(self._records.kept(members).contents >> 1, kind="stable")  # a server keeps 63 bits
        return members[np.sort(drawn[:MOST_OF_A_PLACE])]


def _merged(rows: Rows, scores: NDArray[np.float32], again: Floats) -> Ranked:
    """Put the new scores of a shortlist before the rest of a ranking."""
    many = len(again)
    order = np.lexsort((rows[:many], -again))
    rest = np.minimum(scores[many:], again.min() if many else np.inf)
    return Ranked(
        np.concatenate([rows[:many][order], rows[many:]]),
        np.concatenate([again[order], rest]).astype(np.float32),
        np.concatenate([scores[:many][order], scores[many:]]),
    )
