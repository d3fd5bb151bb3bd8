"""The program ``placeprint`` as it is started: it is ready to be interrupted before anything else is imported."""

from __future__ import annotations

import atexit
import gc
import os
from typing import Any, NoReturn

from placeprint.cli import interruption
from placeprint.terminal import take_over, tell

_NO_MEMORY = ("cannot allocate", "failed to map segment", "failed to allocate", "bad_alloc", "insufficient memory")
"""What libraries say that have no error of their own for it."""


def run(program: Any = None, name: str = "placeprint") -> NoReturn:
    """Run a verb as a program, and end at once: taking memory apart takes 90 ms of a `query` of 600 (processor time).

    Importing makes many objects and little garbage: collecting less often saves 40 ms of it.
    """
    take_over()
    interruption.watch()
    code: object = 0
    try:
        gc.set_threshold(100_000)
        from placeprint.cli.app import app, main
        from placeprint.cli.heap import lean_heap

        lean_heap()
        main(program or app, name)
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        code = 3
        if not interruption.came():
            if not (why := _out_of_resources(error)):
                raise
            error.__traceback__ = error.__context__ = None  # their frames hold what took the memory
            tell(why)
    if interruption.came() or code == interruption.EXIT_CODE:  # Typer makes an exit code of Ctrl-C, and says nothing
        gc.collect()
        atexit._run_exitfuncs()  # what was shared with other processes is given back, or Python warns of it
        interruption.end()
    if isinstance(code, str):
        tell(code)
        code = 1
    os._exit(code if isinstance(code, int) else 0)  # everything that is said is flushed at once


def _out_of_resources(error: BaseException) -> str:
    """Return the line for a want of memory or threads, in whatever way it shows; empty for anything else."""
    said = str(error).lower()
    if isinstance(error, RecursionError):
        return "something is nested too deeply to be read"
    if "start new thread" in said:
        return "the system allows no more threads: raise its limit (ulimit -u), or end other programs"
    if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
        return "there is not enough memory: allow more (ulimit -v, the limit of a container), or end other programs"
    return ""


if __name__ == "__main__":
    run()
