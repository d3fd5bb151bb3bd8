"""The verb move."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.terminal import counted


def move(
    source: Annotated[str, typer.Argument(help="A gallery: its folder, or its address.")],
    target: Annotated[str, typer.Argument(help="Where to: an address (milvus://host:19530/name), or a folder.")],
    replace: options.Replace = False,
    *,
    output: options.Output,
) -> None:
    """Copy a gallery from a folder to a server, or back, and compare every row.

    The source stays. If it is interrupted, run it again: it continues where it stopped.
    """
    from placeprint.gallery.move import move as copy

    slips.expect_gallery(source)
    done = copy(source, target, replace=replace, progress=output.progress)
    if output.as_json:
        row = {"gallery": done.gallery.where, "images": len(done.gallery), "compared": done.compared}
        printing.show_json(row | {"change": asdict(done.change)})
    else:
        written = done.change.added + done.change.replaced
        printing.say(
            f"{done.gallery.where}: {counted(len(done.gallery), 'image')}, {written} written, "
            f"{counted(done.change.unchanged, 'was', 'were')} there; "
            f"{counted(done.compared, 'checksum agrees', 'checksums agree')}"
        )
