"""All that a verb prints: lines and tables for people, and JSON for programs."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from placeprint.terminal import counted, printable, styled

if TYPE_CHECKING:
    from rich.console import Console

    from placeprint.records import FailedImage

SHOWN_FAILURES = 10
_FORMULA = ("=", "+", "-", "@")
_WORD = re.compile(r"^\s*\S+|\S+")
_ANY_HEIGHT = 25
"""Rich believes a width only together with a height, where the terminal is dumb."""
UNWRAPPED = 1 << 24
"""Columns of a pipe or a file: more than any row has."""


def say(*lines: str, err: bool = False) -> None:
    """Print lines, whatever names are in them: each stays one line, on stdout or on stderr."""
    _write("".join(f"{printable(line)}\n" for line in lines), err=err)


def console(least: int = 0) -> Console:
    """Return a console for stdout, at least so many columns wide.

    It is as wide as COLUMNS of the environment says, or as the terminal. Without either nothing is wrapped, so that
    each row stays one line.
    """
    from rich.console import Console

    columns = os.environ.get("COLUMNS", "")
    terminal = sys.stdout is not None and sys.stdout.isatty()
    usual = int(columns) if columns.isdecimal() and int(columns) else None if terminal else UNWRAPPED
    width = usual or Console(file=styled(sys.stdout)).width
    return Console(file=styled(sys.stdout), width=max(width, least), height=_ANY_HEIGHT, highlight=False)


def show_json(value: object) -> None:
    """Print JSON; non-ASCII is escaped, so that any name survives any pipe."""
    _write(json.dumps(value, indent=1, allow_nan=False) + "\n")


def show_csv(rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as CSV, under the keys of the first; nothing where there are none.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, which it does not show.
    """
    import csv
    import io

    listed = list(rows)
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, lineterminator="\n")
    table.writerows([list(listed[0])] if listed else [])
    table.writerows([_csv_cell(row.get(name)) for name in listed[0]] for row in listed)
    if listed:
        say(*buffer.getvalue().removesuffix("\n").split("\n"))


def _csv_cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = "|".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    text = " ".join(printable(line) for line in text.splitlines()) if not text.isprintable() else text
    return f"'{text}" if text.startswith(_FORMULA) else text


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
    """Print a table, under a blank line where it has a title; columns numbered in `right` are set flush right.

    No word is broken, which would be no path and no command any more: a table may be wider than a narrow terminal.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    if title is not None:
        say("", title)
    lines = [[printable(cell) for cell in row] for row in (columns, *rows)]
    cells = [*zip(*lines, strict=True)]
    words = [max((cell_len(word) for cell in column for word in _WORD.findall(cell)), default=0) for column in cells]
    gaps = 2 * (len(cells) - 1)
    shown = console(sum(words) + gaps)
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    widths = _widths([max(map(cell_len, column)) for column in cells], words, shown.width - gaps)
    shown.width += 2  # for blanks behind the last column: Rich below 15 gets a table without edges wrong
    for i, name in enumerate(lines[0]):
        side: Any = "right" if i in right else "left"
        made.add_column(Text(name), justify=side, overflow="fold", width=widths[i])
    for row in lines[1:]:
        made.add_row(*map(Text, row))
    with shown.capture() as text:  # Rich itself would end the program when nobody reads it
        shown.print(made)
    if sys.stdout is not None:
        printed = text.get().removesuffix("\n").split("\n")  # their last column was filled up with blanks
        styled(sys.stdout).write("".join(f"{line.rstrip()}\n" for line in printed))
        sys.stdout.flush()


def _widths(whole: Sequence[int], words: Sequence[int], room: int) -> list[int]:
    """Share the room between columns: none is narrower than its longest word, and none wider than its longest cell."""
    widths, left = list(words), room - sum(words)
    narrow = sorted(range(len(words)), key=lambda i: whole[i] - words[i])
    for number, i in enumerate(narrow):
        more = min(whole[i] - words[i], left // (len(narrow) - number))
        widths[i] += more
        left -= more
    return widths


def show_failures(failures: Sequence[FailedImage]) -> None:
    """List images that could not be used, on stderr."""
    if not failures:
        return
    say(f"{counted(len(failures), 'image')} could not be used:", err=True)
    say(*(f"  {failure.path}: {failure.reason}" for failure in failures[:SHOWN_FAILURES]), err=True)
    if len(failures) > SHOWN_FAILURES:
        say(f"  … and {len(failures) - SHOWN_FAILURES} more: placeprint check lists them", err=True)
