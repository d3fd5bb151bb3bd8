"""Recognises images under another path, so that a renamed, moved or copied folder loses nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.files import content_hash
from placeprint.errors import ImageError
from placeprint.gallery.replacement import Wanted
from placeprint.indexing.sources import Source
from placeprint.progress import Progress, Stretch
from placeprint.records import ImageRecord, ModelSpec

MORE = 1000
"""Files that are read beside two for each image that is looked for: a folder that grew much is not read twice."""


def wanted_of(source: Source, spec: ModelSpec, progress: Progress | None = None) -> Wanted:
    """Return what a gallery of a dataset is to hold, by paths, and by contents where paths do not tell.

    Files are read only where a gallery has images whose paths the dataset lacks, those of the same name first, and
    until all are found. What a manifest says of its files' contents is not believed.
    """
    records = source.manifest.gallery()
    wanted = Wanted.of(records, source.root, spec)

    def contents(missed: Sequence[ImageRecord], there: NDArray[np.int64]) -> AbstractSet[str]:
        sought = {record.content_hash for record in missed} - {""}
        names = {PurePosixPath(record.path).name for record in missed if record.content_hash}
        fresh = [records[i].path for i in np.flatnonzero(~np.isin(wanted.keys, there)).tolist()]
        likely = sorted(fresh, key=lambda path: PurePosixPath(path).name not in names)[: 2 * len(sought) + MORE]
        found: set[str] = set()
        with Stretch(progress, "comparing with the gallery", len(likely)) as step:
            for path in likely if sought else ():
                found |= {_content_of(source, path)} & sought
                step()
                if found == sought:
                    break
        return found

    return dataclasses.replace(wanted, contents=contents)


def _content_of(source: Source, path: str) -> str:
    try:
        return content_hash(source.read(path))
    except ImageError:
        return ""
