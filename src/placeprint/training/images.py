"""A dataset's photographs as models take them: embeddings to learn from, inputs to find ranges on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from placeprint.arrays import Maps, Vectors
from placeprint.dataset.decoding import images
from placeprint.dataset.files import locate, read_bytes
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.preprocess import needed_side, normalised, prepare
from placeprint.errors import DatasetError, ImageError
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.gallery_model import model_for
from placeprint.recognition.voting import label
from placeprint.records import ImageRecord, ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

RANGES = 100
"""Photos that the ranges of 8-bit activations are taken from."""


def manifest_of(dataset: Path | str | Manifest) -> Manifest:
    """Return the manifest of a dataset."""
    return dataset if isinstance(dataset, Manifest) else read_dataset(dataset)


def learned_vectors(
    manifest: Manifest,
    records: tuple[ImageRecord, ...],
    model: str,
    *,
    preset: Preset,
    cache: bool,
    workers: int | None,
    progress: Progress | None,
) -> tuple[Vectors, list[str]]:
    """Return the embeddings of photos as a preset looks at them, and their places.

    Raises
    ------
    DatasetError
        When no photo can be used.
    """
    embedder = model_for(model, preset=preset, workers=workers)
    with opened_cache(cache) as opened:
        done = embed_split(manifest, records, embedder=embedder, cache=opened, progress=progress)
    return np.asarray(done.vectors), [label(record) for record in done.records]


def some_photos(manifest: Manifest, spec: ModelSpec, count: int) -> Iterator[Image]:
    """Yield decoded photos of the gallery, evenly spread over its places; those that cannot be read are passed over.

    Raises
    ------
    DatasetError
        When none can be read.
    """
    records = manifest.gallery()
    found = 0
    for at in np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).astype(int)):
        try:
            data = read_bytes(locate(manifest.root, records[at].path))
            image = images.decode(data, min_side=needed_side(spec))
        except ImageError:
            continue
        found += 1
        yield image
    if not found:
        raise DatasetError(f'"{manifest.root}" has no photo that can be read')


def inputs(manifest: Manifest, spec: ModelSpec) -> Iterator[Maps]:
    """Yield what a graph takes of `RANGES` photos, shape (1, 3, input_size, input_size)."""
    for image in some_photos(manifest, spec, RANGES):
        yield normalised(prepare(image, spec), spec)
