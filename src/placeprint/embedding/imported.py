"""Embeddings that someone already has: a ``.npy`` file and a manifest, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from placeprint.dataset.manifest import read_manifest
from placeprint.embedding.extract import Embedded
from placeprint.errors import DatasetError, VectorError
from placeprint.records import ModelSpec


def read_embeddings(embeddings: Path | str, records: Path | str) -> Embedded:
    """Read vectors and the manifest that names their rows; the images need not exist.

    Parameters
    ----------
    embeddings : Path or str
        A ``.npy`` file of shape (n, dim) in any float type; never unpickled.
    records : Path or str
        A manifest with n rows in the same order.

    Raises
    ------
    VectorError
        When the file is not such an array, or the numbers of rows differ.
    DatasetError
        When a row of the manifest cannot be used: leaving it out would shift every later row.
    """
    embeddings, records = Path(embeddings), Path(records)
    try:
        vectors = np.load(embeddings, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise VectorError(f'"{embeddings}" cannot be read as a .npy array: {error}') from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise VectorError(f'"{embeddings}" must hold floats of shape (n, dim)')
    manifest = read_manifest(records)
    if manifest.failures:
        first = manifest.failures[0]
        raise DatasetError(f'"{records}" does not fit "{embeddings}": {first.reason}')
    if len(manifest.records) != len(vectors):
        raise VectorError(f'"{embeddings}" has {len(vectors)} rows and "{records}" has {len(manifest.records)}')
    return Embedded(manifest.records, vectors.astype(np.float32), (), 0, len(vectors), 0.0)


def imported_spec(name: str, dim: int) -> ModelSpec:
    """Return the description of a model that is known only by its vectors."""
    return ModelSpec(name=name, dim=dim, source="imported embeddings")
