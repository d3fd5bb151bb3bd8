"""Read the rows of a table that a spreadsheet, a data frame or a script wrote, detecting its form by its content.

A row that cannot be read has a reason. When it is unclear where rows begin and end, as after a quotation mark that is
never closed, there is one error and no rows: a row that is swallowed by another would be lost in silence.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import NamedTuple

from placeprint.dataset.tables.columns import Cells, known_columns, looks_like_image, quoted, without_path
from placeprint.dataset.tables.encoding import text_of
from placeprint.dataset.tables.json_rows import is_json, json_rows
from placeprint.errors import DatasetError
from placeprint.terminal import counted

MAX_COLUMNS = 10_000
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SEPARATOR = re.compile(r'\s*"?sep=([^\w\s"]|\t)"?[,;\t]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""The line by which a spreadsheet declares the delimiter."""
_LINES = re.compile(r"\r\n|\r|\n")
_NUL = "it holds a NUL byte: the file is damaged here"
_NOT_UTF8 = "it holds a character that is not UTF-8: save the file as UTF-8"
_LONE_QUOTE = 'a quotation mark (") has no partner in it: close it, or write """" for the mark alone'
_DAMAGE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    number: int  # Number of the line that it begins in, or of the object in a JSON list, from 1.
    cells: Cells  # By column.
    fault: str = ""  # Why it cannot be used; otherwise empty.


@dataclass(frozen=True, slots=True)
class Table:
    """The content of a table."""

    columns: tuple[str, ...]  # Their names; a second column of the same name gets a number.
    rows: tuple[Row, ...]
    described: tuple[str, ...] = ()  # The detected form of the file: delimiter, encoding.


def read_table(data: bytes, name: str) -> Table:
    """Read CSV with any delimiter, JSON Lines or a JSON list.

    Raises `DatasetError` when it is not a table, or its rows cannot be told apart.
    """
    text, encoding = text_of(data, name)
    if not text.strip("\0\r\n\t ;,"):
        raise DatasetError(f'"{name}" is empty')
    if is_json(text, PurePath(name).suffix.lower()):
        rows = tuple(_sound(Row(*row)) for row in json_rows(text, name))
        columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
        return Table(columns, rows, (encoding,) if encoding else ())
    return _read_csv(text, name, encoding)


def _sound(row: Row) -> Row:
    """Refuse a row with a character that no manifest can hold."""
    if row.fault:
        return row
    damage = _DAMAGE.search("".join(chain.from_iterable(row.cells.items())))
    return Row(row.number, row.cells, _NUL if damage[0] == "\0" else _NOT_UTF8) if damage else row


def _read_csv(text: str, name: str, encoding: str) -> Table:
    said = _SEPARATOR.match(text)
    first = 1 + len(_LINES.findall(said[0])) if said else 1
    body = text[said.end() :] if said else text
    likely = [said[1]] if said else ["\t"] if PurePath(name).suffix.lower() in (".tsv", ".tab") else []
    delimiter = _delimiter(body, name, tuple(dict.fromkeys([*likely, *_DELIMITERS])))
    lines = _lines(body, name, delimiter, first)
    columns = _columns(_header(lines), name, delimiter)
    rows = tuple(_sound(_row(line, columns)) for line in lines if any(map(str.strip, line.cells)))
    used = "" if delimiter == "," else _DELIMITERS.get(delimiter, f'"{delimiter}" between cells')
    return Table(tuple(c for c in columns if c), rows, tuple(filter(None, (used, encoding))))


class _Line(NamedTuple):
    number: int
    cells: list[str]
    fault: str


def _lines(text: str, name: str, delimiter: str, first: int) -> Iterator[_Line]:
    """Yield each row with the number of its first line."""
    latest = ""

    def remembered() -> Iterator[str]:
        nonlocal latest
        for line in io.StringIO(text, newline=""):
            latest = line
            yield line

    reader = csv.reader(remembered(), delimiter=delimiter, strict=True, skipinitialspace=delimiter not in " \t")
    before = 0
    while True:
        row = first + before
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DatasetError(f'"{name}", row {row}: {_quoting(str(error))}') from error
        if cells is None:
            return
        several = reader.line_num > before + 1
        if several and any(_swallows(cell, delimiter) for cell in cells):
            end = first + reader.line_num - 1
            raise DatasetError(
                f'"{name}", row {row}: a quotation mark (") is not closed: its cell runs on to row {end}'
            )
        yield _Line(row, cells, _LONE_QUOTE if not several and latest.count('"') % 2 else "")
        before = reader.line_num


def _quoting(error: str) -> str:
    if "field limit" in error:
        return f'a cell has more than {csv.field_size_limit()} characters: is a quotation mark (") not closed?'
    if "expected after" in error:
        return 'a quotation mark (") is followed by more text in its cell: close the cell, or write "" for the mark'
    if "end of data" in error:
        return 'a quotation mark (") is opened and never closed: close it, or write "" for the mark'
    return f"it cannot be read: {error}"


def _swallows(cell: str, delimiter: str) -> bool:
    """Return whether a cell of several lines contains a row: a delimiter and the name of an image."""
    return any(
        delimiter in line and any(map(looks_like_image, line.split(delimiter))) for line in _LINES.split(cell)[1:]
    )


def _delimiter(text: str, name: str, candidates: Sequence[str]) -> str:
    """Choose the delimiter that gives the most known columns, then the most columns."""
    found: dict[str, tuple[int, int]] = {}
    for delimiter in candidates:
        try:
            header = _header(_lines(text, name, delimiter, 1))
        except DatasetError:
            continue
        found[delimiter] = known_columns(header), len(header)
    return max(found, key=lambda d: found[d]) if found else candidates[0]


def _header(lines: Iterator[_Line]) -> list[str]:
    """Return the first row that is neither empty nor a comment; column names may follow a ``#``."""
    for _, cells, _fault in lines:
        if cells and cells[0].lstrip("\ufeff ").startswith("#"):
            cells = [cells[0].lstrip("\ufeff #"), *cells[1:]]
            if not known_columns(cells):
                continue
        if any(map(str.strip, cells)):
            return [cell.strip("\ufeff\u200b \t\r\n") for cell in cells]
    return []


def _columns(header: list[str], name: str, delimiter: str) -> tuple[str, ...]:
    """Return the names of the columns, made unique; a column without a name keeps none.

    Raises `DatasetError` when no column can be the path.
    """
    while header and not header[-1]:
        header = header[:-1]
    if not header:
        raise DatasetError(f'"{name}" holds comments but no columns')
    if len(header) > MAX_COLUMNS:
        raise DatasetError(f'"{name}" has {len(header)} columns, more than {MAX_COLUMNS}: is it a table of images?')
    if any(map(looks_like_image, header)):
        cell = next(filter(looks_like_image, header))
        raise DatasetError(
            f'"{name}" begins with a row of values ({quoted(cell)}): write the names of the columns above it, '
            "such as path, place, split"
        )
    if not known_columns(header):
        columns = f"its columns, separated by {_DELIMITERS.get(delimiter, quoted(delimiter))}, are {quoted(*header)}"
        raise DatasetError(without_path(name, columns))
    seen: dict[str, int] = {}
    for at, column in enumerate(header):
        seen[column] = seen.get(column, 0) + 1
        if column and seen[column] > 1:
            header[at] = f"{column} ({seen[column]})"
    return tuple(header)


def _row(line: _Line, columns: tuple[str, ...]) -> Row:
    """Pair cells with columns; extra cells may be empty, as some exports end each row with a delimiter."""
    number, cells, fault = line
    found = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
    told = f"it has {counted(len(cells), 'cell')} and the table {counted(len(columns), 'column')}"
    if not fault and len(cells) < len(columns):
        fault = f"{told}: an empty cell needs its delimiter too"
    if not fault and any(map(str.strip, cells[len(columns) :])):
        fault = f'{told}: a delimiter within a cell needs quotation marks, as in "Paris, France"'
    return Row(number, found, fault)
