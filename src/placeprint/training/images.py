"""A dataset's images as models take them: embeddings to learn from, inputs to find ranges on."""

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
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.gallery_model import model_for
from placeprint.recognition.voting import label
from placeprint.records import ModelSpec
from placeprint.training.options import ChangeOptions

if TYPE_CHECKING:
    from PIL.Image import Image

RANGES = 100
"""Images that the ranges of 8-bit activations are taken from."""


def manifest_of(dataset: Path | str | Manifest, *, stage: str = "test") -> Manifest:
    """Return the manifest of a dataset; its stage as `placeprint.read_dataset` takes it."""
    return dataset if isinstance(dataset, Manifest) else read_dataset(dataset, stage=stage)


def learned_vectors(
    manifest: Manifest, model: str, options: ChangeOptions, progress: Progress | None
) -> tuple[Vectors, list[str]]:
    """Return the embeddings of the gallery split as a preset looks at it, and the places.

    Raises `DatasetError` when no image can be used.
    """
    embedder = model_for(model, preset=options.preset, workers=options.workers)
    with opened_cache(options.cache) as opened:
        done = embed_split(manifest, manifest.gallery(), embedder=embedder, cache=opened, progress=progress)
    return np.asarray(done.vectors), [label(record) for record in done.records]


def some_images(manifest: Manifest, spec: ModelSpec, count: int) -> Iterator[Image]:
    """Yield decoded images of the gallery split, evenly spread over it; those that cannot be read are passed over.

    Raises `DatasetError` when none can be read.
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


def network_inputs(manifest: Manifest, spec: ModelSpec) -> Iterator[Maps]:
    """Yield what a graph takes of `RANGES` images, shape (1, 3, input_size, input_size)."""
    for image in some_images(manifest, spec, RANGES):
        yield normalised(prepare(image, spec), spec)
