"""The verb check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing, slips
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.dataset.checks.report import CheckReport, SummaryRow


def check(
    dataset: options.Dataset,
    hamming: Annotated[
        int, typer.Option(help="Near duplicates differ in at most this many bits of the 64-bit dHash.")
    ] = 5,
    min_side: Annotated[int, typer.Option(help="Report images whose shorter side has fewer pixels than this.")] = 32,
    baseline: Annotated[
        Path | None, typer.Option(help="The --json of an earlier check: say which findings are new.")
    ] = None,
    *,
    reading: options.Reading,
    output: options.Output,
) -> None:
    """Say what is wrong with these photos. Exit code 1 when there are errors."""
    from placeprint.dataset.checks.check import check as look
    from placeprint.dataset.scan import read_dataset

    slips.refuse_gallery_as_dataset(dataset)
    progress, manifest = output.progress, read_dataset(dataset, layout=reading.layout, track=datasets.track_of(reading))
    report = look(manifest, hamming=hamming, min_side=min_side, baseline=baseline, progress=progress)
    if output.as_json:
        printing.show_json(report.to_dict())
    else:
        show_check(report)
    if not report.ok:
        raise typer.Exit(1)


def show_check(report: CheckReport) -> None:
    """Print one line a check that found something, errors first."""
    counts = report.counts()
    printing.say(
        f"{report.root}: {counted(counts['images'], 'image')} of {counted(counts['places'], 'place')} "
        f"({counts['gallery']} gallery, {counts['query']} query, {counts['none']} without a split), "
        f"{counts['failed']} could not be read; {report.overview.how if report.overview else report.source}"
    )
    rows = report.summary()
    if not rows:
        printing.say(report.no_problems)
        return
    told = report.baseline is not None
    lines = [(r.severity, r.check, str(r.count), *((_new(r),) if told else ()), _example(r), r.advice) for r in rows]
    columns = ("", "check", "found", *(("new",) if told else ()), "for example", "what to do")
    printing.table(columns, lines, right=(2, 3) if told else (2,))
    new = f", {counted(len(report.new() or ()), 'finding is', 'findings are')} new" if told else ""
    printing.say(f"{counted(report.errors, 'error')}{new}")


def _new(row: SummaryRow) -> str:
    return "–" if row.new is None else str(row.new)


def _example(row: SummaryRow) -> str:
    return " + ".join(row.example.paths[:2]) + f": {row.example.message}"
