"""Rows written as JSON: one object a line, or a list of objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from placeprint.errors import DatasetError

SUFFIXES = (".jsonl", ".ndjson", ".json")
_LINES = re.compile(r"\r\n|\r|\n")
_WANTED = "write one object a line, or a list of objects, each for one photo"


def is_json(text: str, suffix: str) -> bool:
    """Return whether a table is JSON, by its suffix or its first character."""
    return suffix in SUFFIXES or text.lstrip()[:1] in ("{", "[")


def json_rows(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str], str]]:
    """Yield the number of each row, its cells, and why it cannot be used.

    Raises `DatasetError` when no row can be read.
    """
    start = text.lstrip()[:1]
    values = _values(text, name) if start == "[" or name.lower().endswith(".json") else None
    numbered = _parsed(text) if values is None else ((n, value, "") for n, value in enumerate(values, start=1))
    rows = [_row(*item) for item in numbered]
    if rows and all(fault and not cells for _, cells, fault in rows):
        number, _, fault = rows[0]
        raise DatasetError(f'"{name}", row {number} {fault}: {_WANTED}')
    yield from rows


def _values(text: str, name: str) -> Sequence[object] | None:
    """Return the objects of a file that is one JSON value; None when it may be JSON Lines."""
    try:
        value = _load(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip().startswith("["):
            if _is_line(text.lstrip()):
                return None
            raise DatasetError(f'"{name}" is not JSON: {_short(error)}') from error
        return None
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and not all(isinstance(v, dict | list) for v in value.values()):
        return [value]
    raise DatasetError(f'"{name}" is a single JSON value, not rows: {_WANTED}')


def _is_line(text: str) -> bool:
    """Return whether the first line is JSON by itself."""
    try:
        _load(_LINES.split(text, 1)[0])
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str) -> Iterator[tuple[int, object, str]]:
    for number, line in enumerate(_LINES.split(text), start=1):
        if line.strip("\ufeff \t"):
            try:
                yield number, _load(line.strip("\ufeff")), ""
            except (ValueError, RecursionError) as error:
                yield number, None, f"is not JSON ({_short(error)})"


def _row(number: int, value: object, fault: str) -> tuple[int, Mapping[str, str], str]:
    if not isinstance(value, dict):
        return number, {}, fault or "is not a JSON object"
    try:
        return number, dict(_cells(value)), ""
    except RecursionError as error:
        return number, {}, f"is {_short(error)}"


def _cells(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield names and cells; those of a nested object are named as in ``image.path``."""
    for key, cell in value.items():
        if isinstance(cell, dict):
            yield from ((f"{key.strip()}.{inner.strip()}", _text(v)) for inner, v in cell.items())
        else:
            yield key.strip(), _text(cell)


def _text(value: object) -> str:
    """Return a value as a cell; NaN and Infinity count as null."""
    if isinstance(value, list):
        return "|".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return str(value)


def _load(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names one key twice")
    return found


def _short(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
