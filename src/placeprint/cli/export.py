"""The verb export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.option_records import Without, given
from placeprint.options import BuildOptions


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a model's numbers come from, where the source alone does not say it."""

    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="A checkpoint (.pth, .ckpt, .safetensors, …); only numbers are read from it."),
    ] = None
    branch: Annotated[
        str, typer.Option("--branch", help="With --weights: which network, where it holds several, such as teacher.")
    ] = ""
    trust: Annotated[bool, typer.Option("--trust", help="Allow hub: to run the code of its repository.")] = False


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How a model is changed, and on which photos that is learned and measured."""

    whiten: Annotated[
        Path | None,
        typer.Option("--whiten", help="Learn a whitening from these labelled photos, and put it into the graph."),
    ] = None
    whitening: Annotated[
        str,
        typer.Option(
            "--whitening", help="What the whitening evens out: places (how photos of one place differ) or pca."
        ),
    ] = "places"
    dim: Annotated[int | None, typer.Option("--dim", min=1, help="With --whiten: length of the embedding.")] = None
    precision: Annotated[
        str | None, typer.Option("--precision", help="Store the model in int8, float16 or bfloat16.")
    ] = None
    measure: Annotated[
        Path | None,
        typer.Option("--measure", help="Compare the new model with the one it was made from on these photos."),
    ] = None
    layout: options.LayoutName = None

    def opened(self) -> dict[str, Any]:
        """Return them as keywords of `placeprint.export`, with the photos read."""
        return {
            "whiten": datasets.manifest(self.whiten, self.layout),
            "whitening": self.whitening,
            "dim": self.dim,
            "precision": self.precision,
            "measure": datasets.manifest(self.measure, self.layout),
        }


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
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the new model; by default that of its file.")
    ] = None,
    *,
    checkpoint: Checkpoint,
    changes: Changes,
    build: Annotated[BuildOptions, Without("model", "runner", "index")],
    output: options.Output,
) -> None:
    """Write a model as an ONNX file, compared with its source before it is kept (extra torch).

    Or change one that is here (extra onnx): --whiten, --precision; --measure says what that did.
    """
    from placeprint.training.export import export as write

    done = write(
        source,
        out,
        name=name,
        progress=output.progress,
        **given(checkpoint, build),
        **changes.opened(),
    )
    if output.as_json:
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
