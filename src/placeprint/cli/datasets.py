"""Open the datasets that a verb is given, and say how they were understood."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from placeprint.cli import options, printing, slips
from placeprint.errors import UsageError

if TYPE_CHECKING:
    from placeprint.dataset.manifest import Manifest
    from placeprint.dataset.metadata.gpx import Track
    from placeprint.indexing.sources import Source


def track_of(reading: options.Reading) -> Track | None:
    """Read the track that gives positions to photos without; None where none is given.

    Raises `UsageError` or `DatasetError`.
    """
    from placeprint.dataset.metadata.gpx import read_track
    from placeprint.dataset.metadata.times import parse_offset

    if reading.gpx is not None:
        return read_track(reading.gpx, offset=parse_offset(reading.clock_offset or "0"))
    if reading.clock_offset is not None:
        raise UsageError("--clock-offset says how a camera's clock and a track differ: give --gpx TRACK too")
    return None


def opened(
    dataset: Path | str,
    layout: str | None,
    *,
    beside: Iterable[Path | str | None] = (),
    track: Track | None = None,
) -> Source:
    """Read a dataset, here or in an object store, and print one line of what was understood on stderr.

    `beside` is what else was given: a gallery may be in its place (`placeprint.cli.slips`).
    """
    from placeprint.dataset.overview import Overview
    from placeprint.dataset.remote import is_remote
    from placeprint.indexing.sources import open_source

    slips.refuse_gallery_as_dataset(dataset, beside)
    source = open_source(dataset, layout=layout, track=track)
    name = source.root if is_remote(dataset) else dataset  # a path has one slash where an address has two
    printing.say(f"{name}: {Overview.of(source.manifest).says}", err=True)
    return source


def manifest(
    dataset: Path | None,
    layout: str | None,
    *,
    stage: str = "test",
    beside: Iterable[Path | str | None] = (),
    track: Track | None = None,
) -> Manifest | None:
    """Read a dataset that is files here, and print one line of what was understood; None for none."""
    from placeprint.dataset.overview import Overview
    from placeprint.dataset.scan import read_dataset

    if dataset is None:
        return None
    slips.refuse_gallery_as_dataset(dataset, beside)
    found = read_dataset(dataset, layout=layout, stage=stage, track=track)
    printing.say(f"{dataset}: {Overview.of(found).says}", err=True)
    return found


def named(record: object, *fields: str, layout: str | None) -> dict[str, Manifest | None]:
    """Read the datasets that some fields of a record of options name."""
    return {field: manifest(getattr(record, field), layout) for field in fields}


def asked(dataset: Path | None, searched: options.Searched) -> Manifest | None:
    """Read what is asked of a gallery, and see that the gallery is one; None where only the gallery was given."""
    found = manifest(dataset, searched.layout, beside=[searched.gallery], track=track_of(searched))
    if searched.gallery is not None:
        slips.expect_gallery(searched.gallery)
    return found
