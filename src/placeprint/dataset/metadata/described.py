"""Fill in what the metadata of a dataset's images says: where and when they were taken, and with what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from placeprint.cores import available_cores
from placeprint.dataset.files import locate, open_file
from placeprint.dataset.metadata.blocks import blocks_of
from placeprint.dataset.metadata.exif import exif_facts
from placeprint.dataset.metadata.facts import Facts
from placeprint.dataset.metadata.gpx import Track
from placeprint.dataset.metadata.sidecars import Sidecars
from placeprint.dataset.metadata.xmp import xmp_facts
from placeprint.errors import ImageError
from placeprint.records import FailedImage, ImageRecord

_AT_ONCE = 256
_PLACED = ("latitude", "longitude", "altitude", "heading", "position_error")
_NOTED = ("taken", "camera", "focal_length")
EXIF, SIDECAR, TRACK = "exif", "sidecar", "track"
"""Where a position comes from; one of a table or a file's name is marked by nothing."""


def described(
    records: Sequence[ImageRecord], root: Path, track: Track | None = None
) -> tuple[tuple[ImageRecord, ...], tuple[FailedImage, ...]]:
    """Read the headers of images, and their sidecars; the pixels are not decoded.

    A position in the table or the file's name stays. Else the photo's own counts, then its sidecar's, then the track's.

    Returns the records with what the metadata says, and faults of positions: ``position-impossible``, which are not
    used, and ``position-odd``, which are.
    """
    sidecars, done, faults = Sidecars(root), list[ImageRecord](), list[FailedImage]()
    with ThreadPoolExecutor(available_cores(), thread_name_prefix="metadata") as pool:
        for start in range(0, len(records), _AT_ONCE):
            for record, wrong in pool.map(_filler(root, sidecars, track), records[start : start + _AT_ONCE]):
                done.append(record)
                faults += wrong
    return tuple(done), tuple(faults)


def file_facts(path: Path) -> Facts:
    """Return what the metadata in a photo says; nothing where it cannot be read.

    Raises `ImageError` when there is no file that can be opened.
    """
    with open_file(path) as file:
        try:
            blocks = blocks_of(file)
            facts, packet = exif_facts(blocks.exif)
        except OSError:
            return Facts()
    return facts.filled(xmp_facts(blocks.xmp or packet))


def _filler(
    root: Path, sidecars: Sidecars, track: Track | None
) -> Callable[[ImageRecord], tuple[ImageRecord, list[FailedImage]]]:
    def fill(record: ImageRecord) -> tuple[ImageRecord, list[FailedImage]]:
        try:
            own = file_facts(locate(root, record.path))
        except ImageError:  # whoever decodes it tells
            return record, []
        if record.degrees or record.metres:
            return _noted(record, own), []
        made = _noted(_placed(record, own, EXIF), own)
        faults = list(own.faults)
        if not made.degrees:
            beside = sidecars.facts(record.path)
            made, faults = _noted(_placed(made, beside, SIDECAR), beside), [*faults, *beside.faults]
        if not made.degrees and track is not None and made.taken is not None and (found := track.at(made.taken)):
            made = _placed(made, Facts(latitude=found[0], longitude=found[1], altitude=found[2]), TRACK)
        return made, [FailedImage(record.path, kind, reason) for kind, reason in faults]

    return fill


def _placed(record: ImageRecord, facts: Facts, source: str) -> ImageRecord:
    """Return a record with the position of some facts, where they have one; of 0, 0 only where it has none at all."""
    if facts.latitude is None:
        return record
    values: dict[str, Any] = {name: getattr(facts, name) for name in _PLACED}
    made = dataclasses.replace(record, **values, position_source=source)
    return made if made.degrees or record.latitude is None else record


def _noted(record: ImageRecord, facts: Facts) -> ImageRecord:
    values = {name: getattr(facts, name) for name in _NOTED if getattr(record, name) is None}
    known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    return dataclasses.replace(record, **known) if known else record


def counted_sources(records: Sequence[ImageRecord]) -> Iterator[tuple[str, int]]:
    """Yield where positions come from, and of how many images."""
    for source in (EXIF, SIDECAR, TRACK):
        if count := sum(record.position_source == source for record in records):
            yield source, count
