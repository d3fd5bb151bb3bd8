"""Verbs that look and change nothing: check, verify, models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import options, printing, slips
from placeprint.progress import on_stderr
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.dataset.checks.report import CheckReport, SummaryRow
    from placeprint.embedding.zoo import ZooModel
    from placeprint.gallery.index.audit import Audit
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.gallery.verification import VerifyReport


def check(
    dataset: options.Dataset,
    hamming: Annotated[int, typer.Option(help="Near duplicates: differing bits of the 64-bit dHash, at most.")] = 5,
    min_side: Annotated[int, typer.Option(help="Too small: shorter side in pixels below this.")] = 32,
    layout: options.LayoutName = None,
    baseline: Annotated[Path | None, typer.Option(help="An earlier --json: say which findings are new.")] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what is wrong with these photos. Exit code 1 when there are errors."""
    from placeprint.dataset.checks.check import check as look
    from placeprint.dataset.scan import read_dataset

    slips.refuse_gallery_as_dataset(dataset)
    progress, manifest = on_stderr(quiet=quiet or as_json), read_dataset(dataset, layout=layout)
    report = look(manifest, hamming=hamming, min_side=min_side, baseline=baseline, progress=progress)
    if as_json:
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


def verify(
    gallery: options.GalleryPath,
    recall: Annotated[
        bool, typer.Option("--recall", help="Also measure the index against the exact one, and store what was found.")
    ] = False,
    k: Annotated[int, typer.Option(help="Neighbours that --recall compares.", min=1)] = 10,
    queries: Annotated[int, typer.Option(help="Own images that --recall asks, disturbed.", min=1)] = 200,
    as_json: options.AsJson = False,
) -> None:
    """Read every byte of a gallery and compare it with its checksum. Exit code 3 when one differs.

    With --recall, exit code 1 when the index finds less than it should.
    """
    slips.expect_gallery(gallery)
    opened = _opened(gallery, as_json=as_json)
    report, model = opened.verify(), _model_of(opened)
    audit = opened.audited(k=k, queries=queries) if recall and report.ok else None
    if as_json:
        facts = {**asdict(report), "ok": report.ok, "model": model}
        printing.show_json({**facts, **({"audit": audit.to_dict()} if audit else {})})
    else:
        show_problems(report)
        for name in report.leftovers:
            printing.say(f"note: {name} is left from an interrupted write; the next write removes it")
        state = "every checksum agrees" if report.ok else "damaged: build the gallery again"
        printing.say(f"{gallery}: {counted(report.rows, 'image')}, {state}")
        printing.say(f"model {opened.spec}: {model['says']}")
        if audit is not None:
            show_audit(audit)
    if not report.ok:
        raise typer.Exit(3)
    if audit is not None and not audit.ok:
        raise typer.Exit(1)


def show_problems(report: VerifyReport) -> None:
    """Show a line on stderr for each damaged file."""
    for problem in report.problems:
        printing.say(f"damaged: {problem}", err=True)


def _opened(gallery: str, *, as_json: bool) -> AnyGallery:
    """Open a gallery; where that shows damage, say of every file whether it is damaged, and then end."""
    from placeprint.errors import GalleryCorruptError
    from placeprint.gallery.address import is_address
    from placeprint.gallery.opening import open_gallery
    from placeprint.gallery.verification import verified

    try:
        return open_gallery(gallery)
    except GalleryCorruptError:
        if is_address(gallery):
            raise
        report = verified(Path(gallery))
        if report.ok:
            raise
        if as_json:
            printing.show_json({**asdict(report), "ok": report.ok})
        show_problems(report)
        raise


def _model_of(gallery: AnyGallery) -> dict[str, Any]:
    """Return what a question to a gallery would be embedded by, and whether it is here."""
    from placeprint.embedding.models import ModelFile
    from placeprint.errors import GalleryMismatchError, ModelError
    from placeprint.recognition.model_lookup import find_gallery_model

    row = {"name": gallery.spec.name, "fingerprint": gallery.spec.fingerprint(), "file": None, "here": False}
    if gallery.spec.imported:
        return row | {"says": "its embeddings were imported: ask with embeddings"}
    try:
        found = find_gallery_model(gallery)
    except (ModelError, GalleryMismatchError) as error:
        return row | {"says": str(error)}
    file = str(found.path) if isinstance(found, ModelFile) else None
    return row | {"file": file, "here": True, "says": file or "found by its name"}


def show_audit(audit: Audit) -> None:
    """Print what was measured of an index, and what to do where it finds too little."""
    rows = [
        (
            t.filter,
            str(t.rows),
            f"{t.recall:.4f} ± {2 * t.error:.4f}",
            f"{t.milliseconds:.3f}",
            f"{t.exact_milliseconds:.3f}",
        )
        for t in audit.trials
    ]
    columns = ("filter", "rows", f"recall@{audit.k}", "ms", "ms exact")
    title = f"{audit.index}, {counted(audit.queries, 'own image')} asked"
    printing.table(columns, rows, right=(1, 2, 3, 4), title=title)
    if not audit.ok:
        printing.say(
            f"the index finds less than {audit.target:.0%} of the neighbours: build the gallery again, or with "
            "--index exact"
        )


def models(
    known: Annotated[
        bool, typer.Option("--known", help="Only the models of the field that can be brought, with published figures.")
    ] = False,
    commercial_only: Annotated[
        bool, typer.Option("--commercial-only", help="Leave out licences like the GPL, and what nobody licensed.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the models that can embed, and those of the field that can be brought."""
    from placeprint.embedding.models import list_models
    from placeprint.embedding.zoo import list_zoo

    zoo = list_zoo(commercial_only=commercial_only)
    if as_json:
        printing.show_json([asdict(m) for m in (zoo if known else list_models())])
        return
    if not known:
        rows = [
            (m.name, str(m.dim), str(m.input_size), f"{m.megabytes:.1f}", m.licence, "yes" if m.here else "no", m.about)
            for m in list_models()
        ]
        printing.table(("name", "dim", "input", "MB", "licence", "here", "about"), rows, right=(1, 2, 3))
        printing.say(
            "Any ONNX file works by its path, with a .json of the same name beside it that holds its ModelSpec."
        )
    _show_zoo(zoo)


def _show_zoo(zoo: Sequence[ZooModel]) -> None:
    """Print the models of the field: what they are, then where they come from."""
    rows = [
        (
            m.name,
            str(m.dim),
            str(m.input_size),
            printing.number(m.parameters, 1),
            m.licence,
            "yes" if m.here else "no",
            f"{m.recall_at_1:.1f} on {m.benchmark}" if m.recall_at_1 is not None else "",
        )
        for m in zoo
    ]
    columns = ("name", "dim", "input", "M params", "licence", "here", "published Recall@1, %")
    printing.table(columns, rows, right=(1, 2, 3), title="Of the field, to be brought by `placeprint export SOURCE`")
    printing.say(
        "Licences are as the authors state them; the photographs that were learned from may have terms of their own."
    )
    for model in zoo:
        cited = f"; Recall@1 as published by {model.citation}" if model.citation else ""
        printing.say(f"  {model.name}: {model.source}{cited}")
