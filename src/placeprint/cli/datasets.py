"""Open the datasets that a verb is given, and say how they were understood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from placeprint.cli.printing import printable

if TYPE_CHECKING:
    from placeprint.dataset.manifest import Manifest
    from placeprint.recognition.sources import Source


def opened(dataset: Path | str, layout: str | None) -> Source:
    """Read a dataset, here or in an object store, and print one line of what was understood on stderr."""
    from placeprint.dataset.overview import Overview
    from placeprint.recognition.sources import open_source

    source = open_source(dataset, layout=layout)
    typer.echo(printable(f"{dataset}: {Overview.of(source.manifest).says}"), err=True)
    return source


def manifest(dataset: Path | None, layout: str | None, *, stage: str = "test") -> Manifest | None:
    """Read a dataset that is files here, and print one line of what was understood; None for none."""
    from placeprint.dataset.overview import Overview
    from placeprint.dataset.scan import read_dataset

    if dataset is None:
        return None
    found = read_dataset(dataset, layout=layout, stage=stage)
    typer.echo(printable(f"{dataset}: {Overview.of(found).says}"), err=True)
    return found
