"""Results in notebooks: as HTML, and as pandas tables where pandas is installed; placeprint itself does not need it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

from placeprint.errors import UsageError
from placeprint.terminal import printable


class Tabular(ABC):
    """A result that is a table: a pandas DataFrame where one is asked for, HTML in a notebook."""

    __slots__ = ()

    @abstractmethod
    def table(self) -> list[dict[str, Any]]:
        """Return the rows, all with the same keys."""

    def to_frame(self) -> Any:
        """Return `table` as a pandas DataFrame. Raises `UsageError` when pandas is not installed."""
        return frame_of(self.table())

    def _repr_html_(self) -> str:
        """Show a notebook the table."""
        rows = self.table()
        return html_table(repr(self)[1:-1], list(rows[0]) if rows else (), [list(row.values()) for row in rows])


def frame_of(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return a DataFrame with one line a row; the keys of the rows are its columns.

    Raises `UsageError` when pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise UsageError("a table of results needs pandas: pip install pandas") from error
    return pandas.DataFrame([dict(row) for row in rows])


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as HTML: numbers with three digits, and whatever strangers' names hold as text."""
    head = "".join(f"<th>{_cell(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><caption>{_cell(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if value == value else "–"
    return "–" if value is None else escape(printable(str(value)))
