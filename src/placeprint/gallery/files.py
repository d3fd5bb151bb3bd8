"""A gallery on disk.

A gallery is a folder: ``gallery.json`` (format, ModelSpec, roots, checksums) points to one data folder
with ``records.jsonl``, ``failures.jsonl``, ``vectors.npy``, the parts of images that the preset keeps
(``cells.npy``, ``cells-shapes.npy``, ``keypoints.npy``, …) and, for some indexes, their file.
See `placeprint.storage` for why a kill at any moment leaves the old gallery or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint import storage
from placeprint.errors import GalleryCorruptError, GalleryFormatError
from placeprint.gallery.base import VectorIndex, Vectors
from placeprint.gallery.calibration import Calibration
from placeprint.presets import FAST, Preset
from placeprint.ragged import Ragged
from placeprint.records import FailedImage, ImageRecord, ModelSpec

FORMAT = 2
READ = (1, FORMAT)
"""Formats that are understood. Format 1 knew no presets: what it holds is what `fast` keeps."""
HEAD = "gallery.json"
LEARNED = "learned.npz"


@dataclass(frozen=True, slots=True)
class Content:
    """All that a gallery consists of; the attributes are those of `placeprint.Gallery`."""

    records: tuple[ImageRecord, ...]
    vectors: Vectors
    spec: ModelSpec
    index_name: str = "auto"
    roots: tuple[str, ...] = (".",)
    root_of: tuple[int, ...] = ()
    failures: tuple[FailedImage, ...] = ()
    calibration: Calibration | None = None
    preset: Preset = FAST
    parts: Mapping[str, Ragged] = field(default_factory=dict)
    learned: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def is_gallery_folder(path: Path) -> bool:
    """Return whether the folder holds a gallery, an interrupted one, or nothing: it may be written to."""
    if not path.is_dir():
        return False
    names = {p.name for p in path.iterdir()}
    return HEAD in names or all(n.startswith(("data-", f".{HEAD}")) or n == ".lock" for n in names)


def write_gallery(path: Path, content: Content, index: VectorIndex) -> None:
    """Replace what the folder holds, in one step. Call it inside `placeprint.storage.locked`."""
    head = {
        "kind": "placeprint gallery",
        "format": FORMAT,
        "model": content.spec.to_dict(),
        "fingerprint": content.spec.fingerprint(),
        "index": content.index_name,
        "preset": content.preset.to_dict(),
        "parts": sorted(content.parts),
        "learned": sorted(content.learned),
        "rows": len(content.records),
        "roots": list(content.roots),
        **calibration_entry(content.calibration),
    }

    def write(folder: Path) -> None:
        rows = zip(content.records, content.root_of, strict=True)
        _write_lines(folder / "records.jsonl", ({**record.to_dict(), "root": root} for record, root in rows))
        _write_lines(folder / "failures.jsonl", (asdict(failure) for failure in content.failures))
        np.save(folder / "vectors.npy", np.asarray(content.vectors, dtype=np.float32), allow_pickle=False)
        for name, parts in content.parts.items():
            parts.save(folder, name)
        if content.learned:
            arrays: dict[str, Any] = dict(content.learned)
            np.savez(folder / LEARNED, **arrays)
        index.save(folder)

    storage.publish(path, HEAD, head, write=write)


def calibration_entry(calibration: Calibration | None) -> dict[str, Any]:
    """Return the part of the head that holds a calibration: nothing where there is none."""
    return {} if calibration is None else {"calibration": calibration.to_dict()}


def read_gallery(path: Path) -> tuple[Content, Path]:
    """Read a gallery; vectors are memory-mapped.

    Returns
    -------
    Content, Path
        And the data folder, where an index may have its file.

    Raises
    ------
    GalleryNotFoundError, GalleryFormatError, GalleryCorruptError
    """
    for _ in range(3):  # a writer may have replaced the data between the head and the files
        head = storage.read_head(path, HEAD)
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
    rows = _read_lines(data / "records.jsonl")
    root_of = tuple(row.pop("root", 0) for row in rows)
    try:
        vectors = np.load(data / "vectors.npy", mmap_mode="r", allow_pickle=False)
        parts = {name: Ragged.load(data, name) for name in head.get("parts", ())}
        learned = _read_learned(data / LEARNED) if head.get("learned") else {}
    except (ValueError, EOFError) as error:  # EOFError: a file of no bytes
        raise GalleryCorruptError(f'the vectors in "{data}" cannot be read ({error}): build it again') from error
    if vectors.dtype != np.float32 or {len(vectors), *map(len, parts.values())} != {len(rows)}:
        raise GalleryCorruptError(f'vectors and records of "{path}" do not belong together: build it again')
    return Content(
        tuple(ImageRecord.from_dict(row) for row in rows),
        vectors,
        ModelSpec.from_dict(head["model"]),
        head["index"],
        tuple(head["roots"]),
        root_of,
        tuple(FailedImage(**row) for row in _read_lines(data / "failures.jsonl")),
        Calibration.from_dict(head["calibration"]) if "calibration" in head else None,
        Preset.from_dict(head["preset"]) if "preset" in head else FAST,
        parts,
        learned,
    )


def _read_learned(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="ascii") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="ascii") as file:
            return [json.loads(line) for line in file]
    except ValueError as error:
        raise GalleryCorruptError(f'"{path}" cannot be read ({error}): build the gallery again') from error
