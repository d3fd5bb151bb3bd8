"""What all requests share, made once by `placeprint.web.app`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from fastapi import Request

from placeprint.grouping.remembered import Remembered
from placeprint.web.doubtful_answers import DoubtfulAnswers
from placeprint.web.identity import Urls
from placeprint.web.metrics import Metrics
from placeprint.web.problems import busy
from placeprint.web.settings import Settings
from placeprint.web.snapshots import Snapshot, SnapshotSource
from placeprint.web.thumbnail_cache import ThumbnailCache
from placeprint.web.uploads import Upload, UploadReader
from placeprint.web.work_queue import WorkQueue
from placeprint.web.write_queue import WriteQueue

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class State:
    """What a server holds."""

    settings: Settings
    urls: Urls
    snapshots: SnapshotSource
    uploads: UploadReader
    # recognizing, drawing: Threads that answer images, and threads that make the images that are shown.
    recognizing: WorkQueue
    drawing: WorkQueue
    doubtful: DoubtfulAnswers
    thumbnails: ThumbnailCache
    metrics: Metrics
    write_queue: WriteQueue | None  # None when the server only answers.
    unknown: Remembered | None = None  # Where unknown photos are kept, where they are.

    async def snapshot(self) -> Snapshot:
        """Return the gallery as it is now. Raises `GalleryEngineError` when a server keeps it, and is away."""
        if self.snapshots.stale:
            return await asyncio.to_thread(self.snapshots.reload)
        return self.snapshots.newest

    def in_turn(self, uploads: Sequence[Upload], answer: Callable[[Upload], Answer], *, until: float) -> list[Answer]:
        """Check all photos, then answer one after the other; called on a thread.

        `uploads`, `answer`: Photos, and what answers one of them.
        `until`: When, by `time.perf_counter`, no further one is begun.
        Raises `ImageError` or `Problem`: which photo cannot be used; 503 where it takes too long.
        """
        for upload in uploads:
            upload.check(self.settings.max_pixels)
        found = []
        for upload in uploads:
            if time.perf_counter() > until:
                raise busy("the answer took too long and was given up: send fewer photos")
            with upload.named():
                found.append(answer(upload))
        return found


def state_of(request: Request) -> State:
    """Return the state of the server that answers a request."""
    return cast(State, request.app.state.server)
