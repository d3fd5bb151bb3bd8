"""HTTP/1.1 connections within limits: how many there are, and how long one may take to speak or to listen."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 256
"""Open connections; for one more the idle ones make room, and where none is idle it is refused."""
PATIENCE_SECONDS = 10.0
"""How long the head of a request may take to come, and how long a client may read nothing of its answer."""
HEAD_BYTES = 32 * 1024
"""Of the head of a request."""
_SLICE = 8 * 1024
"""What is given to the parser at once while it waits for a head: it counts only what it holds."""

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
    b"Content-Length: 37\r\nConnection: close\r\n\r\ntoo many connections: try again later"
)


class BoundedProtocol(H11Protocol):
    """One connection of uvicorn's, which is closed when it takes too long, and when there are too many."""

    _timer: asyncio.TimerHandle | None = None
    _seen: tuple[Any, ...] | None = None
    _pauses = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override, unused-ignore]
        """Take a connection, or refuse it when there are too many."""
        if len(self.connections) >= MOST and not self._make_room():
            transport.write(_FULL)
            transport.close()
            self.transport = transport
            return
        super().connection_made(transport)
        self._look(first=True)

    def _make_room(self) -> bool:
        """Close the connections that wait for a request; return whether there were any."""
        waiting = [one for one in self.connections if isinstance(one, BoundedProtocol) and one._waits()]
        for one in waiting:
            one.transport.abort()
            self.connections.discard(one)
        return bool(waiting)

    def _waits(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that is too long is refused however its bytes arrive."""
        while data and not self.transport.is_closing() and self.conn.their_state in (h11.IDLE, h11.DONE):
            super().data_received(data[:_SLICE])
            data = data[_SLICE:]
        if data and not self.transport.is_closing():
            super().data_received(data)

    def pause_writing(self) -> None:
        """Count how often the client was too slow to read."""
        self._pauses += 1
        super().pause_writing()

    def _look(self, *, first: bool = False) -> None:
        """Close the connection where nothing moved since the last look: no request came, or none of an answer went."""
        now = self._state()
        if not first and now is not None and now == self._seen:
            self.transport.abort()
            return
        self._seen = now
        self._timer = self.loop.call_later(PATIENCE_SECONDS, self._look)

    def _state(self) -> tuple[Any, ...] | None:
        """Return what moves while the client does its part, or None where it is the server's turn."""
        if self._waits():
            return None if self.timeout_keep_alive_task is not None else ("head", self.cycle)
        left = self.transport.get_write_buffer_size()
        return ("answer", self._pauses, left) if left else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
        if self.flow is not None:  # else it was refused, and never taken
            super().connection_lost(exc)
