"""Decode a table to text: UTF-8, UTF-16, UTF-32, and Windows-1252 as spreadsheets write it."""

from __future__ import annotations

import codecs
import re

from placeprint.errors import DatasetError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", ""),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of ``.xlsx`` (a zip archive) and ``.xls``."""
_LETTERS = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
"""Characters of valid sequences of several bytes."""
WINDOWS = "Windows-1252"


def text_of(data: bytes, name: str) -> tuple[str, str]:
    """Decode a table.

    In a file that is mostly UTF-8, other bytes become surrogates, so that only their rows are refused. A file without
    any UTF-8 character is read as Windows-1252, whose letters are those of Latin-1.

    `name`: Name of the table, for messages.
    Returns the text and the name of its encoding; empty for UTF-8.
    Raises `DatasetError` when it is not text.
    """
    if data.startswith(_WORKBOOKS):
        raise DatasetError(f'"{name}" is a workbook, not text: save it as "CSV UTF-8"')
    mark, encoding, called = next((m for m in _MARKS if data.startswith(m[0])), _unmarked(data))
    if not called:
        return _eight_bits(data[len(mark) :], name, marked=bool(mark))
    try:
        return data[len(mark) :].decode(encoding), called
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'"{name}" is {called} and damaged at byte {len(mark) + error.start}: save it again, as UTF-8'
        ) from error


def _unmarked(data: bytes) -> tuple[bytes, str, str]:
    """Detect UTF-16 by the column names: they are ASCII, so every other byte is zero."""
    even, odd = set(data[:8:2]), set(data[1:8:2])
    if len(data) >= 8 and odd == {0} and 0 not in even:
        return b"", "utf-16-le", "UTF-16"
    if len(data) >= 8 and even == {0} and 0 not in odd:
        return b"", "utf-16-be", "UTF-16"
    return b"", "utf-8", ""


def _eight_bits(data: bytes, name: str, *, marked: bool) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data"
    text = data.decode("utf-8", "surrogateescape")
    if marked or cut_off or _LETTERS.search(text):
        return text, ""
    try:
        return data.decode("cp1252"), WINDOWS
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'"{name}" is neither UTF-8, UTF-16 nor {WINDOWS} (byte {error.start}): save it as UTF-8'
        ) from error
