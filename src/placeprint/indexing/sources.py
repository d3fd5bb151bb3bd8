"""Opens a dataset: a local folder or manifest, or an address in an object store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.metadata.gpx import Track
from placeprint.dataset.remote import is_remote, read_remote
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.pipeline import Reader, file_reader
from placeprint.errors import UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset, and what reads its images.

    Attributes
    ----------
    manifest : Manifest
    root : str
        What its paths are relative to, as a gallery keeps it.
    read : callable
        Returns the bytes of a path, or raises ImageError.

    Examples
    --------
    >>> import placeprint
    >>> from placeprint.indexing.sources import open_source
    >>> source = open_source("town")
    >>> len(source.manifest.records)
    30
    """

    manifest: Manifest
    root: str
    read: Reader


def open_source(
    dataset: Path | str | Manifest | Source, *, layout: str | None = None, track: Track | None = None
) -> Source:
    """Read a dataset, unless it was read already.

    `dataset`: See `placeprint.dataset.scan.read_dataset`; or an address that fsspec knows, as ``s3://bucket/photos``.
    `layout`: How its folders are read; see there.
    `track`: Gives positions to photos without; see there.
    Raises `DatasetError` or `MissingExtraError`; `UsageError` for a track and an address: the photos' times are in
    their files, which are not read for it there.
    """
    if isinstance(dataset, Source):
        return dataset
    if not isinstance(dataset, Manifest) and is_remote(dataset):
        if track is not None:
            raise UsageError("--gpx needs the photos here: those of an object store have the positions of their table")
        manifest, files = read_remote(str(dataset), layout=layout)
        return Source(manifest, files.address, files.read)
    found = dataset if isinstance(dataset, Manifest) else read_dataset(dataset, layout=layout, track=track)
    return Source(found, str(found.root.resolve()), file_reader(found.root))
