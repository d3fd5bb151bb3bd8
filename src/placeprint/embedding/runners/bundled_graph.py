"""Runs a graph that comes with the package and has inputs and outputs of its own: local features and their matcher."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from threading import Thread
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint import forks
from placeprint.embedding.models import WEIGHTS
from placeprint.embedding.onnx_file import read_checked
from placeprint.errors import ModelError, first_line

HASHES = {
    "xfeat": "fb9ffd2a881b0044ce6ba4b75af0cda393a67e970e42f98a746a1f787f23df46",
    "lighterglue": "84a2620b101f142cb559d81780779af5aa0569ce483a3a90a080076f370a3f78",
}
"""SHA-256 of the files, which `tools/build_local_features.py` makes."""


class Graph(Protocol):
    """What runs; any number of threads may call it."""

    def run(self, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[Any]]:
        """Return all outputs, in the order of the file."""


class _OpenVinoGraph:
    """One compiled graph, with as many requests as ran at once: whichever thread asks, one is prepared already."""

    def __init__(self, name: str, threads: int, precision: str) -> None:
        from placeprint.embedding.runners.compiled import compiled
        from placeprint.embedding.runners.openvino_runner import cpu_settings, openvino_package, read_graph

        core = openvino_package().Core()
        settings = cpu_settings(core, threads, precision)
        self._compiled = compiled(core, lambda: read_graph(_bytes_of(name)), {"weights": HASHES[name]}, settings)
        self._idle: list[Any] = []

    def run(self, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[Any]]:
        from placeprint.embedding.runners.openvino_runner import first_alone

        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        with first_alone():
            found = request.infer(dict(enumerate(inputs)), share_inputs=True)
        made = [found[i] for i in range(len(found))]
        self._idle.append(request)
        return made


class _OnnxGraph:
    """One session of ONNX Runtime."""

    def __init__(self, name: str, threads: int) -> None:
        from placeprint.embedding.runners.onnx_runtime_runner import session_of

        self._session = session_of(_bytes_of(name), threads)
        self._names = [each.name for each in self._session.get_inputs()]

    def run(self, inputs: Sequence[NDArray[np.float32]]) -> list[NDArray[Any]]:
        return list(self._session.run(None, dict(zip(self._names, inputs, strict=True))))


class BundledGraph:
    """A graph of the package, loaded when it is first run.

    `name`: One of `HASHES`.
    `runner`: ``openvino`` or ``onnx``.
    `threads`: Runs in flight, and CPU threads.
    `precision`: ``f32`` for 32 bit throughout; else bfloat16 where the processor computes in it.
    """

    def __init__(self, name: str, *, runner: str = "openvino", threads: int = 1, precision: str = "auto") -> None:
        self.name, self._lock = name, forks.Lock()
        self._how: dict[str, Any] = {"runner": runner, "threads": threads, "precision": precision}
        self._made: forks.Made[Graph] | None = None
        self._was_begun = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes it again."""
        return partial(type(self), **self._how), (self.name,)

    def run(self, *inputs: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Return all outputs for inputs in the order of the file; the arrays are the caller's.

        Raises `ModelError` when the file is missing, damaged or cannot be run.
        """
        with forks.busy():
            try:
                return self._loaded().run(inputs)
            except ModelError:
                raise
            except Exception as error:  # the runtimes have no common base for it
                raise ModelError(f"the bundled model {self.name} cannot be run: {first_line(error)}") from error

    def begin(self) -> None:
        """Load the graph beside what the caller does next, where nobody did yet; `run` says why it cannot be."""
        if self._made is None and not self._was_begun:
            self._was_begun = True
            with suppress(RuntimeError):  # no thread can be started
                Thread(target=self._begun, name=f"load {self.name}").start()

    def _begun(self) -> None:
        with suppress(Exception):
            self._loaded()

    def _loaded(self) -> Graph:
        with self._lock:
            if self._made is None:
                self._made = forks.Made(partial(_graph, self.name, **self._how))
        return self._made.get()


@cache
def bundled_graph(name: str, *, runner: str = "openvino", threads: int = 1, precision: str = "auto") -> BundledGraph:
    """Return a graph of the package, the same to all who ask alike; see `BundledGraph`."""
    return BundledGraph(name, runner=runner, threads=threads, precision=precision)


def _graph(name: str, runner: str, threads: int, precision: str) -> Graph:
    return _OnnxGraph(name, threads) if runner == "onnx" else _OpenVinoGraph(name, threads, precision)


def _bytes_of(name: str) -> bytes:
    path = WEIGHTS / f"{name}.onnx"
    if not path.is_file():
        raise ModelError(f'the file "{path}" is missing: install placeprint again')
    return read_checked(path, HASHES[name])
