"""Ctrl-C and SIGTERM: one line that says how to go on, exit code 130, no traceback, and soon."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from placeprint.cli.interruption import line
from program import run_json

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")

GO_ON = "interrupted: run the same command again to go on"
ANEW = "interrupted: run the same command again; it starts over"

BUSY = {
    "a loop": "while True: pass",
    "a verb that takes it for an error": "\n    ".join(
        (
            "try: time.sleep(60)",
            "except KeyboardInterrupt: raise errors.ModelError('the model failed')",
        )
    ),
    "a library that makes another error of it": "\n    ".join(
        ("try: time.sleep(60)", "except KeyboardInterrupt: raise RuntimeError('from C++')")
    ),
    "a library that swallows it": "\n    ".join(
        ("while True:", "    try: time.sleep(60)", "    except KeyboardInterrupt: pass")
    ),
    "a thread that is waited for": "ThreadPoolExecutor(1).submit(time.sleep, 60).result()",
    "a thread that the end waits for": "\n    ".join(
        ("with ThreadPoolExecutor(1) as pool:", "    pool.submit(time.sleep, 60); time.sleep(60)")
    ),
}
PROGRAM = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from placeprint import errors
from placeprint.cli import add as module
from placeprint.cli import app, interruption, program
interruption.GRACE_SECONDS = 0.3
def add(gallery: str, dataset: str) -> None:
    print("busy", flush=True)
    {work}
module.add = add
sys.argv = ["placeprint", "add", "a", "b"]
program.run()
"""


def started(*command: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Return the exit code and what was told; a program that does not end is killed."""
    try:
        _, told = process.communicate(timeout=20)
    finally:
        process.kill()
    return process.returncode, told.splitlines()


@pytest.mark.parametrize("work", BUSY)
def test_whatever_it_is_doing(work: str) -> None:
    process = started("-c", PROGRAM.format(work=BUSY[work]))
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGTERM if work == "a loop" else signal.SIGINT)
    assert ended(process) == (130, [GO_ON])


def test_asked_twice_it_does_not_wait() -> None:
    slow = PROGRAM.replace("0.3", "60").format(work=BUSY["a library that swallows it"])
    process = started("-c", slow)
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)  # two at once may count as one
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, [GO_ON])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_index_goes_on(town: Path, tmp_path: Path, own_cache: Path, sent: signal.Signals) -> None:
    process = started("-m", "placeprint.cli.program", "index", town, "-o", tmp_path / "g")
    until = time.monotonic() + 20
    while not list(own_cache.glob("*.sqlite*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(sent)
    code, told = ended(process)
    assert (code, told[1:]) == (130, [GO_ON])  # before it stands how the dataset was understood
    assert run_json("index", town, "-o", tmp_path / "g")["images"] == 11


def test_what_is_ignored_stays_ignored() -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, "
    ignoring += "[sys.executable, '-c', os.environ['BUSY']])"
    work = "time.sleep(0.3); print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN, flush=True)"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUSY", PROGRAM.replace("import sys", "import signal, sys").format(work=work))
        process = started("-c", ignoring)
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "True\n"
    assert ended(process) == (0, [])


def test_a_town_leaves_nothing_behind(tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to the processes that render too."""
    process = started("-m", "town", tmp_path / "town", "--places", 60, "--views", 2, "--quiet")
    until = time.monotonic() + 20
    while not list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == (130, ["interrupted"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("index photos -o g", GO_ON),
        ("index photos -o g --no-cache", ANEW),
        ("add g photos", GO_ON),
        ("run photos -o out", GO_ON),
        ("train photos -o m.onnx --no-cache", GO_ON),
        ("group photos -o photos/places.csv", GO_ON),
        ("check photos", ANEW),
        ("query g photo.jpg", "interrupted"),
        ("models", "interrupted"),
        ("--version", "interrupted"),
        ("", "interrupted"),
    ],
)
def test_what_is_said(command: str, said: str) -> None:
    assert line(command.split()) == said
