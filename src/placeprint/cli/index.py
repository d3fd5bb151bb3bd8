"""The verb index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli import datasets, options
from placeprint.cli.option_records import given
from placeprint.cli.results import show_import, show_index
from placeprint.errors import UsageError
from placeprint.options import BuildOptions, Imported


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the gallery is to be, and what embeds on the way there."""

    out: Annotated[Path | None, typer.Option("--out", "-o", help="The gallery's folder.")] = None
    store: Annotated[
        str | None, typer.Option("--store", metavar="ADDRESS", help="A server instead: milvus://host:19530/name.")
    ] = None
    on: Annotated[
        str | None, typer.Option("--on", help="Embed on a Ray cluster: local, or ray://head:10001; with --store.")
    ] = None
    replace: options.Replace = False

    def where(self) -> Path | str:
        """Return a folder, or an address. Raises `UsageError` when it is not one of the two."""
        if (self.out is None) == (self.store is None):
            raise UsageError("say where the gallery is to be: --out FOLDER, or --store milvus://host:19530/name")
        if self.store is not None:
            from placeprint.gallery.opening import checked_address

            return checked_address(self.store)
        assert self.out is not None
        return self.out


def index(
    dataset: Annotated[
        str | None,
        typer.Argument(help="A folder of photos by place, a manifest, or s3://bucket/photos."),
    ] = None,
    *,
    reading: options.Reading,
    target: Target,
    imported: Imported,
    build: BuildOptions,
    output: options.Output,
) -> None:
    """Make a gallery of photos, or of embeddings you already have.

    If it is interrupted, run it again: nothing is embedded twice. Photos that cannot be used are named and
    counted; the exit code is 0 as long as one could be used.
    """
    from placeprint.indexing.index import index as make

    where = target.where()
    source = None
    if dataset is not None and not imported.given:
        source = datasets.opened(dataset, reading.layout, beside=[target.out], track=datasets.track_of(reading))
    settings = given(imported, build) | {"on": target.on, "replace": target.replace}
    done = make(source or dataset, where, progress=output.progress, **settings)
    if source is None:
        show_import(done, str(imported.records), as_json=output.as_json)
    else:
        show_index(done, source, as_json=output.as_json)
