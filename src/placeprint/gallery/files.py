"""A gallery on disk.

A gallery is a folder: ``gallery.json`` (format, ModelSpec, where its file was, roots, checksums) points to one data
folder with ``records.jsonl``, ``failures.jsonl``, ``vectors.npy``, the parts of images that the preset keeps
(``cells.npy``, ``cells-shapes.npy``, ``xfeat.npy``, …) and, for some indexes, their file. Beside the records lie
``places.json`` and ``column-*.npy``: where each line begins, and what is asked of all records at once
(see `placeprint.gallery.columns`), so that opening a gallery takes as long whatever its size.
A server keeps uploaded images beside that, in ``photos`` (see `placeprint.web.gallery_changes`).
See `placeprint.storage.published` for why a kill at any moment leaves the old gallery or the new one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryCorruptError
from placeprint.gallery import columns, record_lines
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.head import FORMAT, HEAD, KIND, GalleryHead, read_head
from placeprint.gallery.index import approximate
from placeprint.gallery.index.choice import Before, make_index
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.model_hint import model_file_entry
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.table import RecordTable
from placeprint.presets import FAST, Preset
from placeprint.records import FailedImage, ModelSpec
from placeprint.storage import published
from placeprint.storage.arrays import HELD, Buffer, open_array, open_bytes, read_archive
from placeprint.storage.data_folder import ADVICE
from placeprint.storage.json_records import record_from
from placeprint.storage.ragged import Ragged, files_of

PHOTOS = "photos"
"""Folder inside a gallery for images uploaded to its server, each named by the hash of its content."""
LEARNED = "learned.npz"
VECTORS = "vectors.npy"
FAILURES = "failures.jsonl"
FILES = frozenset(
    (*columns.FILES, record_lines.FILE, FAILURES, VECTORS, LEARNED, approximate.FILE, approximate.SETTINGS)
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


def write_gallery(path: Path, content: Content, *, before: Before | None = None) -> None:
    """Replace what the folder holds, in one step. Call it inside `placeprint.storage.published.locked`.

    Vectors are written block by block, and the index is made from what was written: they are never all in memory.
    """
    head = {
        "kind": KIND,
        "format": FORMAT,
        "model": content.spec.to_dict(),
        "fingerprint": content.spec.fingerprint(),
        "index": content.index_name,
        "preset": content.preset.to_dict(),
        "parts": sorted(content.parts),
        "learned": sorted(content.learned),
        "rows": len(content.records),
        "places": len(content.records.columns.table),
        "roots": list(content.roots),
        **model_file_entry(path, content.model_file),
        **learned_entries(content.calibration, content.position_evidence),
    }

    def write(folder: Path) -> None:
        content.records.save(folder)
        (folder / FAILURES).write_bytes(content.failures[:])
        vectors = content.vectors.save(folder / VECTORS)
        for name, kept in content.parts.items():
            kept.save(folder, name)
        if content.learned:
            arrays: dict[str, Any] = dict(content.learned)
            np.savez(folder / LEARNED, **arrays)
        make_index(content.index_name, vectors, before=before).save(folder)

    parts = [file for name in content.parts for file in files_of(name)]
    published.publish(path, HEAD, head, files=[*FILES, *parts], write=write)


def learned_entries(calibration: Calibration | None, positions: PositionEvidence | None) -> dict[str, Any]:
    """Return the parts of the head that hold what was learned of decisions: nothing where there is nothing."""
    kept = {"calibration": calibration, "positions": positions}
    return {name: learned.to_dict() for name, learned in kept.items() if learned is not None}


def read_gallery(path: Path, *, mapped: bool = True) -> tuple[Content, GalleryHead]:
    """Read a gallery.

    Sizes are compared with the head. Checksums are of what is read as a whole (see `placeprint.storage.data_folder`).

    Parameters
    ----------
    path : Path
    mapped : bool
        Map vectors and records into memory. Else they are held there, and vectors of more than `HELD` bytes are read
        when they are asked for.

    Returns
    -------
    Content, GalleryHead
        The head knows the data folder, where an index may have its file.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
    """
    for _ in range(3):  # a writer may have replaced the data between the head and the files
        head = read_head(path)
        try:
            return _content(head, mapped), head
        except FileNotFoundError as error:
            missing = Path(error.filename).name
        except OSError as error:
            raise GalleryCorruptError(f'the files in "{head.data.path}" cannot be read ({error}): {ADVICE}') from error
    raise GalleryCorruptError(f'"{path}" has no file {missing} any more: {ADVICE}')


def _content(head: GalleryHead, mapped: bool) -> Content:
    data = head.data.path
    head.data.require_sizes([*_files_of(head), *head.data.files])
    head.data.require([*(files_of(name)[1] for name in head.parts), *([LEARNED] if head.learned else [])])
    try:
        vectors = open_array(data / VECTORS, mapped=mapped or head.data.files[VECTORS][0] > HELD)
        parts = {name: Ragged.load(data, name) for name in head.parts}
        learned = read_archive((data / LEARNED).read_bytes()) if head.learned else {}
        records = _records(head, mapped)
    except ValueError as error:
        raise GalleryCorruptError(f'the files in "{data}" cannot be read ({error}): {ADVICE}') from error
    if (
        vectors.dtype != np.float32
        or vectors.ndim != 2
        or not vectors.flags.c_contiguous
        or set(learned) != set(head.learned)
    ):
        raise GalleryCorruptError(f'the files in "{data}" hold something else than they should: {ADVICE}')
    if {len(vectors), len(records), *map(len, parts.values())} != {head.rows} or vectors.shape[1] != head.spec.dim:
        raise GalleryCorruptError(f'vectors and records in "{data}" do not belong together: {ADVICE}')
    content = Content(
        records,
        ChunkedVectors.of(vectors if mapped else rows_from_file(vectors)),
        head.spec,
        head.index,
        head.roots,
        open_bytes(data / FAILURES, mapped=mapped),
        head.calibration,
        head.preset,
        parts,
        learned,
        head.model_file,
        head.positions,
    )
    return without(content, head.removed) if len(head.removed) else content


def without(content: Content, rows: Sequence[int]) -> Content:
    """Return the content without some rows."""
    keep = np.ones(len(content.records), np.bool_)
    keep[list(rows)] = False
    return keep_rows(content, keep)


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


def read_later(head: GalleryHead) -> list[str]:
    """Return the names of the files too large to hold in memory: they are read on demand."""
    names = [VECTORS, *(files_of(name)[0] for name in head.parts)]
    return [name for name in names if head.data.files[name][0] > HELD]


def _files_of(head: GalleryHead) -> list[str]:
    """Return the names of the files that are opened with a gallery."""
    known = [VECTORS, FAILURES, record_lines.FILE, *columns.FILES]
    return [*known, *(file for name in head.parts for file in files_of(name)), *([LEARNED] if head.learned else [])]


def _records(head: GalleryHead, mapped: bool) -> RecordTable:
    return RecordTable.load(
        head.data.path,
        head.rows,
        places=head.places,
        roots=len(head.roots),
        digest=head.data.files[record_lines.FILE][1],
        places_digest=head.data.files[columns.PLACES][1],
        mapped=mapped,
    )


def failure_lines(failures: Iterable[FailedImage]) -> bytes:
    """Return failures as ``failures.jsonl`` holds them."""
    return b"".join(json.dumps(asdict(failure)).encode() + b"\n" for failure in failures)


def failures_of(lines: Buffer) -> tuple[FailedImage, ...]:
    """Read what `failure_lines` made.

    Raises
    ------
    GalleryCorruptError
        For a line that is not a failure.
    """
    try:
        return tuple(record_from(FailedImage, json.loads(line)) for line in lines[:].splitlines())
    except (ValueError, TypeError, RecursionError) as error:
        raise GalleryCorruptError(f"{FAILURES} cannot be read ({error}): {ADVICE}") from error
