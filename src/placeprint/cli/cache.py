"""The verb cache."""

from __future__ import annotations

from typing import Annotated

import typer

from placeprint.cli import options, printing
from placeprint.terminal import counted, sized


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Delete all that can be computed again; models that you brought stay.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say where the cache is and how large it is, or clear it.

    PLACEPRINT_CACHE names another folder, and PLACEPRINT_CACHE_GB how large the embeddings may grow (10 by default):
    then the oldest entries give way.
    """
    from placeprint.embedding.cache_state import cache as look

    found = look(clear=clear)
    if as_json:
        printing.show_json(found.to_dict())
        return
    printing.say(f"{found.folder}{': cleared' if clear else ''}")
    what = f"{counted(found.embeddings, 'embedded image')}, {counted(found.pairs, 'matched pair')}"
    rows = [
        (sized(found.embeddings_bytes), what, f"at most {sized(found.limit_bytes)}: what came first gives way"),
        (sized(found.graphs_bytes), counted(found.graphs, "compiled model"), "those used last are kept"),
        (sized(found.models_bytes), "models that were brought", f"never cleared: {found.models}"),
    ]
    printing.table(("size", "what", ""), rows, right=(0,))
