"""Writes a gallery: what is new, what is merged, and a head that lists it with what stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.files import FAILURES, FILES, LEARNED, VECTORS, Content, learned_entries
from placeprint.gallery.head import FORMAT, HEAD, KIND
from placeprint.gallery.index.base import VectorIndex
from placeprint.gallery.index.choice import INDEX_FILES, Before, make_index
from placeprint.gallery.model_hint import model_file_entry
from placeprint.gallery.segments import Segment, merged_from
from placeprint.progress import Progress, Stretch
from placeprint.storage import published
from placeprint.storage.ragged import files_of


class Tidy(Enum):
    """How far segments are merged."""

    NOT = "not"
    """Nothing is written but what is new."""
    DUE = "due"
    """Where there are many, and where many rows of one were removed."""
    WHOLE = "whole"
    """Into one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Old:
    """The segments that the first blocks of a content are."""

    segments: tuple[Segment, ...]
    # Returns the index of one of them: another can be made of it without learning.
    index_of: Callable[[int], VectorIndex]
    tidy: Tidy = Tidy.DUE


def write_gallery(path: Path, content: Content, *, old: Old | None = None, progress: Progress | None = None) -> None:
    """Replace what the folder holds, in one step. Call it inside `placeprint.storage.published.locked`.

    Vectors are written block by block, and an index is made from what was written: they are never all in memory.

    `old`: What may stay; without it all is written, as one segment.
    """
    head = {
        "kind": KIND,
        "format": FORMAT,
        "model": content.spec.to_dict(),
        "fingerprint": content.spec.fingerprint(),
        "index": content.index_name,
        "preset": content.preset.to_dict(),
        "parts": [content.codes.get(kind, kind) for kind in sorted(content.parts)],
        "learned": sorted(content.learned),
        "roots": list(content.roots),
        **model_file_entry(path, content.model_file),
        **learned_entries(content.calibration, content.position_evidence),
    }
    parts = [file for name in content.parts for file in files_of(name)]
    write = partial(_written, progress=progress)
    segments = [partial(write, _compacted(content))] if old is None else list(_renewed(content, old, write))
    published.publish(path, HEAD, head, segments=segments, files=[*FILES, *parts])


def _compacted(content: Content) -> Content:
    return dataclasses.replace(content, records=content.records.compacted())


def _renewed(
    content: Content, old: Old, write: Callable[..., Mapping[str, Any]]
) -> Iterator[Mapping[str, Any] | published.Write]:
    """Yield for each segment its entry, or what writes it: those that stay, and what is new."""
    rows, count = content.records.rows, len(old.segments)
    at = rows.numbers()
    edges = [*np.searchsorted(at, rows.firsts[: count + 1]).tolist(), len(at)]  # the last is of what is new
    places = [0, *np.cumsum([segment.places for segment in old.segments]).tolist()]
    for group in _groups(np.diff(edges).tolist(), old):
        first, last = group.start, group.stop
        kept = at[edges[first] : edges[first + 1]] - rows.firsts[first]
        if len(group) == 1 and first < count:
            segment = old.segments[first].without(kept)
            if old.tidy is Tidy.NOT or not segment.untidy(old.tidy is Tidy.WHOLE):
                yield segment.entry()
                continue
        for segment in old.segments[first:last]:
            segment.data.require(segment.data.files)  # what is copied gets new checksums
        if group == range(count + (edges[-1] > edges[-2])):  # all of them
            some, names = _compacted(content), slice(None)
        else:
            some = _stretch(content, edges[first], edges[last])
            names = slice(places[first], places[last] if last <= count else None)
        indexed = first < count and INDEX_FILES[0] in old.segments[first].data.files
        before = Before(old.index_of(first), kept) if indexed else None
        yield partial(write, some, names=names, before=before, first=not first)


def _groups(sizes: Sequence[int], old: Old) -> Iterator[range]:
    """Yield which segments become one; the last size is of what is new."""
    sizes = sizes if sizes[-1] else sizes[:-1]
    first = 0 if old.tidy is Tidy.WHOLE else len(sizes) - 1
    if old.tidy is Tidy.DUE and len(sizes) > len(old.segments):
        first = merged_from(sizes)
    yield from (range(number, number + 1) for number in range(first))
    yield range(first, len(sizes))


def _stretch(content: Content, first: int, last: int) -> Content:
    rows = np.arange(first, last)
    return dataclasses.replace(
        content,
        records=content.records.kept(rows),
        vectors=content.vectors.kept(rows),
        parts={name: parts.kept(rows) for name, parts in content.parts.items()},
    )


def _written(
    content: Content,
    folder: Path,
    *,
    names: slice = slice(None),
    before: Before | None = None,
    first: bool = True,
    progress: Progress | None = None,
) -> Mapping[str, Any]:
    """Write one segment; what is kept of no image by itself lies in the first."""
    count = len(content.records)
    with Stretch(progress, "writing", (2 + len(content.parts)) * count) as step:
        places = content.records.save(folder, names=names)
        step(count)
        vectors = content.vectors.save(folder / VECTORS, content.preset.vector_bits, step)
        for name, kept in content.parts.items():
            kept.save(folder, name, step)
    if first:
        (folder / FAILURES).write_bytes(content.failures[:])
    if first and content.learned:
        arrays: dict[str, NDArray[Any]] = dict(content.learned)
        np.savez(folder / LEARNED, **arrays)  # type: ignore[arg-type]
    make_index(content.index_name, vectors, before=before, progress=progress).save(folder)
    return {"rows": count, "places": places}
