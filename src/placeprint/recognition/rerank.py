"""Ranks a shortlist again: by the other photos of each place, and by what agrees part by part."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.gallery import Gallery
from placeprint.ragged import Ragged
from placeprint.recognition import agreement
from placeprint.recognition.blas import one_blas_thread
from placeprint.recognition.evidence import beyond_chance
from placeprint.recognition.voting import place_codes

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Parts = Mapping[str, NDArray[Any]]

WITNESSES = 3
"""Images of a place that are asked for evidence, where it has so many."""
OWN_SHARE = 0.25
"""What of an image's evidence is its own; the rest is that of its place's witnesses. Both chosen on the landmark and
poznan_bovw galleries, each image left out in turn."""

_NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One query's neighbours, best first.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
    scores : ndarray of float32, shape (n,)
        What they were ranked by; behind the shortlist never above its last.
    similarities : ndarray of float32, shape (n,)
        Cosine similarities.
    """

    rows: Rows
    scores: NDArray[np.float32]
    similarities: NDArray[np.float32]


class Reranker:
    """A gallery's places and parts, ready to rank shortlists again by the gallery's preset.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery, self._preset = gallery, gallery.preset
        self._codes = place_codes(gallery.records)
        order = np.argsort(self._codes, kind="stable")
        self._rows_of = np.split(order, np.cumsum(np.bincount(self._codes))[:-1]) if len(order) else []
        self._sums: dict[int, NDArray[np.float64]] = {}

    @property
    def parts(self) -> Mapping[str, Ragged]:
        """What is kept of each gallery image."""
        return self._gallery.parts

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
    ) -> Ranked:
        """Rank the first of a ranking again; what lies behind the shortlist keeps its order.

        Parameters
        ----------
        vector, parts, gone
            As in `scores`.
        rows, scores : ndarray, shape (n,)
            Neighbours and their cosine similarities, best first, without those that are gone.
        """
        return _merged(rows, scores, self.scores(vector, parts, rows[: self._preset.shortlist], gone=gone))

    def scores(self, vector: NDArray[np.float32], parts: Parts, rows: Rows, *, gone: Rows = _NOBODY) -> Floats:
        """Return new scores for a shortlist.

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
            The query's embedding, a unit vector.
        parts : mapping of str to ndarray
            Of the query; a kind that is missing gives no evidence.
        rows : ndarray of int64, shape (n,)
            Of the gallery.
        gone : ndarray of int64
            Rows that are left out: their places are ranked as if these images were not there.

        Returns
        -------
        ndarray of float64, shape (n,)
            Comparable with each other and with those of other queries to this gallery.
        """
        scores = self._with_places(vector, rows, gone)
        best = np.argsort(-scores, kind="stable")[: self._preset.verified]
        found = self._evidence(parts, rows[best])
        scores[best] += self._backed(found, self._codes[rows[best]], gone)
        return scores

    def _evidence(self, parts: Parts, rows: Rows) -> Floats:
        """Return the weighted evidence of all kinds of parts for each row, at least 0; 0 where there was no time."""
        total = np.zeros(len(rows))
        preset, kept = self._preset, self._gallery.parts
        until = time.perf_counter() + preset.budget_ms / 1000 if preset.budget_ms else math.inf
        if preset.cell_weight and "cells" in parts and "cells" in kept:
            with one_blas_thread():
                votes = agreement.votes(parts["cells"], (kept["cells"][row] for row in rows.tolist()), until=until)
            total[: len(votes)] += preset.cell_weight * beyond_chance(votes)
        if preset.keypoint_weight and "keypoints" in parts and "keypoints" in kept:
            with one_blas_thread():
                digits = _digits(parts["keypoints"], (kept["keypoints"][row] for row in rows.tolist()), until)
            total[: len(digits)] += preset.keypoint_weight * np.log1p(digits)
        return total

    def _backed(self, evidence: Floats, codes: Rows, gone: Rows) -> Floats:
        """Return evidence that is backed by other images of the same place.

        One image that agrees may be chance; three of a place that agree are not. Where a place has few images it
        need not have more than it has.
        """
        backed = evidence.copy()
        for code in np.unique(codes).tolist():
            here = codes == code
            members = self._rows_of[code]
            needed = min(WITNESSES, len(members) - int(np.isin(members, gone).sum()))
            best = np.sort(evidence[here])[::-1][:needed]
            backed[here] = OWN_SHARE * evidence[here] + (1 - OWN_SHARE) * best.sum() / max(needed, 1)
        return backed

    def _with_places(self, vector: NDArray[np.float32], rows: Rows, gone: Rows) -> Floats:
        """Return the similarity to each image blended with the mean of its place.

        Database-side augmentation (Turcot and Lowe 2009; Arandjelovic and Zisserman 2012) with the labels instead of
        neighbours. The blend ``x + w m`` of an image and the mean is divided by a power of its length: by the
        length itself, places with many images would win over places with one. The mean holds the image too, so that
        a photo that is in the gallery finds itself first.
        """
        images = np.asarray(self._gallery.vectors[rows], np.float64)
        scores = images @ vector.astype(np.float64)
        weight, power = self._preset.place_weight, self._preset.place_power
        if not weight:
            return scores
        codes = self._codes[rows]
        for code in np.unique(codes).tolist():
            total, count = self._place(code, gone)
            if count < 2:
                continue
            here = codes == code
            blend = images[here] + weight * total / count
            length = np.linalg.norm(blend, axis=1)
            scores[here] = blend @ vector / (length**power * (1 + weight) ** (1 - power))
        return scores

    def _place(self, code: int, gone: Rows) -> tuple[NDArray[np.float64], int]:
        """Return the sum of a place's vectors less those that are gone, and how many are left."""
        members = self._rows_of[code]
        if code not in self._sums:
            self._sums[code] = np.asarray(self._gallery.vectors[members], np.float64).sum(axis=0)
        left_out = members[np.isin(members, gone)] if len(gone) else _NOBODY
        if not len(left_out):
            return self._sums[code], len(members)
        taken = np.asarray(self._gallery.vectors[left_out], np.float64).sum(axis=0)
        return self._sums[code] - taken, len(members) - len(left_out)


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


def _digits(query: NDArray[np.uint8], candidates: Iterable[NDArray[np.uint8]], until: float) -> Floats:
    """Return how improbable it is that each candidate's keypoints fit by chance, in digits; as time allows."""
    from placeprint.recognition.geometry import verify

    found = []
    for candidate in candidates:
        if time.perf_counter() > until:
            break
        found.append(verify(query[:, 0], candidate[:, 0]).score)
    return np.array(found, np.float64)
