"""Embeddings that somebody has already: a ``.npy`` file and a manifest, row by row."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Vectors
from placeprint.dataset.manifest import read_manifest
from placeprint.embedding.model_folder import is_source
from placeprint.embedding.models import find_model, names_like
from placeprint.embedding.pipeline import Embedded
from placeprint.errors import DatasetError, PlaceprintError, VectorError
from placeprint.records import ImageRecord, ModelSpec, SetAside, Split
from placeprint.spelling import nearest
from placeprint.storage.arrays import read_floats
from placeprint.storage.regular_files import open_regular
from placeprint.terminal import counted

UNNAMED = "imported"
"""Model of embeddings of which nobody says what made them."""
_SPLIT = {
    Split.GALLERY: "of the gallery split",
    Split.QUERY: "of the query split",
    Split.NONE: "without a split",
}
Side = Literal["gallery", "asked"]
"""Of one table: what is searched, or what is asked."""


def read_embeddings(embeddings: Path | str, records: Path | str, *, side: Side | None = None) -> Embedded:
    """Read vectors and the manifest that names their rows; the images need not exist.

    Parameters
    ----------
    embeddings : Path or str
        A ``.npy`` file of shape (n, dim) in any float type; never unpickled.
    records : Path or str
        A manifest with n rows in the same order.
    side : str, optional
        ``gallery``: only what a gallery is made of, the rows of the gallery split and those without a split;
        ``asked``: only what can be asked of it, the query split, or every row where there is none. By default all
        rows. See `placeprint.embedding.imported.read_side`.

    Raises
    ------
    VectorError
        When the file is not such an array, the numbers of rows differ, or a row cannot be searched.
    DatasetError
        When a row of the manifest cannot be used: leaving it out would shift every later row; or when no row is of
        the side that was asked for.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.read_embeddings("vectors.npy", "rows.csv").vectors.shape
    (11, 1280)
    """
    return read_side(embeddings, records, side)[0]


def read_side(
    embeddings: Path | str, records: Path | str, side: Side | None
) -> tuple[Embedded, tuple[SetAside, ...], tuple[str, ...]]:
    """Read one side as `read_embeddings` does.

    Also returns the rows that were left out, by their split, and what is doubtful about the table, for people.
    """
    embeddings, records = Path(embeddings), Path(records)
    try:
        with open_regular(embeddings) as file:
            vectors = read_floats(file)
    except (OSError, ValueError) as error:
        raise VectorError(f'"{embeddings}" cannot be read as a .npy array: {error}') from error
    manifest = read_manifest(records)
    if manifest.failures:
        first = manifest.failures[0]
        raise DatasetError(f'"{records}" does not fit "{embeddings}": {first.path}: {first.reason}')
    if len(manifest.records) != len(vectors):
        has = counted(len(vectors), "row")
        raise VectorError(f'"{embeddings}" has {has} and "{records}" has {len(manifest.records)}')
    chosen = {None: manifest.records, "gallery": manifest.gallery(), "asked": manifest.asked()}[side]
    if manifest.records and not chosen:
        raise DatasetError(f'"{records}" has no gallery rows, only queries: nothing to search in')
    splits = {record.split for record in chosen}
    rows = np.flatnonzero([record.split in splits for record in manifest.records])
    left = {split: tuple(r.path for r in manifest.split(split)) for split in Split if split not in splits}
    aside = tuple(SetAside(_SPLIT[split], paths) for split, paths in left.items() if paths)
    kept = _usable(vectors[rows].astype(np.float32), rows, embeddings, chosen)
    return Embedded(chosen, kept, (), 0, len(rows), 0.0), aside, manifest.notes


def _usable(vectors: Vectors, rows: NDArray[np.intp], file: Path, records: Sequence[ImageRecord]) -> Vectors:
    """Refuse vectors that cannot be searched; the message names a row of the file, not of those that are left."""
    for what, bad in (("NaN or infinity", ~np.isfinite(vectors).all(axis=1)), ("only zeros", ~vectors.any(axis=1))):
        if bad.any():
            first = int(np.argmax(bad))
            raise VectorError(f'"{file}": row {rows[first]} (from 0), of {records[first].path}, holds {what}')
    return vectors


def imported_spec(name: str, dim: int) -> ModelSpec:
    """Return the description of a model that is known only by its vectors.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.imported_spec("mine", 512).imported
    True
    """
    return ModelSpec(name=name, dim=dim, source="imported embeddings")


def why_no_photos(spec: ModelSpec) -> str:
    """Return why a gallery of imported embeddings answers no photos, what does ask it, and what would change that.

    A name alone tells neither the weights nor the preprocessing, so a model of this name is not taken to be the one.
    """
    told = "its embeddings were imported, so it answers no photos (query, serve)"
    asks = "evaluate, compare, calibrate and mine take query embeddings with --embeddings and --records"
    return "; ".join(filter(None, (told, _about(spec), asks)))


def _about(spec: ModelSpec) -> str:
    """Return what is known here of the model that somebody named."""
    if spec.name == UNNAMED:
        return ""
    instead = f"for that, index the photos themselves with --model {shlex.quote(spec.name)}"
    try:
        dim = find_model(spec.name).spec.dim
    except PlaceprintError:
        if is_source(spec.name):
            return f"{instead}, which is fetched then"
        near = nearest(spec.name, names_like(spec.name))
        return f'model "{spec.name}" is not here' + (f' (did you mean "{near}"?)' if near else "")
    return (
        instead if dim == spec.dim else f'model "{spec.name}" makes {dim} numbers of an image, and these are {spec.dim}'
    )
