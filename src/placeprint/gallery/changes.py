"""The content of a new gallery, and what adding and removing images makes of it: pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import UsageError, VectorError
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.columns import alike, path_hash
from placeprint.gallery.files import Content, failure_lines, keep_rows
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.choice import INDEXES
from placeprint.gallery.model_hint import absolute
from placeprint.gallery.part_codes import codes_for, encoded
from placeprint.gallery.table import RecordTable
from placeprint.presets import FAST, Preset, find_preset
from placeprint.records import FailedImage, ImageRecord, ModelSpec, is_unknown
from placeprint.spelling import choices
from placeprint.storage.json_records import require_kinds
from placeprint.storage.part_limits import MOST_PARTS
from placeprint.storage.ragged import Ragged


@dataclass(frozen=True, slots=True)
class Change:
    """What an `add` or a `remove` did, in images.

    Attributes
    ----------
    added, replaced, unchanged, removed : int
    elsewhere : int
        Not added, because the gallery has the same image of the same place under another path or folder.
    contradicting : int
        How many of those added are already there as another place.
    missing : tuple of str
        Paths and places to be removed that the gallery does not have.

    Examples
    --------
    >>> import placeprint
    >>> change = placeprint.add("town.gallery", "town").change
    >>> change.added, change.unchanged, change.nothing
    (0, 11, True)
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0
    elsewhere: int = 0
    contradicting: int = 0
    missing: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many images changed."""
        return self.added + self.replaced + self.removed

    @property
    def nothing(self) -> bool:
        """True when nothing changed."""
        return not self.images


class Settings(TypedDict, total=False):
    """What a new gallery may be given besides its images and its model; see `placeprint.Gallery.in_memory`."""

    index: str
    root: str
    failures: Sequence[FailedImage]
    preset: Preset | str
    parts: Mapping[str, Ragged] | None
    learned: Mapping[str, NDArray[Any]] | None
    model_file: Path | None


def new_content(
    records: Sequence[ImageRecord], vectors: Vectors, *, spec: ModelSpec, **settings: Unpack[Settings]
) -> Content:
    """Check and put together what a new gallery consists of; see `placeprint.Gallery.in_memory`.

    Raises `VectorError` or `UsageError`; `TypeError` for a setting that there is not.
    """
    if unknown := sorted(settings.keys() - Settings.__annotations__.keys()):
        raise TypeError(f"a gallery has no setting {unknown[0]!r}: choose from {', '.join(Settings.__annotations__)}")
    index = settings.get("index", "auto")
    if index not in INDEXES:
        raise UsageError(f'index "{index}" is not known: {choices(index, INDEXES)}')
    unit = ChunkedVectors.raw(vectors, dim=spec.dim)
    if len(records) != len(unit):
        raise VectorError(f"there are {len(records)} records and {len(unit)} vectors: they must be one to one")
    for record in records:
        try:
            require_kinds(record)
        except TypeError as error:
            raise UsageError(f'the record of "{record.path}" cannot be kept: {error}') from error
    if name := next((place for record in records for place in record.places if is_unknown(place)), None):
        raise UsageError(
            f'a place of a gallery cannot be called "{name}", which is the answer when no place is accepted'
        )
    file, preset = settings.get("model_file"), find_preset(settings.get("preset", FAST))
    codes = codes_for(spec, preset)
    return Content(
        RecordTable.of(records),
        unit,
        spec,
        index_name=index,
        roots=(settings.get("root", "."),),
        failures=failure_lines(settings.get("failures", ())),
        preset=preset,
        parts=encoded(_checked_parts(spec, settings.get("parts"), len(records)), codes),
        codes=codes,
        learned=settings.get("learned") or {},
        model_file=None if file is None else absolute(file),
    )


def _checked_parts(spec: ModelSpec, parts: Mapping[str, Ragged] | None, count: int) -> Mapping[str, Ragged]:
    """Return the parts when there are those that the spec says, one to one with the records."""
    given = dict(parts or {})
    if set(given) != spec.parts or any(len(part) != count for part in given.values()):
        raise VectorError(
            f"model {spec} keeps {', '.join(sorted(spec.parts)) or 'no parts'} of each of {count} images, and what was "
            f"given is {', '.join(f'{name} of {len(part)}' for name, part in given.items()) or 'nothing'}"
        )
    for name, part in given.items():
        if part.most > MOST_PARTS:
            raise VectorError(f"an image has {part.most} {name}, and at most {MOST_PARTS} are compared: keep fewer")
    return given


def applied(content: Content, change: Callable[[Content], tuple[Content, Change]]) -> tuple[Content, Change]:
    """Apply a change; what was learned of decisions stays, and remembers how many images changed."""
    made, counts = change(content)
    learned, positions = made.calibration, made.position_evidence
    made = dataclasses.replace(
        made,
        calibration=learned and learned.after(counts.images),
        position_evidence=positions and positions.after(counts.images),
    )
    return made, counts


def with_removed(
    content: Content, *, paths: frozenset[str], places: frozenset[str], root: str | None = None
) -> tuple[Content, Change]:
    """Remove the images with one of these paths, under one root or under any, or of one of these places."""
    keep = np.ones(len(content.records), np.bool_)
    number = None if root is None else content.roots.index(root) if root in content.roots else -1
    named = {row: record.path for row, record in _rows_at(content.records, paths, root=number)}
    keep[list(named)] = False
    missing = sorted(paths.difference(named.values()))
    if places:  # else no name is read
        keep[content.records.rows_showing(places)] = False
        missing += content.records.places_shown_by_none(places)
    return keep_rows(content, keep), Change(removed=int((~keep).sum()), missing=tuple(missing))


def with_added(content: Content, fresh: Content) -> tuple[Content, Change]:
    """Add images; one that is known by its root and path is replaced when it changed, else left alone.

    One that is there under another path or root, as the same place, is left alone too: a folder was moved.

    `fresh`: Made by `new_content`: its images, under its one root, are added.
    """
    root, records = fresh.roots[0], fresh.records
    roots = content.roots if root in content.roots else (*content.roots, root)
    number = roots.index(root)
    latest = {record.path: j for j, record in enumerate(records)}  # a path listed twice counts once
    keep = np.ones(len(content.records), np.bool_)
    same: set[str] = set()
    found: set[str] = set()
    for row, old in _rows_at(content.records, latest.keys(), root=number):
        keep[row] = old == records[latest[old.path]]
        found.add(old.path)
        same |= {old.path} if keep[row] else set()
    strangers = [records[j] for path, j in latest.items() if path not in found]
    there = _places_by_content(content.records, strangers)
    elsewhere, contradicting = compared_by_content(strangers, there)
    new = np.array([j for path, j in latest.items() if path not in same | elsewhere], np.int64)
    kept, parts = keep_rows(content, keep), encoded(fresh.parts, content.codes)
    added = RecordTable.of([records[j] for j in new.tolist()], roots=[number] * len(new))
    changed = dataclasses.replace(
        kept,
        records=kept.records.joined(added),
        vectors=kept.vectors.joined(fresh.vectors.kept(new)),
        roots=roots,
        parts={name: old_parts.joined(parts[name].kept(new)) for name, old_parts in kept.parts.items()},
        model_file=fresh.model_file or kept.model_file,
    )
    replaced = int((~keep).sum())
    change = Change(
        added=len(new) - replaced,
        replaced=replaced,
        unchanged=len(same),
        elsewhere=len(elsewhere),
        contradicting=contradicting,
    )
    return (content if change.nothing else changed), change


def compared_by_content(
    fresh: Sequence[ImageRecord], there: Mapping[str, Collection[tuple[str, ...]]]
) -> tuple[set[str], int]:
    """Compare images to be added with those that have the same content under other paths.

    `there`: By content hash, the places under which the gallery has that image.
    Returns `elsewhere`: Paths of those that are there already as the same place, or say no place.
    `contradicting`: How many are there as another place only.
    """
    known = [(record, there[record.content_hash]) for record in fresh if record.content_hash in there]
    elsewhere = {record.path for record, places in known if not record.places or record.places in places}
    return elsewhere, sum(any(places) and record.path not in elsewhere for record, places in known)


def _places_by_content(records: RecordTable, sought: Iterable[ImageRecord]) -> dict[str, set[tuple[str, ...]]]:
    rows = records.rows_with_contents({record.content_hash for record in sought if record.content_hash})
    return {content: {records.places_of(row) for row in found} for content, found in rows.items()}


def _rows_at(
    records: RecordTable, paths: Collection[str], *, root: int | None = None
) -> Iterator[tuple[int, ImageRecord]]:
    """Yield the rows with one of these paths, under one root or any, and their records."""
    columns = records.columns
    rows = alike(columns.paths, np.fromiter((path_hash(path) for path in paths), np.uint64, len(paths)))
    for row in (rows if root is None else rows[columns.roots[rows] == root]).tolist():
        if (record := records[row]).path in paths:  # equal hashes are no proof
            yield row, record
