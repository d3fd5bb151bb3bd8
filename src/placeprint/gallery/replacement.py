"""What replacing a gallery would lose: it is refused before anything is written, unless it was asked for.

Nothing is lost where the new gallery has every image of the old one, under its root and path or under another one, as
after a folder was renamed: then a command that is given again just goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryError, UsageError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.files import PHOTOS, Content, read_gallery
from placeprint.gallery.head import HEAD, KIND
from placeprint.gallery.keys import key_of
from placeprint.gallery.table import RecordTable
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage import published
from placeprint.storage.atomic import require_way
from placeprint.storage.marker import SHOWN, named
from placeprint.terminal import counted

ADVICE = "to replace it all the same give --replace (in Python replace=True)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the new gallery will hold."""

    keys: NDArray[np.int64]  # One for each image, see `placeprint.gallery.keys.key_of`.
    spec: ModelSpec
    calibration: Calibration | None = None  # The one that it will have from the beginning.
    # Is given images that it lacks by their root and path, and the keys of all that are there; returns those of their
    # content hashes that it has nevertheless.
    contents: Callable[[Sequence[ImageRecord], NDArray[np.int64]], Set[str]] = lambda _missed, _there: frozenset()

    @classmethod
    def of(cls, records: Iterable[ImageRecord], root: str, spec: ModelSpec) -> Wanted:
        """Return what a gallery of these images under one root will hold, identified by their paths."""
        return cls(np.array([key_of(root, record.path) for record in records], np.int64), spec)

    @classmethod
    def by(cls, content: Content) -> Wanted:
        """Return what a gallery of this content will hold."""

        def contents(missed: Sequence[ImageRecord], _: NDArray[np.int64]) -> Set[str]:
            return content.records.rows_with_contents({record.content_hash for record in missed}).keys()

        return cls(keys_of(content.records, content.roots), content.spec, contents=contents)


def refuse_strangers(path: Path) -> None:
    """Refuse a folder that holds anything but a gallery or the remains of an interrupted write.

    Raises `UsageError`; `PermissionError` where nothing can be written.
    """
    require_way(path)
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise UsageError(f'"{path}" exists and is not a folder: choose another path')
    if published.is_head(path / HEAD, KIND):
        return
    if strangers := published.strangers_beside(path, HEAD):
        raise UsageError(f'"{path}" exists and is not a gallery, it holds {named(strangers)}: choose another path')


def refuse_loss(path: Path, wish: Callable[[], Wanted]) -> None:
    """Refuse to replace the gallery at a path when something in it would be lost.

    `wish`: Returns what will be there; only called when there is a gallery.
    Raises `UsageError`: it says what.
    """
    if not (path / HEAD).exists():
        return
    try:
        content, _ = read_gallery(path)
    except GalleryError as error:
        raise UsageError(f"{error}; what would be lost is not known: {ADVICE}") from error
    wanted = wish()
    keys = keys_of(content.records, content.roots)
    rows = np.flatnonzero(~np.isin(keys, wanted.keys))
    if len(rows):
        missed = content.records.kept(rows)
        there = wanted.contents(missed, keys) - {""}
        rows = rows[[record.content_hash not in there for record in missed]]
    lost = [_images(content, rows, path)] if len(rows) else []
    lost += others_lost(content.spec, content.calibration, wanted)
    refuse(f'"{path}"', lost)


def _images(content: Content, rows: NDArray[np.int64], path: Path) -> str:
    records = content.records.kept(rows)
    uploads = str((path / PHOTOS).resolve())
    sent = sum(content.roots[root] == uploads for root in records.columns.roots.tolist())
    also = f", {sent} of them sent to a server" if sent else ""
    places = counted(len(records.places), "place")
    first = named([record.path for record in records[:SHOWN]], len(records))
    return f"{len(rows)} of its {counted(len(content.records), 'image')}, of {places} ({first}{also})"


def others_lost(spec: ModelSpec, calibration: Calibration | None, wanted: Wanted) -> list[str]:
    """Return what else would be lost, in words: embeddings of another model, a calibration that a person made."""
    lost = []
    if (spec.name, spec.weights_sha256) != (wanted.spec.name, wanted.spec.weights_sha256):
        lost.append(f"the embeddings of its model {spec}")
    if calibration is not None and not calibration.automatic and calibration != wanted.calibration:
        lost.append("the calibration that `placeprint calibrate` stored")
    return lost


def refuse(where: str, lost: Sequence[str]) -> None:
    """Raise `UsageError` when something would be lost."""
    if lost:
        raise UsageError(
            f"{where} is a gallery that would lose {' and '.join(lost)}: {ADVICE}, to keep it choose another path, "
            "or use placeprint add"
        )


def keys_of(records: RecordTable, roots: Sequence[str]) -> NDArray[np.int64]:
    """Return the keys of a gallery's records under its roots, in their order; every record is read."""
    numbers = records.columns.roots.tolist()
    keys = (key_of(roots[number], record.path) for number, record in zip(numbers, records, strict=True))
    return np.fromiter(keys, np.int64, len(records))
