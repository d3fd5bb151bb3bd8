"""Read and write the manifest: CSV or JSON Lines, with the field's many names for the same column."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from placeprint.dataset.positions import Position, completed
from placeprint.errors import DatasetError, UsageError
from placeprint.records import FailedImage, ImageRecord, Split
from placeprint.storage import write_atomic

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "relpath", "image_path", "filepath", "file_path", "filename", "file_name", "file", "image"),
    "place": ("place", "place_id", "class_dir", "class_name", "class", "label", "landmark", "landmark_id", "location"),
    "split": ("split", "subset", "set", "role"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "easting": ("easting", "utm_east", "utm_easting"),
    "northing": ("northing", "utm_north", "utm_northing"),
    "zone": ("utm_zone", "utm_zone_number", "zone_number", "zone"),
    "zone_letter": ("utm_letter", "utm_zone_letter", "zone_letter", "utm_band", "letter"),
    "hemisphere": ("hemisphere", "utm_hemisphere"),
    "sequence": ("sequence", "sequence_id", "traverse"),
    "frame": ("frame", "frame_id", "frame_number"),
    "address": ("address", "url", "source_url"),
    "licence": ("licence", "license"),
    "content_hash": ("content_hash", "sha256"),
    "width": ("width",),
    "height": ("height",),
}
"""Column of a record, and what datasets call it; the first name that is there is taken."""

SPLITS: Mapping[str, Split] = {
    **dict.fromkeys(("gallery", "database", "train", "reference", "references", "db", "index"), Split.GALLERY),
    **dict.fromkeys(("query", "queries", "test", "probe"), Split.QUERY),
    **dict.fromkeys(("", "none"), Split.NONE),
}
"""What datasets call the splits (lower case)."""


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
        Folders of places without a photograph.
    """

    root: Path
    records: tuple[ImageRecord, ...]
    failures: tuple[FailedImage, ...] = ()
    source: str = ""
    empty_places: tuple[str, ...] = ()

    def split(self, *splits: Split) -> tuple[ImageRecord, ...]:
        """Return the records of the given splits, in order."""
        return tuple(r for r in self.records if r.split in splits)

    @property
    def has_queries(self) -> bool:
        """True when some image is a query."""
        return any(r.split is Split.QUERY for r in self.records)

    def gallery(self) -> tuple[ImageRecord, ...]:
        """Return the images to search in: the gallery split and what has no split."""
        return self.split(Split.GALLERY, Split.NONE)

    def queries(self) -> tuple[ImageRecord, ...]:
        """Return the query split."""
        return self.split(Split.QUERY)

    def asked(self) -> tuple[ImageRecord, ...]:
        """Return what can be asked of another gallery: the query split, or every image where there is none."""
        return self.queries() if self.has_queries else self.records


def read_manifest(path: Path) -> Manifest:
    """Read a CSV, TSV or JSON Lines manifest; paths in it are relative to its folder.

    A row that cannot be understood becomes a `FailedImage`; a column that has no meaning here is kept
    in the record's `extra`.

    Raises
    ------
    DatasetError
        When the file cannot be read or has no column for the path.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DatasetError(f'the manifest "{path}" cannot be read: {error.strerror}') from error
    records: list[ImageRecord] = []
    failures: list[FailedImage] = []
    for number, row in _rows(path, text):
        try:
            records.append(_record(row))
        except (UsageError, ValueError) as error:
            kind = "unknown-split" if isinstance(error, UnknownSplitError) else "bad-row"
            name = str(row.get(_find(row, "path") or "", "") or f"row {number}")
            failures.append(FailedImage(name, kind, f"row {number}: {error}"))
    return Manifest(path.parent, tuple(records), tuple(failures), f"manifest {path.name}")


class UnknownSplitError(ValueError):
    """A row's split is none of the names known."""


def _rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _json_rows(path, text)
        return
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        names = [n.strip() for n in reader.fieldnames or []]
        if not {n.lower() for n in names} & set(ALIASES["path"]):
            raise DatasetError(f'"{path}" has no column for the path: call it one of {", ".join(ALIASES["path"][:4])}')
        reader.fieldnames = names
        for number, row in enumerate(reader, start=2):
            yield number, {k: (v or "") for k, v in row.items() if k is not None and not isinstance(v, list)}
    except csv.Error as error:
        raise DatasetError(f'"{path}" is not a readable CSV: {error}') from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f'"{path}", line {number} is not JSON: {error}') from error
        if not isinstance(row, dict):
            raise DatasetError(f'"{path}", line {number} is not a JSON object')
        yield number, {str(k): _text(v) for k, v in row.items()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return "|".join(_text(v) for v in value)
    return "" if value is None else str(value)


def _find(row: Mapping[str, str], field: str) -> str | None:
    lowered = {k.lower(): k for k in row}
    return next((lowered[a] for a in ALIASES[field] if a in lowered), None)


def _record(row: Mapping[str, str]) -> ImageRecord:
    columns = {field: key for field in ALIASES if (key := _find(row, field)) is not None}
    value = {field: row[key].strip() if field != "path" else row[key] for field, key in columns.items()}
    used = set(columns.values())
    split = value.get("split", "")
    if split.lower() not in SPLITS:
        raise UnknownSplitError(f'the split "{split}" is neither gallery nor query')
    return ImageRecord(
        path=value.get("path", "").replace("\\", "/"),
        places=tuple(p for p in (part.strip() for part in value.get("place", "").split("|")) if p),
        split=SPLITS[split.lower()],
        content_hash=value.get("content_hash", ""),
        width=int(value.get("width") or 0),
        height=int(value.get("height") or 0),
        **_position(value),
        sequence=value.get("sequence") or None,
        frame=int(value["frame"]) if value.get("frame") else None,
        address=value.get("address") or None,
        licence=value.get("licence") or None,
        extra={k: v for k, v in row.items() if k not in used and v},
    )


def _position(value: Mapping[str, str]) -> Position:
    return completed(
        _number(value, "easting"),
        _number(value, "northing"),
        _number(value, "latitude"),
        _number(value, "longitude"),
        number=value.get("zone", ""),
        letter=value.get("zone_letter", ""),
        hemisphere=value.get("hemisphere", ""),
    )


def _number(value: Mapping[str, str], field: str) -> float | None:
    text = value.get(field, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'{field} "{text}" is not a number')
    return number


def write_manifest(path: Path, records: Iterable[ImageRecord]) -> None:
    """Write records as a CSV or JSON Lines manifest, by the file's ending, atomically.

    Raises
    ------
    UsageError
        When the ending is neither ``.csv`` nor ``.jsonl``.
    """
    rows = [_flat(r) for r in records]
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif path.suffix == ".csv":
        names = list(dict.fromkeys(["path", "split", "place", *(k for row in rows for k in row)]))
        buffer = io.StringIO(newline="")
        # A lone carriage return in a name is quoted only when everything is (Python before 3.13).
        odd = any("\r" in value for row in rows for value in row.values())
        quoting: Literal[0, 1] = csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
        writer = csv.DictWriter(buffer, names, restval="", lineterminator="\n", quoting=quoting)
        writer.writeheader()
        writer.writerows(rows)
        text = buffer.getvalue()
    else:
        raise UsageError(f'"{path}": a manifest ends in .csv or .jsonl')
    write_atomic(path, text.encode("utf-8", errors="surrogateescape"))


def _flat(record: ImageRecord) -> dict[str, str]:
    row = record.to_dict()
    extra = row.pop("extra", {})
    places = row.pop("places", [])
    flat = {"path": row.pop("path"), "split": str(row.pop("split")), "place": "|".join(places)}
    return flat | {k: str(v) for k, v in row.items()} | dict(extra)
