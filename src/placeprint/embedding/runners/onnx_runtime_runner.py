"""Runs an ONNX file with ONNX Runtime (extra ``onnx``): CPU, CUDA, CoreML, DirectML, whatever it offers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from placeprint import forks
from placeprint.arrays import Maps, Pixels
from placeprint.embedding.onnx_file import read_checked
from placeprint.embedding.preprocess import WholeMaps, normalised
from placeprint.embedding.runners.signature import End, checked, refuse_misfit, wanted_outputs
from placeprint.errors import MissingExtraError, ModelError, first_line
from placeprint.extras import require
from placeprint.records import ModelSpec

_KINDS = {"float": "float32", "double": "float64"}
"""ONNX Runtime's words for what NumPy calls otherwise."""


class OnnxRunner:
    """One session that any number of threads may use, one image at a time.

    `path`: The ONNX file.
    `threads`: CPU threads within one image.
    `precision`: Only ``auto`` and ``f32``: both compute in 32 bit.
    """

    name = "onnx"

    def __init__(
        self,
        path: Path,
        spec: ModelSpec,
        *,
        threads: int,
        precision: str = "auto",  # noqa: ARG002 - part of every runner's contract; both mean 32 bit here
    ) -> None:
        self.precision = "f32"
        self._spec, self._path, self._threads = spec, path, threads
        self._session = forks.Made(partial(_session, path, spec, threads))
        session = self._session.get()
        inputs, outputs = ([_end(each) for each in ends] for ends in (session.get_inputs(), session.get_outputs()))
        refuse_misfit(spec, path, inputs, outputs)
        self._input = inputs[0].name
        self._square, self._whole = wanted_outputs(spec)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes it again."""
        return partial(type(self), threads=self._threads), (self._path, self._spec)

    def run(self, pixels: Pixels) -> Maps:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        return self._infer(self._square, pixels)[0]

    def run_whole(self, pixels: Pixels) -> WholeMaps:
        """Return the maps of one image of shape (height, width, 3), as `OpenVinoRunner.run_whole`."""
        maps = self._infer(self._whole, pixels)
        return WholeMaps(maps[0], maps[1] if len(maps) == 2 else None)

    def _infer(self, outputs: list[str], pixels: Pixels) -> list[Maps]:
        with forks.busy():
            session = self._session.get()
            try:
                found = session.run(outputs, {self._input: normalised(pixels, self._spec)})
            except Exception as error:  # no common base either
                raise _failed(self._path, self._spec, error) from error
        return [checked(self._spec, name, value) for name, value in zip(outputs, found, strict=True)]


def session_of(data: bytes, threads: int) -> Any:
    """Return a session for the bytes of an ONNX file, on the best device that ONNX Runtime offers."""
    onnxruntime = require("onnxruntime", extra="onnx", what="ONNX Runtime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Else bytes of its own format would be taken for one, and nothing has looked into that.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(data, options, providers=onnxruntime.get_available_providers())


def _session(path: Path, spec: ModelSpec, threads: int) -> Any:
    try:
        return session_of(read_checked(path, spec.weights_sha256), threads)
    except (ModelError, MissingExtraError):
        raise
    except Exception as error:  # ONNX Runtime has no common base for what a bad file raises
        raise _failed(path, spec, error) from error


def _failed(path: Path, spec: ModelSpec, error: Exception) -> ModelError:
    return ModelError(f'model {spec}: ONNX Runtime cannot run "{path}": {first_line(error)}')


def _end(found: Any) -> End:
    """Return what ONNX Runtime says of an input or an output; no shape at all is one that is not known."""
    kind = found.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(each if isinstance(each, int) else None for each in found.shape) or None
    return End(found.name, _KINDS.get(kind, kind), shape)
