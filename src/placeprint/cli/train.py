"""The verb train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.option_records import Without, given
from placeprint.options import BuildOptions
from placeprint.terminal import counted
from placeprint.training.settings import TrainSettings

if TYPE_CHECKING:
    from placeprint.training.result import TrainingResult


def train(
    paths: Annotated[
        list[Path], typer.Argument(metavar="DATASET ...", help="Folders of photos by place, or manifests.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .onnx file to write.")],
    layout: options.LayoutName = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the new model; by default that of its file.")
    ] = None,
    *,
    settings: Annotated[TrainSettings, Without("preset")],
    build: Annotated[BuildOptions, Without("runner", "index")],
    output: options.Output,
) -> None:
    """Fine-tune a model on labelled photos, and test it on places held out (extra train).

    If it is interrupted, run it again: it continues after the last epoch. Exit code 1 when the model is not shown to be
    better than its base; the file is kept.
    """
    from placeprint.training.train import train as fine_tune

    result = fine_tune(
        [found for path in paths if (found := datasets.manifest(path, layout, stage="train"))],
        out,
        name=name,
        progress=output.progress,
        **given(settings, build),
    )
    if output.as_json:
        printing.show_json(result.to_dict())
    else:
        _show(result)
    if not result.better:
        raise typer.Exit(1)


def _show(result: TrainingResult) -> None:
    printing.show_failures(result.unusable)
    trained, chose, tested = zip(result.places, result.images, strict=True)
    printing.say(
        f"{counted(trained[0], 'place')} ({counted(trained[1], 'photo')}) trained, "
        f"{chose[0]} ({chose[1]}) chose epoch {result.best_epoch} of {result.epochs}, "
        f"{tested[0]} ({tested[1]}) tested; {counted(result.left_out, 'photo')} left out; "
        f"{result.seconds:.0f} s on {result.device}"
    )
    rows = ((result.base.name, result.test_base), (result.spec.name, result.test))
    columns = (f"on the test places, by {result.settings.preset}", "Recall@1", "mAP")
    lines = [(name, printing.number(f.recall_at_1), printing.number(f.map)) for name, f in rows]
    printing.table(columns, lines, right=(1, 2))
    printing.say("", f"{result.path}: {result.verdict.says}")
    page = result.path.with_suffix(".html")
    printing.say(f"curves: {page}; card: {result.path.with_suffix('.md')}; use: {result.recommended}")
