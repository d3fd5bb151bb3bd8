"""The manifest: the images of a dataset, read from a table in whatever form people have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from placeprint.dataset.cropped import Box
from placeprint.dataset.layouts.split_names import known_splits
from placeprint.dataset.tables.columns import choose_columns, quoted, without_path
from placeprint.dataset.tables.paths import Folder
from placeprint.dataset.tables.records import doubts, record_of
from placeprint.dataset.tables.rows import read_table
from placeprint.errors import DatasetError
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.storage.regular_files import read_regular

LARGEST = 1 << 29
"""Bytes of a table, enough for some millions of rows."""

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The images of a dataset, and the rows that cannot be used.

    Attributes
    ----------
    root : Path
        The folder that the records' paths are relative to.
    records : tuple of ImageRecord
    failures : tuple of FailedImage
        Rows without a usable path, split or coordinate.
    source : str
        How the dataset was understood, for people.
    empty_places : tuple of str
        Folders of places without an image.
    notes : tuple of str
        Doubts about how the dataset was understood, for people.
    layout : str
        ``manifest`` or the name of a layout; see `placeprint.dataset.layouts.layout`.
    left_out : mapping of str to int
        Numbers of images that are not read, by folder or suffix.
    name : str
        The path or address that it was opened by.
    position_faults : tuple of FailedImage
        Positions in photos and sidecars that are not used, or were understood by a guess.
    boxes : mapping of str to tuple of float
        By path, the part that stands for the whole image: left, top, right and bottom in pixels.

    Examples
    --------
    >>> import placeprint
    >>> manifest = placeprint.read_dataset("town")
    >>> len(manifest.records), manifest.records[0].path
    (30, 'gallery/castle-gate/01.jpg')
    """

    root: Path
    records: tuple[ImageRecord, ...]
    failures: tuple[FailedImage, ...] = ()
    source: str = ""
    empty_places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    layout: str = "manifest"
    left_out: Mapping[str, int] = field(default_factory=dict)
    name: str = ""
    position_faults: tuple[FailedImage, ...] = ()
    boxes: Mapping[str, Box] = field(default_factory=dict)

    def split(self, *splits: Split) -> tuple[ImageRecord, ...]:
        """Return the records of the given splits, in order."""
        return tuple(r for r in self.records if r.split in splits)

    @property
    def has_queries(self) -> bool:
        """True when some image is a query."""
        return any(r.split is Split.QUERY for r in self.records)

    def gallery(self) -> tuple[ImageRecord, ...]:
        """Return the images to search: the gallery split, and images without a split."""
        return self.split(Split.GALLERY, Split.NONE)

    def queries(self) -> tuple[ImageRecord, ...]:
        """Return the query split."""
        return self.split(Split.QUERY)

    def asked(self) -> tuple[ImageRecord, ...]:
        """Return the images to ask another gallery about: the query split, or all images without one."""
        return self.queries() if self.has_queries else self.records


def read_manifest(path: Path) -> Manifest:
    """Read a table of images, with paths relative to its folder.

    Raises `DatasetError` when the file cannot be read, is not a table, or has no column for the path.
    """
    try:
        data = read_regular(path, LARGEST)
    except OSError as error:
        raise DatasetError(f'the manifest "{path}" cannot be read: {error.strerror}') from error
    return parse_manifest(data, path.parent, path.name, Folder.at(path.parent))


def parse_manifest(data: bytes, root: Path, name: str, folder: Folder) -> Manifest:
    """Read the bytes of a table.

    A row that cannot be understood becomes a `FailedImage`. Columns without a meaning here are kept in the record's
    `extra`, and so is a frame that is not a whole number.

    `data`: CSV with any delimiter, JSON Lines, or a JSON list.
    `root`: Where the images are.
    `name`: The table's name, without its folder.
    `folder`: The folder that its paths are relative to.
    Raises `DatasetError` when it is not a table, or has no column for the path.
    """
    where = str(root / name)
    table = read_table(data, where)
    if not table.rows:
        raise DatasetError(f'"{where}" names columns but has no rows')
    columns = choose_columns(table.columns, [row.cells for row in table.rows])
    if "path" not in columns.claims:
        raise DatasetError(without_path(where, f"its columns are {quoted(*table.columns)}"))
    if columns.clash:
        raise DatasetError(f'"{where}": {columns.clash}')
    records: list[ImageRecord] = []
    failures: list[FailedImage] = []
    splits = known_splits(row.cells.get(c, "") for c in columns.claims.get("split", ()) for row in table.rows)
    for row in table.rows:
        made = record_of(row, columns, folder, splits)
        (records if isinstance(made, ImageRecord) else failures).append(made)  # type: ignore[arg-type]
    form = "; ".join(filter(None, (", ".join(table.described), *columns.guessed)))
    notes = (*columns.notes, *doubts(table, columns, records))
    source = "; ".join((f"manifest {name}" + (f" ({form})" if form else ""), *notes))
    return Manifest(root, tuple(records), tuple(failures), source, notes=notes)
