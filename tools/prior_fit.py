"""Learns the shipped prior from photographs whose places are known; see `learn_prior.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Cells, Floats
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import unit_vectors
from placeprint.presets import Preset
from placeprint.recognition.calibration.estimators import fit_logistic
from placeprint.recognition.calibration.held_out import Asker, PlaceRows, Questions, from_gallery
from placeprint.recognition.calibration.prior import Prior, above
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.decision.rules import Evidence, agreement
from placeprint.recognition.rerank import cells
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage.ragged import Ragged

SIZES = (2, 3, 4)
"""Numbers of places in the small galleries."""
SINGLE_SIZES = (2, 4, 12)
"""Those of galleries with one image a place; only a set with more places takes part."""
_KEPT = 200
"""Unknown queries kept, as many from each set."""
_START = (-4.0, 6.0, 1.0)
_WEAK = 1.0


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A gallery and queries, some of places that a smaller gallery will lack.

    Attributes
    ----------
    records, queries : sequence of ImageRecord
    vectors, query_vectors : ndarray of float32, shape (n, dim)
        Unit vectors.
    parts, query_parts : mapping of str to Ragged
    spec : ModelSpec
    preset : Preset
    """

    records: Sequence[ImageRecord]
    vectors: NDArray[np.float32]
    queries: Sequence[ImageRecord]
    query_vectors: NDArray[np.float32]
    parts: Mapping[str, Ragged]
    query_parts: Mapping[str, Ragged]
    spec: ModelSpec
    preset: Preset

    @property
    def places(self) -> list[str]:
        """The places of the gallery."""
        return sorted({r.places[0] for r in self.records if r.places})


def labelled_set(path: Path, preset: Preset, *, model: str = DEFAULT_MODEL) -> LabelledSet:
    """Embed both sides of a dataset."""
    manifest, embedder = read_dataset(path), load_embedder(model, preset=preset)
    with opened_cache(True) as cache:
        gallery = embed_split(manifest, manifest.gallery(), embedder=embedder, cache=cache)
        queries = embed_split(manifest, manifest.queries(), embedder=embedder, cache=cache)
    return LabelledSet(
        gallery.records,
        unit_vectors(gallery.vectors),
        queries.records,
        unit_vectors(queries.vectors),
        gallery.parts,
        queries.parts,
        embedder.spec,
        preset,
    )


def remember_votes() -> None:
    """Keep what the cells of pairs gave, as is done for matches: small galleries of one set share most of them."""
    votes, known = cells.votes, dict[tuple[bytes, bytes], float]()

    def one(query: Cells, candidate: Cells) -> float:
        pair = (hashlib.sha256(query).digest(), hashlib.sha256(candidate).digest())
        if pair not in known:
            known[pair] = float(votes(query, [candidate])[0])
        return known[pair]

    def remembered(query: Cells, candidates: Iterable[Cells], **_: float) -> Floats:
        return np.array([one(query, candidate) for candidate in candidates], np.float64)

    cells.votes = remembered


@dataclass(frozen=True, slots=True)
class _Row:
    """The questions of one small gallery, and its scale: the usual scores of other places and of the same."""

    evidence: Evidence
    right: NDArray[np.bool_]
    weights: Floats
    unknown: NDArray[np.bool_]
    groups: NDArray[np.int64]
    low: float
    high: float

    def features(self, high: float) -> Floats:
        """Return standing and agreement."""
        gap = high - self.low
        shares = agreement(self.evidence, softness=gap / 2)
        return np.stack([(self.evidence.top - self.low) / gap, shares], axis=1)


def learn_prior(
    sets: Sequence[LabelledSet], *, places: int, galleries: int, single: bool = False, seed: int = 0
) -> Prior:
    """Learn from random small galleries; every set counts alike.

    Parameters
    ----------
    sets : sequence of LabelledSet
        With several images of each place, and more places than `places`.
    places : int
        In each small gallery.
    galleries : int
        Drawn from each set.
    single : bool
        Whether each place has one image. Such a gallery cannot tell its own `high`, so all of them get that which the
        mean gap makes of their `low`.
    seed : int
    """
    rng, matched = np.random.default_rng(seed), bool(sets[0].preset.matched)
    rows = [
        _small_gallery(s, places, rng, number=1000 * i, single=single)
        for i, s in enumerate(sets)
        for _ in range(galleries)
    ]
    gap = float(np.mean([r.high - r.low if matched else (r.high - r.low) / (1 - r.low) for r in rows]))
    features = np.concatenate([r.features(above(r.low, gap, matched=matched) if single else r.high) for r in rows])
    unknown = np.concatenate([r.unknown for r in rows])
    usual = float(np.nanmean(features[unknown, 1]))
    features[np.isnan(features[:, 1]), 1] = usual
    right, weights = np.concatenate([r.right for r in rows]), np.concatenate([r.weights for r in rows])
    b0, b1, b2 = fit_logistic(
        features, right, weights=weights * len(features) / weights.sum(), centre=_START, strength=_WEAK
    )
    groups = np.concatenate([r.groups for r in rows])
    kept = _evenly(rng, np.flatnonzero(unknown), groups, len(sets))
    low = float(np.mean([r.low for r in rows]))
    scalars = sets[0].spec.name, places, single, matched, (b0, b1, b2), usual, low, gap
    return Prior(*scalars, features[kept], groups[kept] // 1000)


def _evenly(
    rng: np.random.Generator, rows: NDArray[np.int64], groups: NDArray[np.int64], sets: int
) -> NDArray[np.int64]:
    """Choose as many unknown queries from each set."""
    parts = [rows[groups[rows] // 1000 == i] for i in range(sets)]
    return np.concatenate([np.sort(rng.choice(p, min(_KEPT // sets, len(p)), replace=False)) for p in parts])


def _small_gallery(whole: LabelledSet, places: int, rng: np.random.Generator, *, number: int, single: bool) -> _Row:
    chosen = set(rng.choice(whole.places, places, replace=False).tolist())
    kept = [i for i, r in enumerate(whole.records) if not chosen.isdisjoint(r.places)]
    if single:
        first = {whole.records[i].places: i for i in rng.permutation(kept).tolist()}
        kept = sorted(first.values())
    gallery = Gallery.in_memory(
        [whole.records[i] for i in kept],
        whole.vectors[kept],
        spec=whole.spec,
        preset=whole.preset,
        parts={name: parts.kept(kept) for name, parts in whole.parts.items()},
    )
    again = Reranker(gallery, at_once=1) if whole.preset.reranks else None
    known, unknown = from_gallery(gallery.records, np.asarray(gallery.vectors), again=again)
    asked = _asked(gallery, again, whole)
    outside = np.array([chosen.isdisjoint(q.places) for q in whole.queries])
    same = asked.evidence.top[~outside] if single else known.evidence.top
    low, high = float(unknown.evidence.top.mean()), float(same.mean())
    weights = np.where(outside, 0.5 / max(outside.sum(), 1), 0.5 / max((~outside).sum(), 1))
    return _Row(asked.evidence, asked.right, weights, outside, asked.groups + number, low, high)


def _asked(gallery: Gallery, again: Reranker | None, whole: LabelledSet) -> Questions:
    count = len(whole.queries)
    asker = Asker(
        PlaceRows(gallery.records),
        np.asarray(gallery.vectors),
        whole.query_vectors,
        [q.places for q in whole.queries],
        again=again,
        parts=whole.query_parts,
    )
    return asker.ask(range(count), [np.empty(0, np.int64)] * count)


def row_of(prior: Prior) -> dict[str, Any]:
    """Return what `Prior.from_dict` reads, rounded to what matters."""
    return {
        "model": prior.model,
        "places": prior.places,
        "single": prior.single,
        "matched": prior.matched,
        "coefficients": [round(c, 4) for c in prior.coefficients],
        "usual_agreement": round(prior.usual_agreement, 4),
        "low": round(prior.low, 4),
        "gap": round(prior.gap, 4),
        "features": np.round(prior.features, 3).tolist(),
        "groups": prior.groups.tolist(),
    }
