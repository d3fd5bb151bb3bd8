"""Verbs that look and change nothing: check, verify, models."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing
from placeprint.progress import on_stderr

if TYPE_CHECKING:
    from placeprint.dataset.check_report import CheckReport, SummaryRow


def check(
    dataset: options.Dataset,
    hamming: Annotated[int, typer.Option(help="Near duplicates: differing bits of the 64-bit dHash, at most.")] = 5,
    min_side: Annotated[int, typer.Option(help="Too small: shorter side in pixels below this.")] = 32,
    baseline: Annotated[Path | None, typer.Option(help="An earlier --json: say which findings are new.")] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what is wrong with these photos. Exit code 1 when there are errors."""
    from placeprint.dataset.checks import check as look

    progress = on_stderr(quiet=quiet or as_json)
    report = look(dataset, hamming=hamming, min_side=min_side, baseline=baseline, progress=progress)
    if as_json:
        printing.show_json(report.to_dict())
    else:
        show_check(report)
    if not report.ok:
        raise typer.Exit(1)


def show_check(report: CheckReport) -> None:
    """Print one line a check that found something, errors first."""
    counts = report.counts()
    typer.echo(
        f"{report.root}: {counts['images']} images of {counts['places']} places ({counts['gallery']} gallery, "
        f"{counts['query']} query, {counts['none']} without a split), {counts['failed']} could not be read; "
        f"{report.source}"
    )
    rows = report.summary()
    if not rows:
        typer.echo("nothing was found")
        return
    told = report.baseline is not None
    lines = [(r.severity, r.check, str(r.count), *((_new(r),) if told else ()), _example(r), r.advice) for r in rows]
    columns = ("", "check", "found", *(("new",) if told else ()), "for example", "what to do")
    printing.table(columns, lines, right=(2, 3) if told else (2,))
    typer.echo(f"{report.errors} errors" + (f", {len(report.new() or ())} findings are new" if told else ""))


def _new(row: SummaryRow) -> str:
    return "–" if row.new is None else str(row.new)


def _example(row: SummaryRow) -> str:
    return " + ".join(row.example.paths[:2]) + f": {row.example.message}"


def verify(gallery: options.GalleryPath, as_json: options.AsJson = False) -> None:
    """Read every byte of a gallery and compare it with its checksum. Exit code 3 when one differs."""
    from placeprint.gallery.gallery import Gallery

    report = Gallery.open(gallery).verify()
    if as_json:
        printing.show_json({**asdict(report), "ok": report.ok})
    else:
        for problem in report.problems:
            typer.echo(f"damaged: {problem}", err=True)
        for name in report.leftovers:
            typer.echo(f"note: {name} is left from an interrupted write; the next write removes it")
        state = "every checksum agrees" if report.ok else "damaged: build the gallery again"
        typer.echo(f"{gallery}: {report.rows} images, {state}")
    if not report.ok:
        raise typer.Exit(3)


def models(as_json: options.AsJson = False) -> None:
    """List the models that can embed, and whether they are here."""
    from placeprint.embedding.models import list_models

    known = list_models()
    if as_json:
        printing.show_json([asdict(m) for m in known])
        return
    rows = [
        (m.name, str(m.dim), str(m.input_size), f"{m.megabytes:.1f}", m.licence, "yes" if m.here else "no", m.about)
        for m in known
    ]
    printing.table(("name", "dim", "input", "MB", "licence", "here", "about"), rows, right=(1, 2, 3))
    typer.echo("Any ONNX file works by its path, with a .json of the same name beside it that holds its ModelSpec.")
