"""A gallery on disk.

A gallery is a folder: ``gallery.json`` (format, ModelSpec, where its file was, roots, checksums) points to one data
folder with ``records.jsonl``, ``failures.jsonl``, ``vectors.npy``, the parts of images that the preset keeps
(``cells.npy``, ``cells-shapes.npy``, ``keypoints.npy``, …) and, for some indexes, their file. Beside the records lie
``places.json`` and ``column-*.npy``: where each line begins, and what is asked of all records at once
(see `placeprint.gallery.columns`), so that opening a gallery takes as long whatever its size.
A server keeps the photos that were uploaded to it beside that, in ``photos`` (see `placeprint.web.changing`).
See `placeprint.published` for why a kill at any moment leaves the old gallery or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint import published
from placeprint.errors import GalleryCorruptError, GalleryFormatError
from placeprint.gallery import clustered, columns, lines
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.columns import Buffer, mapped_bytes
from placeprint.gallery.hints import model_file_entry, model_file_of
from placeprint.gallery.indexes import Before, make_index
from placeprint.gallery.pieces import Pieces
from placeprint.gallery.table import RecordTable
from placeprint.presets import FAST, Preset
from placeprint.ragged import Ragged, files_of
from placeprint.records import FailedImage, ModelSpec

FORMAT = 3
READ = (1, 2, FORMAT)
"""Formats that are understood. Format 1 knew no presets: what it holds is what `fast` keeps. Format 2 had no columns:
all its records are read when it is opened."""
HEAD, KIND = "gallery.json", "placeprint gallery"
PHOTOS = "photos"
"""Folder inside a gallery with the photos that were sent to a server of it, each named by its content's hash."""
LEARNED = "learned.npz"
VECTORS = "vectors.npy"
FAILURES = "failures.jsonl"
FILES = frozenset((*columns.FILES, lines.FILE, FAILURES, VECTORS, LEARNED, clustered.FILE, clustered.SETTINGS))
"""All files that a data folder may have, but for the parts of images."""


@dataclass(frozen=True, slots=True)
class Content:
    """All that a gallery consists of; the attributes are those of `placeprint.Gallery`.

    `failures` are lines of JSON, see `failure_lines` and `failures_of`: they are read when they are asked for.
    """

    records: RecordTable
    vectors: Pieces
    spec: ModelSpec
    index_name: str = "auto"
    roots: tuple[str, ...] = (".",)
    failures: Buffer = b""
    calibration: Calibration | None = None
    preset: Preset = FAST
    parts: Mapping[str, Ragged] = field(default_factory=dict)
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    model_file: Path | None = None


def write_gallery(path: Path, content: Content, *, before: Before | None = None) -> None:
    """Replace what the folder holds, in one step. Call it inside `placeprint.published.locked`.

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
        **calibration_entry(content.calibration),
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


def calibration_entry(calibration: Calibration | None) -> dict[str, Any]:
    """Return the part of the head that holds a calibration: nothing where there is none."""
    return {} if calibration is None else {"calibration": calibration.to_dict()}


def read_gallery(path: Path) -> tuple[Content, Path]:
    """Read a gallery; vectors and records are memory-mapped.

    Returns
    -------
    Content, Path
        And the data folder, where an index may have its file.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
    """
    for _ in range(3):  # a writer may have replaced the data between the head and the files
        head = published.read_head(path, HEAD)
        try:
            return _content(path, head), path / head["data"]
        except FileNotFoundError:
            continue
    raise GalleryCorruptError(f'files of "{path}" are missing: run placeprint verify, or build it again')


def _content(path: Path, head: Mapping[str, Any]) -> Content:
    if head.get("format") not in READ:
        newer = isinstance(head.get("format"), int) and head["format"] > FORMAT
        advice = "upgrade placeprint" if newer else "build the gallery again"
        raise GalleryFormatError(f'"{path}" has format {head.get("format")}, this release reads {FORMAT}: {advice}')
    data = path / head["data"]
    try:
        vectors = np.load(data / VECTORS, mmap_mode="r", allow_pickle=False)
        records = _records(data, head, len(vectors))
        parts = {name: Ragged.load(data, name) for name in head.get("parts", ())}
        learned = _read_learned(data / LEARNED) if head.get("learned") else {}
    except (ValueError, EOFError) as error:  # EOFError: a file of no bytes
        raise GalleryCorruptError(f'the files in "{data}" cannot be read ({error}): build it again') from error
    if vectors.dtype != np.float32 or {len(vectors), *map(len, parts.values())} != {len(records)}:
        raise GalleryCorruptError(f'vectors and records of "{path}" do not belong together: build it again')
    return Content(
        records,
        Pieces.of(vectors),
        ModelSpec.from_dict(head["model"]),
        head["index"],
        tuple(head["roots"]),
        mapped_bytes(data / FAILURES),
        Calibration.from_dict(head["calibration"]) if "calibration" in head else None,
        Preset.from_dict(head["preset"]) if "preset" in head else FAST,
        parts,
        learned,
        model_file_of(head.get("model_file"), path),
    )


def _read_learned(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _records(data: Path, head: Mapping[str, Any], count: int) -> RecordTable:
    if head["format"] < FORMAT:
        return RecordTable.parse(data)
    digest = head["files"]["records.jsonl"]["sha256"]
    return RecordTable.load(data, count, places=head["places"], digest=digest)


def failure_lines(failures: Iterable[FailedImage]) -> bytes:
    """Return failures as ``failures.jsonl`` holds them."""
    return b"".join(json.dumps(asdict(failure)).encode() + b"\n" for failure in failures)


def failures_of(lines: Buffer) -> tuple[FailedImage, ...]:
    """Read what `failure_lines` made.

    Raises
    ------
    GalleryCorruptError
        For a line that is none.
    """
    try:
        return tuple(FailedImage(**json.loads(line)) for line in lines[:].splitlines())
    except (ValueError, TypeError) as error:
        raise GalleryCorruptError(f"{FAILURES} cannot be read ({error}): build the gallery again") from error
