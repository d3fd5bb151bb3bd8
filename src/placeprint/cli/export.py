"""The verb export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.option_records import Without, given
from placeprint.options import BuildOptions
from placeprint.training.options import ExportOptions

if TYPE_CHECKING:
    from placeprint.embedding.export.conversion import Exported


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="resnet50, resnet101 or resnet152 with --weights; torchvision:NAME, timm:NAME, hub:OWNER/REPO:ENTRY, "
            "hf:OWNER/REPO; to be changed also a bundled model's name or a path.onnx."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The .onnx file to write; by default in the folder PLACEPRINT_MODELS."),
    ] = None,
    layout: options.LayoutName = None,
    *,
    asked: Annotated[ExportOptions, Without("preset", "cache", "workers")],
    build: Annotated[BuildOptions, Without("model", "runner", "index")],
    output: options.Output,
) -> None:
    """Write a model as an ONNX file, compared with its source before it is kept (extra torch).

    Or change one that is here (extra onnx): --whiten, --precision; --measure says what that did.
    """
    from placeprint.training.export import export as write

    photos = datasets.named(asked, "whiten", "measure", layout=layout)
    done = write(source, out, progress=output.progress, **given(asked, build) | photos)
    show(done, as_json=output.as_json)


def show(done: Exported, *, as_json: bool) -> None:
    """Print what was exported."""
    if as_json:
        from placeprint.evaluation.json_values import plain

        said = {} if done.change is None else {"verdict": list(done.change.verdict())}
        printing.show_json({**plain(done), "path": str(done.path), "spec": done.spec.to_dict(), **said})
        return
    if done.note:
        printing.say(f"note: {done.note}", err=True)
    same = "" if done.cosine is None else f"; cosine to its source at least {done.cosine:.6f}"
    printing.say(f"{done.path}: model {done.spec}, {done.spec.dim} numbers an image{same}")
    for line in done.change.lines() if done.change else ():
        printing.say(line)
