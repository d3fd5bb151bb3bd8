"""The verb that does it all: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.calibrate import show_calibration
from placeprint.presets import DEFAULT_PRESET
from placeprint.progress import on_stderr

if TYPE_CHECKING:
    from placeprint.evaluation.diagnosis.diagnosis import Lessons

SHOWN_PLACES = 5


def run(
    dataset: options.Dataset,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the gallery and the report.")],
    layout: options.LayoutName = None,
    model: options.ModelName = None,
    index: options.IndexName = "auto",
    runner: options.RunnerName = "openvino",
    preset: options.PresetName = None,
    threshold: options.Threshold = None,
    margin: options.Margin = None,
    radius: options.Radius = None,
    replace: options.Replace = False,
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    quiet: options.Quiet = False,
) -> None:
    """Check, index, evaluate and report, in one go."""
    from placeprint.cli.check import show_check
    from placeprint.cli.evaluate import show_evaluation
    from placeprint.report.run import whole_run

    done = whole_run(
        datasets.opened(dataset, layout).manifest,
        out,
        model=model,
        index=index,
        runner=runner,
        preset=preset or DEFAULT_PRESET,
        threshold=threshold,
        margin_threshold=margin,
        radius=radius,
        cache=not no_cache,
        workers=workers,
        replace=replace,
        progress=on_stderr(quiet=quiet),
    )
    show_check(done.check)
    show_calibration(done.gallery.calibration, done.gallery.where, done.not_calibrated)
    show_evaluation(done.evaluation)
    _show_lessons(done.lessons)
    printing.say("", f"gallery: {done.gallery.path}", f"report:  {done.report}")


def _show_lessons(lessons: Lessons) -> None:
    """Print why photos failed, and what more photos would bring."""
    kinds = [(k.kind.value, str(k.count), k.advice) for k in lessons.kinds if k.count]
    if kinds:
        printing.table(("why it failed", "photos", "what to do"), kinds, title="Failures by kind", right=(1,))
    printing.say("", lessons.leaks.says, lessons.lacks.says)
    for place in lessons.lacks.places[:SHOWN_PLACES]:
        if place.says:
            printing.say(f"  {place.says}")
