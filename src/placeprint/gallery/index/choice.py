"""Which index serves a gallery: by name and by size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.gallery.index.approximate import FILE, SETTINGS
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.faiss_index import APPROXIMATE_ROWS, FaissIndex
from placeprint.gallery.index.top_k import Numbers
from placeprint.progress import Progress

INDEXES = ("auto", "exact", "faiss")
"""``auto`` is exact for small galleries and FAISS's approximate index from `APPROXIMATE_ROWS` images on."""

INDEX_FILES = (FILE, SETTINGS)
"""What an index may have written; a flat or exact one writes nothing."""


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before a change."""

    index: VectorIndex
    kept: Numbers  # Its rows that stayed, ascending: they are the first rows now.


def make_index(
    name: str,
    vectors: Vectors,
    *,
    data: Path | None = None,
    before: Before | None = None,
    progress: Progress | None = None,
) -> VectorIndex:
    """Make the index of a gallery, or read it from the gallery's data folder.

    `name`: One of `INDEXES`.
    `vectors`, shape (n, dim): Unit vectors.
    `data`: Where `VectorIndex.save` wrote. Where it wrote nothing, as it did for other sizes in older releases, the
    answers are exact.
    `before`: What an approximate index can be made from without learning again.
    """
    large = len(vectors) >= APPROXIMATE_ROWS if data is None else (data / FILE).exists()
    if name == "exact" or (name == "auto" and not large):
        return ExactIndex(vectors)
    if large and before is not None and isinstance(before.index, FaissIndex):
        renewed = FaissIndex.renewed(before.index, before.kept, vectors, progress=progress)
        if renewed is not None:
            return renewed
    return FaissIndex(vectors, approximate=large, folder=data if large else None, progress=progress)
