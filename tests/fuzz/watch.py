"""Runs a target in a process of its own, ends it where an input takes too long, and keeps what it failed on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .engine import Record
from .target import target_of

_START_SECONDS = 120.0
"""Until the first input; imports and a gallery come before it."""
PATIENCE = 6.0
"""So many times as long an input may take where the process waits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    inputs : int
    failure : str
        In one line; empty where there is none.
    data : bytes
        The input that failed.
    said : str
        What the process wrote.
    """

    inputs: int
    failure: str
    data: bytes
    said: str

    def keep(self, folder: Path, name: str) -> Path:
        """Write the input that failed, and return where."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}-{hashlib.sha256(self.data).hexdigest()[:12]}"
        file.write_bytes(self.data)
        return file


def fuzzed(name: str, options: Sequence[str]) -> Outcome:
    """Run a target; `options` are those of `python -m tests.fuzz --inside`."""
    target = target_of(name)
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None  # where nothing waits for a disk
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=room, ignore_cleanup_errors=True) as folder:
        record, room = Path(folder, "record"), Path(folder, "room")
        room.mkdir()
        Record(record, target.longest)
        command = [sys.executable, "-m", __package__, name, "--inside", str(room), str(record), *options]
        return watched(command, record, seconds=target.seconds, environment={"TMPDIR": folder})


def watched(command: Sequence[str], record: Path, *, seconds: float, environment: dict[str, str]) -> Outcome:
    """Run a process that reads inputs, each in so many seconds."""
    looked = Record(record)
    with tempfile.TemporaryFile() as output:
        root = Path(__file__).parents[2]
        env = {**os.environ, **environment}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env, cwd=root)
        try:
            hung = _waited(process, looked, seconds)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    begun, ended = looked.counts
    if hung:
        failure = f"an input takes longer than {seconds:g} s" if begun else "it does not start"
    elif process.returncode:
        failure = f"the process ended with {process.returncode}" + ("" if begun != ended else " between two inputs")
    else:
        failure = ""
    return Outcome(ended, failure, looked.data, said)


def _waited(process: subprocess.Popen[bytes], record: Record, seconds: float) -> bool:
    """Wait for the end of a process; return whether one of its inputs took too long, after it told where it is.

    Time is the processor's, since a busy machine may let a process wait; who waits for nothing is ended later.
    """
    last, since, began = (0, 0), time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(0.05)
        counts, now, spent = record.counts, time.monotonic(), _spent(process.pid)
        if counts != last:
            last, since, began = counts, now, spent
        reading = counts[0] != counts[1] or not counts[0]
        patience = PATIENCE * seconds if counts[0] else _START_SECONDS
        if reading and (now - since > patience or (counts[0] and spent - began > seconds)):
            if hasattr(signal, "SIGUSR1"):
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.5)
            return True
    return False


def _spent(process: int) -> float:
    """Return the seconds of the processor that a process used so far; 0 where the system does not tell."""
    try:
        numbers = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")
