"""What all requests share, made once by `placeprint.web.app`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from fastapi import Request

from placeprint.web.doubtful_answers import DoubtfulAnswers
from placeprint.web.identity import Urls
from placeprint.web.metrics import Metrics
from placeprint.web.settings import Settings
from placeprint.web.snapshots import Snapshot, SnapshotSource
from placeprint.web.thumbnail_cache import ThumbnailCache
from placeprint.web.uploads import UploadReader
from placeprint.web.work_queue import WorkQueue
from placeprint.web.write_queue import WriteQueue


@dataclass(frozen=True)
class State:
    """What a server holds.

    Attributes
    ----------
    settings : Settings
    urls : Urls
    snapshots : SnapshotSource
    uploads : UploadReader
    recognizing, drawing : WorkQueue
        Threads that answer images, and threads that make the images that are shown.
    doubtful : DoubtfulAnswers
    thumbnails : ThumbnailCache
    metrics : Metrics
    write_queue : WriteQueue or None
        None when the server only answers.
    """

    settings: Settings
    urls: Urls
    snapshots: SnapshotSource
    uploads: UploadReader
    recognizing: WorkQueue
    drawing: WorkQueue
    doubtful: DoubtfulAnswers
    thumbnails: ThumbnailCache
    metrics: Metrics
    write_queue: WriteQueue | None

    async def snapshot(self) -> Snapshot:
        """Return the gallery as it is now.

        Raises
        ------
        GalleryEngineError
            When a server keeps it, and is away.
        """
        if self.snapshots.stale:
            return await asyncio.to_thread(self.snapshots.reload)
        return self.snapshots.newest


def state_of(request: Request) -> State:
    """Return the state of the server that answers a request."""
    return cast(State, request.app.state.server)
