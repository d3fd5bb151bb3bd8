"""What `make fuzz` does at length, in a moment: seeds are read as they should be, and a few inputs that are like them.

And that it notices what it is there to notice.
"""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from fuzz import engine, watch
from fuzz.changes import bytes_changed
from fuzz.target import NAMES, Target, target_of

NEEDS = {"http_bodies": ("fastapi", "multipart", "prometheus_client", "uvicorn"), "onnx_files": ("onnx",)}
FEW = {"http_bodies": 10}


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest) -> Target:
    for package in NEEDS.get(request.param, ()):
        pytest.importorskip(package)
    return target_of(request.param)


def test_every_seed_and_some_changes_of_them_are_read(
    target: Target, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    few = FEW.get(request.node.callspec.params["target"], 60)
    assert len(target.seeds()) == len(set(target.seeds())) > 3
    assert max(map(len, target.seeds())) <= target.longest
    assert sum(map(len, target.seeds())) < 40_000
    with target.ready(tmp_path) as read:
        for data in target.seeds()[:few]:
            read(data)
        assert engine.at_random(target, read, most=few, seed=1) == few


def test_changes_are_the_same_again_and_end_in_other_inputs(target: Target) -> None:
    def made() -> list[bytes]:
        random = Random(3)
        seeds = target.seeds()
        return [
            engine.changed(target, data, random, lambda each: bytes_changed(each, random))
            for data in seeds
            for _ in "ab"
        ]

    assert made() == made()
    assert len(set(made()) - set(target.seeds())) > len(target.seeds())
    assert max(map(len, made())) <= 2 * target.longest  # the engine cuts them


READS = {
    "raises": ("raise ValueError('odd')", "ended with 70", "ValueError: odd"),
    "exits": ("sys.exit(0)", "ended with 70", "SystemExit"),
    "hangs": ("time.sleep(60)", "longer than 0.5 s", ""),
    "spins": ("while True: pass", "longer than 0.5 s", ""),
    "swells": ("bytearray(b'x') * (200 << 20)", "ended with 70", "more than 64"),
    "dies": ("os.kill(os.getpid(), 9)", "ended with -9", ""),
    "holds": ("pass", "", ""),
}
CHILD = """
import os, sys, time
from pathlib import Path
from fuzz import engine
from fuzz.target import Target

def read(data):
    if data != b"seed":
        {}

target = Target(ready=None, seeds=lambda: [b"seed"], change=lambda data, random, plain: b"odd", megabytes=64)
engine.at_random(target, engine.Watched(target, read, engine.Record(Path(sys.argv[1]))), most=40)
"""


@pytest.mark.parametrize("kind", READS)
def test_an_input_that_does_harm_is_noticed_and_kept(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "hangs":
        monkeypatch.setattr(watch, "PATIENCE", 2.0)
    does, failure, said = READS[kind]
    record = tmp_path / "record"
    engine.Record(record, 100)
    command = [sys.executable, "-c", CHILD.format(does), str(record)]
    paths = {"PYTHONPATH": str(Path(__file__).parents[1])}
    found = watch.watched(command, record, seconds=0.5 if "longer" in failure else 30.0, environment=paths)
    if kind == "holds":
        assert (found.failure, found.inputs) == ("", 40)
        return
    assert failure in found.failure
    assert said in found.said
    assert found.data != b"seed"
    assert found.keep(tmp_path / "kept", kind).read_bytes() == found.data


def test_the_program_says_what_came_of_it(tmp_path: Path) -> None:
    file = tmp_path / "table"
    file.write_bytes(b"path\na.jpg\n")
    command = [sys.executable, "-m", "tests.fuzz", "tables", "--plain", "--again", str(file)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split(": ")[-1]) == (0, "no failure\n"), done
