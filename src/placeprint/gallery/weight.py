"""How much a gallery keeps: all of its files, or what they would be."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from placeprint.gallery.files import LEARNED
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD, read_head


def kept_bytes(gallery: Gallery) -> int:
    """Return the bytes of vectors, parts, records, index and what the model learned, as they are on disk.

    Of a gallery in memory everything but vectors and parts, which are counted, is written to a folder that is removed;
    one on a server counts as it would in a folder.
    """
    there = gallery.whole()
    if there.path is not None and (there.path / HEAD).is_file():
        data = read_head(there.path).data.path
        return _of(data) + (there.path / HEAD).stat().st_size
    with TemporaryDirectory(prefix="placeprint-") as name:
        folder = Path(name)
        there.records.save(folder)
        there.index.save(folder)
        if there.learned:
            np.savez(folder / LEARNED, **dict(there.learned))  # type: ignore[arg-type]
        rest = _of(folder)
    parts = sum(kept.bytes_an_image + 2 * np.dtype(np.uint32).itemsize for kept in there.parts.values())
    return there.vectors.nbytes + round(parts * len(there)) + rest


def _of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
