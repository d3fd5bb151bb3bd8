"""Gives a target one input after another, and notes each before it is read: the one that it dies of is known then.

Coverage guides it where atheris is installed. Elsewhere seeds are changed at random.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from mmap import mmap
from pathlib import Path
from random import Random

from .changes import bytes_changed
from .target import Target, target_of

FAILED = 70
"""Exit code after an input that a target raised for."""
MEBIBYTE = 1 << 20
_NUMBERS = struct.Struct("<3Q")


class Record:
    """The input that is just read, in a file that another process looks at.

    Parameters
    ----------
    path : Path
    longest : int, optional
        Bytes of an input; the file is made anew where it is given.
    """

    def __init__(self, path: Path, longest: int = 0) -> None:
        if longest:
            path.write_bytes(bytes(_NUMBERS.size + longest))
        with path.open("r+b") as file:
            self._map = mmap(file.fileno(), 0)

    def begin(self, data: bytes) -> None:
        """Note an input that is about to be read."""
        begun, ended, _ = _NUMBERS.unpack_from(self._map)
        self._map[_NUMBERS.size : _NUMBERS.size + len(data)] = data
        _NUMBERS.pack_into(self._map, 0, begun + 1, ended, len(data))

    def end(self) -> None:
        """Note that it was read."""
        begun, _, length = _NUMBERS.unpack_from(self._map)
        _NUMBERS.pack_into(self._map, 0, begun, begun, length)

    @property
    def counts(self) -> tuple[int, int]:
        """How many inputs were begun, and the last one that was ended."""
        begun, ended, _ = _NUMBERS.unpack_from(self._map)
        return begun, ended

    @property
    def data(self) -> bytes:
        """The input of last."""
        length = _NUMBERS.unpack_from(self._map)[2]
        return self._map[_NUMBERS.size : _NUMBERS.size + length]


def main(name: str, folder: Path, record: Path, seconds: float, *, plain: bool, seed: int, again: Path | None) -> None:
    """Fuzz a target until the time is over; ends the process with `FAILED` where an input fails."""
    faulthandler.enable()
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)
    with ExitStack() as held:
        if guided := not plain and find_spec("atheris") is not None:
            import atheris

            held.enter_context(atheris.instrument_imports(include=["placeprint"]))
        target = target_of(name)
        read = held.enter_context(target.ready(folder))
        watched = Watched(target, read, Record(record))
        for data in target.seeds():
            watched(data)
        if again is not None:
            watched(again.read_bytes())
        elif guided:
            _guided(target, watched, folder, seconds, seed)
        else:
            at_random(target, watched, seconds=seconds, seed=seed)


class Watched:
    """Reads an input; what it raises, or more memory than it may take, ends the process."""

    def __init__(self, target: Target, read: Callable[[bytes], object], record: Record) -> None:
        self._target, self._read, self._record = target, read, record

    def __call__(self, data: bytes) -> None:
        data = data[: self._target.longest]
        self._record.begin(data)
        before, peak = _memory()
        try:
            self._read(data)
            most = _memory()[1]
            if most > peak and (took := (most - before) // MEBIBYTE) > self._target.megabytes:
                raise MemoryError(f"it took {took} MB, more than {self._target.megabytes}")
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(FAILED)
        self._record.end()


def _memory() -> tuple[int, int]:
    """Return the bytes that this process has, and the most that it had; zeros where the system does not tell."""
    if not _STATUS.exists():
        return 0, 0
    text = _STATUS.read_text("ascii", "replace")
    most, now = (int(text.partition(f"{name}:")[2].split(maxsplit=1)[0]) * 1024 for name in ("VmHWM", "VmRSS"))
    return now, most


_STATUS = Path("/proc/self/status")


def at_random(
    target: Target, read: Callable[[bytes], object], *, seconds: float = 60.0, seed: int = 0, most: int = 1 << 62
) -> int:
    """Change seeds at random until the time is over, or so many inputs were read; return how many were."""
    random, seeds, until = Random(seed), target.seeds(), time.monotonic() + seconds
    number = 0
    while number < most and time.monotonic() < until:
        data = random.choice(seeds)
        for _ in range(random.choice((1, 1, 2, 4))):
            data = changed(target, data, random, lambda each: bytes_changed(each, random))
        read(data)
        number += 1
    return number


def changed(target: Target, data: bytes, random: Random, plain: Callable[[bytes], bytes]) -> bytes:
    """Return an input that is another one, most often still of its format."""
    return plain(data) if random.random() < 0.25 else target.change(data, random, plain)[: target.longest]


def _guided(target: Target, watched: Watched, folder: Path, seconds: float, seed: int) -> None:
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(target.seeds()):
        (corpus / f"{number:03}").write_bytes(data)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        return changed(target, data, random, lambda each: atheris.Mutate(each, longest))[:longest]

    options = {
        "max_total_time": max(1, round(seconds)),
        "max_len": target.longest,
        "seed": seed + 1,
        "artifact_prefix": f"{folder}/",
        "timeout": 10_000,  # who started this process watches time, and each input memory
        "rss_limit_mb": 0,
        "handle_usr1": 0,
        "verbosity": 0,
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)],
        watched,
        custom_mutator=change,
    )
    atheris.Fuzz()
