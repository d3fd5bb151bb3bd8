"""A gallery on disk.

A gallery is a folder: ``gallery.json`` (format, ModelSpec, where its file was, roots, checksums, removed rows)
points to data folders, one for each segment (`placeprint.gallery.segments`), with ``records.jsonl``, ``vectors.npy``,
the parts of images that the preset keeps (``cells.npy``, ``cells-shapes.npy``, ``xfeat.npy``, …) and, for some indexes,
their file; in the first also ``failures.jsonl`` and what the model learned. Beside the records lie ``places.json`` and
``column-*.npy``: where each line begins, and what is asked of all records at once
(see `placeprint.gallery.columns`), so that opening a gallery takes as long whatever its size.
A server keeps uploaded images beside that, in ``photos`` (see `placeprint.web.gallery_changes`).
See `placeprint.storage.published` for why a kill at any moment leaves the old gallery or the new one.
"""

from __future__ import annotations

import dataclasses
import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError, GalleryError
from placeprint.gallery import columns, record_lines
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.head import GalleryHead, read_head
from placeprint.gallery.index import approximate
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.index.short_vectors import SCALE, ShortVectors
from placeprint.gallery.part_codes import Codes, decoded
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.segments import CONTENTS_FILE, Segment
from placeprint.gallery.table import RecordTable
from placeprint.presets import FAST, Preset
from placeprint.records import FailedImage, ModelSpec
from placeprint.storage.arrays import HELD, UNMAPPED, Buffer, open_array, open_bytes, read_archive
from placeprint.storage.data_folder import ADVICE
from placeprint.storage.json_records import record_from
from placeprint.storage.ragged import Ragged, files_of
from placeprint.storage.rows import Rows, others

PHOTOS = "photos"
"""Folder inside a gallery for images uploaded to its server, each named by the hash of its content."""
LEARNED = "learned.npz"
VECTORS = "vectors.npy"
FAILURES = "failures.jsonl"
FILES = frozenset(
    (
        *columns.FILES,
        CONTENTS_FILE,
        record_lines.FILE,
        FAILURES,
        VECTORS,
        LEARNED,
        approximate.FILE,
        approximate.SETTINGS,
    )
)
"""All files that a data folder may have, but for the parts of images."""


@dataclass(frozen=True, slots=True)
class Content:
    """All that a gallery consists of; the attributes are those of `placeprint.Gallery`.

    `failures` are lines of JSON, see `failure_lines` and `failures_of`: they are read when they are asked for.
    """

    records: RecordTable
    vectors: ChunkedVectors
    spec: ModelSpec
    index_name: str = "auto"
    roots: tuple[str, ...] = (".",)
    failures: Buffer = b""
    calibration: Calibration | None = None
    preset: Preset = FAST
    parts: Mapping[str, Ragged] = field(default_factory=dict)
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    model_file: Path | None = None
    position_evidence: PositionEvidence | None = None
    codes: Codes = field(default_factory=dict)


def learned_entries(calibration: Calibration | None, positions: PositionEvidence | None) -> dict[str, Any]:
    """Return the parts of the head that hold what was learned of decisions: nothing where there is nothing."""
    kept = {"calibration": calibration, "positions": positions}
    return {name: learned.to_dict() for name, learned in kept.items() if learned is not None}


def read_gallery(path: Path, *, mapped: bool = True) -> tuple[Content, GalleryHead]:
    """Read a gallery.

    Sizes are compared with the head. Checksums are of what is read as a whole (see `placeprint.storage.data_folder`).

    `mapped`: Map vectors and records into memory. Else they are held there, and vectors of more than `HELD` bytes are
    read when they are asked for.
    The head that is returned knows the data folder, where an index may have its file.
    Raises `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError`.
    """
    for _ in range(3):  # a writer may have replaced the data between the head and the files
        head = read_head(path)
        try:
            return _content(head, mapped), head
        except FileNotFoundError as error:
            missing = Path(error.filename).name
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # nothing is wrong with the files
                raise GalleryError(
                    f'"{path}" has more files than may be open at once: allow more (ulimit -n 4096), and then '
                    "run placeprint compact, which makes one segment of many"
                ) from error
            raise GalleryCorruptError(f'the files in "{path}" cannot be read ({error}): {ADVICE}') from error
    raise GalleryCorruptError(f'"{path}" has no file {missing} any more: {ADVICE}')


def _content(head: GalleryHead, mapped: bool) -> Content:
    first = head.segments[0].data.path
    try:
        for number, segment in enumerate(head.segments):
            _require(head, segment, first=not number)
        arrays = [_vectors(segment, head.spec.dim, mapped) for segment in head.segments]
        rows = Rows([each.rows for each in head.segments], _kept(head.segments))  # as many as there are vectors
        parts = decoded({name: _parts(head, name, rows) for name in head.parts}, head.codes)
        learned = read_archive((first / LEARNED).read_bytes()) if head.learned else {}
        records = RecordTable.load(head.segments, rows, roots=len(head.roots), mapped=mapped)
    except ValueError as error:
        raise GalleryCorruptError(f'the files in "{first.parent}" cannot be read ({error}): {ADVICE}') from error
    if set(learned) != set(head.learned):
        raise GalleryCorruptError(f'the files in "{first}" hold something else than they should: {ADVICE}')
    return Content(
        records,
        ChunkedVectors(arrays, rows),
        head.spec,
        head.index,
        head.roots,
        open_bytes(first / FAILURES, mapped=mapped),
        head.calibration,
        head.preset,
        parts,
        learned,
        head.model_file,
        head.positions,
        head.codes,
    )


def _kept(segments: Sequence[Segment]) -> NDArray[np.int64] | None:
    """Return the rows that were not removed, counted through all segments; None for all of them."""
    if not any(segment.removed for segment in segments):
        return None
    firsts = Rows([segment.rows for segment in segments]).firsts
    gone = [np.array(segment.removed, np.int64) + first for segment, first in zip(segments, firsts, strict=False)]
    return others(firsts[-1], np.concatenate(gone))


def _require(head: GalleryHead, segment: Segment, *, first: bool) -> None:
    """Compare the sizes of all files, and the checksums of those that are believed."""
    segment.data.require_sizes([*_files_of(head, first=first), *segment.data.files])
    believed = [files_of(name)[1] for name in head.parts]
    segment.data.require([*believed, *([LEARNED] if head.learned and first else [])])


def _vectors(segment: Segment, dim: int, mapped: bool) -> Vectors:
    later = not mapped and segment.data.files[VECTORS][0] > HELD
    vectors = open_array(segment.data.path / VECTORS, mapped=mapped or later, least=0 if later else UNMAPPED)
    if vectors.dtype not in (np.float32, np.int8) or vectors.ndim != 2 or not vectors.flags.c_contiguous:
        raise ValueError(f"{VECTORS} holds something else than it should")
    short = vectors.dtype == np.int8
    if vectors.shape != (segment.rows, dim + (SCALE if short else 0)):
        raise ValueError("vectors and records do not belong together")
    found = cast(Vectors, ShortVectors(vectors)) if short else vectors
    return found if mapped else rows_from_file(found)


def _parts(head: GalleryHead, name: str, rows: Rows) -> Ragged:
    found = [Ragged.load(segment.data.path, name) for segment in head.segments]
    if [len(each) for each in found] != list(rows.sizes):
        raise ValueError(f"{name}.npy and records do not belong together")
    joined = found[0].joined(*found[1:]) if len(found) > 1 else found[0]
    return joined if isinstance(rows.at, range) else joined.kept(rows.at)


def keep_rows(content: Content, keep: NDArray[np.bool_]) -> Content:
    """Return the content with only these rows."""
    if keep.all():
        return content
    rows = np.flatnonzero(keep)
    return dataclasses.replace(
        content,
        records=content.records.kept(rows),
        vectors=content.vectors.kept(rows),
        parts={name: parts.kept(rows) for name, parts in content.parts.items()},
    )


def read_later(head: GalleryHead) -> list[Path]:
    """Return the files too large to hold in memory: they are read on demand."""
    names = [VECTORS, *(files_of(name)[0] for name in head.parts)]
    return [each.data.path / name for each in head.segments for name in names if each.data.files[name][0] > HELD]


def _files_of(head: GalleryHead, *, first: bool) -> list[str]:
    """Return the names of the files that are opened of a segment."""
    known = [VECTORS, record_lines.FILE, *columns.FILES, *(file for name in head.parts for file in files_of(name))]
    return [*known, *([FAILURES] if first else []), *([LEARNED] if head.learned and first else [])]


def failure_lines(failures: Iterable[FailedImage]) -> bytes:
    """Return failures as ``failures.jsonl`` holds them."""
    return b"".join(json.dumps(asdict(failure)).encode() + b"\n" for failure in failures)


def failures_of(lines: Buffer) -> tuple[FailedImage, ...]:
    """Read what `failure_lines` made. Raises `GalleryCorruptError` for a line that is not a failure."""
    try:
        return tuple(record_from(FailedImage, json.loads(line)) for line in lines[:].splitlines())
    except (ValueError, TypeError, RecursionError) as error:
        raise GalleryCorruptError(f"{FAILURES} cannot be read ({error}): {ADVICE}") from error
