"""Galleries that the tests of this folder put on a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from placeprint.embedding.imported import imported_spec
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.indexing.server import store_vectors
from placeprint.presets import FAST
from placeprint.records import ImageRecord, Neighbours

TIE = 2e-6
"""Scores that are this near are the same: float32 sums in another order."""


def records_of(count: int, *, places: int = 10) -> list[ImageRecord]:
    """Every third image has no position; the others lie a hundredth of a degree apart, on seven meridians."""
    return [
        ImageRecord(
            path=f"{i:06d}.jpg",
            places=(f"place {i % places}",) if i % 7 else (f"place {i % places}", 'Straße "1|2" \\ x'),
            split="gallery" if i % 2 else "none",  # type: ignore[arg-type]
            latitude=48 + i % 4000 / 100 if i % 3 else None,
            longitude=11 + i % 7 / 100 if i % 3 else None,
        )
        for i in range(count)
    ]


def clustered(count: int, dim: int, *, seed: int = 3, spread: float = 0.35, clusters: int = 50) -> Vectors:
    """Unit vectors around some centres, as photographs of places lie."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    noise = rng.normal(size=(count, dim)) * spread / np.sqrt(dim)
    made = centres[rng.integers(0, clusters, count)] + noise * 2
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def stored(
    address: str,
    vectors: Vectors,
    *,
    records: Sequence[ImageRecord] | None = None,
    replace: bool = True,
    **settings: Any,
) -> MilvusGallery:
    made = store_vectors(
        address,
        records=records_of(len(vectors)) if records is None else records,
        vectors=vectors,
        preset=FAST,
        spec=imported_spec("made", vectors.shape[1]),
        replace=replace,
        **settings,
    )
    assert isinstance(made, MilvusGallery)
    return made


def ties_apart(found: Neighbours, truth: Neighbours, vectors: Vectors, queries: Vectors) -> int:
    """Return for how many queries the neighbours are other than the true ones, ties aside.

    A row may stand for another where both score the same: what counts is the true score of the row at each rank.
    """
    wrong = 0
    for asked, rows, scores, right in zip(queries, found.rows, found.scores, truth.scores, strict=True):
        there = vectors[rows[rows >= 0]].astype(np.float64) @ asked.astype(np.float64)
        once = len(set(rows.tolist())) == len(rows) == len(there)
        wrong += not (once and np.allclose(there, right, atol=TIE) and np.allclose(scores, right, atol=TIE))
    return wrong
