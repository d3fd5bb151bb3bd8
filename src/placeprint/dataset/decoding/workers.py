"""A pool of processes for files whose cost of decoding is not known beforehand.

Such a file is decoded in a process (`placeprint.dataset.decoding.worker`) that alone is ended when it takes too much
memory or time. Processes are started when they are first needed, reused, and replaced.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from placeprint.dataset.decoding.damage import Damage
from placeprint.dataset.decoding.header import Header
from placeprint.dataset.decoding.pixel_limit import max_pixels
from placeprint.dataset.decoding.strips import strip_rows
from placeprint.dataset.decoding.worker import CPU_SECONDS, READY, STRIP_PIXELS
from placeprint.errors import ImageError, first_line
from placeprint.storage.json_records import record_from

if TYPE_CHECKING:
    from PIL.Image import Image

WALL_SECONDS = 20.0
"""For one answer: more than the CPU time, since other programs use the processor too."""
_LONGEST_LINE = 4096
_MOST_SIDE = 1 << 31
_COMMAND = ("-P", "-m", "placeprint.dataset.decoding.worker")


_idle: list[Worker] = []
_all: set[Worker] = set()
"""Both change in single steps, so they need no lock, which a fork might leave locked."""


class Worker:
    """A decoding process. Raises `ImageError` when it cannot be started."""

    def __init__(self) -> None:
        self._late, self._waiting = False, True
        try:
            self._process = _started()
        except (OSError, ValueError) as error:
            raise _not_started(first_line(error)) from error
        _all.add(self)
        self._asked = cast(io.RawIOBase, self._process.stdin)
        self._answers = io.BufferedReader(cast(io.RawIOBase, self._process.stdout), 1 << 16)
        with self._deadline():
            line = self._answers.readline(_LONGEST_LINE)
        if line != json.dumps(READY).encode("ascii") + b"\n":
            self.end()
            raise _not_started(f'"{sys.executable} {" ".join(_COMMAND)}" ended with {self._process.returncode}')
        self._waiting = False

    @property
    def usable(self) -> bool:
        """True when it runs and owes no answer."""
        return not self._waiting and self._process.poll() is None

    def header(self, data: bytes) -> Header:
        """Send a file, and return its header.

        Raises `ImageError` as `placeprint.dataset.decoding.images.decode` does.
        """
        answer = self._ask({"bytes": len(data), "most_pixels": max_pixels()}, data)
        try:
            header = record_from(Header, answer)
        except (TypeError, ValueError) as error:
            raise self._broke_down() from error
        if (
            not (_is_side(header.width) and _is_side(header.height) and header.turn in range(1, 9))
            or header.loading < 0
        ):
            raise self._broke_down()
        self._waiting = False
        return header

    def decoded(self, min_side: int | None, *, as_far: bool) -> tuple[Image, Damage | None]:
        """Return the upright RGB pixels of the file that was sent last, and its damage.

        Raises `ImageError`: as above.
        """
        answer = self._ask({"min_side": min_side, "as_far": as_far})
        width, height, damage = (answer.get(name, 0) for name in ("width", "height", "damage"))
        if not (_is_side(width) and _is_side(height) and (damage is None or _is_damage(damage))):
            raise self._broke_down()
        with self._deadline():
            image = self._pixels(width, height)
        self._waiting = False
        return image, None if damage is None else Damage(*damage)

    def forget(self) -> None:
        """Let it drop the file that was sent last."""
        if self._ask({}) != READY:
            raise self._broke_down()
        self._waiting = False

    def end(self) -> None:
        """Kill the process, and wait for its end."""
        _all.discard(self)
        self._process.kill()
        self._process.wait()
        for pipe in (self._asked, self._answers):
            with suppress(OSError):
                pipe.close()

    def disown(self) -> None:
        """Leave the process to the parent that this one was forked from."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for pipe in (self._process.stdin, self._process.stdout):
            os.dup2(nothing, cast(io.RawIOBase, pipe).fileno(), inheritable=False)
        os.close(nothing)
        self._process.returncode = 0

    def _ask(self, question: dict[str, Any], data: bytes = b"") -> dict[str, Any]:
        """Return the answer to a request, or raise the error in it."""
        self._waiting = True
        with self._deadline():
            try:
                for part in (json.dumps(question).encode("ascii") + b"\n", data):
                    rest = memoryview(part)
                    while rest:
                        rest = rest[self._asked.write(rest) :]
                answer = json.loads(self._answers.readline(_LONGEST_LINE))
            except (OSError, ValueError) as error:
                raise self._broke_down() from error
        if not isinstance(answer, dict):
            raise self._broke_down()
        if set(answer) == {"error", "reason"}:
            self._waiting = False
            raise ImageError(str(answer["error"]), str(answer["reason"]))
        return answer

    def _pixels(self, width: int, height: int) -> Image:
        from PIL import Image

        image, rows = Image.new("RGB", (width, height), None), strip_rows(width, STRIP_PIXELS)
        for top in range(0, height, rows):
            size = (width, min(rows, height - top))
            strip = self._answers.read(3 * size[0] * size[1])
            if len(strip) < 3 * size[0] * size[1]:
                raise self._broke_down()
            image.paste(Image.frombuffer("RGB", size, strip, "raw", "RGB", 0, 1), (0, top))
        return image

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kill the process when an answer is late; who waits for it then finds the pipe closed."""
        timer = threading.Timer(WALL_SECONDS, self._stop_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _stop_late(self) -> None:
        self._late = True
        self._process.kill()

    def _broke_down(self) -> ImageError:
        """Return the reason for a missing or wrong answer, and kill the process."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)  # it may have closed its pipes by ending: wait for its code
        code = self._process.poll()
        self._process.kill()
        if self._late or (code is not None and -code == getattr(signal, "SIGXCPU", None)):
            return ImageError("too-large", f"it takes longer than {CPU_SECONDS} seconds to decode")
        if code is not None and -code == getattr(signal, "SIGKILL", None):
            return ImageError("too-large", "the system stopped its decoder, as it does where memory runs out")
        return ImageError("unreadable", f"its decoder broke down ({code})")


def _started() -> subprocess.Popen[bytes]:
    search = os.pathsep.join(path for path in sys.path if path)  # the worker imports from the same places
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    apart: dict[str, Any] = (
        {"process_group": 0} if os.name == "posix" else {}
    )  # a Ctrl-C in the terminal must not reach it
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *_COMMAND],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **one_thread, "PYTHONPATH": search},
        **apart,
    )


def _not_started(why: str) -> ImageError:
    return ImageError("unreadable", f"the process that decodes files of this kind cannot be started: {why}")


def _is_side(value: object) -> bool:
    return type(value) is int and 0 < value < _MOST_SIDE


def _is_damage(value: object) -> bool:
    match value:
        case [int() | float() as share, "damaged" | "truncated"]:
            return 0 <= share <= 1
    return False


@contextmanager
def borrowed() -> Iterator[Worker]:
    """Lend a worker to one thread: an idle one, or a new one if all are busy.

    Raises `ImageError` when none can be started.
    """
    worker = _taken() or Worker()
    try:
        yield worker
    finally:
        if worker.usable:
            _idle.append(worker)
        else:
            worker.end()


def _taken() -> Worker | None:
    while _idle:
        with suppress(IndexError):  # another thread took the last one
            worker = _idle.pop()
            if worker.usable:
                return worker
            worker.end()
    return None


@atexit.register
def end_all() -> None:
    """End all workers."""
    _idle.clear()
    for worker in list(_all):
        worker.end()


def _forget() -> None:
    """Start without workers in a forked process: they belong to its parent."""
    for worker in _all:
        worker.disown()
    _all.clear()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
