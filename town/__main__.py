"""``python -m town FOLDER``: render photographs to try things with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import options, printing, program
from placeprint.progress import on_stderr

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def town(
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    places: Annotated[int, typer.Option(help="How many places.")] = 20,
    views: Annotated[int, typer.Option(help="Photographs of each.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    quiet: options.Quiet = False,
) -> None:
    """Render photographs of a made-up town, with known truth."""
    from town.render import render_town

    made = render_town(out, places=places, views=views, seed=seed, progress=on_stderr(quiet=quiet))
    facts = ", ".join(f"{k} {v}" for k, v in asdict(made).items() if isinstance(v, int))
    printing.say(f"{out}: {facts}")


if __name__ == "__main__":
    program.run(app, name="python -m town")
