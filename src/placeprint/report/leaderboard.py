"""The verb `leaderboard`: runs side by side, and a page of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from placeprint.evaluation.leaderboard import Leaderboard, ranked_runs
from placeprint.evaluation.result import EvaluationResult
from placeprint.evaluation.standing import Standing
from placeprint.report.curves import ToleranceCurves, curves_of_runs
from placeprint.report.html import require_page
from placeprint.report.templates import environment
from placeprint.storage.atomic import write_atomic

_MOST_KS = 3


@dataclass(frozen=True, slots=True)
class Alike:
    """Runs that can be compared with each other."""

    rows: tuple[Standing, ...]
    measures: tuple[str, ...]  # The figures that any of them has.
    charts: tuple[tuple[int, ToleranceCurves], ...]  # K of Recall@K, and its curves, a run each.

    @property
    def measured(self) -> Standing:
        """The first run that was measured: published figures do not say on how many images they are."""
        return next((row for row in self.rows if row.names), self.rows[0])


def leaderboard(
    results: Sequence[Path | str | EvaluationResult],
    *,
    with_published: bool = True,
    report: Path | str | None = None,
) -> Leaderboard:
    """Put results of `placeprint.evaluate` side by side, and mark those that must not be compared.

    Runs are comparable when protocol, images, what counts as right and the way of asking are the same. Each is
    compared with the first; those that are comparable among each other are one group.

    Parameters
    ----------
    results : sequence of Path, str or EvaluationResult
        Files that ``evaluate --json``, ``compare --json`` or a report wrote, or results.
    with_published : bool
        Also list what was published on the first run's protocol, where the run is on the very set.
    report : Path or str, optional
        An HTML file to write: tables, and recall by distance or frames as curves. It needs no network.

    Raises
    ------
    UsageError
        Without results, or when somebody else's file is where the page is to be.
    DatasetError
        When a file is none of a result.

    Examples
    --------
    >>> import placeprint
    >>> first = placeprint.evaluate(gallery="town.gallery")
    >>> other = placeprint.evaluate("town", gallery="town.gallery")
    >>> [row.why_not[:12] for row in placeprint.leaderboard([first, other])]
    ['', 'other images']
    """
    page = None if report is None else require_page(report)
    found = ranked_runs(results, with_published=with_published)
    if page is not None:
        write_atomic(page, render_leaderboard(found).encode("utf-8"))
    return found


def render_leaderboard(found: Leaderboard) -> str:
    """Return the page."""
    from importlib.metadata import version

    template = environment().get_template("leaderboard.html.j2")
    return template.render(
        groups=list(_groups(found)),
        total=len(found),
        apart=sum(bool(row.why_not) for row in found),
        version=version("placeprint"),
    )


def _groups(found: Leaderboard) -> Iterator[Alike]:
    for number in sorted({row.group for row in found}):
        rows = tuple(row for row in found if row.group == number)
        names = tuple(name for name in found.measures if any(name in row.figures for row in rows))
        runs = [(f"{row.rank}. {row.named}", row.tolerances) for row in rows if row.tolerances]
        ks = sorted(runs[0][1][0].recall)[:_MOST_KS] if runs else []
        charts = ((k, curves_of_runs(runs, k)) for k in ks)
        yield Alike(rows, names, tuple((k, drawn) for k, drawn in charts if drawn is not None))
