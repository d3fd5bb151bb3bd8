"""How fast a gallery is built: against what a user would take instead, and against this machine's own limit.

    python benchmarks/building.py [--runs 5] [--memory 100 10000]

The limit is that of decoding and inference one after the other on all cores, 1 / (1 / D + 1 / I) for D and I images a
second, both measured in the same run with the decoder and the model in use. All sides take turns, so that a machine
whose speed drifts slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from placeprint import Manifest, read_dataset
from placeprint.dataset.decoding import images
from placeprint.dataset.files import read_bytes
from placeprint.embedding.embedder import Embedder, load_embedder
from placeprint.embedding.pipeline import embed_records
from placeprint.embedding.preprocess import prepare, prepare_whole
from placeprint.indexing.index import index
from town import render_town

LANDMARKS = Path(__file__).parents[2] / "shared" / "data" / "landmarks" / "landmarks"
PRESETS = ("fast", "balanced")
WHAT = ("", ", index", ", decode only", ", inference only")
PUBLISHED = ("published, ResNet50", "published, EfficientNet-Lite0")


def photographs(folder: Path) -> Manifest:
    """Return the landmark photographs, or a rendered town."""
    if LANDMARKS.is_dir():
        return read_dataset(LANDMARKS)
    render_town(folder / "town")
    return read_dataset(folder / "town")


def decode_only(manifest: Manifest, embedder: Embedder) -> float:
    """Return the seconds to read and decode all images at reduced size, on all cores."""
    paths = [manifest.root / record.path for record in manifest.records]

    def one(path: Path) -> None:
        images.decode_sized(read_bytes(path), min_side=embedder.decode_side)

    return _on_all_cores(one, paths)


def inference_only(manifest: Manifest, embedder: Embedder) -> float:
    """Return the seconds of the model alone for all images, decoded and resized beforehand, on all cores."""
    spec, runner = embedder.spec, embedder._runner
    whole = "whole" in spec.views
    inputs = []
    for record in manifest.records:
        image, _ = images.decode_sized(read_bytes(manifest.root / record.path), min_side=embedder.decode_side)
        inputs.append(prepare_whole(image, spec) if whole else prepare(image, spec))
    return _on_all_cores(runner.run_whole if whole else runner.run, inputs)


def _on_all_cores(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) + 1) as pool:
        began = time.perf_counter()
        list(pool.map(work, items))
        return time.perf_counter() - began


def work_of(side: str, manifest: Manifest) -> Callable[[], float]:
    """Return what one side does in a turn; it returns its seconds."""
    paths = [manifest.root / record.path for record in manifest.records]
    if side in PUBLISHED:
        import published

        model = published.resnet50() if "ResNet50" in side else published.efficientnet_lite0()
        return lambda: published.embed_seconds(paths, model)
    preset, _, what = side.partition(", ")
    if what == "index":
        return lambda: whole_index(manifest, preset)
    embedder = load_embedder(preset=preset)
    if what:
        return partial(decode_only if what == "decode only" else inference_only, manifest, embedder)
    return lambda: embed_records(manifest.records, manifest.root, embedder=embedder).seconds


class Side:
    """One side in a process of its own that waits for its turn, so that no side's threads are in another's way."""

    def __init__(self, name: str, root: Path) -> None:
        command = [sys.executable, __file__, "--side", name, "--root", str(root)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self) -> float:
        """Let it work once; return its seconds."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("go\n")
        stdin.flush()
        return float(stdout.readline())

    def end(self) -> None:
        """Let it go."""
        self._process.communicate()


def build(manifest: Manifest, runs: int) -> dict[str, Any]:
    """Measure building by `PRESETS`, the two published shapes and the limits, in turn."""
    names = [*PUBLISHED, *(preset + what for preset in PRESETS for what in WHAT)]
    sides = {name: Side(name, manifest.root) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(runs + 1):
        for name, side in sides.items():
            took = side.turn()
            if turn:  # the first turn warms up
                seconds[name].append(took)
    for side in sides.values():
        side.end()
    return _summary(seconds, {n: len(manifest.gallery() if "index" in n else manifest.records) for n in names})


def whole_index(manifest: Manifest, preset: str) -> float:
    """Return the seconds of `placeprint.index` without a cache: loading the model, embedding, writing, calibrating."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        index(manifest, Path(folder) / "gallery", preset=preset, cache=False)
        return time.perf_counter() - began


def _summary(seconds: dict[str, list[float]], counts: dict[str, int]) -> dict[str, Any]:
    """Return images a second, the ratios turn by turn, and the share of the limit that is reached."""
    rates = {name: counts[name] / statistics.median(times) for name, times in seconds.items()}
    found: dict[str, Any] = {"images": counts, "images_per_s": {n: round(r, 1) for n, r in rates.items()}}
    for preset in PRESETS:
        ours = seconds[preset]
        ratios = {
            f"times {name}": statistics.median(b / a for a, b in zip(ours, seconds[name], strict=True))
            for name in seconds
            if name.startswith("published")
        }
        parts = zip(ours, seconds[f"{preset}, decode only"], seconds[f"{preset}, inference only"], strict=True)
        found[preset] = ratios | {"share of the limit": statistics.median((d + i) / a for a, d, i in parts)}
    return found


def memory(manifest: Manifest, counts: Sequence[int] = (100, 10_000)) -> dict[str, dict[int, float]]:
    """Return the peak resident memory, MB, of ``placeprint index`` on so many images (each photograph many times)."""
    found: dict[str, dict[int, float]] = {preset: {} for preset in PRESETS}
    for preset, count in product(PRESETS, counts):
        with tempfile.TemporaryDirectory() as folder:
            _many(manifest, Path(folder) / "photos", count)
            command = ["index", f"{folder}/photos", "-o", f"{folder}/gallery", "--no-cache", "--quiet"]
            found[preset][count] = peak_of(
                [sys.executable, "-m", "placeprint.cli.program", *command, "--preset", preset]
            )
    return found


def _many(manifest: Manifest, folder: Path, count: int) -> None:
    """Make a dataset of `count` photographs by places, each a link to one of the manifest's or a copy."""
    records = [record for record in manifest.records if record.place]
    for i in range(count):
        record = records[i % len(records)]
        source = manifest.root / record.path
        target = folder / f"{record.place}-{i // len(records) // 10}" / f"{i}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def peak_of(command: Sequence[str]) -> float:
    """Return the peak resident memory of a command, MB."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def main() -> int:
    """Measure building and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="also the peak memory for so many images")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        work = work_of(options.side, read_dataset(options.root))
        for _ in sys.stdin:
            print(work(), flush=True)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        manifest = photographs(Path(folder))
        result = build(manifest, options.runs)
        if options.memory:
            result["peak MB"] = memory(manifest, options.memory)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
