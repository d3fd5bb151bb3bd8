"""All that a verb prints: lines and tables for people, and JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from placeprint.terminal import counted, printable, styled

if TYPE_CHECKING:
    from rich.console import Console

    from placeprint.records import FailedImage

SHOWN_FAILURES = 10
UNWRAPPED = 1 << 24
"""Columns of a pipe or a file: more than any row has."""


def say(*lines: str, err: bool = False) -> None:
    """Print lines, whatever names are in them: each stays one line, on stdout or on stderr."""
    _write("".join(f"{printable(line)}\n" for line in lines), err=err)


def console() -> Console:
    """Return a console for stdout; without a terminal nothing is wrapped, so that each row stays one line."""
    from rich.console import Console

    terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(file=styled(sys.stdout), width=None if terminal else UNWRAPPED, highlight=False)


def show_json(value: object) -> None:
    """Print JSON; non-ASCII is escaped, so that any name survives any pipe."""
    _write(json.dumps(value, indent=1, allow_nan=False) + "\n")


def _write(text: str, *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        stream.write(text)
        stream.flush()


def number(value: float | None, digits: int = 4) -> str:
    """Write a number, or a dash where nothing defines it."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, right: Sequence[int] = ()
) -> None:
    """Print a table, under a blank line where it has a title; columns numbered in `right` are set flush right."""
    from rich.table import Table
    from rich.text import Text

    if title is not None:
        say("", title)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        made.add_column(Text(printable(name)), justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    shown = console()
    with shown.capture() as text:  # Rich itself would end the program when nobody reads it
        shown.print(made)
    if sys.stdout is not None:
        lines = text.get().removesuffix("\n").split("\n")  # their last column was filled up with blanks
        styled(sys.stdout).write("".join(f"{line.rstrip()}\n" for line in lines))
        sys.stdout.flush()


def show_failures(failures: Sequence[FailedImage]) -> None:
    """List images that could not be used, on stderr."""
    if not failures:
        return
    say(f"{counted(len(failures), 'image')} could not be used:", err=True)
    say(*(f"  {failure.path}: {failure.reason}" for failure in failures[:SHOWN_FAILURES]), err=True)
    if len(failures) > SHOWN_FAILURES:
        say(f"  … and {len(failures) - SHOWN_FAILURES} more: placeprint check lists them", err=True)
