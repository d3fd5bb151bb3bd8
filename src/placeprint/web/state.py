"""What every request may use, put together once by `placeprint.web.app`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from fastapi import Request

from placeprint.web.doubtful import Doubtful
from placeprint.web.identity import Addresses
from placeprint.web.metrics import Watch
from placeprint.web.settings import Settings
from placeprint.web.small_copies import SmallCopies
from placeprint.web.snapshots import Keeper, Snapshot
from placeprint.web.uploads import Intake
from placeprint.web.work_queue import Desk
from placeprint.web.write_queue import Committer


@dataclass(frozen=True)
class State:
    """What a server holds.

    Attributes
    ----------
    settings : Settings
    addresses : Addresses
    snapshots : Keeper
    intake : Intake
    recognizing, drawing : Desk
        Threads for photos that are asked about, and for pictures that are shown.
    doubtful : Doubtful
    small : SmallCopies
    watch : Watch
    committer : Committer or None
        None when nobody may write.
    """

    settings: Settings
    addresses: Addresses
    snapshots: Keeper
    intake: Intake
    recognizing: Desk
    drawing: Desk
    doubtful: Doubtful
    small: SmallCopies
    watch: Watch
    committer: Committer | None

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
