"""The verb leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import options, printing
from placeprint.errors import UsageError

if TYPE_CHECKING:
    from placeprint.evaluation.leaderboard import Leaderboard

_SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


@dataclass(frozen=True, kw_only=True)
class Written(options.Form):
    """The form in which it is printed."""

    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX tabular.")] = False


def leaderboard(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS ...", help="Files that evaluate or compare --json printed.")
    ],
    *,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="List published figures of the first run's protocol.")
    ] = True,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page: tables, and recall by distance as curves.")
    ] = None,
    written: Written,
) -> None:
    """Put results of several runs side by side, and mark what is not comparable."""
    forms = [written.as_json, written.as_csv, written.as_markdown, written.as_latex]
    if sum(forms) > 1:
        raise UsageError("--json, --csv, --markdown and --latex are each a form of the same table: give one")
    from placeprint.report.leaderboard import leaderboard as rank

    found = rank(results, with_published=published, report=report)
    if written.as_json:
        printing.show_json(found.to_dict())
    elif written.as_csv:
        printing.show_csv({n: _rounded(n, v) for n, v in row.items()} for row in found.table())
    elif written.as_markdown or written.as_latex:
        _show_text(found.table(), latex=written.as_latex)
    else:
        _show(found)
        if report is not None:
            printing.say("", f"report: {report}")


def _show(found: Leaderboard) -> None:
    """Print a table a group, and under it why its runs are not comparable with the first."""
    measures = found.measures
    columns = ("", "model", "dim", *(f"{name}, %" for name in measures), "search, ms", "bytes an image", "from")
    right = (0, *range(2, len(columns) - 1))
    for number in sorted({row.group for row in found}):
        group = [row for row in found if row.group == number]
        first = next((row for row in group if row.names), group[0])
        title = f"{first.protocol or first.dataset}: {first.gallery:,} gallery images, {first.queries:,} queries; right"
        shown = [
            (
                str(row.rank),
                row.named,
                str(row.dim or "–"),
                *(printing.number(None if (v := row.figures.get(name)) is None else 100 * v, 1) for name in measures),
                printing.number(row.ms, 1),
                printing.number(row.bytes_an_image, 0),
                row.source,
            )
            for row in group
        ]
        printing.table(columns, shown, title=f"{title} = {first.truth}; names {first.names[:8] or '?'}", right=right)
        if first.why_not:
            printing.say(f"not comparable with the first: {first.why_not}")


def _show_text(rows: Sequence[dict[str, Any]], *, latex: bool) -> None:
    """Print a Markdown or LaTeX table; runs that are not comparable have a mark, which is explained below it."""
    names = [name for name in rows[0] if name not in ("group", "preset", "dataset", "not comparable", "source")]
    reasons = list(dict.fromkeys(str(row["not comparable"]) for row in rows if row["not comparable"]))
    lines = []
    for row in rows:
        mark = f" [{reasons.index(row['not comparable']) + 1}]" if row["not comparable"] else ""
        model = ", ".join(filter(None, (row["model"], row["preset"]))) + mark
        shown = row | {"model": model, "rank": None if mark else row["rank"]}
        lines.append([_cell(name, shown[name]) for name in names])
    notes = [f"[{number}] not comparable with the first: {why}" for number, why in enumerate(reasons, start=1)]
    if latex:
        printing.say(r"\begin{tabular}{" + "".join("l" if n == "model" else "r" for n in names) + "}", r"\hline")
        printing.say(_latex_row(names), r"\hline", *map(_latex_row, lines), r"\hline", r"\end{tabular}")
        printing.say(*(f"% {note}" for note in notes))
    else:
        ruler = ["---" if name == "model" else "---:" for name in names]
        printing.say(*(f"| {' | '.join(map(_markdown, line))} |" for line in (names, ruler, *lines)))
        printing.say(*(["", *map(_markdown, notes)] if notes else []))


def _markdown(text: str) -> str:
    """Return text that Markdown shows as it is: no cell ends in it, and no element begins."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "&#92;").replace("|", "&#124;")


def _latex_row(cells: Sequence[str]) -> str:
    """Write a row; what cannot be shown has no backslash, which would be a command."""
    shown = ("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cell) for cell in cells)
    return " & ".join("".join(_SPECIAL.get(letter, letter) for letter in cell) for cell in shown) + r" \\"


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return str(_rounded(name, value))


def _rounded(name: str, value: Any) -> Any:
    if isinstance(value, float):
        return round(value) if name == "bytes an image" else round(value, 1)
    return value
