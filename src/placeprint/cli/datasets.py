"""Open the datasets that a verb is given, and say how they were understood."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from placeprint.cli import options, printing, slips

if TYPE_CHECKING:
    from placeprint.dataset.manifest import Manifest
    from placeprint.indexing.sources import Source


def opened(dataset: Path | str, layout: str | None, *, beside: Iterable[Path | str | None] = ()) -> Source:
    """Read a dataset, here or in an object store, and print one line of what was understood on stderr.

    `beside` is what else was given: a gallery may be in its place (`placeprint.cli.slips`).
    """
    from placeprint.dataset.overview import Overview
    from placeprint.indexing.sources import open_source

    slips.refuse_gallery_as_dataset(dataset, beside)
    source = open_source(dataset, layout=layout)
    printing.say(f"{dataset}: {Overview.of(source.manifest).says}", err=True)
    return source


def manifest(
    dataset: Path | None, layout: str | None, *, stage: str = "test", beside: Iterable[Path | str | None] = ()
) -> Manifest | None:
    """Read a dataset that is files here, and print one line of what was understood; None for none."""
    from placeprint.dataset.overview import Overview
    from placeprint.dataset.scan import read_dataset

    if dataset is None:
        return None
    slips.refuse_gallery_as_dataset(dataset, beside)
    found = read_dataset(dataset, layout=layout, stage=stage)
    printing.say(f"{dataset}: {Overview.of(found).says}", err=True)
    return found


def asked(dataset: Path | None, searched: options.Searched) -> Manifest | None:
    """Read what is asked of a gallery, and see that the gallery is one; None where only the gallery was given."""
    found = manifest(dataset, searched.layout, beside=[searched.gallery])
    if searched.gallery is not None:
        slips.expect_gallery(searched.gallery)
    return found
