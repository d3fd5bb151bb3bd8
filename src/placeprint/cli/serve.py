"""The verb serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.cli.option_records import given
from placeprint.options import ModelOptions
from placeprint.web.settings import Listen, ServerOptions


def serve(
    gallery: options.GalleryPath,
    photos: Annotated[
        Path | None,
        typer.Option("--photos", help="Folder for photos that are added to a gallery in Milvus."),
    ] = None,
    *,
    listen: Listen,
    server: ServerOptions,
    model: ModelOptions,
) -> None:
    """Serve a gallery to browsers and programs over HTTP."""
    from placeprint.web.serve import serve as run

    slips.expect_gallery(gallery)
    run(gallery, photos=photos, say=printing.say, **given(listen, server, model))
