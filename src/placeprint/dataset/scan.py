"""Read a dataset and find its form: a manifest, or one of the field's folder layouts.

::

    gallery/<place>/*  query/<place>/*      other names: `placeprint.dataset.layouts.split_names`; <place> may be
    missing <place>/gallery/*  <place>/query/*
    <place>/*                               no split: evaluated by leaving out one image at a time
    test/gallery/...   test/query/...       also beside train/ and val/ of that form, which are not read
    @east@north@zone@letter@lat@lon@...@.jpg   file names with the position (metres, degrees)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from placeprint.dataset import manifest as manifests
from placeprint.dataset.file_types import says_left_out
from placeprint.dataset.files import SUFFIXES
from placeprint.dataset.layouts.detection import Reading
from placeprint.dataset.layouts.layout import NO_CHOICE, SHOWN, Choice
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.metadata.described import described
from placeprint.dataset.metadata.gpx import Track
from placeprint.dataset.positions import position_in_name
from placeprint.dataset.reserved_labels import refuse_unknown
from placeprint.dataset.walk import NOT_WALKED, Listing, Names, walk, why_not_walked
from placeprint.errors import DatasetError, ImageError, UsageError
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.spelling import meant_path

MANIFEST_NAMES = ("manifest.csv", "manifest.jsonl", "labels.csv", "labels.jsonl")
"""Names that are tried in a dataset's folder, in this order."""


def read_dataset(
    path: Path | str, *, layout: str | None = None, stage: str = "test", track: Track | None = None
) -> Manifest:
    """Read a manifest file, a folder that holds one, or a folder of images, and the metadata of the images.

    Where a photo was taken comes from the table or the file's name, else from the photo's own EXIF or XMP, else from an
    XMP sidecar beside it, else from the track. No pixels are decoded.

    Parameters
    ----------
    path : Path or str
        A ``.csv``, ``.tsv`` or ``.jsonl`` file, or a folder.
    layout : str, optional
        How to read folders that can be read in two ways: ``split-first``, ``place-first``, ``places``, ``flat``; or the
        folders of gallery and queries, as ``train/val`` or ``train+val/test``. A table in the folder is then ignored.
    stage : str
        Which of train, val and test to read when each has its own gallery and queries.
    track : Track, optional
        Where the photographer was, see `placeprint.read_track`: for photos that do not say it themselves.

    Raises
    ------
    DatasetError
        When there is no dataset or no image, or the folders can be read in several ways.
    UsageError
        When there is no such layout, or a layout was given for a table.

    Examples
    --------
    >>> import placeprint
    >>> [record.place for record in placeprint.read_dataset("town").records][:3]
    ['castle-gate', 'castle-gate', 'castle-gate']
    """
    path, choice = Path(path), Choice.parse(layout)
    if path.is_file():
        if path.suffix.lower() not in manifests.SUFFIXES:
            what = "one photo" if path.suffix.lower() in SUFFIXES else "not a manifest"
            raise DatasetError(f'"{path}" is {what}: give a folder, or a table ({", ".join(manifests.SUFFIXES)})')
        if layout:
            raise UsageError(f'"{path}" is a table, and a layout says how folders are read: leave out --layout')
        found = manifests.read_manifest(path)
    elif path.is_dir():
        listed = None if layout else _table_in(path)
        found = manifests.read_manifest(listed) if listed else scan_folder(path, choice=choice, stage=stage)
    else:
        raise DatasetError(f'there is no dataset at "{path}"{meant_path(path)}')
    require_images(found, str(path))
    records, faults = described(found.records, found.root, track)
    return replace(found, records=records, name=str(path), position_faults=faults)


def _table_in(folder: Path) -> Path | None:
    try:
        return next((folder / name for name in MANIFEST_NAMES if (folder / name).is_file()), None)
    except OSError:  # the folder is not readable, which walking it reports
        return None


def require_images(found: Manifest, where: str) -> Manifest:
    """Return a manifest, unless it has neither images nor rows.

    Raises `DatasetError`: names the folders that were not walked and the formats that were left out.
    """
    if found.records or any(failure.kind not in NOT_WALKED for failure in found.failures):
        return found
    lost = why_not_walked(found.failures)
    why = [*lost[:SHOWN], *(["…"] if len(lost) > SHOWN else [])]
    why += [says_left_out(found.left_out)] if found.left_out else []
    looked = f"looked for {', '.join(sorted(SUFFIXES)[:6])}, …"
    raise DatasetError(f'no photograph was found in "{where}" ({"; ".join(why) or looked})')


def scan_folder(root: Path, *, choice: Choice = NO_CHOICE, stage: str = "test") -> Manifest:
    """Read a folder of images by the layout that fits it. Symbolic links are reported, not followed."""
    return read_listing(root, walk(root), choice=choice, stage=stage)


def read_listing(root: Path, listing: Listing, *, choice: Choice, stage: str) -> Manifest:
    """Make a manifest of the names of files and folders, by the layout that fits them.

    Raises `DatasetError` when several layouts fit.
    """
    reading = Reading(str(root), listing.files, choice, stage)
    records: list[ImageRecord] = []
    failures = list(listing.failures)
    for folders, files in groupby(sorted(listing.files, key=lambda file: file[:-1]), key=lambda file: file[:-1]):
        if reading.reads(folders):
            for record in _records(files, reading.place(folders), reading.split(folders)):
                (records if isinstance(record, ImageRecord) else failures).append(record)  # type: ignore[arg-type]
    return Manifest(
        root,
        tuple(sorted(records, key=lambda record: record.path.split("/"))),
        tuple(sorted(failures, key=lambda failure: failure.path)),
        f"folders {reading.layout.says}",
        reading.empty_places(listing.folders),
        layout=reading.layout.name,
        left_out={**reading.left_out(), **listing.left_out},
    )


def _records(files: Iterable[Names], place: str | None, split: Split | None) -> Iterator[ImageRecord | FailedImage]:
    """Yield the records of one folder's images."""
    for file in files:
        path, where = "/".join(file), "/".join(file[:-1]) or "the dataset's folder"
        if split is None:
            yield FailedImage(path, "unknown-split", f"{where} is neither a gallery nor a query split")
            continue
        try:
            places, position = (place,) if place else (), position_in_name(file[-1])
            refuse_unknown(places, split)
            yield ImageRecord(path=path, places=places, split=split, **position)
        except UsageError as error:
            yield FailedImage(path, "bad-row", str(error))
        except ImageError as error:
            yield FailedImage(path, error.kind, error.reason)
