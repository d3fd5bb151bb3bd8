"""Progress of long work: a bar, log lines, or nothing."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Protocol, Self

from placeprint.terminal import note, printable, styled, tell


class Progress(Protocol):
    """A display of progress, as the stages use it.

    Examples
    --------
    >>> import placeprint
    >>> class Counting:
    ...     def start(self, what, total):
    ...         print(what, total)
    ...
    ...     def advance(self, steps=1):
    ...         pass
    ...
    ...     def finish(self):
    ...         print("done")
    >>> counted = placeprint.add("town.gallery", "town", progress=Counting())
    embedding 13
    done
    """

    def start(self, what: str, total: int) -> None:
        """Start a task of `total` steps."""

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""

    def finish(self) -> None:
        """End the task."""


class Silent:
    """Shows nothing."""

    def start(self, what: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


_TOLD = 13
"""Lines whose rate is told, and what it leaves: a minute."""
_OTHER_PACE = 2
"""So many times as fast, or as slow, is other work: what came from the cache says nothing of what does not."""


class Lines:
    """A line on stderr every few seconds, for logs and pipes."""

    def __init__(self, *, every: float = 5.0) -> None:
        self._every = every
        self._what, self._total, self._done = "", 0, 0
        self._told = deque[tuple[float, int]](maxlen=_TOLD)

    def start(self, what: str, total: int) -> None:
        """Start a task."""
        self._what, self._total, self._done = what, total, 0
        self._told.clear()
        self._told.append((time.monotonic(), 0))

    def advance(self, steps: int = 1) -> None:
        """Count the steps, and print a line when it is time."""
        self._done += steps
        now = time.monotonic()
        if now - self._told[-1][0] >= self._every:
            lately, rate = self._rate(self._told[-1], now), self._rate(self._told[0], now)
            if lately and not rate / _OTHER_PACE <= lately <= rate * _OTHER_PACE:
                rate, last = lately, self._told[-1]
                self._told.clear()
                self._told.append(last)
            self._told.append((now, self._done))
            left = max(self._total - self._done, 0) / rate if rate else 0.0
            about = f"about {left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"
            tell(f"{self._what}: {self._done}/{self._total} ({rate:.{0 if rate >= 1 else 1}f}/s, {about})")

    def _rate(self, told: tuple[float, int], now: float) -> float:
        """Return steps a second since a line was told."""
        since, done = told
        return (self._done - done) / max(now - since, 1e-9)

    def finish(self) -> None:
        """Do nothing: the verb prints its own result."""


class Bar:
    """A bar on a terminal, by Rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._rich = RichProgress(
            *columns,
            console=Console(file=styled(sys.stderr)),
            transient=True,
            redirect_stdout=False,  # what is printed meanwhile goes through `terminal.Output`
            redirect_stderr=False,
        )
        self._task = self._rich.add_task("", total=None, visible=False)

    def start(self, what: str, total: int) -> None:
        """Start a task."""
        self._rich.reset(self._task, description=printable(what), total=total, visible=True)
        self._rich.start()

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        self._rich.advance(self._task, steps)

    def finish(self) -> None:
        """Remove the bar."""
        self._rich.stop()


class Stretch:
    """A task that always finishes: ``with Stretch(progress, "embedding", 100) as step: step()``."""

    def __init__(self, progress: Progress | None, what: str, total: int) -> None:
        self._progress: Progress = progress if progress is not None else Silent()
        self._what, self._total = what, total
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Start the display."""
        note(f"{self._what}: {self._total} to do")
        self._progress.start(self._what, self._total)
        return self

    def __call__(self, steps: int = 1) -> None:
        """Count `steps` more as done."""
        self._progress.advance(steps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display, also after an error."""
        self._progress.finish()
        note(f"{self._what}: {'done' if error is None else 'ended'} after {time.monotonic() - self._began:.2f} s")


def on_stderr(*, quiet: bool = False) -> Progress:
    """Choose a bar on a terminal, lines in a pipe, silence when `quiet`."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr is not None and sys.stderr.isatty() else Lines()
