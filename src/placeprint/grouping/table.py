"""Groups as a table: a manifest that every verb reads, which also keeps what a person answered."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from placeprint.dataset.manifest import Manifest, read_manifest
from placeprint.dataset.tables.rows import read_table
from placeprint.errors import DatasetError, UsageError
from placeprint.grouping.names import YOU
from placeprint.grouping.result import Constraint, Grouping, Link, among
from placeprint.records import ImageRecord
from placeprint.storage.atomic import require_ours, write_atomic

COLUMNS = ("path", "place", "look", "named_by", "why", "must_link", "cannot_link")
"""`place` is read by every verb; the others are kept as they are."""
_HEAD = (",".join(COLUMNS) + "\n").encode()
_LINKS = {Link.MUST: "must_link", Link.CANNOT: "cannot_link"}


def refuse_table(out: Path, root: Path, *, replace: bool) -> None:
    """Refuse a file that `write_groups` would not write, before anything is compared.

    Raises `UsageError` where the photos are not below its folder, for another ending, and for a file of somebody else;
    `PermissionError`.
    """
    if out.suffix.lower() != ".csv":
        raise UsageError(f'"{out}" does not end in .csv, which is how groups are written')
    if not root.resolve().is_relative_to(out.absolute().parent.resolve()):
        raise UsageError(
            f'a manifest names photos below its own folder, and "{out}" is not above "{root}": give -o '
            f'"{root / out.name}"'
        )
    if not (replace and out.is_file()):
        require_ours(out, lambda data: data.startswith(_HEAD) or _resaved(data, out.name))


def _resaved(data: bytes, name: str) -> bool:
    """Return whether a table has the columns of groups and no other, however a spreadsheet wrote it when saving."""
    try:
        return set(read_table(data, name).columns) == set(COLUMNS)
    except DatasetError:
        return False


def write_groups(found: Grouping, out: Path) -> None:
    """Write one row a photo, with paths relative to the table's folder. Raises `OSError`."""
    below = Path(os.path.relpath(found.root.resolve(), out.absolute().parent.resolve())).as_posix()
    inside = "" if below == "." else f"{below}/"
    answers = _answers(found.constraints, inside)
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    rows.writeheader()
    for row in found.table():
        rows.writerow({**row, "path": inside + row["path"], **answers.get(row["path"], {})})
    write_atomic(out, text.getvalue().encode("utf-8", "surrogateescape"))


def _answers(constraints: Iterable[Constraint], inside: str) -> Mapping[str, Mapping[str, str]]:
    """Return the cells of what was answered about each photo: lists of paths, in JSON."""
    lists: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in constraints:
        lists[one.a][_LINKS[one.link]].append(inside + one.b)
    return {
        path: {column: json.dumps(paths, ensure_ascii=False) for column, paths in cells.items()}
        for path, cells in lists.items()
    }


def read_answers(table: Path, root: Path) -> tuple[tuple[Constraint, ...], Mapping[str, str]]:
    """Read what a person answered and named in a table of groups.

    `table`: Nothing is read of one that is not there, or is somebody else's.
    `root`: What paths are to be relative to; photos that are not below it are left out.
    Also returns the name that each photo's group got from a person; empty for a photo that shows no place.
    Raises `DatasetError`.
    """
    if not table.is_file() or not table.stat().st_size:
        return (), {}
    manifest = read_manifest(table)
    below = Path(os.path.relpath(root.resolve(), manifest.root.resolve())).as_posix()
    return answers_of(manifest, "" if below == "." else f"{below}/")


def answers_of(manifest: Manifest, inside: str = "") -> tuple[tuple[Constraint, ...], Mapping[str, str]]:
    """Return what the rows of a manifest hold of answers and names; `inside` is taken off the paths."""
    own = {record.path: record.path.removeprefix(inside) for record in manifest.records}
    found = (
        Constraint(link, own[record.path], other.removeprefix(inside))
        for record in manifest.records
        for link, column in _LINKS.items()
        for other in _paths(record, column)
    )
    names = {
        own[record.path]: record.places[0] if record.places else ""
        for record in manifest.records
        if record.extra.get("named_by") == YOU
    }
    return among(found, own.values()), names


def _paths(record: ImageRecord, column: str) -> Sequence[str]:
    cell = record.extra.get(column, "")
    if not cell:
        return ()
    try:
        paths = json.loads(cell)
    except (ValueError, RecursionError):
        paths = None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise DatasetError(f'{column} of "{record.path}" is not a JSON list of paths: mend the cell, or empty it')
    return paths
