"""Galleries that the tests of this folder put on a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from placeprint.embedding.imported import imported_spec
from placeprint.gallery.base import Vectors
from placeprint.gallery.milvus_gallery import MilvusGallery
from placeprint.presets import FAST
from placeprint.recognition.storing import store_vectors
from placeprint.records import ImageRecord


def records_of(count: int, *, places: int = 10) -> list[ImageRecord]:
    """Every third image has no position; the others lie on a meridian, a hundredth of a degree apart."""
    return [
        ImageRecord(
            path=f"{i:06d}.jpg",
            places=(f"place {i % places}",) if i % 7 else (f"place {i % places}", 'Straße "1|2" \\ x'),
            split="gallery" if i % 2 else "none",  # type: ignore[arg-type]
            latitude=48 + i % 4000 / 100 if i % 3 else None,
            longitude=11.0 if i % 3 else None,
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
    address: str, vectors: Vectors, *, records: Sequence[ImageRecord] | None = None, **settings: Any
) -> MilvusGallery:
    made = store_vectors(
        address,
        records=records_of(len(vectors)) if records is None else records,
        vectors=vectors,
        preset=FAST,
        spec=imported_spec("made", vectors.shape[1]),
        **settings,
    )
    assert isinstance(made, MilvusGallery)
    return made
