"""The pipeline: files to embeddings on all cores, with a cache, and failures as rows.

Each thread takes an image all the way: read, hash, look in the cache, decode at reduced size, infer. While
one decodes another infers, and no more than a few images are in memory, whatever the dataset's size.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset import images
from placeprint.embedding.cache import CachedEmbedding, EmbeddingCache
from placeprint.embedding.embedder import Looker
from placeprint.errors import ImageError
from placeprint.progress import Progress, Stretch
from placeprint.ragged import Ragged, RaggedWriter
from placeprint.records import FailedImage, ImageRecord

_CHUNK = 64
"""Embeddings between two writes to the cache: what a kill can cost at most."""

_IN_FLIGHT = 4
"""Images waiting or running per thread."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of the images of a dataset.

    Attributes
    ----------
    records : tuple of ImageRecord
        Those that could be used, in order, with content hash, width and height filled in.
    vectors : ndarray of float32, shape (len(records), dim)
        Unit vectors.
    parts : mapping of str to Ragged
        What else is kept of each of them, see `placeprint.embedding.embedder.Description`; in a file, not in memory.
    failures : tuple of FailedImage
        The others.
    computed, cached : int
        How many were embedded now, and how many came from the cache.
    seconds : float
        Wall time.
    """

    records: tuple[ImageRecord, ...]
    vectors: NDArray[np.float32]
    failures: tuple[FailedImage, ...]
    computed: int
    cached: int
    seconds: float
    parts: Mapping[str, Ragged] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Done:
    record: ImageRecord
    embedding: CachedEmbedding
    fresh: bool


def embed_records(
    records: Sequence[ImageRecord],
    root: Path,
    *,
    embedder: Looker,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> Embedded:
    """Embed the images of `records`, which lie under `root`.

    Parameters
    ----------
    records : sequence of ImageRecord
    root : Path
    embedder : Looker
    cache : EmbeddingCache, optional
        Asked first, and filled every 64 images: an interrupted run goes on where it was.
    progress : Progress, optional

    Returns
    -------
    Embedded
        One bad file never ends the run.
    """
    began = time.perf_counter()
    vectors = np.empty((len(records), embedder.raw_dim), np.float32)
    good: list[ImageRecord] = []
    failures: list[FailedImage] = []
    fresh: list[tuple[str, CachedEmbedding]] = []
    computed = 0
    parts = {name: RaggedWriter() for name in sorted(_parts_of(embedder))}
    with Stretch(progress, "embedding", len(records)) as step:
        for result in _results(records, root, embedder, cache):
            step()
            if isinstance(result, FailedImage):
                failures.append(result)
                continue
            vectors[len(good)] = result.embedding.vector
            good.append(result.record)
            for name, writer in parts.items():
                writer.append(result.embedding.parts[name])
            if result.fresh:
                computed += 1
                fresh.append((result.record.content_hash, result.embedding))
            if cache is not None and len(fresh) >= _CHUNK:
                cache.put(embedder.cache_key, fresh)
                fresh.clear()
    if cache is not None and fresh:
        cache.put(embedder.cache_key, fresh)
    kept = {name: writer.done() for name, writer in parts.items()}
    return Embedded(
        tuple(good),
        embedder.finish(vectors[: len(good)], kept),
        tuple(failures),
        computed,
        len(good) - computed,
        time.perf_counter() - began,
        kept,
    )


def _results(
    records: Sequence[ImageRecord], root: Path, embedder: Looker, cache: EmbeddingCache | None
) -> Iterator[_Done | FailedImage]:
    """Yield results in the order of the records, with a bounded number in flight."""
    waiting: deque[Future[_Done | FailedImage]] = deque()
    # One more than the cores: a worker that waits for the model leaves its core to one that decodes.
    workers = embedder.threads + 1
    with ThreadPoolExecutor(workers, thread_name_prefix="embed") as pool:
        try:
            for record in records:
                waiting.append(pool.submit(_embed, record, root, embedder, cache))
                if len(waiting) >= _IN_FLIGHT * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _embed(record: ImageRecord, root: Path, embedder: Looker, cache: EmbeddingCache | None) -> _Done | FailedImage:
    try:
        data = images.read_bytes(images.locate(root, record.path))
        content = images.content_hash(data)
        known = cache.get(content, embedder.cache_key) if cache is not None else None
        if known is not None and not _parts_of(embedder) <= set(known.parts):
            known = None  # somebody's cache lost some: look again
        embedding = known or embed_bytes(data, embedder)
    except ImageError as error:
        return FailedImage(record.path, error.kind, error.reason)
    filled = dataclasses.replace(record, content_hash=content, width=embedding.width, height=embedding.height)
    return _Done(filled, embedding, known is None)


def _parts_of(embedder: Looker) -> set[str]:
    """Return which parts of an image the model keeps."""
    return {name for name in ("cells", "keypoints") if getattr(embedder.spec, name)}


def embed_bytes(data: bytes, embedder: Looker) -> CachedEmbedding:
    """Look at one image file's content, with the parts that the model's ModelSpec asks for.

    Raises
    ------
    ImageError, ModelError
    """
    image, (width, height) = images.decode_sized(data, min_side=embedder.decode_side)
    found = embedder.look(image)
    return CachedEmbedding(found.vector, width, height, found.parts)
