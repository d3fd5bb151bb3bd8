"""`placeprint serve`: run the application until it is told to stop."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from placeprint.dataset.decoding.budget import DECODING
from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.options import DecisionOptions, ModelOptions
from placeprint.recognition.query import outdated
from placeprint.web.app import make_app
from placeprint.web.connections import BoundedProtocol
from placeprint.web.middleware import JsonLines
from placeprint.web.settings import LOOPBACK, Listen, Settings
from placeprint.web.snapshots import FolderSnapshots, SnapshotSource

STOP_SECONDS = 30
"""A server that was told to stop has ended after this long, whatever runs."""
GRACE_SECONDS = 20
"""How long running requests may take when the server is stopped."""
KEEP_ALIVE_SECONDS = 15
TURN_SECONDS = 0.001
"""How long a thread may keep the interpreter: a fifth of Python's default, because one thread reads all requests."""

LOG = logging.getLogger("placeprint.web")


def serve(
    gallery: Path | str,
    settings: Settings,
    listen: Listen,
    *,
    photos: Path | None = None,
    model: ModelOptions = ModelOptions(),
    say: Callable[[str], None] = print,
) -> None:
    """Serve a gallery until SIGTERM or Ctrl-C; what runs then is finished first, within `STOP_SECONDS`.

    See `placeprint.web.serve.serve`.
    """
    gc.freeze()  # the modules are no garbage: looking at them after each change let no other thread run for 40 ms
    log_to_stderr()
    sys.setswitchinterval(TURN_SECONDS)
    DECODING.most = settings.decode_bytes
    source = snapshots_of(gallery, photos=photos, model=model)
    config = configured(make_app(source, settings))
    for stop in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when all is done: that is no failure
        signal.signal(stop, lambda *_: None)
    opened = _socket_file(listen.unix_socket) if listen.unix_socket else _listening(listen.host, listen.port)
    with opened as (listener, where):
        say(f"serving {gallery} at {where} (Ctrl-C stops)")
        if old := outdated(source.newest.gallery, DecisionOptions()).get("calibration_outdated"):
            say(old)
        if not listen.unix_socket and listen.host not in LOOPBACK:
            _warn(listen.host, settings)
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends in time also when a thread hangs in a library, which only the end of the process stops."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, and end the process when that takes too long."""
        super().handle_exit(sig, frame)
        ending = threading.Timer(STOP_SECONDS, _end)
        ending.daemon = True
        ending.start()


def _end() -> None:
    LOG.warning("requests that still ran %d s after the server was told to stop were abandoned", STOP_SECONDS)
    os._exit(0)


def snapshots_of(
    gallery: Path | str,
    *,
    photos: Path | None = None,
    model: ModelOptions = ModelOptions(),
) -> SnapshotSource:
    """Open a gallery to be served.

    Raises `GalleryError` or `ModelError`; `UsageError` when images of a gallery in a folder are to be elsewhere: that
    keeps them itself.
    """
    if is_address(gallery):
        from placeprint.web.milvus_snapshots import MilvusSnapshots

        return MilvusSnapshots(str(gallery), photos=photos, model=model)
    if photos is not None:
        raise UsageError("a gallery in a folder keeps added photos itself: leave out --photos")
    return FolderSnapshots(Path(gallery), model=model)


def configured(app: ASGIApp) -> uvicorn.Config:
    """Return the configuration of uvicorn: bounded heads and waits, and only the application's own log."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """Listen on an address; yield the socket and its URL."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host or None, port)  # create_server leaves its socket open where a name cannot be one
        listener = socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError, TypeError, ValueError) as error:
        raise UsageError(
            f"cannot listen on {host}, port {port} ({_reason(error)}): choose others with --host and --port"
        ) from error
    with listener:
        name = f"[{host}]" if ":" in host else host
        yield listener, f"http://{name}:{listener.getsockname()[1]}"


@contextmanager
def _socket_file(path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Listen on a socket file; only a socket that nobody listens on is replaced."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            if _left_over(path):
                path.unlink()
            listener.bind(str(path))
            listener.listen(512)
            made = path.stat().st_ino
        except OSError as error:
            raise UsageError(f'cannot listen on "{path}" ({_reason(error)}): choose another with --socket') from error
        try:
            yield listener, f"unix:{path}"
        finally:
            with suppress(OSError):
                if path.stat().st_ino == made:
                    path.unlink()


def _left_over(path: Path) -> bool:
    """Return whether this is a socket that nobody listens on any more."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(0)  # one whose queue is full would be waited for without an end
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            return False
    return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _warn(host: str, settings: Settings) -> None:
    LOG.warning(
        "listening on %s without TLS: everyone who reaches this address can ask the gallery and see its photos%s. "
        "Put a reverse proxy with TLS before it",
        host,
        ", and the token travels in the clear" if settings.writing else "",
    )


def log_to_stderr() -> None:
    """Write the log as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    levels = {"placeprint.web": logging.INFO, "uvicorn": logging.WARNING, "python_multipart": logging.ERROR}
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
