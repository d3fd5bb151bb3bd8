"""Limits of HTTP/1.1 connections: how many there are, how long each may take, how much is read at once.

One thread reads all connections in turn, so the work for one of them before the next is kept small.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from sys import byteorder
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 256
"""Open connections; a new one takes the place of idle ones, and is refused when none is idle."""
PATIENCE_SECONDS = 10.0
"""How long the head of a request may take, and how long a client may read nothing of its answer."""
HEAD_BYTES = 32 * 1024
"""Of the head of a request."""
_HEAD_READ, _BODY_READ, _CHUNKED_READ = 8 * 1024, 64 * 1024, 16 * 1024
"""Bytes that are read at once: of a head, whose parser counts only what it holds; of a body; of one in chunks."""
_MOST_LINES = 128
"""Of the head of a request."""
_BLANK_LINE = re.compile(rb"\n\r?\n")
_CHUNK_BYTES, _FREE_CHUNKS = 256, 64
"""The mean that a body's chunks must have, since each is some work, whatever its size; so many may be smaller."""

_STEP_BYTES = 8 * 1024
"""What a client must read of its answer in `PATIENCE_SECONDS`."""

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
    b"Content-Length: 37\r\nConnection: close\r\n\r\ntoo many connections: try again later"
)


class _Parser(h11.Connection):
    """Refuses few bytes that are much work: a head of many lines, a body of many chunks."""

    _credit = 0

    def next_event(self) -> Any:
        """Return what comes next."""
        if self.their_state is h11.IDLE:
            waiting, _ = self.trailing_data
            end = _BLANK_LINE.search(waiting)
            if waiting.count(b"\n", 0, end.end() if end else len(waiting)) > _MOST_LINES:
                raise h11.RemoteProtocolError("the head has too many lines")
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._credit = _CHUNK_BYTES * _FREE_CHUNKS
        elif isinstance(event, h11.Data):
            self._credit = min(self._credit + len(event.data), _CHUNK_BYTES * _FREE_CHUNKS)
            self._credit -= _CHUNK_BYTES if event.chunk_start else 0
            if self._credit < 0:
                raise h11.RemoteProtocolError("the chunks of the body are too small")
        return event


class BoundedProtocol(H11Protocol, asyncio.BufferedProtocol):
    """A connection of uvicorn that is closed when it takes too long or when there are too many."""

    _timer: asyncio.TimerHandle | None = None
    _seen: tuple[Any, ...] | None = None
    _pauses = 0
    _buffer = memoryview(b"")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.conn = _Parser(h11.SERVER, HEAD_BYTES)

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

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return room for what is read next."""
        size = _HEAD_READ
        if self.conn.their_state is h11.SEND_BODY:
            chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
            size = _CHUNKED_READ if chunked else _BODY_READ
        self._buffer = memoryview(bytearray(size))
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what came."""
        came, self._buffer = self._buffer[:nbytes], memoryview(b"")
        if not self.transport.is_closing():
            self.data_received(came)

    def send_400_response(self, msg: str) -> None:
        """Say that a request is no HTTP, or end the connection where that would come in the middle of an answer."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

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
        return ("answer", self._pauses, (left + self._queued()) // _STEP_BYTES) if left else None

    def _queued(self) -> int:
        """Return what the system still holds for the client: megabytes, which a slow one reads for minutes."""
        with suppress(ImportError, OSError):
            from fcntl import ioctl
            from termios import TIOCOUTQ

            held = ioctl(self.transport.get_extra_info("socket").fileno(), TIOCOUTQ, bytes(4))
            return int.from_bytes(held, byteorder)
        return 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
        if self.flow is not None:  # else it was refused, and never taken
            super().connection_lost(exc)
