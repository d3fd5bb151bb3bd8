"""Measure how a gallery grows: build, open, ask, add and remove at 10,000, 100,000 and 1,000,000 vectors.

    python benchmarks/growth.py --rows 10000 100000 1000000      # prints JSON; 1,000,000 rows need 4 GB of disk
    python benchmarks/growth.py --rows 10000 --adds 10000        # so many adds of 10 images, and how it answers then
    GROWTH_CELLS=54 python benchmarks/growth.py ...              # with 6 KB of cells an image

Vectors have 256 dimensions and lie in clusters of 20, as photos of places do. Each step that is measured for memory
runs in a process of its own; its peak counts what is mapped from files too, as the system does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.cli.heap import lean_heap
from placeprint.embedding.imported import imported_spec
from placeprint.gallery.filters import Filter
from placeprint.gallery.gallery import Gallery
from placeprint.presets import PRESETS
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import ImageRecord, ModelSpec, Split
from placeprint.storage.ragged import Ragged

DIM, A_PLACE, BLOCK = 256, 20, 10_000
CELLS = int(os.environ.get("GROWTH_CELLS", "0"))
"""Cells of 112 bytes that each image has; without any there are vectors alone."""
SPEC = (
    ModelSpec(name="growth", dim=DIM, cells=CELLS, cells_output="c", cells_stride=16)
    if CELLS
    else imported_spec("growth", DIM)
)
INPUT = "input.npy"

Row = dict[str, Any]


def records(rows: int, *, first: int = 0) -> list[ImageRecord]:
    """Return records as a scan of a folder makes them, place after place, with coordinates."""
    return [
        ImageRecord(
            path=f"place-{i // A_PLACE:06d}/image-{i:07d}.jpg",
            places=(f"place-{i // A_PLACE:06d}",),
            split=Split.GALLERY,
            content_hash=f"{i:064x}",
            width=1600,
            height=1200,
            latitude=48 + (i // A_PLACE % 1000) / 1000,
            longitude=11 + (i // A_PLACE // 1000) / 1000,
        )
        for i in range(first, first + rows)
    ]


def vectors(first: int, count: int) -> np.ndarray:
    """Return some of the clustered vectors; the same rows are the same numbers."""
    rng = np.random.default_rng(first)
    centres = rng.standard_normal((count // A_PLACE + 1, DIM), dtype=np.float32)
    return centres[np.arange(count) // A_PLACE] + 0.5 * rng.standard_normal((count, DIM), dtype=np.float32)


def parts(count: int) -> dict[str, Ragged]:
    """Return cells of images; a thousand of them differ."""
    if not CELLS:
        return {}
    block = np.random.default_rng(0).integers(-127, 128, (1000 * CELLS, 112), dtype=np.int8)
    where = np.zeros((count, 4), np.int64)
    where[:, 1:] = np.column_stack([np.arange(count) % 1000 * CELLS, np.ones(count), np.full(count, CELLS)])
    return {"cells": Ragged([block], where)}


def write_input(path: Path, rows: int) -> None:
    """Write the vectors to build from, block by block."""
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, DIM))
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        out[first : first + count] = vectors(first, count)
    out.flush()


def build(folder: Path, rows: int, index: str) -> object:
    """Build a gallery from vectors that lie on disk."""
    source = np.load(folder / INPUT, mmap_mode="r")
    return Gallery.build(
        folder / "g",
        records=records(rows),
        vectors=source,
        spec=SPEC,
        index=index,
        preset=PRESETS["balanced"],
        parts=parts(rows),
    )


def add(folder: Path, rows: int) -> object:
    """Add 100 images."""
    return Gallery.open(folder / "g").add(records(100, first=rows), vectors(rows, 100), spec=SPEC, parts=parts(100))


def remove(folder: Path, rows: int) -> object:
    """Remove 100 images, spread over the gallery."""
    chosen = [records(1, first=i * (rows // 100))[0].path for i in range(100)]
    return Gallery.open(folder / "g").remove(chosen)


def remove_place(folder: Path) -> object:
    """Remove one place."""
    return Gallery.open(folder / "g").remove(places=["place-000007"])


STEPS: dict[str, Callable[[Path, int, str], object]] = {
    "build": build,
    "add": lambda folder, rows, _: add(folder, rows),
    "remove": lambda folder, rows, _: remove(folder, rows),
    "remove_place": lambda folder, _rows, _index: remove_place(folder),
}


def peak_mb() -> float:
    """Return the most memory that this process had so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count that of the parent before it started this program
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_child(step: str, folder: Path, rows: int, index: str) -> Row:
    """Run one step in a process of its own; return seconds and its peak memory."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run([*command, "--index", index], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def run_step(step: str, folder: Path, rows: int, index: str) -> Row:
    """Do one step here."""
    lean_heap()  # as the program does
    before, began = peak_mb(), time.perf_counter()
    made = STEPS[step](folder, rows, index)
    row = {"seconds": time.perf_counter() - began, "peak_mb": peak_mb(), "peak_before_mb": before}
    return row | made if isinstance(made, dict) else row


def on_disk(gallery: Path, rows: int) -> Row:
    """Return bytes a vector, by file."""
    sizes = {p.name: p.stat().st_size / rows for p in sorted(gallery.glob("data-*/*"))}
    return {**{name: round(size, 2) for name, size in sizes.items()}, "all": round(sum(sizes.values()), 2)}


def opening(gallery: Path, runs: int) -> Row:
    """Return the median milliseconds of opening, with files in memory and with files on disk only."""
    warm, cold = [], []
    for _ in range(runs):
        for path in gallery.rglob("*.*"):
            forget(path)
        cold.append(milliseconds(lambda: Gallery.open(gallery)))
        warm.append(milliseconds(lambda: Gallery.open(gallery)))
    return {"warm_ms": statistics.median(warm), "cold_ms": statistics.median(cold)}


def forget(path: Path) -> None:
    """Ask the system to drop a file from its memory."""
    if path.is_file() and hasattr(os, "posix_fadvise"):
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def asking(gallery: Path, runs: int) -> Row:
    """Return milliseconds of making a recognizer, of its first answer, and of later ones; and of filters."""
    opened = Gallery.open(gallery)
    queries = vectors(0, 20 * runs)[::20] + np.float32(0.1)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    began = time.perf_counter()
    recognizer = Recognizer(opened)
    made = 1000 * (time.perf_counter() - began)
    times = [milliseconds(lambda q=q: recognizer.answer(q)) for q in queries]  # type: ignore[misc]
    searches = [milliseconds(lambda q=q: opened.search(q[None], k=200)) for q in queries]  # type: ignore[misc]
    near = [milliseconds(lambda: opened.where_images(Filter(near=(48.5, 11.005, 2000)))) for _ in range(runs)]
    place = [milliseconds(lambda: opened.where_images(Filter(places=["place-000007"]))) for _ in range(runs)]
    return {
        "recognizer_ms": made,
        "first_ms": times[0],
        "median_ms": statistics.median(times[1:]),
        "of_it_search_ms": statistics.median(searches),
        "filter_near_first_ms": near[0],
        "filter_near_ms": statistics.median(near),
        "filter_place_first_ms": place[0],
        "filter_place_ms": statistics.median(place),
    }


def growth(rows: int, *, index: str = "exact", runs: int = 7) -> Row:
    """Measure everything at one size."""
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        write_input(folder / INPUT, rows)
        row: Row = {"rows": rows, "index": index, "build": in_child("build", folder, rows, index)}
        row["bytes_a_vector"] = on_disk(folder / "g", rows)
        row["open"] = opening(folder / "g", runs)
        row["ask"] = asking(folder / "g", runs)
        for step in ("add", "remove", "remove_place"):
            row[step] = in_child(step, folder, rows, index)
    return row


def adds(rows: int, count: int, *, index: str = "exact", runs: int = 7) -> Row:
    """Measure a gallery after many adds of 10 images, and compacted, against one that was built at once."""
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder, whole = Path(name, "grown"), Path(name, "whole")
        total = rows + 10 * count
        for path in (folder, whole):
            path.mkdir()
            write_input(path / INPUT, total)
        build(whole, total, index)
        source = np.load(folder / INPUT, mmap_mode="r")
        gallery = Gallery.build(
            folder / "g",
            records=records(rows),
            vectors=source[:rows],
            spec=SPEC,
            index=index,
            preset=PRESETS["balanced"],
        )
        seconds = []
        for first in range(rows, total, 10):
            began = time.perf_counter()
            gallery, _ = gallery.add(records(10, first=first), np.array(source[first : first + 10]), spec=SPEC)
            seconds.append(time.perf_counter() - began)
        row: Row = {"rows": total, "adds": count, "median_add_ms": 1000 * statistics.median(seconds)}
        row |= {"longest_add_s": max(seconds), "all_adds_s": sum(seconds)}
        row |= {"segments": len(list((folder / "g").glob("data-*"))), "grown": asking(folder / "g", runs)}
        row["compact_s"] = milliseconds(gallery.compact) / 1000
        return row | in_turn(folder / "g", whole / "g", runs)


def in_turn(grown: Path, whole: Path, runs: int) -> Row:
    """Ask a compacted gallery and one that was built at once the same, in turn; milliseconds of the processor."""
    queries = vectors(0, 2000)[::20]
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    opened = [Gallery.open(path) for path in (grown, whole)]
    found = [gallery.search(queries, k=20).rows for gallery in opened]
    asked = [Recognizer(gallery) for gallery in opened]
    times: list[list[float]] = [[], []]
    for query in np.concatenate([queries[:1], *[queries] * runs]):  # the first opens what is opened once
        for recognizer, spent in zip(asked, times, strict=True):
            began = time.process_time()
            recognizer.answer(query)
            spent.append(1000 * (time.process_time() - began))
    compacted, once = (statistics.median(spent[1:]) for spent in times)
    told = {"compacted_ms": compacted, "built_at_once_ms": once, "ratio": compacted / once}
    return told | {"equal_rows": float((found[0] == found[1]).mean())}


def main() -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--index", default="exact", help="exact, faiss or auto")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--adds", type=int, help="so many adds of 10 images, instead of the steps")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(run_step(given.step, given.folder, given.rows[0], given.index)))
        return 0
    if given.adds:
        told = [adds(rows, given.adds, index=given.index, runs=given.runs) for rows in given.rows]
        print(json.dumps({"adds": told}, indent=1))
        return 0
    result: Row = {"growth": [growth(rows, index=given.index, runs=given.runs) for rows in given.rows]}
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
