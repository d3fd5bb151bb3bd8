"""The verb export, and models that are exported when another verb first names them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import options, printing


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="resnet50, resnet101 or resnet152 with --weights; torchvision:NAME, timm:NAME, hub:OWNER/REPO:ENTRY, "
            "hf:OWNER/REPO."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .onnx file; by default in the folder PLACEPRINT_MODELS.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="A checkpoint, .pth or .safetensors; only numbers are read.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What the model is called.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Let hub: run the code of its repository.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write a PyTorch model as an ONNX file, compared with PyTorch before it is kept (extra torch)."""
    from placeprint.exporting.export import export as write

    done = write(source, out, weights=weights, name=name, trust=trust)
    if as_json:
        printing.show_json({**asdict(done), "path": str(done.path), "spec": done.spec.to_dict()})
        return
    if done.note:
        typer.echo(f"note: {done.note}", err=True)
    same = "" if done.cosine is None else f"; cosine to PyTorch at least {done.cosine:.6f}"
    typer.echo(f"{done.path}: model {done.spec}, {done.spec.dim} numbers an image{same}")


def ready(model: str | None) -> str | None:
    """Export a model that says where it comes from, when it is not here yet; return its name."""
    if model is None or ":" not in model:
        return model
    from placeprint.exporting.export import ready as made

    return made(model)
