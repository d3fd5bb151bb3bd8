"""Results as pandas tables, where pandas is installed: placeprint itself does not need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from placeprint.errors import UsageError


def frame_of(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return a DataFrame with one line a row; the keys of the rows are its columns.

    Raises
    ------
    UsageError
        When pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise UsageError("a table of results needs pandas: pip install pandas") from error
    return pandas.DataFrame([dict(row) for row in rows])
