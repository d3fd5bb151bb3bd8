"""The verb models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing
from placeprint.errors import UsageError

if TYPE_CHECKING:
    from placeprint.embedding.models import ListedModel


def models(
    known: Annotated[
        bool,
        typer.Option(
            "--known", help="Only well-known published models that you can bring, with their published figures."
        ),
    ] = False,
    commercial_only: Annotated[
        bool,
        typer.Option(
            "--commercial-only", help="Leave out models under licences such as the GPL, or without a licence."
        ),
    ] = False,
    get: Annotated[
        str | None,
        typer.Option("--get", help="Fetch the published checkpoint of a known model and export it (extra torch)."),
    ] = None,
    *,
    output: options.TableOutput,
) -> None:
    """List the models that are here, and published ones that you can bring."""
    if get is not None:
        _get(get, output, listing=known or commercial_only)
        return
    from placeprint.embedding.model_list import models as list_all

    listed = list_all(known=known, commercial_only=commercial_only)
    if output.as_json:
        printing.show_json([model.to_dict() for model in listed])
        return
    if output.as_csv:
        printing.show_csv(model.to_dict() for model in listed)
        return
    if bundled := [model for model in listed if model.bundled]:
        _show_bundled(bundled)
    _show_field([model for model in listed if not model.bundled])


def _get(name: str, output: options.TableOutput, *, listing: bool) -> None:
    if listing or output.as_csv:
        raise UsageError("--get fetches one model: leave out --known, --commercial-only and --csv")
    from placeprint.cli.export import show
    from placeprint.embedding.export.known_model import get_model

    done = get_model(name, progress=output.progress)
    show(done, as_json=output.as_json)
    if not output.as_json:
        printing.say(f"compare it: placeprint compare fast fast:{done.spec.name} --on PHOTOS")


def _show_bundled(models: Sequence[ListedModel]) -> None:
    rows = [
        (m.name, str(m.dim), str(m.input_size), printing.number(m.megabytes, 1), m.licence, _here(m), m.about or "")
        for m in models
    ]
    printing.table(("name", "dim", "input", "MB", "licence", "here", "about"), rows, right=(1, 2, 3))
    printing.say("Any ONNX file works by its path, with a .json of the same name beside it that holds its ModelSpec.")


def _here(model: ListedModel) -> str:
    return "yes" if model.here else "no"


def _show_field(models: Sequence[ListedModel]) -> None:
    """Print the models of the field: what they are, then where they come from."""
    rows = [
        (
            m.name,
            str(m.dim),
            str(m.input_size),
            printing.number(m.parameters, 1),
            m.licence,
            _here(m),
            f"{m.recall_at_1:.1f} on {m.benchmark}" if m.recall_at_1 is not None else "",
        )
        for m in models
    ]
    columns = ("name", "dim", "input", "M params", "licence", "here", "published Recall@1, %")
    printing.table(columns, rows, right=(1, 2, 3), title="Of the field, to be brought by `placeprint export SOURCE`")
    printing.say(
        "Licences are as the authors state them; the photographs that were learned from may have terms of their own."
    )
    for model in models:
        cited = f"; Recall@1 as published by {model.citation}" if model.citation else ""
        printing.say(f"  {model.name}: {model.source}{cited}")
