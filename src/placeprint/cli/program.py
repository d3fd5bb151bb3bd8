"""The program ``placeprint`` as it is started: it is ready to be interrupted before anything else is imported."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn

from placeprint.cli import interruption


def run() -> NoReturn:
    """Run a verb as a program, and end without taking apart what is in memory: that takes a tenth of a short verb.

    Importing makes many objects and little garbage: looking for garbage less often saves a twentieth.
    """
    interruption.watch()
    code: object = 0
    try:
        gc.set_threshold(100_000)
        from placeprint.cli.app import main
        from placeprint.cli.heap import lean_heap

        lean_heap()
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        if not interruption.came():
            raise
    if interruption.came() or code == interruption.EXIT_CODE:  # Typer makes an exit code of Ctrl-C, and says nothing
        gc.collect()
        atexit._run_exitfuncs()  # what was shared with other processes is given back, or Python warns of it
        interruption.end()
    if isinstance(code, str):
        sys.stderr.write(code + "\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = 141
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run()
