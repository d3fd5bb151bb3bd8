"""Measure one question to a gallery of a million images with parts: on disk, warm, cold, and the memory that it takes.

    python benchmarks/million.py --rows 200000 --preset balanced:cell_bytes=28:point_bytes=19
    python benchmarks/million.py --rows 1000000 --folder /somewhere/with/room      # it is deleted afterwards

Vectors and parts are those of real photographs, disturbed, so that their sizes and statistics are real: a place is a
photograph and a direction between real photographs, its images are near it, and a share of the bytes of their parts is
those of another photograph. Places have 20 images, but for one that has a tenth of all. Each row is made when
it is written. Questions are photographs that are not in the gallery; decoding and inference are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from building import photographs
from growth import forget, milliseconds, peak_mb
from placeprint.cli.heap import lean_heap
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.part_codes import code_named
from placeprint.indexing.index import index
from placeprint.presets import find_preset
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import ImageRecord, Split
from placeprint.storage.ragged import Ragged, read_by

A_PLACE = 20
MOST_PARTS = 1024
"""Rows that are set aside for the parts of each image."""
CHANGED = 0.2
"""Of the bytes of an image's parts, those that are another's."""
FAR, NEAR = 0.6, 0.35
"""How far the middle of a place is from its photograph, and an image from that middle."""
DIRECTIONS = 4096

Row = dict[str, Any]


def hashed(numbers: NDArray[np.int64], salt: int) -> NDArray[np.int64]:
    """Return numbers that look drawn (Knuth's multiplicative hash)."""
    mixed = (numbers.astype(np.uint64) + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(33)).astype(np.int64)


class Places:
    """Which place an image shows: the last tenth all show one."""

    def __init__(self, rows: int) -> None:
        self.large = rows - rows // 10

    def of(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each image's place."""
        return np.minimum(images, self.large) // A_PLACE


class Vectors:
    """Disturbed vectors; reads like an array, and makes each row when it is read."""

    ndim, dtype = 2, np.dtype(np.float32)

    def __init__(self, real: NDArray[np.float32], rows: int, places: Places) -> None:
        rng = np.random.default_rng(0)
        between = rng.standard_normal((DIRECTIONS, len(real)), np.float32) @ (real - real.mean(axis=0))
        self._directions = between / np.linalg.norm(between, axis=1, keepdims=True)
        self._real, self._places, self.shape = np.asarray(real), places, (rows, real.shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        images = np.arange(len(self))[key]
        places = self._places.of(images)
        made = self._real[hashed(places, 1) % len(self._real)]
        for numbers, far in ((places, FAR), (images, NEAR)):
            turns = sum(self._directions[hashed(numbers, salt) % DIRECTIONS] for salt in (2, 3))
            made = made + far / np.sqrt(2) * turns
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


class Parts:
    """Disturbed parts as they are kept, rows of bytes: those of image i begin at row ``i * MOST_PARTS``."""

    def __init__(self, real: Ragged, rows: int, places: Places) -> None:
        self._real, self._places = [each.reshape(-1, each.shape[2]) for each in real.stored], places
        self._others, rng = np.concatenate(self._real), np.random.default_rng(0)
        self._changed = rng.random((16 * MOST_PARTS, self._others.shape[1])) < CHANGED
        self.shape, self.dtype = (rows * MOST_PARTS, self._others.shape[1]), self._others.dtype

    def photograph(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which real photograph's parts each image has, as its vector."""
        return hashed(self._places.of(images), 1) % len(self._real)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        image, count = rows.start // MOST_PARTS, rows.stop - rows.start
        real = self._real[int(self.photograph(np.array([image]))[0])][:count]
        first = (image * 7919) % (len(self._changed) - count)
        other = (image * 104729) % (len(self._others) - count)
        made = np.where(self._changed[first : first + count], self._others[other : other + count], real)
        made[:1] = real[:1]  # it may tell how many cells there were
        return made


def parts_of(gallery: Gallery, rows: int, places: Places) -> dict[str, Ragged]:
    """Return disturbed parts of each kind, in the codes of the gallery."""
    made = {}
    for kind, real in gallery.parts.items():
        block, images = Parts(real, rows, places), np.arange(rows)
        shapes = np.array([each.shape[:2] for each in real.stored])[block.photograph(images)]
        kept = Ragged([block], np.column_stack([np.zeros_like(images), images * MOST_PARTS, shapes]))
        made[kind] = read_by(code_named(kind, gallery.codes[kind]), kept) if kind in gallery.codes else kept
    return made


class Records:
    """Records; each is made when it is read."""

    def __init__(self, rows: int, places: Places) -> None:
        self._rows, self._places = rows, places

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[ImageRecord]:
        for image, number in enumerate(self._places.of(np.arange(self._rows)).tolist()):
            place = f"place-{number:06d}"
            yield ImageRecord(
                path=f"{place}/image-{image:07d}.jpg",
                places=(place,),
                split=Split.GALLERY,
                content_hash=f"{image:064x}",
                width=1600,
                height=1200,
            )


def build(folder: Path, rows: int, preset: str) -> Row:
    """Index the real photographs, and write the large gallery."""
    real = Gallery.open(folder / "real")
    places, began = Places(rows), time.perf_counter()
    made = Gallery.build(
        folder / "g",
        records=Records(rows, places),  # type: ignore[arg-type]
        vectors=Vectors(np.asarray(real.vectors), rows, places),  # type: ignore[arg-type]
        spec=real.spec,
        preset=preset,
        parts=parts_of(real, rows, places),
    )
    size = sum(path.stat().st_size for path in (folder / "g").rglob("*") if path.is_file())
    told = {"rows": len(made), "places": len(made.places), "seconds": time.perf_counter() - began}
    return told | {"peak_mb": peak_mb(), "bytes_an_image": size / rows, "gb": size / 1e9}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds of one call, by the clock and of the processor."""
    busy = time.process_time()
    took = milliseconds(work)
    return took, 1000 * (time.process_time() - busy)


def cold(folder: Path, photos: list[str]) -> Row:
    """Ask one photograph that is described already: opening is counted, with no file of the gallery in memory."""
    seen = Recognizer(Gallery.open(folder / "real")).describe(photos[0])
    for path in (folder / "g").rglob("*"):
        forget(path)
    took, busy = timed(lambda: Recognizer(Gallery.open(folder / "g")).answer(seen.vector, parts=seen.parts))
    return {"ms": took, "processor_ms": busy}


def warm(folder: Path, photos: list[str]) -> Row:
    """Ask photographs one after the other; each without matching twice, then wholly: a matched pair is remembered."""
    gallery = Gallery.open(folder / "g")
    whole, without = Recognizer(gallery), Recognizer(gallery.asked_as(find_preset("balanced:matched=0")))
    described = [whole.describe(photo) for photo in photos]
    rows: dict[str, list[tuple[float, float]]] = {"first_read": [], "without_matching": [], "whole": []}
    for seen in described:
        for spent, asked in zip(rows.values(), (without, without, whole), strict=True):
            spent.append(timed(lambda r=asked, s=seen: r.answer(s.vector, parts=s.parts)))  # type: ignore[misc]
    told: Row = {}
    for name, spent in rows.items():
        took, busy = zip(*spent[1:], strict=True)  # the first opens what is opened once
        told |= {f"{name}_ms": statistics.median(took), f"{name}_processor_ms": statistics.median(busy)}
        told[f"{name}_most_ms"] = max(took)
    return told


def query(folder: Path, photos: list[str]) -> Row:
    """Ask as `placeprint query` does, decoding and inference included; return what it answered."""
    from placeprint.recognition.query import query as verb

    took, busy = timed(lambda: verb(folder / "g", photos[0]))
    return {"ms": took, "processor_ms": busy}


STEPS: dict[str, Callable[[Path, list[str]], Row]] = {"cold": cold, "warm": warm, "query": query}


def in_child(step: str, folder: Path, photos: list[str]) -> Row:
    """Run one step in a process of its own; return what it tells, and its peak memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), *photos]
    environment = os.environ | {"PLACEPRINT_CACHE": str(folder / "cache")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return dict(json.loads(done.stdout))


def measure(folder: Path, rows: int, preset: str, runs: int) -> Iterator[tuple[str, Row]]:
    """Build, and ask; yield what was found, step by step."""
    photos = photographs(folder)
    index(photos, folder / "real", preset=preset)
    yield "built", build(folder, rows, preset)
    asked = [str(photos.root / record.path) for record in photos.asked()]
    for number in range(runs):
        yield "cold", in_child("cold", folder, [asked[number]])
    yield "warm", in_child("warm", folder, asked)
    yield "query", in_child("query", folder, asked[:1])


def main() -> int:
    """Measure, and print a line of JSON for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where a folder is made that is deleted afterwards")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("photos", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        lean_heap()  # as the program does
        print(json.dumps(STEPS[given.step](given.folder, given.photos) | {"peak_mb": peak_mb()}))
        return 0
    with tempfile.TemporaryDirectory(prefix="million-", dir=given.folder) as name:
        for step, told in measure(Path(name), given.rows, given.preset, given.runs):
            print(json.dumps({step: told}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
