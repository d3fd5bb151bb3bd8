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
    from placeprint.evaluation.diagnosis.diagnosis import Diagnosis

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
    from placeprint.report.run import run as run_all

    done = run_all(
        datasets.opened(dataset, reading.layout, track=datasets.track_of(reading)).manifest,
        out,
        replace=replace,
        progress=on_stderr(quiet=quiet),
        **given(judged, build),
    )
    show_check(done.check)
    show_calibration(done.gallery.calibration, done.gallery.where, done.not_calibrated)
    show_positions(done.gallery)
    show_evaluation(done.evaluation)
    _show_diagnosis(done.diagnosis)
    printing.say("", f"gallery: {done.gallery.path}", f"report:  {done.report}")


def _show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print why photos failed, and what more photos would bring."""
    kinds = [(k.kind.value, str(k.count), k.advice) for k in diagnosis.kinds if k.count]
    if kinds:
        printing.table(("why it failed", "photos", "what to do"), kinds, title="Failures by kind", right=(1,))
    printing.say("", diagnosis.leaks.says, diagnosis.coverage.says)
    for place in diagnosis.coverage.places[:SHOWN_PLACES]:
        if place.says:
            printing.say(f"  {place.says}")
