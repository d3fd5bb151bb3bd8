"""How fast a photo is answered: by a process that stays open, and from a cold start on the command line.

    python benchmarks/asking.py [--runs 15]

The photo has 12 megapixels, the gallery 100,000 vectors around made-up places. Warm: against the sum of its bare parts,
decoding, inference and search. Cold: against a script that imports PyTorch and does the same (`cold_peer.py`).
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from building import photographs
from placeprint.dataset.decoding import images
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.preprocess import prepare
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.index import index
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import ImageRecord

ROWS, A_PLACE = 100_000, 20
HERE = Path(__file__).parent


def photo_of_12_megapixels(folder: Path) -> bytes:
    """Return a real or rendered photograph enlarged to 4000 x 3000, as a JPEG."""
    from PIL import Image

    manifest = photographs(folder)
    sources = [images.decode((manifest.root / record.path).read_bytes()) for record in manifest.records[:20]]
    largest = max(sources, key=lambda image: image.width * image.height)
    buffer = io.BytesIO()
    largest.resize((4000, 3000), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def clustered(rows: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    """Return unit vectors in clusters of `A_PLACE`, as photographs of places are."""
    rng = np.random.default_rng(seed)
    made = np.empty((rows, dim), np.float32)
    for first in range(0, rows, 10_000):  # in blocks: 100,000 x 1280 in 64 bit would be a gigabyte
        count = min(10_000, rows - first)
        centres = rng.standard_normal((-(-count // A_PLACE), dim), np.float32).repeat(A_PLACE, axis=0)[:count]
        block = np.abs(centres + 0.7 * rng.standard_normal((count, dim), np.float32))
        made[first : first + count] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return made


def large_gallery(folder: Path, embedder: Embedder, kind: str) -> Gallery:
    """Write a gallery of `ROWS` vectors of the default model and open it."""
    vectors = clustered(ROWS, embedder.spec.dim)
    records = [ImageRecord(path=f"{i}.jpg", places=(f"place {i // A_PLACE}",)) for i in range(ROWS)]
    Gallery.build(folder / kind, records=records, vectors=vectors, spec=embedder.spec, index=kind)
    return Gallery.open(folder / kind)


def warm(runs: int, kind: str = "auto") -> dict[str, float]:
    """Measure a warm `recognize`, and its parts alone in turn; medians in ms, and the ratio turn by turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, embedder = Path(name), load_embedder()
        photo = photo_of_12_megapixels(folder)
        gallery = large_gallery(folder, embedder, kind)
        recognizer = Recognizer(gallery, embedder)
        image = images.decode(photo, min_side=embedder.decode_side)
        pixels, vector = prepare(image, embedder.spec), embedder.embed_one(image)[None]
        parts: dict[str, Callable[[], object]] = {
            "recognize": lambda: recognizer.recognize(photo),
            "decode": lambda: images.decode(photo, min_side=embedder.decode_side),
            "inference": lambda: embedder._runner.run(pixels),
            "search": lambda: gallery.search(vector, k=100),
        }
        return _in_turn(parts, runs)


def _in_turn(parts: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    times: dict[str, list[float]] = {part: [] for part in parts}
    for turn in range(runs + 3):
        for part, work in parts.items():
            began = time.perf_counter()
            work()
            if turn >= 3:
                times[part].append(1000 * (time.perf_counter() - began))
    found = {f"{part} ms": statistics.median(each) for part, each in times.items()}
    sums = zip(times["decode"], times["inference"], times["search"], strict=True)
    ratios = [whole / sum(bare) for whole, bare in zip(times["recognize"], sums, strict=True)]
    return found | {"times the sum of its parts": statistics.median(ratios)}


def cold(runs: int) -> dict[str, Any]:
    """Measure ``placeprint query`` from a cold process, by presets, against the PyTorch script, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = photographs(folder)
        photo = manifest.root / manifest.records[0].path
        commands: dict[str, list[str]] = {}
        for preset in ("fast", "balanced"):
            made = index(manifest, folder / preset, preset=preset, cache=False).gallery
            commands[preset] = [
                sys.executable,
                "-m",
                "placeprint.cli.program",
                "query",
                str(folder / preset),
                str(photo),
            ]
            if preset == "fast":
                np.save(folder / "vectors.npy", np.asarray(made.vectors))
        commands["PyTorch"] = [sys.executable, str(HERE / "cold_peer.py"), str(folder / "vectors.npy"), str(photo)]
        times: dict[str, list[float]] = {side: [] for side in commands}
        for turn in range(runs + 1):
            for side, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                if turn:
                    times[side].append(time.perf_counter() - began)
        return _cold_summary(times)


def _cold_summary(times: dict[str, list[float]]) -> dict[str, Any]:
    shares = {
        f"{side}, share of PyTorch's": statistics.median(a / b for a, b in zip(each, times["PyTorch"], strict=True))
        for side, each in times.items()
        if side != "PyTorch"
    }
    return {f"{side} s": statistics.median(each) for side, each in times.items()} | shares


def main() -> int:
    """Measure asking and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    result = {"warm, exact": warm(runs, "exact"), "warm, auto": warm(runs, "auto"), "cold": cold(runs)}
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
