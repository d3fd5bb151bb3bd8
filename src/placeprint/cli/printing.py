"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from placeprint.records import FailedImage

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_FAILURES = 10


def console() -> Console:
    """Return a console for stdout; 100 columns where there is no terminal to ask."""
    import sys

    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100, highlight=False)


def show_json(value: object) -> None:
    """Print JSON; non-ASCII is escaped, so that any name survives any pipe."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


def number(value: float | None, digits: int = 4) -> str:
    """Write a number, or a dash where nothing defines it."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def printable(text: str) -> str:
    """Keep a name on one line, whatever it holds."""
    return text.encode("utf-8", "backslashreplace").decode().translate({c: f"\\x{c:02x}" for c in (*range(32), 127)})


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, right: Sequence[int] = ()
) -> None:
    """Print a table; columns numbered in `right` are set flush right."""
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        made.add_column(name, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    console().print(made)


def show_failures(failures: Sequence[FailedImage]) -> None:
    """List images that could not be used, on stderr."""
    if not failures:
        return
    typer.echo(f"{len(failures)} images could not be used:", err=True)
    for failure in failures[:SHOWN_FAILURES]:
        typer.echo(f"  {printable(failure.path)}: {printable(failure.reason)}", err=True)
    if len(failures) > SHOWN_FAILURES:
        typer.echo(f"  … and {len(failures) - SHOWN_FAILURES} more: placeprint check lists them", err=True)
