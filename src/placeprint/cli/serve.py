"""The verb that serves: serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.errors import MissingExtraError


def serve(
    gallery: options.GalleryPath,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; others than this machine's warn.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes any that is free.")] = 8000,
    unix_socket: Annotated[
        Path | None, typer.Option("--socket", help="Listen on this socket file instead, as for a reverse proxy.")
    ] = None,
    root_path: Annotated[
        str, typer.Option("--root-path", help="The path that a reverse proxy serves this under, as /photos.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="Who sends this token may write; or set PLACEPRINT_TOKEN. Off without."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A name that this server is called by, as behind a proxy; repeatable."),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option("--photos", help="Keep photos that are added to a gallery in Milvus in this folder."),
    ] = None,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, max=1024, help="MiB that one request may hold.")] = 32,
    max_megapixels: Annotated[float, typer.Option("--max-megapixels", min=0.1, help="Of one photo.")] = 50.0,
    waiting: Annotated[
        int, typer.Option("--waiting", min=0, help="Photos that may wait; more are told to retry.")
    ] = 16,
    model: options.ModelName = None,
    runner: options.RunnerName = "openvino",
) -> None:
    """Serve a gallery to browsers and programs over HTTP."""
    slips.expect_gallery(gallery)
    try:
        from placeprint.web.server import serve as run
        from placeprint.web.settings import MEBIBYTE, Settings, checked_prefix, own_names, token_digest
    except ModuleNotFoundError as error:
        raise MissingExtraError("placeprint serve", "web") from error
    named = tuple(name.lower() for name in allow_host or ())
    settings = Settings(
        token_digest=token_digest(token_file),
        hosts=(*own_names(host), *named),
        prefix=checked_prefix(root_path),
        max_bytes=max_mb * MEBIBYTE,
        max_pixels=int(max_megapixels * 1_000_000),
        waiting=waiting,
        held_bytes=max(256, 2 * max_mb) * MEBIBYTE,
    )
    run(
        gallery,
        settings,
        host=host,
        port=port,
        unix_socket=unix_socket,
        photos=photos,
        model=model,
        runner=runner,
        say=printing.say,
    )
