"""The verb models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing

if TYPE_CHECKING:
    from placeprint.embedding.zoo import ZooModel


def models(
    known: Annotated[
        bool, typer.Option("--known", help="Only the models of the field that can be brought, with published figures.")
    ] = False,
    commercial_only: Annotated[
        bool, typer.Option("--commercial-only", help="Leave out licences like the GPL, and what nobody licensed.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the models that can embed, and those of the field that can be brought."""
    from placeprint.embedding.models import list_models
    from placeprint.embedding.zoo import list_zoo

    zoo = list_zoo(commercial_only=commercial_only)
    if as_json:
        printing.show_json([asdict(m) for m in (zoo if known else list_models())])
        return
    if not known:
        rows = [
            (m.name, str(m.dim), str(m.input_size), f"{m.megabytes:.1f}", m.licence, "yes" if m.here else "no", m.about)
            for m in list_models()
        ]
        printing.table(("name", "dim", "input", "MB", "licence", "here", "about"), rows, right=(1, 2, 3))
        printing.say(
            "Any ONNX file works by its path, with a .json of the same name beside it that holds its ModelSpec."
        )
    _show_zoo(zoo)


def _show_zoo(zoo: Sequence[ZooModel]) -> None:
    """Print the models of the field: what they are, then where they come from."""
    rows = [
        (
            m.name,
            str(m.dim),
            str(m.input_size),
            printing.number(m.parameters, 1),
            m.licence,
            "yes" if m.here else "no",
            f"{m.recall_at_1:.1f} on {m.benchmark}" if m.recall_at_1 is not None else "",
        )
        for m in zoo
    ]
    columns = ("name", "dim", "input", "M params", "licence", "here", "published Recall@1, %")
    printing.table(columns, rows, right=(1, 2, 3), title="Of the field, to be brought by `placeprint export SOURCE`")
    printing.say(
        "Licences are as the authors state them; the photographs that were learned from may have terms of their own."
    )
    for model in zoo:
        cited = f"; Recall@1 as published by {model.citation}" if model.citation else ""
        printing.say(f"  {model.name}: {model.source}{cited}")
