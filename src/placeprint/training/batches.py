"""Batches of P places with K images each, among them places that are hard to tell apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placeprint.arrays import Numbers, Rows, Vectors

FEWEST_BATCHES = 8
"""In an epoch: with few places each is drawn several times."""


def nearest_places(vectors: Vectors, labels: Numbers) -> Numbers:
    """Return for every place the others, the one with the most similar image first: shape (n_places, n_places - 1).

    `vectors`, shape (n, dim): Unit vectors.
    `labels`, shape (n,): 0 to n_places - 1, each at least once.
    """
    count = int(labels.max()) + 1
    order = np.argsort(labels, kind="stable")
    begins = np.searchsorted(labels[order], np.arange(count))
    scores = np.empty((count, count), np.float32)
    for place in range(count):  # place by place: the whole matrix of images may not fit into memory
        best = (vectors[labels == place] @ vectors[order].T).max(axis=0)
        scores[place] = np.maximum.reduceat(best, begins)
    scores[np.diag_indices(count)] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, : count - 1]


def batches(
    labels: Numbers, rng: np.random.Generator, *, places: int, images: int, near: Numbers, hardness: float
) -> Iterator[Rows]:
    """Yield the batches of one epoch as rows; every place with two images comes at least once.

    `labels`, shape (n,): 0 to n_places - 1.
    `places`, `images`: P and K; a place with fewer images gives all that it has.
    `near`, shape (n_places, n_places - 1): As `nearest_places` gives it.
    `hardness`: So much of each batch is filled with the neighbours of the places that were drawn.
    """
    of = [np.flatnonzero(labels == place) for place in range(int(labels.max()) + 1)]
    paired = np.array([place for place, rows in enumerate(of) if len(rows) > 1])
    drawn = max(1, round(places * (1 - hardness)))
    step = min(drawn, len(paired))
    rounds = max(1, -(-FEWEST_BATCHES * step // len(paired)))
    queue = np.concatenate([rng.permutation(paired) for _ in range(rounds)])
    for start in range(0, len(queue), step):
        chosen = list(dict.fromkeys(queue[start : start + step].tolist()))
        chosen += _hard(chosen, near, places - len(chosen), set(paired.tolist()))
        yield np.concatenate([rng.permutation(of[place])[:images] for place in chosen])


def _hard(chosen: list[int], near: Numbers, count: int, able: set[int]) -> list[int]:
    """Return the nearest neighbours of the chosen places in turn, each once."""
    found: dict[int, None] = {}
    for rank in range(near.shape[1]):
        for place in chosen:
            if len(found) >= count:
                return list(found)
            other = int(near[place, rank])
            if other in able and other not in chosen:
                found[other] = None
    return list(found)
