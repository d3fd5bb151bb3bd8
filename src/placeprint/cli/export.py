"""The verb export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.progress import on_stderr


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="resnet50, resnet101 or resnet152 with --weights; torchvision:NAME, timm:NAME, hub:OWNER/REPO:ENTRY, "
            "hf:OWNER/REPO; to be changed also a bundled model's name or a path.onnx."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .onnx file; by default in the folder PLACEPRINT_MODELS.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="A checkpoint (.pth, .ckpt, .safetensors, …); only numbers are read."),
    ] = None,
    branch: Annotated[
        str, typer.Option("--branch", help="With --weights: which network of several in it, as teacher.")
    ] = "",
    name: Annotated[str | None, typer.Option("--name", help="What the model is called.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Let hub: run the code of its repository.")] = False,
    whiten: Annotated[
        Path | None, typer.Option("--whiten", help="Learn a whitening from these labelled photos, into the graph.")
    ] = None,
    whitening: Annotated[
        str, typer.Option("--whitening", help="places (how photos of one place differ) or pca.")
    ] = "places",
    dim: Annotated[int | None, typer.Option("--dim", min=1, help="With --whiten: so many numbers a photo.")] = None,
    precision: Annotated[str | None, typer.Option("--precision", help="int8, float16 or bfloat16.")] = None,
    measure: Annotated[
        Path | None, typer.Option("--measure", help="Compare the result with what it was made from on these photos.")
    ] = None,
    layout: options.LayoutName = None,
    preset: options.PresetName = None,
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a model as an ONNX file, compared with its source before it is kept (extra torch).

    Or change one that is here (extra onnx): --whiten, --precision; --measure says what that did.
    """
    from placeprint.presets import DEFAULT_PRESET
    from placeprint.training.export import export as write

    done = write(
        source,
        out,
        weights=weights,
        branch=branch,
        name=name,
        trust=trust,
        whiten=datasets.manifest(whiten, layout),
        whitening=whitening,
        dim=dim,
        precision=precision,
        measure=datasets.manifest(measure, layout),
        preset=preset or DEFAULT_PRESET,
        cache=not no_cache,
        workers=workers,
        progress=on_stderr(quiet=quiet or as_json),
    )
    if as_json:
        from placeprint.evaluation.result import plain

        said = {} if done.change is None else {"verdict": list(done.change.verdict())}
        printing.show_json({**plain(done), "path": str(done.path), "spec": done.spec.to_dict(), **said})
        return
    if done.note:
        printing.say(f"note: {done.note}", err=True)
    same = "" if done.cosine is None else f"; cosine to its source at least {done.cosine:.6f}"
    printing.say(f"{done.path}: model {done.spec}, {done.spec.dim} numbers an image{same}")
    for line in done.change.lines() if done.change else ():
        printing.say(line)
