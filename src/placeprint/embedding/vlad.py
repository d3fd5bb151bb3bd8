"""VLAD: the RootSIFT keypoints of an image as one vector (Jegou et al. 2010), with a codebook of the gallery's own.

"Aggregating local descriptors into a compact image representation", with descriptors reduced by principal
components and residuals of equal length (Delhumeau et al. 2013, "Revisiting the VLAD image representation"),
and the signed square root of Jegou et al. 2012. The vector is not whitened: measured, that cost more than it
gave on galleries of a few hundred images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Arrays, Packed, Vectors
from placeprint.embedding.rootsift import DESCRIPTOR, ROW_BYTES, unpack
from placeprint.errors import VectorError

CENTRES = 64
"""Cells of the codebook, where the gallery has keypoints enough."""

REDUCED = 32
"""Principal components of a descriptor that are kept."""

SAMPLE = 60_000
"""Descriptors that a codebook is learned from, at most: 8 MB as bytes, 31 MB as floats."""

_PER_CENTRE = 8
_ROUNDS = 20
_SEED = 0
"""Of the sample and of k-means."""
_NAMES = ("mean", "basis", "centres")


@dataclass(frozen=True, slots=True, eq=False)
class Codebook:
    """What turns keypoints into a vector.

    Attributes
    ----------
    mean : ndarray of float32, shape (128,)
        Of the descriptors.
    basis : ndarray of float32, shape (128, 32)
        Their principal components, largest first.
    centres : ndarray of float32, shape (k, 32)
        Cells, 1 <= k <= 64, in the reduced space.
    """

    mean: Vectors
    basis: Vectors
    centres: Vectors

    def __post_init__(self) -> None:
        """Refuse arrays that are no codebook."""
        if self.mean.shape != (DESCRIPTOR,) or self.basis.shape != (DESCRIPTOR, REDUCED):
            raise VectorError(f"no codebook: mean {self.mean.shape}, basis {self.basis.shape}")
        if self.centres.ndim != 2 or self.centres.shape[1] != REDUCED or not len(self.centres):
            raise VectorError(f"no codebook: centres {self.centres.shape}")
        for name, array in self.to_arrays().items():
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise VectorError(f"no codebook: {name} must be finite float32, not {array.dtype}")

    @property
    def dim(self) -> int:
        """Length of the vectors: one more than the residuals take, see `aggregate`."""
        return self.centres.size + 1

    @property
    def sha256(self) -> str:
        """Fingerprint of all that a vector depends on, hexadecimal."""
        digest = hashlib.sha256(b"vlad 1")
        for name, array in self.to_arrays().items():
            digest.update(f"{name}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as `numpy.savez` takes them."""
        return {name: getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Codebook:
        """Read what `to_arrays` gave.

        Raises
        ------
        VectorError
            When a name is missing or an array does not fit.
        """
        if missing := [name for name in _NAMES if name not in arrays]:
            raise VectorError(f"no codebook: {', '.join(missing)} missing")
        return cls(*(np.asarray(arrays[name]) for name in _NAMES))


def learn_codebook(packed: Iterable[Packed]) -> Codebook:
    """Learn a codebook from the keypoints of a gallery.

    Parameters
    ----------
    packed : iterable of ndarray of uint8, shape (n, 136)
        One for each image, read once; any may be empty. Memory does not grow with their number.

    Returns
    -------
    Codebook
        With fewer than 64 cells where there are fewer than 8 descriptors for each; with one cell at the
        origin where there are none at all.
    """
    descriptors = unpack(_sample(packed)).descriptors
    if not len(descriptors):
        centre = np.zeros((1, REDUCED), np.float32)
        return Codebook(np.zeros(DESCRIPTOR, np.float32), np.eye(DESCRIPTOR, REDUCED, dtype=np.float32), centre)
    mean = descriptors.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = descriptors - mean
    # eigh sorts ascending; the last columns are the largest components.
    basis = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1][:, :REDUCED]
    basis = np.ascontiguousarray(basis, dtype=np.float32)
    return Codebook(mean, basis, _centres(np.ascontiguousarray(centred @ basis)))


def aggregate(packed: Packed, codebook: Codebook) -> Vectors:
    """Turn the keypoints of one image into one vector.

    Parameters
    ----------
    packed : ndarray of uint8, shape (n, 136)
    codebook : Codebook

    Returns
    -------
    ndarray of float32, shape (codebook.dim,)
        Unit norm. The last component is 0, but for an image without a keypoint: there it
        is 1 and the others are 0, so that its cosine to every image with keypoints is 0.
    """
    reduced = (unpack(packed).descriptors - codebook.mean) @ codebook.basis
    centres = codebook.centres
    nearest = (2 * reduced @ centres.T - (centres**2).sum(axis=1)).argmax(axis=1)
    residuals = reduced - centres[nearest]
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-9)
    sums = np.zeros(centres.shape, np.float32)
    np.add.at(sums, nearest, residuals)
    vector = np.zeros(codebook.dim, np.float32)
    vector[:-1] = (np.sign(sums) * np.sqrt(np.abs(sums))).ravel()
    length = float(np.linalg.norm(vector))
    if length < 1e-6:
        vector[-1], length = 1.0, 1.0
    return np.asarray(vector / length, dtype=np.float32)


def _sample(packed: Iterable[Packed]) -> Packed:
    """Return at most `SAMPLE` rows, each as likely as any other (reservoir sampling, Vitter 1985)."""
    generator = np.random.default_rng(_SEED)
    kept: list[Packed] = []
    reservoir: Packed | None = None
    seen = 0
    for rows in packed:
        room = max(0, SAMPLE - seen)
        if room:
            kept.append(rows[:room])
        late = rows[room:]
        if len(late):
            reservoir = np.concatenate(kept) if reservoir is None else reservoir
            slots = generator.integers(0, np.arange(seen + room, seen + len(rows)) + 1)
            enters = slots < SAMPLE
            reservoir[slots[enters]] = late[enters]
        seen += len(rows)
    if reservoir is not None:
        return reservoir
    return np.concatenate(kept) if kept else np.zeros((0, ROW_BYTES), np.uint8)


def _centres(points: Vectors) -> Vectors:
    """Return the centres of seeded k-means, shape (k, 32)."""
    import faiss

    cells = min(CENTRES, max(1, len(points) // _PER_CENTRE))
    means = faiss.Kmeans(REDUCED, cells, niter=_ROUNDS, seed=_SEED, min_points_per_centroid=1)
    means.train(points)
    return np.asarray(means.centroids, dtype=np.float32).reshape(cells, REDUCED)
