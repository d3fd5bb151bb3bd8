"""``-v`` and ``--log FILE``: what a verb does, line by line, for whoever looks for a fault or reports one."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from placeprint.cli.printing import say
from placeprint.terminal import Hear, listen, note, tell
from placeprint.version import __version__

_FIRST = "placeprint log"
"""How the first line of a log ends: a file that begins otherwise is not written to."""


_HEAD_BYTES = 200


@dataclass(frozen=True, kw_only=True)
class Log:
    """Where it is said what a verb does; every verb has these options."""

    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say on stderr what is done, and how long it takes.")
    ] = False
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Append the same, with tracebacks, to a log file.")
    ] = None

    def begin(self) -> None:
        """Listen, where that is asked for, and say what runs. Raises `UsageError` for a file that is no log."""
        hears = [(_on_stderr, False)] if self.verbose else []
        listen([*hears, *([(_appending(self.log), True)] if self.log is not None else [])])
        if self.verbose or self.log is not None:
            import platform
            import shlex

            note(shlex.join(["placeprint", *sys.argv[1:]]))
            note(
                f"placeprint {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}, "
                f"{os.cpu_count()} cores"
            )


def failed(error: BaseException) -> None:
    """Write where an error came from into the log."""
    import traceback

    for part in traceback.format_exception(error):
        for line in part.rstrip("\n").split("\n"):
            note(f"  {line}", shown=True)


def _on_stderr(line: str) -> None:
    say(f"[{time.perf_counter() - _BEGAN:7.2f} s] {line}", err=True)


def _appending(path: Path) -> Hear:
    """Return what appends a line to a log; other people's files are left alone.

    A log that cannot be written any more, as on a full disk, is given up with a warning: the run goes on.
    """
    from placeprint.storage.atomic import require_ours

    require_ours(path, lambda head: head.split(b"\n", 1)[0].endswith(_FIRST.encode()), most=_HEAD_BYTES)
    gone, new = False, not path.exists() or not path.stat().st_size

    def write(line: str) -> None:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:  # whole lines of several processes
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {os.getpid()} {line}\n")

    def append(line: str) -> None:
        nonlocal gone
        try:
            if not gone:
                write(line)
        except OSError as error:
            gone = True  # before it is told, which would come here again
            tell(f'the log "{path}" cannot be written ({error.strerror}): going on without it')

    if new:
        write(_FIRST)
    return append


_BEGAN = time.perf_counter()
