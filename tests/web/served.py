"""Servers for the tests: the real application on a real socket, in a thread or as a program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOKEN = "a-token-for-the-tests"
WRITER = {"authorization": f"Bearer {TOKEN}"}


@contextmanager
def served_in_thread(gallery: Path, **settings: Any) -> Iterator[str]:
    """Serve a gallery from this process, with any settings; yield its address."""
    from placeprint.web.snapshots import FolderSnapshots

    with served_source(FolderSnapshots(gallery), **settings) as url:
        yield url


@contextmanager
def served_source(keeper: Any, **settings: Any) -> Iterator[str]:
    """Serve what keeps the newest state of a gallery; yield its address."""
    import uvicorn

    from placeprint.web.app import make_app
    from placeprint.web.server import configured
    from placeprint.web.settings import Settings

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(configured(make_app(keeper, Settings(**settings))))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Program:
    """`placeprint serve` as a process of its own."""

    def __init__(self, gallery: Path | str, log: Path, *options: str, token: str = "") -> None:
        self.log = log.open("ab")
        env = {**os.environ, "PLACEPRINT_TOKEN": token}
        command = [sys.executable, "-m", "placeprint.cli.program", "serve", str(gallery), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=env, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving"), (line, log.read_text())
        self.url = line.split(" at ")[1].split(" ")[0]

    def stop(self, how: Callable[[subprocess.Popen[str]], None] = subprocess.Popen.terminate) -> int:
        how(self.process)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        code = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        return code


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)
