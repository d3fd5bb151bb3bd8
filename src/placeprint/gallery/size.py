"""The size of a gallery: of its files, or of what they would be."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from placeprint.gallery.files import LEARNED
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD, read_head
from placeprint.gallery.index.short_vectors import row_bytes


def kept_bytes(gallery: Gallery) -> int:
    """Return the bytes of vectors, parts, records, index and what the model learned, as they are on disk.

    Of a gallery in memory, or copied from a server, everything but vectors and parts, which are counted, is written to
    a folder that is removed.
    """
    if gallery.path is not None and (gallery.path / HEAD).is_file():
        folders = [segment.data.path for segment in read_head(gallery.path).segments]
        return sum(map(_of, folders)) + (gallery.path / HEAD).stat().st_size
    with TemporaryDirectory(prefix="placeprint-") as name:
        folder = Path(name)
        gallery.records.save(folder)
        gallery.index.save(folder)
        if gallery.learned:
            np.savez(folder / LEARNED, **dict(gallery.learned))  # type: ignore[arg-type]
        rest = _of(folder)
    parts = sum(kept.bytes_an_image + 2 * np.dtype(np.uint32).itemsize for kept in gallery.parts.values())
    vector = row_bytes(gallery.spec.dim, gallery.preset.vector_bits)
    return round((vector + parts) * len(gallery)) + rest


def _of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
