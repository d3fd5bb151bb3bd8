"""A run in the form that papers print, beside what was published; and recall at other distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placeprint.cli import printing

if TYPE_CHECKING:
    from placeprint.evaluation.result import EvaluationResult


def show(result: EvaluationResult) -> None:
    """Print what a run by a protocol or by a distance has to say; nothing for any other."""
    _show_figures(result)
    _show_tolerances(result)
    if result.benchmark is not None:
        printing.say("")


def _show_figures(result: EvaluationResult) -> None:
    from placeprint.evaluation.benchmark import benchmark_rows

    run = result.benchmark
    if run is None:
        return
    an_image = result.gallery_bytes / max(result.n_gallery, 1)
    costs = (1000 * result.seconds.search_per_query, an_image)
    rows = benchmark_rows(run, (f"{result.model}, {result.preset}", result.dim), costs)
    measures = list(run.figures)
    shown = [
        (
            row["model"],
            str(row["dim"]),
            *(printing.number(row[name], 1) for name in measures),
            printing.number(row["ms"], 1),
            printing.number(row["bytes"], 0),
            row["source"],
        )
        for row in rows
    ]
    columns = ("model", "dim", *(f"{name}, %" for name in measures), "search, ms", "bytes an image", "by")
    right = tuple(range(1, len(columns) - 1))
    printing.table(columns, shown, title=f"{run.title}, as papers print it", right=right)
    for doubt in run.doubts:
        printing.say(f"not beside published figures: {doubt}")


def _show_tolerances(result: EvaluationResult) -> None:
    if not result.tolerances:
        return
    ks = list(result.tolerances[0].recall)
    rows = [
        (
            f"{one.tolerance:g} m" if one.unit == "m" else f"± {one.tolerance:g} frames",
            *(printing.number(one.recall[k]) for k in ks),
            str(one.answerable),
        )
        for one in result.tolerances
    ]
    columns = ("right within", *(f"Recall@{k}" for k in ks), "queries with such an image")
    title = "Recall over all queries, at other tolerances"
    printing.table(columns, rows, title=title, right=tuple(range(1, len(columns))))
