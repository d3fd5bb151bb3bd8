"""What a reader of a form found."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from placeprint.dataset.cropped import Box
from placeprint.dataset.manifest import LARGEST
from placeprint.dataset.walk import Names, walk
from placeprint.errors import DatasetError
from placeprint.records import FailedImage, ImageRecord
from placeprint.storage.regular_files import read_regular


@dataclass(frozen=True, slots=True)
class Listed:
    """The gallery images of one query, by path: what is right, and what counts neither way."""

    right: frozenset[str]
    junk: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """The images of a form, and what is said of them."""

    records: tuple[ImageRecord, ...]
    failures: tuple[FailedImage, ...] = ()  # Rows and names that cannot be used.
    lists: Mapping[str, Listed] = field(default_factory=dict)  # By the path of a query.
    boxes: Mapping[str, Box] = field(default_factory=dict)  # As in `Manifest`.
    doubts: tuple[str, ...] = ()  # Why the set is not the published one, apart from its size.

    @classmethod
    def of(cls, made: Iterable[ImageRecord | FailedImage]) -> Found:
        """Sort what was made of each image."""
        every = tuple(made)
        return cls(
            tuple(one for one in every if isinstance(one, ImageRecord)),
            tuple(one for one in every if isinstance(one, FailedImage)),
        )

    def failing(self, failures: Iterable[FailedImage]) -> Found:
        """Return the same with more failures."""
        return replace(self, failures=(*self.failures, *failures))


def below(*parts: str) -> str:
    """Join parts of a path; ``.`` and empty ones are nothing."""
    return "/".join(part for part in parts if part and part != ".")


def images_in(root: Path, folder: str) -> Iterator[tuple[str, Names] | FailedImage]:
    """Yield the path below `root` and the names below the folder of each image in it, in order."""
    listing = walk(root / folder)
    for names in listing.files:
        yield below(folder, *names), names
    for failure in listing.failures:
        yield replace(failure, path=below(folder, failure.path))


def read_file(path: Path, most: int = LARGEST) -> bytes:
    """Read a file that says what is what. Raises `DatasetError`."""
    try:
        return read_regular(path, most)
    except OSError as error:
        raise DatasetError(f'"{path}" cannot be read: {error.strerror}') from error


def read_table(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file, by the names of its columns; a cell that a row does not have is empty.

    Raises `DatasetError`.
    """
    text = read_file(path).decode("utf-8-sig", "replace")
    try:
        return list(csv.DictReader(io.StringIO(text), restval=""))
    except csv.Error as error:
        raise DatasetError(f'"{path}" is no table that can be read: {error}') from error
