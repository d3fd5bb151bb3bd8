"""A way to a server that can be slow, or stuck: bytes go on late, or not at all."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Way:
    """Passes bytes on to a port of loopback, and back.

    Attributes
    ----------
    port : int
        Where it listens.
    late : float
        Seconds that each piece of an answer is held back.
    stuck : bool
        Nothing passes any more, and no connection ends: as with a machine that is frozen.
    """

    def __init__(self, target: int) -> None:
        self._target, self.late, self.stuck = target, 0.0, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = [self._listener]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open += [here, there]
            for one, two, answers in ((here, there, False), (there, here, True)):
                threading.Thread(target=self._pass, args=(one, two, answers), daemon=True).start()

    def _pass(self, one: socket.socket, two: socket.socket, answers: bool) -> None:
        try:
            while data := one.recv(1 << 16):
                if answers:
                    time.sleep(self.late)
                while self.stuck:
                    time.sleep(0.05)
                two.sendall(data)
        except OSError:
            pass
        for each in (one, two):
            each.close()

    def close(self) -> None:
        """End all connections."""
        self.stuck = False
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
