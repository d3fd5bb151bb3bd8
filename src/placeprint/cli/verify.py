"""The verb verify."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.cli.results import show_reach
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.gallery.index.audit import Audit
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.gallery.verification import VerifyReport


def verify(
    gallery: options.GalleryPath,
    recall: Annotated[
        bool, typer.Option("--recall", help="Also measure the index against exact search, and store the result.")
    ] = False,
    k: Annotated[int, typer.Option(help="Neighbours per query that --recall compares.", min=1)] = 10,
    queries: Annotated[
        int, typer.Option(help="Slightly altered images of the gallery that --recall searches for.", min=1)
    ] = 200,
    as_json: options.AsJson = False,
) -> None:
    """Read every byte of a gallery and compare it with its checksum. Exit code 3 when one differs.

    With --recall, exit code 1 when the index finds less than it should.
    """
    from placeprint.recognition.verify import verify as compare

    slips.expect_gallery(gallery)
    done = compare(_opened(gallery, as_json=as_json), recall=recall, k=k, queries=queries)
    report, audit = done.report, done.audit
    if as_json:
        printing.show_json(done.to_dict())
    else:
        show_problems(report)
        for name in report.leftovers:
            printing.say(f"note: {name} is left from an interrupted write; the next write removes it")
        state = "every checksum agrees" if report.ok else "damaged: build the gallery again"
        printing.say(f"{gallery}: {counted(report.rows, 'image')}, {state}")
        printing.say(f"model {done.gallery.spec}: {done.model.says}")
        if audit is not None:
            show_audit(audit)
            show_reach(done.gallery)
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
