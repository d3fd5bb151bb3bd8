"""kill -9 at random moments of index and add: afterwards the gallery is the old one or the new one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial, reduce
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint import ImageRecord, imported_spec
from placeprint.embedding.cache import EmbeddingCache
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.index import index
from placeprint.progress import Silent

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

KILLS = int(os.environ.get("PLACEPRINT_KILLS", "5"))
"""CI asks for ten."""


def placeprint(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "placeprint.cli.program", *arguments]


def killed_at(command: list[str], seconds: float) -> bool:
    """Start the command and kill it after a while; return whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    running = process.poll() is None
    if running:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return running


def run_json(command: list[str]) -> dict[str, object]:
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("verb", ["index", "add"])
def test_killed_again_and_again(town: Path, tmp_path: Path, verb: str) -> None:
    gallery = tmp_path / "g"
    old: tuple[str, ...] = ()
    if verb == "add":
        small = tmp_path / "small"
        (small / "first").mkdir(parents=True)
        source = next((town / "gallery").rglob("*.jpg"))
        (small / "first" / "one.jpg").write_bytes(source.read_bytes())
        old = tuple(r.path for r in index(small, gallery, cache=False, preset="fast").gallery.records)
        command = placeprint("add", str(gallery), str(town))
    else:
        command = placeprint("index", str(town), "-o", str(gallery), "--preset", "fast")
    began = time.monotonic()
    whole_gallery = tmp_path / "whole"
    subprocess.run(
        placeprint("index", str(town), "-o", str(whole_gallery), "--no-cache", "--preset", "fast"),
        check=True,
        capture_output=True,
    )
    whole = time.monotonic() - began
    new = (*old, *(r.path for r in Gallery.open(whole_gallery).records))
    moments = random.Random(7)
    interrupted = 0
    for part in moments.sample(range(KILLS), KILLS):  # one moment in every part of the run
        interrupted += killed_at(command, (0.05 + 1.05 * (part + moments.random()) / KILLS) * whole)
        if (gallery / "gallery.json").exists():
            opened = Gallery.open(gallery)
            assert tuple(r.path for r in opened.records) in (old, new)
            assert opened.verify().ok
    assert interrupted >= 0.3 * KILLS, "the kills came too late to test anything"
    done = run_json(command)
    assert tuple(r.path for r in Gallery.open(gallery).records) == new
    again = run_json(command)
    assert again["computed"] == 0, "what was embedded is embedded again"
    assert Gallery.open(gallery).verify().leftovers == ()
    assert done["images"] == len(new)


MOMENTS = {
    "before the marker": "storage.marker mark",
    "before the data": "gallery.table RecordTable.save",
    "in the data": "gallery.segment_writes make_index",
    "before the head": "storage.published write_atomic",
    "in the head": "storage.atomic os.replace",
    "behind the head": "storage.published clear_leftovers",
    "in clearing": "storage.marker Path.rmdir",
}


def build(folder: Path, count: int) -> None:
    records = [ImageRecord(path=f"{i}.jpg", places=("a",)) for i in range(count)]
    Gallery.build(folder, records=records, vectors=np.eye(9, dtype=np.float32)[:count], spec=imported_spec("m", 9))


def kill(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object]) -> int:
    """Do the work in a child; return its exit code."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_in(moment: str, work: Callable[[], None]) -> int:
    """Do the work in a child that is killed where it comes to this moment; return its exit code."""

    def until_then() -> None:
        module, names = moment.split()
        *owners, name = names.split(".")
        setattr(reduce(getattr, owners, import_module(f"placeprint.{module}")), name, kill)
        work()

    return in_child(until_then)


class Killing(Silent):
    """Kills the process where a stage has done so many steps."""

    def __init__(self, stage: str, steps: int) -> None:
        self._stage, self._left, self._here = stage, steps, False

    def start(self, what: str, total: int) -> None:  # noqa: ARG002
        self._here = what == self._stage
        self.advance(0)

    def advance(self, steps: int = 1) -> None:
        self._left -= steps * self._here
        if self._here and self._left <= 0:
            kill()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_was_embedded_before_a_kill_is_not_embedded_again(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is given some at a time: no more is lost."""
    monkeypatch.setattr("placeprint.embedding.pipeline._CHUNK", 8)
    for i in range(20):
        path = tmp_path / "photos" / f"place {i // 4}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        colours = np.random.default_rng(i // 4).integers(0, 255, (6, 6, 3), np.uint8)
        colours[i % 4] = 10 * i
        Image.fromarray(colours).resize((64, 64)).save(path)
    again = partial(index, tmp_path / "photos", tmp_path / "g", preset="fast")
    kept = []
    for stage, steps in (("embedding", 10), ("writing", 1), ("calibrating", 9)):
        assert in_child(partial(again, progress=Killing(stage, steps))) == -signal.SIGKILL
        with EmbeddingCache(own_cache / "embeddings.sqlite") as cache:
            kept.append(cache.counts()[0])
        assert (tmp_path / "g" / "gallery.json").exists() == (stage == "calibrating")
    assert kept == [8, 20, 20]
    done = again()
    assert (done.computed, done.cached, len(done.gallery)) == (0, 20, 20)
    assert done.gallery.calibration is not None, done.not_calibrated
    assert done.gallery.verify().leftovers == ()


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_at_every_moment_of_a_write(tmp_path: Path, moment: str, before: int) -> None:
    if before:
        build(tmp_path / "g", before)
    assert killed_in(MOMENTS[moment], lambda: build(tmp_path / "g", 5)) == -signal.SIGKILL
    if (tmp_path / "g" / "gallery.json").exists():
        assert len(Gallery.open(tmp_path / "g")) in {before, 5} - {0}
        assert Gallery.open(tmp_path / "g").verify().ok
    else:
        assert before == 0
    build(tmp_path / "g", 5)
    opened = Gallery.open(tmp_path / "g")
    assert len(opened) == 5
    assert opened.verify().leftovers == ()
    files = {p.relative_to(tmp_path / "g").as_posix() for p in (tmp_path / "g").rglob("*") if p.is_file()}
    (entry,) = json.loads((tmp_path / "g" / "gallery.json").read_bytes())["segments"]
    assert {name.split("/")[0] for name in files} - {".lock", ".reserve"} == {"gallery.json", entry["data"]}


GROWING = """
import os, random, signal, sys, time
import numpy as np
from placeprint import Gallery, ImageRecord, compact, imported_spec

folder, kills = sys.argv[1], int(sys.argv[2])
spec, chance = imported_spec("m", 9), random.Random(5)
print("seed 5")

def change(gallery, number):
    if number % 7 == 6:
        return compact(gallery).gallery
    if number % 5 == 4:
        return gallery.remove(after(number)[:2])[0]
    records = [ImageRecord(path=f"{number}-{i}.jpg", places=(f"{number % 4}",)) for i in range(3)]
    return gallery.add(records, np.eye(9, dtype=np.float32)[:3], spec=spec)[0]

def after(count):
    paths = ["first.jpg"]
    for number in range(count):
        if number % 7 == 6:
            continue
        paths = paths[2:] if number % 5 == 4 else paths + [f"{number}-{i}.jpg" for i in range(3)]
    return paths

def grow(gallery, number, pipe):
    while True:
        gallery = change(gallery, number)
        number += 1
        os.write(pipe, number.to_bytes(4, "little"))

first = [ImageRecord(path="first.jpg")]
gallery, done, interrupted = Gallery.build(folder, records=first, vectors=np.ones((1, 9), np.float32), spec=spec), 0, 0
for _ in range(kills):
    there, pipe = os.pipe()
    child = os.fork()
    if not child:
        try:
            grow(gallery, done, pipe)
        finally:
            os._exit(1)
    time.sleep(chance.uniform(0.02, 0.12))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "a change failed"
    os.close(pipe)
    with os.fdopen(there, "rb") as said:
        acknowledged = said.read()
    done = int.from_bytes(acknowledged[-4:], "little") if acknowledged else done
    gallery = Gallery.open(folder)
    report, paths = gallery.verify(), [record.path for record in gallery.records]
    assert report.ok and paths in (after(done), after(done + 1)), (done, paths)
    interrupted += bool(report.leftovers)
    done += paths != after(done)
    gallery, done = change(gallery, done), done + 1
    assert [record.path for record in gallery.records] == after(done)
    folders = {segment.data.name for segment in gallery._segments}
    assert {entry.name for entry in os.scandir(folder) if entry.name[0] != "."} == {"gallery.json", *folders}
    assert len(folders) < 12
assert done >= kills
print(done, "changes,", interrupted, "of them left files behind")
"""


def test_killed_while_it_grows(tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nothing is damaged, and the next change leaves no file without an owner."""
    command = [sys.executable, "-W", "error", "-c", GROWING, str(tmp_path / "g"), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changes" in done.stdout
