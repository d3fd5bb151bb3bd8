"""The verb protocols, and the protocol that evaluate is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.errors import UsageError

if TYPE_CHECKING:
    from placeprint.dataset.protocols.protocol import Protocol
    from placeprint.dataset.protocols.reading import ProtocolSet


def protocols(
    name: Annotated[str | None, typer.Argument(help="Only this one, with all that is known of it.")] = None,
    *,
    form: options.Form,
) -> None:
    """List the field's protocols: where their files go, what counts as right, and what was published."""
    show(name, form)


def show(name: str | None, form: options.Form) -> None:
    """Print all protocols, or one."""
    from placeprint.dataset.protocols.published import published
    from placeprint.dataset.protocols.table import find_protocol
    from placeprint.dataset.protocols.table import protocols as every
    from placeprint.evaluation.json_values import plain

    chosen = every() if name is None else (find_protocol(name),)
    if form.as_json:
        printing.show_json([one.to_dict() | {"published": plain(published(one.name))} for one in chosen])
    elif form.as_csv:
        printing.show_csv({n: v for n, v in one.to_dict().items() if n != "forms"} for one in chosen)
    elif name is None:
        _show_all(chosen)
    else:
        _show_one(chosen[0])


def opened(name: str, dataset: Path | None, searched: options.Searched) -> ProtocolSet:
    """Read the files of a protocol, and print one line of what was understood."""
    from placeprint.dataset.overview import Overview
    from placeprint.dataset.protocols.reading import read_protocol
    from placeprint.dataset.protocols.table import find_protocol

    protocol = find_protocol(name)
    if dataset is None or any((searched.embeddings, searched.layout, searched.gpx, searched.clock_offset)):
        raise UsageError(
            f"--protocol {name} needs the folder of its files, and says itself how it is read: leave out --layout, "
            "--embeddings and --gpx"
        )
    slips.refuse_gallery_as_dataset(dataset, [searched.gallery])
    found = read_protocol(dataset, protocol)
    printing.say(f"{dataset}: {protocol.title}, {Overview.of(found.manifest).says}", err=True)
    if searched.gallery is not None:
        slips.expect_gallery(searched.gallery)
    return found


def _show_all(chosen: Sequence[Protocol]) -> None:
    rows = [
        (p.name, p.title, str(p.gallery or "?"), str(p.queries or "?"), p.right.says, ", ".join(p.reports))
        for p in chosen
    ]
    printing.table(("name", "as papers write it", "gallery", "queries", "right", "reported"), rows, right=(2, 3))
    printing.say("", "Where the files of one go, its source and published figures: placeprint protocols NAME")


def _show_one(protocol: Protocol) -> None:
    from placeprint.dataset.protocols.published import published

    unanswerable = "left out" if protocol.answerable else "misses"
    printing.say(
        f"{protocol.title} ({protocol.name}): {protocol.size}",
        f"right: {protocol.right.says}; queries without a right image are {unanswerable}",
        *(f"files, {form.about}: {' and '.join(form.needs)}" for form in protocol.forms),
        f"source: {protocol.source}",
        *([protocol.note] if protocol.note else []),
    )
    figures = [
        (f.model, str(f.dim), ", ".join(f"{name} {value:.1f}" for name, value in f.values.items()), f.citation)
        for f in published(protocol.name)
    ]
    if figures:
        printing.table(("model", "dim", "published, %", "by"), figures, title="Published", right=(1,))
