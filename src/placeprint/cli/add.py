"""The verb add."""

from __future__ import annotations

from placeprint.cli import datasets, options, slips
from placeprint.cli.results import show_index
from placeprint.progress import on_stderr


def add(
    gallery: options.GalleryPath,
    dataset: options.Dataset,
    layout: options.LayoutName = None,
    model: options.ModelName = None,
    runner: options.RunnerName = "openvino",
    no_cache: options.NoCache = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Add the photos of another dataset to a gallery; adding twice changes nothing.

    Photos that cannot be used are named and counted; the exit code is 0 as long as one could be used.
    """
    from placeprint.gallery.opening import open_gallery
    from placeprint.indexing import folder as indexing

    slips.expect_gallery(gallery, [dataset])
    progress, opened = on_stderr(quiet=quiet or as_json), open_gallery(gallery)
    source = datasets.opened(dataset, layout, beside=[gallery])
    done = indexing.add(
        opened,
        source,
        model=model,
        runner=runner,
        cache=not no_cache,
        workers=workers,
        progress=progress,
    )
    show_index(done, as_json, source)
