"""The verb check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing, slips
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.dataset.checks.report import CheckReport, SummaryRow
    from placeprint.dataset.manifest import Manifest
    from placeprint.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Against:
    """What the photos' positions are compared with."""

    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="GALLERY",
            help="Find photos whose position is far from the place they show, judged by this gallery.",
        ),
    ] = None
    false_alarm_rate: Annotated[
        float,
        typer.Option(
            "--false-alarm-rate", help="The share of right positions that may be reported by mistake; with --against."
        ),
    ] = 0.05
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Write a page (.html) with both images of each; with --against."),
    ] = None


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
    against: Against,
    output: options.TableOutput,
) -> None:
    """Say what is wrong with these photos. Exit code 1 when there are errors."""
    from placeprint.dataset.checks.check import check as look
    from placeprint.dataset.scan import read_dataset

    slips.refuse_gallery_as_dataset(dataset)
    if against.against is not None:
        slips.expect_gallery(against.against)
    progress, manifest = output.progress, read_dataset(dataset, layout=reading.layout, track=datasets.track_of(reading))
    report = look(manifest, hamming=hamming, min_side=min_side, baseline=baseline, progress=progress)
    if against.against is not None:
        report = _contradicted(report, manifest, against, progress)
    if output.as_json:
        printing.show_json(report.to_dict())
    elif output.as_csv:
        printing.show_csv(report.table())
    else:
        show_check(report)
    if not report.ok:
        raise typer.Exit(1)


def _contradicted(report: CheckReport, manifest: Manifest, against: Against, progress: Progress | None) -> CheckReport:
    """Add a finding for each photo that shows what is elsewhere."""
    from placeprint.dataset.checks.check import with_findings
    from placeprint.dataset.checks.rules import finding
    from placeprint.recognition.location.contradictions import find_contradictions

    assert against.against is not None
    found = find_contradictions(against.against, manifest, false_alarm_rate=against.false_alarm_rate, progress=progress)
    if against.page is not None:
        from placeprint.report.positions_page import write_contradictions_page

        write_contradictions_page(found, against.against, against.page)
    made = [finding("position-contradicted", one.says, one.path, score=one.metres) for one in found.contradictions]
    return with_findings(report, made)


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
