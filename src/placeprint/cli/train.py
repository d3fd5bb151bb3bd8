"""The verb train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.progress import on_stderr
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.training.result import TrainingResult


def train(
    paths: Annotated[
        list[Path], typer.Argument(metavar="DATASET ...", help="Folders of photos by place, or manifests.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .onnx file.")],
    layout: options.LayoutName = None,
    model: options.ModelName = None,
    preset: options.PresetName = None,
    full: Annotated[bool, typer.Option("--full", help="Train the whole network, not only a head.")] = False,
    loss: Annotated[
        str, typer.Option(help="multi-similarity, triplet, triplet-semihard or arcface.")
    ] = "multi-similarity",
    epochs: Annotated[int, typer.Option(help="At most.")] = 60,
    patience: Annotated[int, typer.Option(help="Epochs without a better score before it ends.")] = 10,
    places: Annotated[int, typer.Option(help="Places in a batch.")] = 16,
    images: Annotated[int, typer.Option(help="Photos of each of them.")] = 4,
    hardness: Annotated[float, typer.Option(help="Share of a batch that is hard to tell from the rest.")] = 0.5,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 3e-4,
    decay: Annotated[float, typer.Option(help="How strongly the base draws back.")] = 0.01,
    validation: Annotated[float, typer.Option(help="Share of the places to choose by.")] = 0.2,
    test: Annotated[float, typer.Option(help="Share of the places to test with.")] = 0.2,
    side: Annotated[int, typer.Option(help="Pixels that --full trains in; 0 for the model's own.")] = 0,
    accumulate: Annotated[int, typer.Option(help="Parts of a batch, to save memory.")] = 1,
    augment: Annotated[bool, typer.Option(help="Vary light, season, viewpoint, crop, sharpness (--full).")] = True,
    neck: Annotated[bool, typer.Option(help="ArcFace learns behind a batch norm.")] = True,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    name: Annotated[str | None, typer.Option("--name", help="What the model is called.")] = None,
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Fine-tune a model on labelled photos, and test it on places held out (extra train).

    Interrupted, run it again: it goes on from the last epoch. Exit code 1 when the model is not shown to be better
    than its base; the file is kept.
    """
    from placeprint.embedding.models import DEFAULT_MODEL
    from placeprint.presets import DEFAULT_PRESET
    from placeprint.training.train import train as fine_tune

    result = fine_tune(
        [found for path in paths if (found := datasets.manifest(path, layout, stage="train"))],
        out,
        model=model or DEFAULT_MODEL,
        name=name,
        cache=not no_cache,
        workers=workers,
        progress=on_stderr(quiet=quiet or as_json),
        preset=preset or DEFAULT_PRESET,
        full=full,
        loss=loss,
        epochs=epochs,
        patience=patience,
        places=places,
        images=images,
        hardness=hardness,
        learning_rate=learning_rate,
        decay=decay,
        validation=validation,
        test=test,
        side=side,
        accumulate=accumulate,
        augment=augment,
        neck=neck,
        seed=seed,
    )
    if as_json:
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
