"""The verb that does it all: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.calibrate import show_calibration
from placeprint.cli.option_records import given
from placeprint.cli.positions import show_positions
from placeprint.options import BuildOptions
from placeprint.progress import on_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placeprint.evaluation.diagnosis.diagnosis import Diagnosis
    from placeprint.report.run import RunResult

SHOWN_PLACES = 5


def run(
    dataset: options.Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the gallery and the report.")],
    replace: options.Replace = False,
    *,
    reading: options.Reading,
    judged: options.Judged,
    build: BuildOptions,
    quiet: options.Quiet = False,
) -> None:
    """Check, index, evaluate and report, in one go."""
    from placeprint.cli.check import show_check
    from placeprint.cli.evaluate import show_evaluation
    from placeprint.cli.group import show_groups
    from placeprint.report.run import run as run_all

    done = run_all(
        datasets.opened(dataset, reading.layout, track=datasets.track_of(reading)).manifest,
        out,
        replace=replace,
        progress=on_stderr(quiet=quiet),
        **given(judged, build),
    )
    show_check(done.check)
    if done.evaluation is not None and done.diagnosis is not None and done.gallery is not None:
        show_calibration(done.gallery.calibration, done.gallery.where, done.not_calibrated)
        show_positions(done.gallery)
        show_evaluation(done.evaluation)
        _show_diagnosis(done.diagnosis)
    if done.grouping is not None:
        printing.say("")
        show_groups(done.grouping)
        printing.say(*_next(done, dataset, out))
    if done.gallery is not None:
        printing.say("", f"gallery: {done.gallery.path}")
    printing.say(f"report:  {done.report}")


def _next(done: RunResult, dataset: Path, out: Path) -> Iterator[str]:
    """Yield what there is of photos without labels, and what to do with it."""
    table = (dataset if dataset.is_dir() else dataset.parent) / "places.csv"
    yield f"groups:  {out / 'groups.html'}: look through them there"
    yield f"         placeprint group {dataset} -o {table} keeps them in a table, with what you correct"
    if done.map is not None:
        yield f"map:     {done.map}, for a map program"
    if done.evaluation is None and done.gallery is not None:
        yield f"next:    placeprint query {done.gallery.path} PHOTO tells which of these places another photo shows"
    if done.gallery is None:
        yield "next:    no two photos show the same place: add more photos of each, or give them places in a table"


def _show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print why photos failed, and what more photos would bring."""
    kinds = [(k.kind.value, str(k.count), k.advice) for k in diagnosis.kinds if k.count]
    if kinds:
        printing.table(("why it failed", "photos", "what to do"), kinds, title="Failures by kind", right=(1,))
    printing.say("", diagnosis.leaks.says, diagnosis.coverage.says)
    for place in diagnosis.coverage.places[:SHOWN_PLACES]:
        if place.says:
            printing.say(f"  {place.says}")
