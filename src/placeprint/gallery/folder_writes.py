"""What changes a gallery in a folder: under its lock, in one step, and made of what is there at that time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from placeprint.errors import GalleryMismatchError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change, applied
from placeprint.gallery.files import Content, learned_entries, read_gallery, write_gallery
from placeprint.gallery.head import HEAD, SHORTENED, read_head
from placeprint.gallery.images import GalleryImages
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.index.choice import Before
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.same_model import require_same_model
from placeprint.records import ModelSpec
from placeprint.storage import published
from placeprint.storage.atomic import FULL
from placeprint.storage.data_folder import DataFolder
from placeprint.terminal import tell

Rewriting = Callable[[Content], tuple[Content, Change]]


def rewrite(path: Path, spec: ModelSpec, change: Rewriting, *, mapped: bool = True) -> Change:
    """Write what a change makes of the gallery in a folder.

    Raises
    ------
    GalleryMismatchError
        When another model's gallery is there by now.
    GalleryBusyError, GalleryCorruptError
    """
    with published.locked(path):
        newest, data = _newest(path, spec, mapped)
        data.require(data.files)  # what is copied gets new checksums
        content, counts = applied(newest._content, change)
        if counts.nothing:  # a kill between the new head and the end of the old data leaves the old data
            published.clear_leftovers(path, HEAD)
            return counts
        kept = content.vectors.first_of(newest.vectors)
        write_gallery(path, content, before=None if kept is None else Before(newest.index, kept))
    return counts


def shorten(path: Path, spec: ModelSpec, change: Rewriting, *, mapped: bool = True) -> Change:
    """Write what a removal leaves of the gallery in a folder; on a full disk its head notes what is removed.

    Raises
    ------
    OSError
        When it can do neither.
    GalleryMismatchError, GalleryBusyError, GalleryCorruptError
        As `rewrite`.
    """
    try:
        return rewrite(path, spec, change, mapped=mapped)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return _note_removed(path, spec, change, mapped)


def _note_removed(path: Path, spec: ModelSpec, change: Rewriting, mapped: bool) -> Change:
    """Note in the head which rows a change removes; the next change that has room writes the files anew."""
    with published.locked(path):
        newest, _ = _newest(path, spec, mapped)
        content, counts = applied(newest._content, change)
        (array, there), kept = newest._stored.first(), content.vectors.first()[1]
        if kept is not None:
            rows = np.arange(len(array))
            removed = np.setdiff1d(rows, (rows if there is None else there)[kept]).tolist()
            learned = learned_entries(content.calibration, content.position_evidence)
            values = {"format": SHORTENED, "removed": removed, **learned}
            published.update_head(path, HEAD, values)
    tell(f'the disk is full: "{path}" only notes what was removed, the next change that has room writes it anew')
    return counts


def _newest(path: Path, spec: ModelSpec, mapped: bool) -> tuple[GalleryImages, DataFolder]:
    content, head = read_gallery(path, mapped=mapped)
    require_same_model(str(path), content.spec, spec)
    return GalleryImages(content, path=path, data=head.data), head.data


def store_learned(
    path: Path,
    gallery: GalleryImages,
    calibration: Calibration | None = None,
    positions: PositionEvidence | None = None,
) -> None:
    """Keep what was learned of a gallery; what is None stays as it is.

    Raises
    ------
    GalleryBusyError
    GalleryMismatchError
        When the gallery in the folder is not the one that it was learned of.
    """
    with published.locked(path):
        newest, _ = read_gallery(path)
        require_same_model(str(path), newest.spec, gallery.spec)
        if newest.preset != gallery.preset:
            raise GalleryMismatchError(
                f'"{path}" uses preset {newest.preset.name}, but the calibration was learned with '
                f"{gallery.preset.name}: build a gallery with that preset, or calibrate this one as it is"
            )
        if newest.records != gallery.records:
            raise GalleryMismatchError(f'"{path}" was changed while it was calibrated: calibrate it again')
        published.update_head(path, HEAD, learned_entries(calibration, positions))


def store_audit(path: Path, found: Audit) -> None:
    """Keep what was measured of a gallery's index.

    Raises
    ------
    GalleryBusyError
    GalleryMismatchError
        When the gallery was changed meanwhile.
    """
    with published.locked(path):
        if read_head(path).state != found.data:
            raise GalleryMismatchError(f'"{path}" was changed while it was measured: measure it again')
        published.update_head(path, HEAD, {"audit": found.to_dict()})
