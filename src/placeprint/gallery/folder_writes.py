"""What changes a gallery in a folder: under its lock, in one step, and made of what is there at that time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from placeprint.errors import GalleryMismatchError
from placeprint.gallery import columns
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change, applied
from placeprint.gallery.files import Content, learned_entries, read_gallery
from placeprint.gallery.head import FORMAT, HEAD, read_head
from placeprint.gallery.images import GalleryImages
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.same_model import require_same_model
from placeprint.gallery.segment_writes import Old, Tidy, write_gallery
from placeprint.progress import Progress
from placeprint.records import ModelSpec
from placeprint.storage import published
from placeprint.storage.atomic import FULL
from placeprint.terminal import tell

Rewriting = Callable[[Content], tuple[Content, Change]]


def rewrite(path: Path, spec: ModelSpec, change: Rewriting, *, mapped: bool = True) -> Change:
    """Write what a change makes of the gallery in a folder; on a full disk a removal is only noted in its head.

    Raises `OSError` when there is no room for what is added; `GalleryMismatchError` when another model's gallery is
    there by now; `GalleryBusyError` or `GalleryCorruptError`.
    """
    with published.locked(path):
        newest, old = _newest(path, spec, mapped)
        for segment in old.segments:  # what decides which images change
            segment.data.require(columns.FILES)
        content, counts = applied(newest, change)
        if counts.nothing:  # a kill between the new head and the end of the old data leaves the old data
            published.clear_leftovers(path, HEAD)
            return counts
        try:
            write_gallery(path, content, old=old)
        except OSError as error:
            if error.errno not in FULL or counts.added or counts.replaced:
                raise
            write_gallery(path, content, old=dataclasses.replace(old, tidy=Tidy.NOT))
            tell(f'the disk is full: "{path}" only notes what was removed, the next change that has room does the rest')
    return counts


def compact(path: Path, spec: ModelSpec, *, mapped: bool = True, progress: Progress | None = None) -> None:
    """Write all segments of the gallery in a folder as one, without what was removed, where there is anything to do.

    Raises `GalleryMismatchError`, `GalleryBusyError` or `GalleryCorruptError` as `rewrite` does.
    """
    with published.locked(path):
        content, old = _newest(path, spec, mapped)
        if len(old.segments) == 1 and not old.segments[0].untidy(whole=True):
            published.clear_leftovers(path, HEAD)
        else:
            write_gallery(path, content, old=dataclasses.replace(old, tidy=Tidy.WHOLE), progress=progress)


def _newest(path: Path, spec: ModelSpec, mapped: bool) -> tuple[Content, Old]:
    content, head = read_gallery(path, mapped=mapped)
    require_same_model(str(path), content.spec, spec)
    return content, Old(head.segments, GalleryImages(content, path=path, segments=head.segments).index_of)


def store_learned(
    path: Path,
    gallery: GalleryImages,
    calibration: Calibration | None = None,
    position_evidence: PositionEvidence | None = None,
) -> None:
    """Keep what was learned of a gallery; what is None stays as it is.

    Raises `GalleryBusyError`; `GalleryMismatchError` when the gallery in the folder is not the one that it was learned
    of.
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
        published.update_head(path, HEAD, {"format": FORMAT, **learned_entries(calibration, position_evidence)})


def store_audit(path: Path, found: Audit) -> None:
    """Keep what was measured of a gallery's index.

    Raises `GalleryBusyError`; `GalleryMismatchError` when the gallery was changed meanwhile.
    """
    with published.locked(path):
        if read_head(path).state != found.data:
            raise GalleryMismatchError(f'"{path}" was changed while it was measured: measure it again')
        published.update_head(path, HEAD, {"format": FORMAT, "audit": found.to_dict()})
