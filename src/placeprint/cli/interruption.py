"""Ctrl-C and SIGTERM: one line, exit code 130, never a traceback, and soon, whatever the program is doing.

The first signal raises KeyboardInterrupt, so that files and terminals are left tidy. It comes late where the program is
inside a library and not at all where one swallows it; so a thread hears of the signal too, and ends the program after
`GRACE_SECONDS`, or when it is asked a second time. What is on disk survives that, as it survives ``kill -9``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

EXIT_CODE = 130
GRACE_SECONDS = 2.0

_GO_ON = frozenset(
    ("add", "calibrate", "compare", "distil", "evaluate", "group", "index", "mine", "move", "run", "train")
)
"""Verbs that find what they have done already: in the cache, in the gallery on a server, in the state of a training."""
_BEGIN_ANEW = frozenset({"check", "export", "remove", "verify"})
_UNCACHED = frozenset({"move", "train"})
"""Of those that go on, the ones that do so without the cache."""

_came = threading.Event()
_ending = threading.Lock()


def watch() -> None:
    """Handle SIGINT and SIGTERM from now on; for a program, once, on its main thread.

    A signal that is ignored stays ignored, as in a job in the background or under nohup.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) == usual:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread
    threading.Thread(target=_end_in_time, args=(reading,), daemon=True).start()


def came() -> bool:
    """Return whether a signal came: what goes wrong afterwards is its doing."""
    return _came.is_set()


def end() -> NoReturn:
    """Say how to go on, once, and end the program at once."""
    _ending.acquire()  # never given back: two threads may come here
    if "multiprocessing" in sys.modules:
        import multiprocessing.util

        for child in multiprocessing.active_children():
            child.kill()
        multiprocessing.util._run_finalizers(0)  # type: ignore[attr-defined]  # else Python warns of locks
    clean = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""  # of a progress bar, which hides the cursor
    with suppress(OSError):  # nobody reads it
        os.write(2, f"{clean}{line(sys.argv[1:])}\n".encode())
    os._exit(EXIT_CODE)


def line(arguments: list[str]) -> str:
    """Return what is said: whether the same command goes on where it was, or begins anew, or neither."""
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if verb in _GO_ON and ("--no-cache" not in arguments or verb in _UNCACHED):
        return "interrupted: run the same command again to go on"
    if verb in _GO_ON | _BEGIN_ANEW:
        return "interrupted: run the same command again; it starts over"
    return "interrupted"


def _interrupt(*_: object) -> NoReturn:
    _came.set()
    raise KeyboardInterrupt


def _end_in_time(reading: int) -> None:
    """End the program a while after the first signal, and at the second."""
    late: threading.Timer | None = None
    while True:
        number = os.read(reading, 1)[0]
        if signal.getsignal(number) != _interrupt:
            continue  # `serve` handles its own, and finishes what it is doing
        if late is not None:
            end()
        _came.set()
        late = threading.Timer(GRACE_SECONDS, end)
        late.daemon = True
        try:
            late.start()
        except RuntimeError:  # there can be no more threads
            end()


def _unraisable(fault: Any) -> None:
    """Say nothing of an interruption that came where nothing can be raised: the program ends all the same."""
    if not came():
        sys.__unraisablehook__(fault)


def _in_thread(fault: Any) -> None:
    if not came():
        threading.__excepthook__(fault)
