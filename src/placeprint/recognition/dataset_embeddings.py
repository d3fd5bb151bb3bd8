"""The embeddings of a dataset's images: made now, taken from the cache, or imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from placeprint.dataset.cropped import cropping
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.embedder import AnyEmbedder
from placeprint.embedding.imported import imported_spec, read_side
from placeprint.embedding.pipeline import Embedded, Reader, embed_records, file_reader
from placeprint.errors import DatasetError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import unit_vectors
from placeprint.options import Imported
from placeprint.progress import Progress
from placeprint.recognition.copies import rows_of_themselves
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.known_pairs import KNOWN_PAIRS
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.terminal import counted


@contextmanager
def opened_cache(use: bool) -> Iterator[EmbeddingCache | None]:
    """Open the user's cache, or none; while it is open, pairs of images that are matched are kept in it too."""
    if not use:
        yield None
        return
    with EmbeddingCache() as cache, KNOWN_PAIRS.kept_in(cache):
        yield cache


def nothing_to_search_in(manifest: Manifest, where: str) -> DatasetError:
    """Return the error for a dataset without gallery images; what cannot be used may be why."""
    lost = [f"; the first that cannot be used, {one.path!r}: {one.reason}" for one in manifest.failures[:1]]
    return DatasetError(f'"{where}" has no gallery images: nothing to search in{"".join(lost)}')


def none_usable(failures: Sequence[FailedImage], where: str) -> DatasetError:
    """Return the error for images of which none could be used: how many there are, and why the first could not."""
    first, images = failures[0], counted(len(failures), "image")
    return DatasetError(f'none of {images} of "{where}" could be used; the first, {first.path!r}: {first.reason}')


def embed_split(
    manifest: Manifest,
    records: Sequence[ImageRecord],
    *,
    embedder: AnyEmbedder,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
    read: Reader | None = None,
) -> Embedded:
    """Embed some records of a dataset, those that have a box in it cropped.

    `read` returns the bytes of a path where they are no files under its root.

    Raises `DatasetError` when there are none, or none of them could be used; the first reason is told.
    """
    if not records:
        raise nothing_to_search_in(manifest, str(manifest.root))
    if manifest.boxes:
        read = cropping(read or file_reader(manifest.root), manifest.boxes)
    done = embed_records(records, manifest.root, embedder=embedder, cache=cache, progress=progress, read=read)
    if not done.records:
        raise none_usable(done.failures, str(manifest.root))
    return done


def imported_queries(gallery: Gallery, imported: Imported) -> Queries:
    """Read what can be asked of a gallery of the same model: the query split, or every row where there is none.

    Raises `UsageError` when one of the two files is not given; `GalleryMismatchError` when the gallery was imported too
    and its vectors have another length; `VectorError` or `DatasetError` as `placeprint.read_embeddings` does.
    """
    if imported.embeddings is None or imported.records is None:
        raise UsageError("query embeddings need two files: --embeddings and --records")
    done, aside, _ = read_side(imported.embeddings, imported.records, "asked")
    if gallery.spec.imported:
        gallery.require(imported_spec(gallery.spec.name, done.vectors.shape[1]))
    split = any(record.split is Split.QUERY for record in done.records)
    units = unit_vectors(done.vectors)
    rows = None if split else rows_of_themselves(gallery.records, gallery.vectors, done.records, units)
    return Queries(tuple(done.records), units, own_rows=rows, set_aside=aside)
