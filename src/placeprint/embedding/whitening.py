"""Whitening that is learned from a gallery: what all its images share counts less, what tells them apart more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Arrays, Floats, Vectors
from placeprint.errors import VectorError

PCA_DIM = 256
"""Principal components kept, at most."""
PCA_POWER = 0.25
"""Of the variance: 0.5 whitens fully (Jegou and Chum 2012), 0 only turns; on small galleries 0.5 was worse."""
SHRINKAGE = 1.0
"""How much of the mean variance is added to each: a gallery has fewer images than dimensions."""
FEWEST = 20
"""Images; from fewer nothing is learned and the vectors stay as they are."""
_NAMES = ("mean", "matrix")


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A mean and a matrix that change embeddings."""

    mean: Vectors  # Shape (dim,).
    matrix: NDArray[np.float32]  # Shape (dim, new dim).

    @property
    def dim(self) -> int:
        """Length of the new vectors."""
        return int(self.matrix.shape[1])

    @property
    def sha256(self) -> str:
        """Fingerprint of both, hexadecimal."""
        digest = hashlib.sha256(b"whitening 1")
        for name in _NAMES:
            digest.update(np.ascontiguousarray(getattr(self, name), dtype="<f4").tobytes())
        return digest.hexdigest()

    def apply(self, vectors: Vectors) -> Vectors:
        """Return the changed vectors, shape (n, new dim), of unit norm; a vector equal to the mean keeps its direction.

        `vectors`: shape (n, dim).
        """
        turned = (vectors.astype(np.float64) - self.mean) @ self.matrix.astype(np.float64)
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        fallback = vectors.astype(np.float64) @ self.matrix.astype(np.float64)
        turned = np.where(length > 1e-9, turned, fallback)
        length = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
        return np.asarray(turned / length, np.float32)

    def cut(self, vectors: Vectors, dim: int) -> Whitening:
        """Return this with its new vectors turned and cut to their first principal components.

        `vectors`, shape (n, old dim): What it was learned from.
        `dim`: Numbers to keep.
        Raises `VectorError` when the vectors vary in fewer directions.
        """
        turned = (vectors.astype(np.float64) - self.mean) @ self.matrix
        _, spread, basis = np.linalg.svd(turned - turned.mean(axis=0), full_matrices=False)
        many = int((spread > 1e-6 * spread[0]).sum())
        if not 0 < dim <= many:
            raise VectorError(
                f"{len(vectors)} images vary in {many} directions: the dim must be 1 to {many}, not {dim}"
            )
        return Whitening(self.mean, (self.matrix.astype(np.float64) @ basis[:dim].T).astype(np.float32))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as `numpy.savez` takes them."""
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Read what `to_arrays` gave. Raises `VectorError` when a name is missing or the shapes do not fit."""
        if any(name not in arrays for name in _NAMES) or arrays["mean"].shape != arrays["matrix"].shape[:1]:
            raise VectorError("no whitening: mean and matrix are missing or do not fit")
        return cls(*(np.asarray(arrays[name], np.float32) for name in _NAMES))


def learn_whitening(kind: str, vectors: Vectors, labels: Sequence[str]) -> Whitening:
    """Learn a whitening from a gallery.

    `kind`: ``pca``: principal components, each divided by a power of its variance (Jegou and Chum 2012). ``places``:
    the directions in which images of one place differ are damped (within-class whitening, as in linear discriminant
    analysis, with shrinkage).
    `vectors`, shape (n, dim): Unit vectors.
    `labels`: The place of each.
    """
    dim = vectors.shape[1]
    if len(vectors) < FEWEST:
        return Whitening(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))
    exact = vectors.astype(np.float64)
    mean = exact.mean(axis=0)
    matrix = _components(exact - mean) if kind == "pca" else _within(exact, labels)
    return Whitening(mean.astype(np.float32), matrix.astype(np.float32))


def _components(centred: Floats) -> Floats:
    _, spread, basis = np.linalg.svd(centred, full_matrices=False)
    many = int(min(PCA_DIM, (spread > 1e-6 * spread[0]).sum()))
    scale = (spread[:many] / spread[0]) ** (-2 * PCA_POWER)
    return np.asarray(basis[:many].T * scale)


def _within(vectors: Floats, labels: Sequence[str]) -> Floats:
    """Return the inverse root of the shrunk covariance within places; the identity where no place has two images."""
    _, codes = np.unique(np.array(labels, object), return_inverse=True)
    counts = np.bincount(codes)
    means = np.stack([vectors[codes == code].mean(axis=0) for code in range(len(counts))])
    rest = (vectors - means[codes])[counts[codes] > 1]
    dim = vectors.shape[1]
    freedom = len(rest) - int((counts > 1).sum())
    if freedom < 1:
        return np.eye(dim)
    _, spread, basis = np.linalg.svd(rest, full_matrices=False)
    variance = spread**2 / freedom
    floor = SHRINKAGE * variance.sum() / dim
    # The inverse root of (covariance + floor): along the basis, and the same for all that lies beside it.
    along = (variance + floor) ** -0.5 - floor**-0.5
    return np.asarray((np.eye(dim) * floor**-0.5 + (basis.T * along) @ basis) * floor**0.5, np.float64)
