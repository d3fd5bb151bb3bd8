"""List a dataset's folders and files; a folder that cannot be read is reported, and the walk goes on."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from placeprint.dataset.decoding.formats import HEAD_BYTES, kind_of
from placeprint.dataset.file_types import (
    WITHOUT_ENDING,
    is_image,
    is_skipped,
    left_out_ending,
)
from placeprint.errors import first_line
from placeprint.records import FailedImage
from placeprint.storage.regular_files import open_regular

Names = tuple[str, ...]
"""A relative path as a tuple of names."""

LINKED, UNREADABLE = NOT_WALKED = ("linked-folder", "unreadable-folder")
"""Kinds of failures of folders."""
_FILE = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_LINK = "links to folders are not followed: copy the folder itself there"
_NOWHERE = "it is a broken link"
_JUNCTION = 0xA0000003
"""The tag of a junction on Windows, a folder that leads to another one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files and folders below a folder."""

    # files, folders: Images (also folders that are named like one), and folders, sorted.
    files: list[Names]
    folders: list[Names]
    failures: tuple[FailedImage, ...] = ()  # Folders that were not walked.
    # Numbers of images in formats that are not read, by suffix.
    left_out: Mapping[str, int] = field(default_factory=dict)


def walk(root: Path) -> Listing:
    """List a folder. Links and folders that cannot be read are reported as failures."""
    files: list[Names] = []
    folders: list[Names] = []
    failures: list[FailedImage] = []
    left_out: Counter[str] = Counter()
    todo: list[Names] = [()]
    while todo:
        here = todo.pop()
        entries, failed = _entries(root, here)
        if failed is not None:
            failures.append(failed)
        elif here:
            folders.append(here)
        for entry in entries:
            names = (*here, entry.name)
            if is_image(entry.name):
                files.append(names)
            elif is_skipped(entry.name):
                continue
            elif reason := _not_followed(entry):
                failures.append(FailedImage("/".join(names), LINKED, reason))
            elif _is_folder(entry):
                todo.append(names)
            elif ending := left_out_ending(entry.name) or _nameless(entry):
                left_out[ending] += 1
    return Listing(sorted(files), sorted(folders), tuple(failures), dict(left_out))


def why_not_walked(failures: Iterable[FailedImage]) -> tuple[str, ...]:
    """Return the folders that were not read, each with the reason."""
    lost = (failure for failure in failures if failure.kind in NOT_WALKED)
    return tuple(f"{'the folder' if one.path == '.' else one.path}: {one.reason}" for one in lost)


def listed(names: Iterable[Names]) -> Listing:
    """Make a listing of the files of an object store, which has no folders."""
    kept = [n for n in names if not any(is_skipped(folder) for folder in n[:-1])]
    files = sorted(n for n in kept if is_image(n[-1]))
    left_out = Counter(ending for n in kept if not is_image(n[-1]) and (ending := left_out_ending(n[-1])))
    return Listing(files, sorted({n[:depth] for n in kept for depth in range(1, len(n))}), (), dict(left_out))


def _entries(root: Path, here: Names) -> tuple[list[os.DirEntry[str]], FailedImage | None]:
    """Return the entries of a folder and, when listing fails, those before it and the failure."""
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(root.joinpath(*here)) as entries:
            for entry in entries:
                found.append(entry)  # what was listed before an error is kept
    except OSError as error:
        may_not = isinstance(error, PermissionError)
        reason = "it may not be read" if may_not else f"it cannot be listed: {error.strerror or first_line(error)}"
        return found, FailedImage("/".join(here) or ".", UNREADABLE, reason)
    return found, None


def _not_followed(entry: os.DirEntry[str]) -> str:
    """Return why a link or a Windows junction to a folder is not followed; empty for everything else."""
    try:
        if getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0) == _JUNCTION:
            return _LINK
        if not entry.is_symlink():
            return ""
        if entry.is_dir():
            return _LINK
        return "" if _FILE.search(entry.name) or Path(entry.path).exists() else _NOWHERE
    except OSError:  # a loop, or not accessible
        return _LINK if entry.is_symlink() else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _nameless(entry: os.DirEntry[str]) -> str:
    """Return `WITHOUT_ENDING` for a file without a suffix that is an image by its first bytes."""
    if "." in entry.name:
        return ""
    try:
        if not entry.is_file(follow_symlinks=False):
            return ""
        with open_regular(Path(entry.path)) as file:
            return WITHOUT_ENDING if kind_of(file.read(HEAD_BYTES)) else ""
    except OSError:
        return ""
