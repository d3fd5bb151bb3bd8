"""The verb add."""

from __future__ import annotations

from placeprint.cli import datasets, options, slips
from placeprint.cli.option_records import given
from placeprint.cli.results import show_index
from placeprint.options import EmbedOptions


def add(
    gallery: options.GalleryPath,
    dataset: options.Dataset,
    *,
    reading: options.Reading,
    embed: EmbedOptions,
    output: options.Output,
) -> None:
    """Add the photos of another dataset to a gallery; adding twice changes nothing.

    Photos that cannot be used are named and counted; the exit code is 0 as long as one could be used.
    """
    from placeprint.gallery.opening import open_gallery
    from placeprint.indexing import folder as indexing

    slips.expect_gallery(gallery, [dataset])
    opened = open_gallery(gallery)
    source = datasets.opened(dataset, reading.layout, beside=[gallery], track=datasets.track_of(reading))
    done = indexing.add(opened, source, progress=output.progress, **given(embed))
    show_index(done, source, as_json=output.as_json)
