"""Mapillary Street-Level Sequences, val: the CSV files of the authors' archives, by the rule of their loader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from placeprint.dataset.protocols.found import Found, below, read_table
from placeprint.dataset.protocols.protocol import Form, Protocol
from placeprint.errors import DatasetError, UsageError
from placeprint.records import FailedImage, ImageRecord, Split

_SIDES = (("database", Split.GALLERY), ("query", Split.QUERY))
_TABLES = ("postprocessed.csv", "raw.csv", "subtask_index.csv")
_BLOCK = 1 << 22
"""Distances that are held at once."""


def read_msls(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:
    """Read both cities: images of the subtask ``all``, no panoramas, and queries that have an image near.

    As ``MSLS(mode="val")`` of github.com/mapillary/mapillary_sls; a city's queries are searched in all cities, but only
    its own gallery can be near.
    """
    made: list[ImageRecord | FailedImage] = []
    for city in (form.gallery, form.queries):
        gallery, queries = (list(_images(root, below(inside, city), side, split)) for side, split in _SIDES)
        made += gallery
        made += _answerable(queries, gallery, protocol.right.metres or 0.0)
    return Found.of(made)


def _images(root: Path, city: str, side: str, split: Split) -> Iterator[ImageRecord | FailedImage]:
    folder = below(city, side)
    shown, raw, tasks = (read_table(root / folder / name) for name in _TABLES)
    if not len(shown) == len(raw) == len(tasks):
        raise DatasetError(f'the tables in "{root / folder}" have different numbers of rows: {", ".join(_TABLES)}')
    for row, taken, task in zip(shown, raw, tasks, strict=True):
        if task.get("all") != "True" or taken.get("pano") != "False":
            continue
        path = f"{folder}/images/{row.get('key')}.jpg"
        try:
            east, north = float(row["easting"]), float(row["northing"])
            yield ImageRecord(path=path, split=split, easting=east, northing=north, sequence=city)
        except (KeyError, ValueError, UsageError):
            yield FailedImage(path, "bad-row", "its row in postprocessed.csv has no easting and northing")


def _answerable(
    queries: list[ImageRecord | FailedImage], gallery: list[ImageRecord | FailedImage], metres: float
) -> Iterator[ImageRecord | FailedImage]:
    """Yield the queries that have a gallery image near, and what failed."""
    there = np.array([(r.easting, r.northing) for r in gallery if isinstance(r, ImageRecord)], np.float64)
    step = max(1, _BLOCK // max(len(there), 1))
    asked = [query for query in queries if isinstance(query, ImageRecord)]
    yield from (query for query in queries if isinstance(query, FailedImage))
    for start in range(0, len(asked), step):
        here = np.array([(r.easting, r.northing) for r in asked[start : start + step]], np.float64)
        apart = np.hypot(*(here[:, None, axis] - there.reshape(-1, 2)[None, :, axis] for axis in (0, 1)))
        yield from (asked[start + row] for row in np.flatnonzero((apart <= metres).any(axis=1)).tolist())
