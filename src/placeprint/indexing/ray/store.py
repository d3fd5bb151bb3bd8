"""Images embedded on a Ray cluster, by the pipeline of one machine, and written straight to a gallery's server.

The head of the job lists the images, begins the gallery, and finishes it. Blocks of images go through a pool
of actors (Ray Data); an actor reads, decodes and embeds those of a block that the store lacks, and writes them. Ray
gives the block of an actor that died to another: what the first had written is there already and is left alone.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.writer import Writer
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.replacement import Wanted
from placeprint.indexing.ray.cluster import Cluster
from placeprint.indexing.ray.job import COUNTED, Job
from placeprint.indexing.result import IndexResult
from placeprint.indexing.server import head_of
from placeprint.indexing.sources import Source, open_source
from placeprint.options import BuildOptions
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import none_usable, nothing_to_search_in
from placeprint.recognition.gallery_model import model_for
from placeprint.records import FailedImage, ImageRecord

BLOCK = 64
"""Images of one block."""


def store_images_on_ray(
    dataset: Path | str | Source,
    address: Path | str,
    *,
    on: str,
    options: BuildOptions,
    replace: bool = False,
    progress: Progress | None = None,
) -> IndexResult:
    """Make the gallery at an address hold the gallery images of a dataset, and no others, by a Ray cluster.

    Interrupted, the same again completes it. An image keeps the number that it has in the dataset, also where others
    before it cannot be used.

    `dataset`: A folder or manifest that every node sees at the same path, or an address that fsspec knows (``s3://…``).
    `address`: Of the gallery, as every node reaches it.
    `on`: ``local`` for a cluster of this machine that ends with the job; else a cluster's address
    (``ray://head:10001``, ``head:6379``, ``auto``).
    `options`: Without the cache and the workers: every actor embeds one image at a time.
    `replace`: As in `placeprint.index`.
    Raises `DatasetError`, `UsageError`, `ModelError`, `GalleryError` or `MissingExtraError`.
    """
    began, preset, model = time.perf_counter(), options.found_preset(), options.model or DEFAULT_MODEL
    opened = open_source(dataset)
    manifest, root = opened.manifest, opened.root
    records = manifest.gallery()
    if not records:
        raise nothing_to_search_in(manifest, root)
    embedder = model_for(model, preset=preset, runner=options.runner, workers=1)
    if preset.whiten:
        raise UsageError(
            f'preset "{preset.name}" learns from all images first, which a cluster does not do: index without --on, or '
            "without whitening"
        )
    where = parse_address(address)
    wanted = None if replace else Wanted.of(records, root, embedder.spec)
    with Cluster(on) as cluster:
        actors, gpu = cluster.actors(options.runner)
        job = Job(str(where), root, model, preset, options.runner, embedder.spec.fingerprint(), gpu)
        with Writer.begin(where, head_of(embedder, options, root), rows=len(records), wanted=wanted) as writer:
            told = cluster.told(job, _blocks(records), actors, writer, len(records), progress)
            failures = (*manifest.failures, *_failed(told, records, root))
            useless = {failure.path for failure in failures}
            writer.keep(root, [record for record in records if record.path not in useless])
            counts = {name: sum(one["change"][name] for one in told) for name in COUNTED}
            writer.change = dataclasses.replace(writer.change, **counts)
            change = writer.finish(failures=failures, end=len(records))
    computed, seconds = sum(one["computed"] for one in told), time.perf_counter() - began
    return IndexResult(open_gallery(address), change, failures, computed, 0, seconds, {})


def _failed(told: Sequence[dict[str, Any]], records: Sequence[ImageRecord], root: str) -> list[FailedImage]:
    failed = [FailedImage(**row) for one in told for row in one["failed"]]
    if len(failed) == len(records):
        raise none_usable(failed, root)
    return failed


def _blocks(records: Sequence[ImageRecord]) -> list[dict[str, Any]]:
    return [
        {"first": i, "lines": json.dumps([record.to_dict() for record in records[i : i + BLOCK]])}
        for i in range(0, len(records), BLOCK)
    ]
