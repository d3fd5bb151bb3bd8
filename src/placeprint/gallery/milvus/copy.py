"""Fetches a gallery from Milvus into a folder, in stretches that are galleries: a kill costs one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from pathlib import Path

import numpy as np

from placeprint.errors import GalleryCorruptError, GalleryError
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.files import Content, failure_lines, read_gallery
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.store import Store
from placeprint.gallery.part_codes import as_kept, decoded
from placeprint.gallery.replacement import refuse_strangers
from placeprint.gallery.segment_writes import write_gallery
from placeprint.gallery.table import RecordTable
from placeprint.progress import Progress, Stretch
from placeprint.records import ImageRecord
from placeprint.storage import published
from placeprint.storage.data_folder import ADVICE
from placeprint.storage.ragged import RaggedWriter

STRETCH = 20_000
"""Images in one stretch, whose records are in memory at once."""


def copied(store: Store, head: Head, path: Path, *, index: str = "exact", progress: Progress | None = None) -> Gallery:
    """Fetch all images into a gallery at `path`, in the order of their numbers.

    Stretches lie in ``PATH.parts`` until the end. Those that are there from an interrupted copy are taken as they are
    where they hold what the server holds; compare afterwards (see `placeprint.gallery.move`).
    """
    parts = path.with_name(f"{path.name}.parts")
    whole = reduce(_joined, list(_stretches(store, head, parts, progress)))
    content = dataclasses.replace(
        head.content(whole.records, whole.vectors, whole.parts),
        index_name=index,
        failures=failure_lines(head.failures),
        model_file=head.model_file,
    )
    with published.locked(path):
        write_gallery(path, content)
    for first, last in _edges(head):
        published.remove_published(_part(parts, first, last), HEAD)
    with suppress(OSError):  # it holds something of somebody else
        parts.rmdir()
    return Gallery.open(path)


def _stretches(store: Store, head: Head, parts: Path, progress: Progress | None) -> Iterator[Content]:
    with Stretch(progress, "fetching", head.end) as step:
        for first, last in _edges(head):
            folder = _part(parts, first, last)
            try:
                content, there = read_gallery(folder)
                for segment in there.segments:
                    segment.data.require(segment.data.files)  # what is copied gets new checksums
            except GalleryError:
                refuse_strangers(folder)
                with published.locked(folder):
                    write_gallery(folder, _fetched(store, head, first, last))
                content, _ = read_gallery(folder)
            step(last - first)
            yield content


def _edges(head: Head) -> Iterator[tuple[int, int]]:
    """Yield the numbers that a stretch begins with and ends before."""
    for first in range(0, max(head.end, 1), STRETCH):
        yield first, min(first + STRETCH, head.end)


def _part(parts: Path, first: int, last: int) -> Path:
    return parts / f"{first:012d}-{last:012d}"


def _fetched(store: Store, head: Head, first: int, last: int) -> Content:
    vectors, writers = RaggedWriter(), {name: RaggedWriter() for name in store.parts}
    records, roots = list[ImageRecord](), list[int]()
    for block in store.images(last, first=first):
        for image in block:
            if image.found != image.sum:
                raise GalleryCorruptError(f"{image.record.path}: its checksum on the server differs: {ADVICE}")
            records.append(image.record)
            roots.append(image.root)
            vectors.append(image.vector[None, None])
            for name, writer in writers.items():
                writer.append(as_kept(image.parts[name], name, head.codes))
    unit = vectors.mapped(store.spec.dim, np.float32)
    kept = {name: writer.done() for name, writer in writers.items()}
    table = RecordTable.of(records, roots=roots)
    return head.content(table, ChunkedVectors.of(unit), decoded(kept, head.codes))


def _joined(one: Content, two: Content) -> Content:
    parts = {name: kept.joined(two.parts[name]) for name, kept in one.parts.items()}
    records, vectors = one.records.joined(two.records), one.vectors.joined(two.vectors)
    return dataclasses.replace(one, records=records, vectors=vectors, parts=parts)
