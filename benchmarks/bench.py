"""Measure speed, each figure as a ratio in one run against what a user would take instead.

    make bench                                      # prints a table, writes benchmarks/results.json

Photographs: ../shared/data/landmarks where it is, else a rendered town. Medians of several runs, the
two sides in turn, so that a machine whose speed drifts slows both.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from placeprint import Manifest, load_embedder, read_dataset, render_town
from placeprint.dataset.images import decode
from placeprint.embedding.extract import embed_records
from placeprint.gallery.base import VectorIndex, Vectors
from placeprint.gallery.exact import ExactIndex
from placeprint.gallery.faiss_index import FaissIndex

ROOT = Path(__file__).parent.parent
LANDMARKS = ROOT.parent / "shared" / "data" / "landmarks" / "landmarks"
RESULTS = Path(__file__).parent / "results.json"


def photographs(folder: Path) -> Manifest:
    """Return the landmark photographs, or a rendered town."""
    if LANDMARKS.is_dir():
        return read_dataset(LANDMARKS)
    render_town(folder / "town")
    return read_dataset(folder / "town")


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], runs: int) -> dict[str, float]:
    """Measure two sides in turn after one warm-up each; return medians in seconds and the median ratio."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return {
        "ours_s": statistics.median(a for a, _ in pairs),
        "theirs_s": statistics.median(b for _, b in pairs),
        "times_faster": statistics.median(b / a for a, b in pairs),
    }


def building(manifest: Manifest, runs: int) -> dict[str, Any]:
    """Embed all photographs, cold cache, decode included, against the published pipeline's shape."""
    import published

    embedder = load_embedder()
    paths = [manifest.root / r.path for r in manifest.records]
    model = published.resnet50()

    def ours() -> float:
        return embed_records(manifest.records, manifest.root, embedder=embedder).seconds

    row: dict[str, Any] = in_turn(ours, lambda: published.embed_seconds(paths, model), runs)
    row |= {"images": len(paths), "images_per_s": len(paths) / row["ours_s"]}
    row["published_images_per_s"] = len(paths) / row["theirs_s"]
    return row


def decoding(runs: int) -> dict[str, float]:
    """Decode a 12-megapixel JPEG for 256 pixels, against a full decode."""
    from PIL import Image

    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((4000, 3000), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    data = buffer.getvalue()
    return in_turn(lambda: seconds(lambda: decode(data, min_side=256)), lambda: seconds(lambda: decode(data)), runs)


def searching(runs: int, sizes: tuple[int, ...] = (67, 1_000, 10_000, 50_000, 100_000)) -> list[dict[str, float]]:
    """Search one query, 256 dimensions, clustered as places are: exact, FAISS flat and HNSW."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng(size)
        centres = rng.normal(size=(max(1, size // 20), 256))
        vectors = (centres[rng.integers(0, len(centres), size)] + 0.5 * rng.normal(size=(size, 256))).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        queries = (vectors[:50] + 0.02 * rng.normal(size=(min(50, size), 256))).astype(np.float32)
        exact = ExactIndex(vectors)
        row: dict[str, float] = {"rows": size}
        truth = exact.search(queries, 10).rows
        for index in (exact, FaissIndex(vectors), FaissIndex(vectors, approximate=True)):
            found = index.search(queries, 10).rows
            hits = [len(set(a) & set(b) - {-1}) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
            times = [seconds(partial(_one_by_one, index, queries)) for _ in range(runs)]
            row[f"{index.name} ms"] = 1000 * statistics.median(times) / len(queries)
            row[f"{index.name} recall@10"] = sum(hits) / sum(len(set(b) - {-1}) for b in truth.tolist())
        rows.append(row)
    return rows


def _one_by_one(index: VectorIndex, queries: Vectors) -> None:
    for query in queries:
        index.search(query[None], 10)


def memory(manifest: Manifest) -> float:
    """Return the peak resident memory of ``placeprint index`` without a cache, MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "placeprint.cli.app", "index", str(manifest.root), "-o", f"{folder}/g"]
        subprocess.run([*command, "--no-cache", "--quiet"], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def duplicates(runs: int) -> dict[str, float]:
    """Find near duplicates among 3,000 hashes, against imagehash objects compared pair by pair."""
    import imagehash

    from placeprint.dataset.hamming import near_pairs

    hashes = np.random.default_rng(0).integers(0, 2**63, 3_000, dtype=np.uint64)
    theirs = [imagehash.hex_to_hash(f"{h:016x}") for h in hashes.tolist()]

    def pairwise() -> int:
        return sum(a - b <= 5 for i, a in enumerate(theirs[:300]) for b in theirs[i + 1 :])

    row = in_turn(lambda: seconds(lambda: near_pairs(hashes, 5)), lambda: seconds(pairwise), runs)
    return row | {"note_theirs_is_a_tenth": 300 / 3_000}


def starting(runs: int) -> dict[str, float]:
    """Start ``placeprint --help``, against a Python that imports torch."""

    def wall(*command: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, *command], capture_output=True, check=True))

    return in_turn(lambda: wall("-m", "placeprint.cli.app", "--help"), lambda: wall("-c", "import torch"), runs)


def machine() -> dict[str, object]:
    """Say what this was measured on."""
    git = subprocess.run(
        [
            "git",
            "rev-parse",
            "HEAD",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": platform.machine(),
        "cores": cores,
        "python": platform.python_version(),
        "commit": git.stdout.strip(),
    }


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        manifest = photographs(Path(folder))
        result: dict[str, Any] = {
            "machine": machine(),
            "decode 12 MP for 256 px, against a full decode": decoding(runs),
        }
        result["peak memory of index, MB"] = memory(manifest)
        result["build, against the published pipeline's shape"] = building(manifest, runs)
    result["search, one query, 256 dimensions"] = searching(runs)
    result["duplicates, 3,000 hashes, against a tenth of imagehash pairwise"] = duplicates(runs)
    result["--help, against import torch"] = starting(runs)
    text = json.dumps(result, indent=1)
    RESULTS.write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
