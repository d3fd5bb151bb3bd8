"""Writes wait in a queue, become one change of the gallery, and are answered when that is on disk.

One thread changes the gallery. All writes that arrive meanwhile are its next change: one image takes as long as fifty,
because the gallery is written anew. Uploaded images lie in the gallery's own folder ``photos``, each named by the hash
of its content, and are on disk before the gallery refers to them.

Several servers may write to one gallery, and so may ``placeprint add``: each change is made under the folder's lock to
the gallery as it is then, and every server opens the gallery again when its folder changed.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from placeprint.web import gallery_changes
from placeprint.web.gallery_changes import Addition, Outcome, Removal, WriteResult
from placeprint.web.metrics import Metrics
from placeprint.web.problems import busy
from placeprint.web.snapshots import SnapshotSource

LOG = logging.getLogger("placeprint.web")

MOST_TOGETHER = 256
"""The most requests in one change, and the most that may wait."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    write: Addition | Removal
    done: Future[WriteResult]


class WriteQueue:
    """The one thread that changes a gallery."""

    def __init__(self, snapshots: SnapshotSource, metrics: Metrics) -> None:
        self._snapshots, self._metrics = snapshots, metrics
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(MOST_TOGETHER)
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
        if stray := gallery_changes.stray_images(snapshots.newest):
            LOG.warning(
                "%d photos in %s are not in the gallery: it was indexed anew, or an upload was interrupted. "
                "Send them again, or remove them",
                len(stray),
                snapshots.newest.uploads,
            )
        self._thread.start()

    async def write(self, write: Addition | Removal) -> WriteResult:
        """Make a change, and return when it is on disk.

        Raises `Problem`: 404 or 409 when the gallery says something else by now; 503 when too many wait; `GalleryError`
        or `OSError` when the gallery cannot be written to.
        """
        waiting = _Waiting(write, Future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full as error:
            raise busy("too many changes are waiting: try again shortly") from error
        return await asyncio.wrap_future(waiting.done)

    def close(self, seconds: float) -> None:
        """Finish the writes that wait, and end; a write that takes longer was not acknowledged."""
        with suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _work(self) -> None:
        while batch := self._next():
            # Changes of one kind that follow each other become one; their order is kept.
            for _, some in groupby(batch, key=lambda waiting: waiting.write.kind):
                self._commit(list(some))

    def _next(self) -> list[_Waiting]:
        """Wait for a write, and return all that wait; nothing when the queue was closed."""
        batch: list[_Waiting] = []
        while (waiting := self._queue.get()) is not None:
            batch.append(waiting)
            if len(batch) >= MOST_TOGETHER or self._queue.empty():
                return batch
        if batch:
            self._queue.put(None)
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Change the gallery once for writes of one kind, and answer each."""
        try:
            outcomes = self._outcomes([waiting.write for waiting in batch])
        except Exception as error:
            LOG.exception("a change of the gallery failed")
            outcomes = [error] * len(batch)
        done = [w.write.kind for w, outcome in zip(batch, outcomes, strict=True) if isinstance(outcome, WriteResult)]
        if done:
            self._metrics.wrote(done)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.done.cancelled():
                continue
            if isinstance(outcome, WriteResult):
                waiting.done.set_result(outcome)
            else:
                waiting.done.set_exception(outcome)

    def _outcomes(self, writes: Sequence[Addition | Removal]) -> list[Outcome | Exception]:
        snapshot = self._snapshots.reload(sure=True)
        additions = [write for write in writes if isinstance(write, Addition)]
        removals = [write for write in writes if isinstance(write, Removal)]
        found = gallery_changes.add(snapshot, additions) if additions else gallery_changes.remove(snapshot, removals)
        self._snapshots.reload(sure=True)  # a client that reads the answer finds its change
        return list(found)
