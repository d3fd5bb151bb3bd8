"""Indexes images into a gallery on a server, block by block, so that only one block is in memory."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.dataset.files import content_hash
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.learned import arrays_of
from placeprint.embedding.pipeline import Embedded, Reader, embed_records
from placeprint.errors import ImageError
from placeprint.gallery.changes import new_content
from placeprint.gallery.index.base import unit_vectors
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.writer import Known, Writer
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.part_codes import codes_for
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import Wanted
from placeprint.indexing.result import IndexResult
from placeprint.indexing.sources import Source
from placeprint.options import BuildOptions
from placeprint.presets import Preset
from placeprint.progress import Progress, Stretch
from placeprint.recognition.dataset_embeddings import none_usable, nothing_to_search_in, opened_cache
from placeprint.records import FailedImage, ImageRecord

BLOCK = 256
"""Images that are embedded and written together."""


@dataclass(slots=True)
class _Tally:
    """What has been done so far."""

    failures: list[FailedImage] = field(default_factory=list)
    usable: int = 0
    computed: int = 0
    cached: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    def count(self, done: Embedded) -> None:
        """Add the result of a block."""
        self.failures += done.failures
        self.computed += done.computed
        self.cached += done.cached
        for name, share in done.shares.items():
            self.spent[name] = self.spent.get(name, 0.0) + share * done.seconds

    def shares_of_time(self) -> dict[str, float]:
        """Return where the time went, adding up to 1."""
        total = sum(self.spent.values())
        return {name: spent / total for name, spent in self.spent.items()} if total else {}


def store_images(
    address: str | Path,
    source: Source,
    embedder: AnyEmbedder,
    options: BuildOptions,
    *,
    embedded: Embedded | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> IndexResult:
    """Make the gallery at an address hold the gallery images of a dataset, and no others.

    Interrupted, the same again completes it: files are read again, and what the store has of them is not embedded.

    `options`: The preset, the index, and whether there is a cache.
    `embedded`: Where the model had to learn from all images first, what became of them.
    `replace`: Whether a gallery that is there may lose images by it.
    Raises `DatasetError` when there are no images, or none of them could be used; `GalleryError`.
    """
    manifest, root = source.manifest, source.root
    records = manifest.gallery()
    if not records:
        raise nothing_to_search_in(manifest, root)
    began, tally = time.perf_counter(), _Tally()
    wanted = None if replace else Wanted.of(records, root, embedder.spec)
    head = head_of(embedder, options, root)
    with Writer.begin(parse_address(address), head, rows=len(records), wanted=wanted) as writer:
        with Stretch(progress, "embedding", len(records)) as step, opened_cache(options.cache) as cache:
            if embedded is not None:
                tally.count(embedded)
                _write_all(writer, embedded, root, step)
            blocks = BlockWriter(writer, root, embedder, source.read, cache)
            for i in range(0, len(records) if embedded is None else 0, BLOCK):
                done, usable = blocks.write(tally.usable, records[i : i + BLOCK])
                tally.count(done)
                tally.usable += usable
                step(len(records[i : i + BLOCK]))
        if len(tally.failures) == len(records):
            raise none_usable(tally.failures, root)
        failures = (*manifest.failures, *tally.failures)
        change = writer.finish(failures=failures)
    seconds = time.perf_counter() - began
    return IndexResult(
        open_gallery(address), change, failures, tally.computed, tally.cached, seconds, tally.shares_of_time()
    )


def head_of(embedder: AnyEmbedder, options: BuildOptions, root: str) -> Head:
    """Return what a new gallery on a server says of itself."""
    return Head(
        spec=embedder.spec,
        preset=options.found_preset(),
        index_name=options.index,
        roots=(root,),
        learned=arrays_of(embedder),
        model_file=embedder.file,
        codes=codes_for(embedder.spec, options.found_preset()),
    )


@dataclass(frozen=True, slots=True)
class BlockWriter:
    """Embeds what a store lacks of some images, and writes it."""

    writer: Writer
    root: str  # Name of the root that the paths are relative to.
    embedder: AnyEmbedder
    read: Reader  # Returns the bytes of a path.
    cache: EmbeddingCache | None = None
    gaps: bool = False  # True leaves out the numbers of images that cannot be used; else the next image takes them.

    def write(self, first: int, records: Sequence[ImageRecord]) -> tuple[Embedded, int]:
        """Write a block whose first image has the number `first`.

        Returns: What was embedded, and how many images could be used.
        """
        known = self.writer.known(self.root, records)
        same = {r.path for r in records if r.path in known and _unchanged(r, known[r.path], self.read)}
        done = self._embedded([r for r in records if r.path not in same])
        useless = {failure.path for failure in done.failures}
        usable = [r for r in records if r.path not in useless]
        numbers = {record.path: first + i for i, record in enumerate(records if self.gaps else usable)}
        moved = [r for r in usable if r.path in same and known[r.path].row != numbers[r.path]]
        stayed = [known[r.path].record for r in usable if r.path in same and known[r.path].row == numbers[r.path]]
        self.writer.keep(self.root, stayed, unchanged=len(stayed))
        for part in (done, *([self._embedded(moved)] if moved else [])):
            if part.records:
                at = np.array([numbers[record.path] for record in part.records])
                units = unit_vectors(part.vectors)
                self.writer.put_at(at, part.records, units, part.parts, root=self.root, known=known)
        return done, len(usable)

    def _embedded(self, records: Sequence[ImageRecord]) -> Embedded:
        return embed_records(records, Path(), embedder=self.embedder, cache=self.cache, read=self.read)


def _unchanged(record: ImageRecord, known: Known, read: Reader) -> bool:
    """Return whether the store has an image as it is now."""
    was = known.record
    if was != dataclasses.replace(record, content_hash=was.content_hash, width=was.width, height=was.height):
        return False
    try:
        return content_hash(read(record.path)) == was.content_hash
    except ImageError:
        return False


def _write_all(writer: Writer, done: Embedded, root: str, step: Callable[[int], None]) -> None:
    first = 0
    for part in _parts_of(done):
        writer.put(first, part.records, unit_vectors(part.vectors), part.parts, root=root)
        first += len(part.records)
        step(len(part.records))


def _parts_of(done: Embedded) -> Iterator[Embedded]:
    for i in range(0, len(done.records), BLOCK):
        rows = np.arange(i, min(i + BLOCK, len(done.records)))
        yield dataclasses.replace(
            done,
            records=tuple(done.records[j] for j in rows.tolist()),
            vectors=done.vectors[rows],
            parts={name: parts.kept(rows) for name, parts in done.parts.items()},
        )


def store_vectors(
    address: str | Path,
    *,
    records: Sequence[ImageRecord],
    vectors: Any,
    preset: Preset,
    root: str = ".",
    replace: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> AnyGallery:
    """Make the gallery at an address hold the given embeddings, and no others.

    `records`, `vectors`, `preset`, `root`, `replace`: As in `placeprint.Gallery.build`.
    **settings: ``spec`` and ``index``.
    Raises `VectorError` or `GalleryError`.
    """
    content = new_content(records, vectors, root=root, preset=preset, spec=settings["spec"])
    head = Head(spec=content.spec, preset=preset, index_name=settings.get("index", "auto"), roots=(root,))
    wanted = None if replace else Wanted.of(records, root, content.spec)
    with Writer.begin(parse_address(address), head, rows=len(records), wanted=wanted) as writer:
        with Stretch(progress, "writing", len(records)) as step:
            for first in range(0, len(records), writer.store.block_rows):
                some = slice(first, first + writer.store.block_rows)
                writer.put(first, records[some], unit_vectors(vectors[some]), {}, root=root)
                step(len(records[some]))
        writer.finish()
    return open_gallery(address)
