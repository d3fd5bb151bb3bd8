"""The pipeline: files to embeddings on all cores, with a cache, and failures as rows.

Each thread takes an image all the way: read, hash, look in the cache, decode at reduced size, infer. While
one decodes another infers, and no more than a few images are in memory, whatever the dataset's size: vectors and
parts go to files without a name.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from placeprint.arrays import Floats, Vectors
from placeprint.dataset.decoding import images
from placeprint.dataset.files import content_hash, locate, read_bytes
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.cache_rows import CachedEmbedding
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.errors import ImageError
from placeprint.progress import Progress, Stretch
from placeprint.records import FailedImage, ImageRecord
from placeprint.storage.ragged import Ragged, RaggedWriter

Reader = Callable[[str], bytes]
"""Returns the bytes behind a path of a dataset."""

_CHUNK = 64
"""Embeddings between two writes to the cache: what a kill can cost at most."""

STAGES = ("read", "decode", "embed")
"""What a thread does with an image, one after the other."""

_IN_FLIGHT = 4
"""Images waiting or running per thread."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of a dataset's images.

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
    shares : mapping of str to float
        Where the time of the threads went, adding up to 1: ``read`` (with hashing and the cache), ``decode``,
        ``embed`` (with resizing) and ``wait`` (for work, for a core, for the cache to be written).

    Examples
    --------
    >>> import placeprint
    >>> read = placeprint.read_embeddings("vectors.npy", "rows.csv")
    >>> read.vectors.shape, read.records[0].path
    ((11, 1280), 'gallery/castle-gate/01.jpg')
    """

    records: tuple[ImageRecord, ...]
    vectors: Vectors
    failures: tuple[FailedImage, ...]
    computed: int
    cached: int
    seconds: float
    parts: Mapping[str, Ragged] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Done:
    """One image: its seconds are those of `STAGES`."""

    record: ImageRecord
    embedding: CachedEmbedding
    fresh: bool
    seconds: tuple[float, float, float]


class _Kept:
    """What was embedded so far, in files, and what the cache still has to be given."""

    def __init__(self, embedder: AnyEmbedder, cache: EmbeddingCache | None) -> None:
        self._key, self._cache = embedder.cache_key, cache
        self._fresh: list[tuple[str, CachedEmbedding]] = []
        self._vectors = RaggedWriter()
        self._parts = {name: RaggedWriter() for name in sorted(embedder.spec.parts)}
        self.records: list[ImageRecord] = []
        self.computed, self.seconds = 0, np.zeros(len(STAGES))

    def take(self, done: _Done) -> None:
        """Keep one image."""
        self.records.append(done.record)
        self.seconds += done.seconds
        self._vectors.append(done.embedding.vector[None, None])
        for name, writer in self._parts.items():
            writer.append(done.embedding.parts[name])
        if done.fresh:
            self.computed += 1
            self._fresh.append((done.record.content_hash, done.embedding))
        if len(self._fresh) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Give the cache what it has not got."""
        if self._cache is not None and self._fresh:
            self._cache.put(self._key, self._fresh)
        self._fresh.clear()

    def done(self, dim: int) -> tuple[Vectors, dict[str, Ragged]]:
        """Return the vectors, shape (n, dim), memory-mapped, and the parts."""
        self.flush()
        return self._vectors.mapped(dim, np.float32), {name: writer.done() for name, writer in self._parts.items()}


def embed_records(
    records: Sequence[ImageRecord],
    root: Path,
    *,
    embedder: AnyEmbedder,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
    read: Reader | None = None,
) -> Embedded:
    """Embed the images of `records`, which lie under `root`.

    `cache`: Asked first, and filled every 64 images: an interrupted run goes on where it was.
    `read`: Returns the bytes of a path, or raises ImageError; by default those of the file under `root`.
    One bad file never ends the run.
    """
    began = time.perf_counter()
    reader = file_reader(root) if read is None else read
    kept, failures = _Kept(embedder, cache), list[FailedImage]()
    with Stretch(progress, "embedding", len(records)) as step, images.memory_reused(2 * _workers(embedder)):
        for result in _results(records, reader, embedder, cache):
            step()
            if isinstance(result, FailedImage):
                failures.append(result)
            else:
                kept.take(result)
    vectors, parts = kept.done(embedder.raw_dim)
    seconds = time.perf_counter() - began
    return Embedded(
        tuple(kept.records),
        embedder.finish(vectors),
        tuple(failures),
        kept.computed,
        len(kept.records) - kept.computed,
        seconds,
        parts,
        _shares(kept.seconds, seconds * _workers(embedder)),
    )


def file_reader(root: Path) -> Reader:
    """Return what reads the files under a folder, and nothing outside of it."""
    return lambda path: read_bytes(locate(root, path))


def _shares(spent: Floats, whole: float) -> dict[str, float]:
    """Return which part of the threads' time each stage took; what is missing is waiting."""
    shares = dict(zip(STAGES, (spent / max(whole, float(spent.sum()), 1e-9)).tolist(), strict=True))
    return shares | {"wait": 1.0 - sum(shares.values())}


def _workers(embedder: AnyEmbedder) -> int:
    """Two more than the cores: a worker that waits for the model or a lock leaves its core to another."""
    return embedder.threads + 2


def _results(
    records: Sequence[ImageRecord], read: Reader, embedder: AnyEmbedder, cache: EmbeddingCache | None
) -> Iterator[_Done | FailedImage]:
    """Yield results in the order of the records, with a bounded number in flight."""
    waiting: deque[Future[_Done | FailedImage]] = deque()
    workers = _workers(embedder)
    with ThreadPoolExecutor(workers, thread_name_prefix="embed") as pool:
        try:
            for record in records:
                waiting.append(pool.submit(_embed, record, read, embedder, cache))
                if len(waiting) >= _IN_FLIGHT * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _embed(
    record: ImageRecord, read: Reader, embedder: AnyEmbedder, cache: EmbeddingCache | None
) -> _Done | FailedImage:
    """Take one image all the way, and note when each stage ended."""
    at = [time.perf_counter()]
    try:
        data = read(record.path)
        content = content_hash(data)
        embedding = known = _known(content, embedder, cache)
        at.append(time.perf_counter())
        if embedding is None:
            image, (width, height) = images.decode_sized(data, min_side=embedder.decode_side)
            at.append(time.perf_counter())
            found = embedder.look(image)
            embedding = CachedEmbedding(found.vector, width, height, found.parts)
            at.append(time.perf_counter())
    except ImageError as error:
        return FailedImage(record.path, error.kind, error.reason)
    filled = dataclasses.replace(record, content_hash=content, width=embedding.width, height=embedding.height)
    reading, decoding, seeing = (*(b - a for a, b in pairwise(at)), 0.0, 0.0)[: len(STAGES)]
    return _Done(filled, embedding, known is None, (reading, decoding, seeing))


def _known(content: str, embedder: AnyEmbedder, cache: EmbeddingCache | None) -> CachedEmbedding | None:
    """Return what the cache has of an image; None when that is not what the model makes, to look again."""
    known = cache.get(content, embedder.cache_key) if cache is not None else None
    if known is None or known.vector.shape != (embedder.raw_dim,) or embedder.spec.parts != set(known.parts):
        return None
    return known
