"""Measure how indexing grows with the number of files: images/s, where the time goes, and the peak memory.

    python benchmarks/indexing.py --files 1000 10000 --kinds places one-place each-a-place links

Files are JPEGs of 64 x 64 pixels, so that what each file costs is seen, and not its pixels. ``places`` have 20 files
each, ``one-place`` has all of them, ``each-a-place`` one for each; ``links`` are names of one file, in one place.
Processor seconds, of all threads, tell the growth on a machine that others use too; seconds do not. The network takes
most of the time, and the same for each image: ``--no-network`` puts differences of the blocks' colours in its place, so
that 100,000 files take minutes.

    python benchmarks/indexing.py --files 20000 --kinds places --no-network --kill embedding:.3 writing calibrating:.5

Each ``--kill`` is a process that ends by SIGKILL where its stage is so far; then it is run to the end. What the cache
has after each, and what is embedded at last, tell what a kill costs. Of every stage that takes 20 s the time left that
was told is compared with what it took, after a quarter, a half and three quarters of it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from growth import peak_mb
from placeprint.cli.heap import lean_heap
from placeprint.embedding.cache import EmbeddingCache
from placeprint.progress import Lines
from placeprint.terminal import listen

A_PLACE = 20
MOST_LINKS = 30_000
"""Names of one file: file systems have a limit."""
SIDE, BLOCKS = 64, 8

Row = dict[str, Any]
KINDS: dict[str, Callable[[int, int], int]] = {
    "places": lambda i, _: i // A_PLACE,
    "one-place": lambda _i, _: 0,
    "each-a-place": lambda i, _: i,
    "links": lambda _i, _: 0,
}
"""The number of a file's place."""


def make(folder: Path, files: int, kind: str) -> None:
    """Write the files."""
    source = folder.parent / "source.jpg"
    for i in range(files):
        path = folder / f"place-{KINDS[kind](i, files):06d}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "links" and i % MOST_LINKS:
            os.link(source, path)
        else:
            path.write_bytes(jpeg(0 if kind == "links" else i))
            if kind == "links":
                source.unlink(missing_ok=True)
                os.link(path, source)


def jpeg(seed: int) -> bytes:
    """Return a small picture of coloured blocks; the same seed is the same bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (BLOCKS, BLOCKS, 3), np.uint8)
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def time_stages(seconds: Row, processor: Row) -> None:
    """Time the stages of `placeprint.index` from now on, in this process: by the clock, and of the processor."""
    from placeprint.gallery.gallery import Gallery
    from placeprint.indexing import folder, index

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*given: Any, **named: Any) -> Any:
            began, busy = time.perf_counter(), time.process_time()
            try:
                return work(*given, **named)
            finally:
                seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began
                processor[stage] = processor.get(stage, 0.0) + time.process_time() - busy

        return measured

    for stage, owner, name in (
        ("listing", index, "open_source"),
        ("embedding", folder, "embed_split"),
        ("writing", Gallery, "build"),
        ("calibrating", folder, "learn_calibration"),
    ):
        setattr(owner, name, timed(stage, getattr(owner, name)))


def replace_network() -> None:
    """Let differences between the colours of an image's blocks stand for what the network gives."""
    from placeprint.embedding.runners.openvino_runner import OpenVinoRunner

    network, made = OpenVinoRunner._infer, threading.Lock()
    shapes: dict[str, Any] = {}
    pairs = np.random.default_rng(7).integers(0, 3 * BLOCKS * BLOCKS, (2, 4096))

    def compared(self: Any, name: str, outputs: list[str], pixels: Any) -> Any:
        with made:
            if name not in shapes:
                shapes[name] = [(found.shape, found.dtype) for found in network(self, name, outputs, pixels)]
        steps = [side // BLOCKS for side in pixels.shape[:2]]
        colours = pixels[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]][:BLOCKS, :BLOCKS].astype(np.float32)
        values = np.abs(np.subtract(*colours.ravel()[pairs])) / 64  # pooling takes what is above 0
        return [np.broadcast_to(values[: shape[0], None, None], shape).astype(kind) for shape, kind in shapes[name]]

    OpenVinoRunner._infer = compared  # type: ignore[method-assign]


def index_here(folder: Path, files: int, *, network: bool, kill: str = "") -> Row:
    """Index what `make` wrote, in this process; return seconds by stage and the peak memory."""
    from placeprint.indexing.index import index

    lean_heap()  # as the program does
    if not network:
        replace_network()
    seconds: Row = {}
    processor: Row = {}
    time_stages(seconds, processor)
    began, busy = time.perf_counter(), time.process_time()
    watched = Watched(kill)
    listen([(watched.hear, True)])
    done = index(folder / "photos", folder / "g", preset="fast", progress=watched)
    whole, processor["whole"] = time.perf_counter() - began, time.process_time() - busy
    embedding = seconds.pop("embedding")
    inside = {stage: share * embedding for stage, share in done.shares.items()}  # of the threads' time
    shares = {stage: round(spent / whole, 3) for stage, spent in {**seconds, **inside}.items()}
    return {
        "seconds": round(whole, 2),
        "images_a_second": round(files / whole, 1),
        "shares": shares | {"other": round(1 - sum(shares.values()), 3)},
        "processor_seconds": {stage: round(spent, 1) for stage, spent in processor.items()},
        "computed": done.computed,
        "peak_mb": round(peak_mb()),
        "left": watched.left,
    }


class Watched(Lines):
    """Lines for a log, compared with the truth; or the end of this process where a stage is so far."""

    def __init__(self, kill: str = "") -> None:
        super().__init__()
        self._stage, _, share = kill.partition(":")
        self._most, self._here = float(share or 0), False
        self._at: list[tuple[float, float]] = []
        self.left: Row = {}

    def start(self, what: str, total: int) -> None:
        """Start a stage."""
        super().start(what, total)
        self._name, self._all, self._count, self._began, self._at = what, total, 0, time.monotonic(), []
        self.advance(0)

    def advance(self, steps: int = 1) -> None:
        """Count, and end this process where it is told to."""
        self._count += steps
        if self._name == self._stage and self._count >= self._most * self._all:
            os.kill(os.getpid(), signal.SIGKILL)
        super().advance(steps)

    def hear(self, line: str) -> None:
        """Keep the time left that a line tells."""
        if found := re.search(r"(?:about (\d+) min|, (\d+) s) left", line):
            minutes, seconds = found.groups()
            self._at.append((time.monotonic(), 60.0 * int(minutes) if minutes else float(seconds)))

    def finish(self) -> None:
        """Compare what was told after a quarter, a half and three quarters."""
        ended = time.monotonic()
        for share in (0.25, 0.5, 0.75) if ended - self._began > 20 else ():
            when, told = min(self._at, key=lambda at: abs(at[0] - self._began - share * (ended - self._began)))
            self.left[f"{self._name}, {share:.0%}"] = f"told {told:.0f} s, were {ended - when:.0f}"


def measure(files: int, kind: str, *, network: bool, kills: Sequence[str] = ()) -> Row:
    """Index twice, each in a process of its own: anew, killed first at each moment; and everything from the cache."""
    with tempfile.TemporaryDirectory(prefix="indexing-") as name:
        folder = Path(name)
        make(folder / "photos", files, kind)
        command = [sys.executable, __file__, "--folder", str(folder), "--files", str(files)]
        command += [] if network else ["--no-network"]
        environment = os.environ | {"PLACEPRINT_CACHE": str(folder / "cache")}
        row: Row = {"files": files, "kind": kind}
        for kill in kills:
            done = subprocess.run([*command, "--kill", kill], stdout=subprocess.PIPE, text=True, env=environment)
            with EmbeddingCache(folder / "cache" / "embeddings.sqlite") as cache:
                row[f"killed at {kill}"] = {"ended": done.returncode, "kept": cache.counts()[0]}
        for run in ("anew", "cached"):
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            row[run] = json.loads(done.stdout)
        return row


def main() -> int:
    """Measure, and print one line of JSON for each size and kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--no-network", dest="network", action="store_false")
    parser.add_argument("--kill", nargs="+", default=[], help="a stage, or one and its share, as embedding:.3")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(index_here(given.folder, given.files[0], network=given.network, kill="".join(given.kill))))
        return 0
    for kind in given.kinds:
        for files in given.files:
            print(json.dumps(measure(files, kind, network=given.network, kills=given.kill)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
