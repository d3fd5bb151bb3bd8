"""Datasets in object stores and other file systems of fsspec: ``s3://bucket/photos``, ``file:///photos``."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from placeprint.dataset import manifest as manifests
from placeprint.dataset.files import MAX_BYTES, require_content
from placeprint.dataset.layouts.layout import Choice
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import MANIFEST_NAMES, read_listing, require_images
from placeprint.dataset.tables.paths import Folder
from placeprint.dataset.walk import listed
from placeprint.errors import DatasetError, ImageError, first_line
from placeprint.extras import require

_LOCAL = ("file", "local")
"""Schemes whose addresses begin with three slashes."""
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def is_remote(source: object) -> bool:
    """Return whether a dataset is given by its address, not by a path."""
    return isinstance(source, str | Path) and _URL.match(str(source)) is not None


class RemoteFiles:
    """The files below an address; picklable.

    `address`: As fsspec takes it; credentials come from the environment, as its file systems read them.
    """

    def __init__(self, address: str) -> None:
        self.address = _whole(address).rstrip("/")
        self._opened: tuple[Any, str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the connection."""
        return {"address": self.address, "_opened": None}

    @property
    def _there(self) -> tuple[Any, str]:
        if self._opened is None:
            fsspec = require("fsspec.core", extra="ray", what="reading photographs by an address")
            try:
                system, base = fsspec.url_to_fs(self.address)
            except (ImportError, ValueError) as error:
                raise DatasetError(f'"{self.address}" cannot be opened: {error}') from error
            self._opened = system, str(base).rstrip("/")
        return self._opened

    def names(self) -> list[str]:
        """Return the paths of all files, sorted. Raises `DatasetError`."""
        system, base = self._there
        try:
            found = [str(name) for name in system.find(base)]
        except Exception as error:  # every file system raises its own
            raise DatasetError(f'"{self.address}" cannot be listed: {first_line(error)}') from error
        return sorted(name[len(base) :].lstrip("/") for name in found)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file.

        Raises `ImageError`: ``outside``, ``missing``, ``empty``, ``too-large`` or ``unreadable``.
        """
        system, base = self._there
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts:
            raise ImageError("outside", "the path leaves the dataset's folder: it is not followed")
        try:
            with system.open(f"{base}/{path}", "rb") as file:
                data: bytes = file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise ImageError("missing", "the file is not there") from error
        except Exception as error:  # every file system raises its own
            self._require_answer()
            raise ImageError("unreadable", f"the file cannot be read: {first_line(error)}") from error
        return require_content(data)

    def _require_answer(self) -> None:
        """Raise an error when the store does not answer at all: going on would lose the gallery its images.

        Raises `DatasetError`.
        """
        system, base = self._there
        try:
            system.invalidate_cache()
            system.exists(base)
        except Exception as error:  # every file system raises its own
            raise DatasetError(
                f'"{self.address}" cannot be read any more ({first_line(error)}): run the same command again to go on'
            ) from error


def read_remote(address: str, *, layout: str | None = None) -> tuple[Manifest, RemoteFiles]:
    """Read a dataset by its address: a manifest, a folder that holds one, or a folder of images.

    `layout`: As in `placeprint.dataset.scan.read_dataset`.
    Returns the manifest, and the files that it names.
    Raises `DatasetError`.
    """
    address, choice = _whole(address), Choice.parse(layout)
    if PurePosixPath(address).suffix.lower() in manifests.SUFFIXES:
        parent, _, name = address.rstrip("/").rpartition("/")
        files = RemoteFiles(parent)
        return _listed(files, name), files
    files = RemoteFiles(address)
    names = files.names()
    table = None if layout else next((name for name in MANIFEST_NAMES if name in names), None)
    if table is not None:
        return require_images(_listed(files, table), address), files
    listing = listed(tuple(name.split("/")) for name in names)
    found = read_listing(Path(files.address), listing, choice=choice, stage="test")
    return require_images(found, address), files


def _listed(files: RemoteFiles, name: str) -> Manifest:
    try:
        data = files.read(name)
    except ImageError as error:
        raise DatasetError(f'the manifest "{files.address}/{name}" cannot be read: {error.reason}') from error
    return manifests.parse_manifest(data, Path(files.address), PurePosixPath(name).name, Folder((files.address,)))


def _whole(address: str) -> str:
    """Restore the slashes of an address that became a Path, which merges them."""
    scheme, rest = address.split(":", 1)
    if rest.startswith("//"):
        return address
    return f"{scheme}://{rest if scheme in _LOCAL else rest.lstrip('/')}"
