"""A lock on a gallery in Milvus, so that only one client at a time changes it.

Milvus cannot compare and replace a row in one step. A writer therefore puts a row of its own beside the head, and
then reads with strong consistency whether another writer's row is there: of two that come together at least one sees
the other, removes its row, and tries again after a random pause. The holder of a claim renews its heartbeat. A claim
without a heartbeat, or of a process that is gone from this machine, is removed by whoever waits for it.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from placeprint.errors import GalleryBusyError, GalleryError
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.head_store import BEAT as SIGN
from placeprint.gallery.milvus.head_store import CLAIM, HeadStore
from placeprint.storage.marker import this_machine

PATIENCE = 10.0
"""Seconds to wait for another writer that is alive."""
BEAT = 3.0
"""Seconds between two heartbeats."""
SILENT = 30.0
"""Seconds without a heartbeat after which a claim has no holder."""
FRESH = 5.0
"""Seconds after which a holder checks that it still is one before it writes the head."""
PAUSES = (0.1, 0.6)
"""Seconds between two tries."""

_HELD: set[str] = set()
"""Tokens of this process's claims: one left behind while the server was away has no holder."""


class Claim:
    """The right to change a gallery, from `take` or the beginning of a ``with`` to `leave` or its end.

    `doing`: What other writers are told.
    """

    def __init__(self, heads: HeadStore, doing: str) -> None:
        self.heads, self._token, self._held = heads, secrets.token_hex(8), threading.Event()
        self._text = json.dumps(
            {
                "who": f"{socket.gethostname()}, process {os.getpid()}",
                "doing": doing,
                "at": this_machine(),
                "pid": os.getpid(),
            }
        )
        self._seen: dict[str, tuple[str, float]] = {}
        self._lively: set[str] = set()
        self._verified = 0.0

    @property
    def _name(self) -> str:
        return f"{CLAIM}{self._token}"

    @property
    def _sign(self) -> str:
        return f"{SIGN}{self._token}"

    def take(self) -> Self:
        """Wait for the claim, and hold it.

        Raises `GalleryBusyError` when another writer holds it and lives; it is named; `GalleryEngineError`.
        """
        self.heads.create()
        _HELD.add(self._token)
        try:
            self._wait()
        except BaseException:
            _HELD.discard(self._token)
            raise
        threading.Thread(target=self._beat, name="claim", daemon=True).start()
        return self

    def _wait(self) -> None:
        """Try until this claim is the only one."""
        began = time.monotonic()
        while True:
            others = self._others("Eventually")  # a first look costs little, and may be wrong
            if not others:
                self.heads.put(self._name, self._text)
                self._verified = time.monotonic()
                others = self._others("Strong")
                if not others:
                    return
                self.heads.remove(self._name)
            for token, text in others.items():
                self._look_at(token, text, time.monotonic() - began)
            time.sleep(random.uniform(*PAUSES))  # noqa: S311  # so that two do not meet for ever

    def _others(self, level: str) -> dict[str, str]:
        """Return the claims of others by token, and note their heartbeats."""
        found = self.heads.claims(level=level)
        now, others = time.monotonic(), {token: text for token, (text, _) in found.items() if token != self._token}
        for token in others:
            beat = found[token][1]
            if token not in self._seen:
                self._seen[token] = (beat, now)
            elif self._seen[token][0] != beat:
                self._seen[token] = (beat, now)
                self._lively.add(token)
        return others

    def _look_at(self, token: str, text: str, waited: float) -> None:
        """Remove a claim without a holder; raise when its holder is alive and was waited for long enough."""
        holder: Mapping[str, Any] = json.loads(text)
        if _gone(holder, token) or time.monotonic() - self._seen[token][1] > SILENT:
            self.heads.remove(f"{CLAIM}{token}")
        elif waited > PATIENCE and (token in self._lively or _alive(holder)):
            raise GalleryBusyError(
                f"{self.heads.address} is being changed by another writer ({holder['who']}: {holder['doing']}): wait "
                "for it, then run the same command again"
            )

    def _beat(self) -> None:
        number = 0
        while not self._held.wait(BEAT):
            number += 1
            with suppress(GalleryError):  # the next heartbeat is soon enough
                self.heads.put(self._sign, str(number))

    def write(self, head: Head) -> None:
        """Replace the head.

        Raises `GalleryBusyError` when the claim was lost: this process stood still for longer than `SILENT`.
        """
        if time.monotonic() - self._verified > FRESH:
            if self._token not in self.heads.claims():
                raise GalleryBusyError(
                    f"{self.heads.address} was changed meanwhile by another writer: run the same command again"
                )
            self._verified = time.monotonic()
        self.heads.write(head)

    def leave(self) -> None:
        """Release the claim; when the server does not answer, it expires by itself."""
        self._held.set()
        _HELD.discard(self._token)
        with suppress(GalleryError):
            self.heads.remove(self._name, self._sign)

    def __enter__(self) -> Self:
        """Take it."""
        return self.take()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave it."""
        self.leave()


def _alive(holder: Mapping[str, Any]) -> bool:
    """Return whether a holder is a living process of this machine."""
    return bool(this_machine()) and holder["at"] == this_machine() and Path(f"/proc/{holder['pid']}").exists()


def _gone(holder: Mapping[str, Any], token: str) -> bool:
    """Return whether a holder was a process of this machine that is gone, or a claim that this process left."""
    if not this_machine() or holder["at"] != this_machine():
        return False
    if holder["pid"] == os.getpid():
        return token not in _HELD
    return not Path(f"/proc/{holder['pid']}").exists()
