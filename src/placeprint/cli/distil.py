"""The verb distil."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.option_records import Without, given
from placeprint.options import BuildOptions
from placeprint.terminal import counted
from placeprint.training.options import DistilOptions


def distil(
    dataset: options.Dataset,
    teacher: Annotated[str, typer.Option("--teacher", help="The larger model: a name, a source or a path.onnx.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .onnx file to write.")],
    layout: options.LayoutName = None,
    *,
    asked: Annotated[DistilOptions, Without("preset", "cache", "workers")],
    build: Annotated[BuildOptions, Without("model", "runner", "index")],
    output: options.Output,
) -> None:
    """Teach a small model some of what a larger one sees, from photos without labels (extra onnx)."""
    from placeprint.training.distillation import distil as learn

    done = learn(
        datasets.opened(dataset, layout).manifest,
        teacher,
        out,
        progress=output.progress,
        **given(asked, build) | datasets.named(asked, "measure", layout=layout),
    )
    if output.as_json:
        from placeprint.evaluation.json_values import plain

        made = done.exported
        row = None if made is None else {**plain(made), "path": str(made.path), "spec": made.spec.to_dict()}
        printing.show_json({**plain(done), "exported": row})
        return
    printing.say(
        f"agreement with {teacher} on {done.held_out} of {counted(done.photos, 'photo')}, held out: "
        f"{done.before:.3f} to {done.after:.3f}"
    )
    if done.exported is None:
        printing.say("the student already agrees about as well: nothing was kept")
        return
    printing.say(f"{done.exported.path}: model {done.exported.spec}, {done.exported.spec.dim} numbers an image")
    for line in done.exported.change.lines() if done.exported.change else ():
        printing.say(line)
