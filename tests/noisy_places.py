"""Embeddings of made-up places: noise around centres, so that some queries are sure, some wrong, some UNKNOWN."""

from __future__ import annotations

import numpy as np

from placeprint.records import ImageRecord, ModelSpec

SPEC = ModelSpec(name="noise", dim=16)


def photos(places: int, images: int, seed: int) -> tuple[tuple[ImageRecord, ...], np.ndarray]:
    """Return images of the first so many of twenty places, the same whatever the seed of the noise."""
    centres = np.random.default_rng(1).normal(size=(20, SPEC.dim))[:places]
    raw = np.repeat(centres, images, axis=0)
    raw = raw + 0.9 * np.random.default_rng(seed).normal(size=raw.shape)
    records = tuple(
        ImageRecord(path=f"{seed}-{p}-{i}.jpg", places=(f"p{p}",)) for p in range(places) for i in range(images)
    )
    return records, (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
