"""Understand a dataset without being told: a manifest, or one of the folder layouts of the field.

::

    gallery/<place>/*  query/<place>/*      also database, queries, train, test; <place> may be missing
    <place>/gallery/*  <place>/query/*
    <place>/*                               no split: evaluated by leaving one image out
    @east@north@zone@letter@lat@lon@...@.jpg   file names that carry the position (metres, degrees)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset import manifest as manifests
from placeprint.dataset.files import SUFFIXES
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.positions import position_in_name
from placeprint.dataset.splits import SPLITS
from placeprint.errors import DatasetError, UsageError
from placeprint.records import FailedImage, ImageRecord, Split

MANIFEST_NAMES = ("manifest.csv", "manifest.jsonl", "labels.csv", "labels.jsonl")
"""Looked for in a dataset's folder, in this order."""

_FOLDER_SPLITS = {name: split for name, split in SPLITS.items() if split is not Split.NONE}
_ENDINGS = tuple(SUFFIXES)
SKIPPED_FOLDERS = ("__MACOSX", "@eaDir")
"""What systems leave between photographs."""


def read_dataset(path: Path | str) -> Manifest:
    """Read a manifest file, a folder that holds one, or a folder of photographs.

    Parameters
    ----------
    path : Path or str
        A ``.csv``, ``.tsv`` or ``.jsonl`` file, or a folder.

    Raises
    ------
    DatasetError
        When nothing is there, or no photograph is found.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix.lower() not in manifests.SUFFIXES:
            raise DatasetError(
                f'"{path}" is not a manifest: give a folder, or a table ({", ".join(manifests.SUFFIXES)})'
            )
        found = manifests.read_manifest(path)
    elif path.is_dir():
        listed = next((path / name for name in MANIFEST_NAMES if (path / name).is_file()), None)
        found = manifests.read_manifest(listed) if listed else scan_folder(path)
    else:
        raise DatasetError(f'there is no dataset at "{path}"')
    if not found.records and not found.failures:
        raise DatasetError(f'no photograph was found in "{path}" (looked for {", ".join(sorted(SUFFIXES)[:6])}, …)')
    return found


@dataclass(frozen=True, slots=True)
class Layout:
    """How folders are read: `parse` maps the folders above an image to its place and split."""

    name: str
    parse: Callable[[tuple[str, ...]], tuple[str | None, Split | None]]
    place_depth: int


def _split_first(folders: tuple[str, ...]) -> tuple[str | None, Split | None]:
    split = _FOLDER_SPLITS.get(folders[0].lower()) if folders else None
    return (folders[1] if len(folders) > 1 else None), split


def _place_first(folders: tuple[str, ...]) -> tuple[str | None, Split | None]:
    place = folders[0] if folders else None
    return place, _FOLDER_SPLITS.get(folders[1].lower()) if len(folders) > 1 else Split.NONE


def _place_only(folders: tuple[str, ...]) -> tuple[str | None, Split | None]:
    return (folders[0] if folders else None), Split.NONE


SPLIT_FIRST = Layout("gallery/<place>/*, query/<place>/*", _split_first, 2)
PLACE_FIRST = Layout("<place>/gallery/*, <place>/query/*", _place_first, 1)
PLACE_ONLY = Layout("<place>/*", _place_only, 1)


def scan_folder(root: Path) -> Manifest:
    """Read a folder of photographs by the layout that fits it; symbolic links are listed, not followed."""
    return scan_names(root, *_walk(root))


def scan_names(root: Path, files: list[tuple[str, ...]], folders: list[tuple[str, ...]]) -> Manifest:
    """Read the names of files and folders, relative to `root` and sorted, by the layout that fits them."""
    prefix = _wrapper(folders, files)
    inner = [f[len(prefix) :] for f in folders if f[: len(prefix)] == prefix]
    layout = _choose(inner)
    records: list[ImageRecord] = []
    failures: list[FailedImage] = []
    for file in files:
        record = _record(file, file[len(prefix) : -1], layout)
        (records if isinstance(record, ImageRecord) else failures).append(record)  # type: ignore[arg-type]
    found = {r.place for r in records}
    empty = {f[layout.place_depth - 1] for f in inner if len(f) == layout.place_depth} - found
    return Manifest(root, tuple(records), tuple(failures), f"folders {layout.name}", tuple(sorted(empty)))


def _walk(root: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """List images (also folders that are named like one) and folders, as sorted tuples of names."""
    files: list[tuple[str, ...]] = []
    folders: list[tuple[str, ...]] = []
    for top, names, leaves in os.walk(root):
        here = Path(top).relative_to(root).parts
        images = [n for n in names if is_image(n)]
        names[:] = sorted(n for n in names if not n.startswith(".") and n not in SKIPPED_FOLDERS and n not in images)
        folders.extend((*here, n) for n in names)
        files.extend((*here, n) for n in [*leaves, *images] if is_image(n))
    return sorted(files), sorted(folders)


def is_image(name: str) -> bool:
    """Return whether a file's name is that of a photograph."""
    return not name.startswith(".") and name.lower().endswith(_ENDINGS)


def _wrapper(folders: Iterable[tuple[str, ...]], files: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the folders that only wrap the dataset, such as ``images/`` around ``images/<place>/*``."""
    folders, files = list(folders), list(files)
    prefix: tuple[str, ...] = ()
    while True:
        depth = len(prefix)
        below = {f[depth] for f in files if len(f) > depth + 1}  # a folder of documents beside it does not count
        if len(below) != 1 or any(len(f) <= depth + 2 for f in files):
            return prefix
        only = (*prefix, *below)
        children = {f[depth + 1].lower() for f in folders if len(f) == depth + 2 and f[: depth + 1] == only}
        if only[-1].lower() in _FOLDER_SPLITS:
            return prefix
        if children & set(_FOLDER_SPLITS):  # <only>/gallery/*.jpg is a place; <only>/gallery/<place>/* is a wrapper
            return prefix if any(len(f) <= depth + 3 for f in files) else only
        prefix = only


def _choose(folders: list[tuple[str, ...]]) -> Layout:
    first = [f[0].lower() for f in folders if len(f) == 1]
    second = [f[1].lower() for f in folders if len(f) == 2]
    splits = {_FOLDER_SPLITS[name] for name in first if name in _FOLDER_SPLITS}
    if splits == {Split.GALLERY, Split.QUERY} or (splits and len(first) == 1):
        return SPLIT_FIRST
    if second and 2 * sum(name in _FOLDER_SPLITS for name in second) > len(second):
        return PLACE_FIRST
    return PLACE_ONLY


def _record(file: tuple[str, ...], folders: tuple[str, ...], layout: Layout) -> ImageRecord | FailedImage:
    path = "/".join(file)
    place, split = layout.parse(folders)
    if split is None:
        return FailedImage(path, "unknown-split", "the folder is neither a gallery nor a query split")
    try:
        position = position_in_name(file[-1])
    except UsageError as error:
        return FailedImage(path, "bad-row", str(error))
    if position:
        place = None if layout is not PLACE_ONLY and len(folders) < layout.place_depth else place
    try:
        return ImageRecord(path=path, places=(place,) if place else (), split=split, **position)
    except UsageError as error:
        return FailedImage(path, "bad-row", str(error))
