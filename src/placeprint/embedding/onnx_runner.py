"""Runs an ONNX file with ONNX Runtime (extra ``onnx``): CPU, CUDA, CoreML, DirectML, whatever it offers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.preprocess import Pixels, WholeLook, normalised
from placeprint.errors import MissingExtraError, ModelError
from placeprint.records import ModelSpec


class OnnxRunner:
    """One session that any number of threads may use, one image at a time.

    Parameters
    ----------
    path : Path
        The ONNX file.
    spec : ModelSpec
    threads : int
        CPU threads within one image.
    precision : str
        Only ``auto`` and ``f32``: both compute in 32 bit.
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
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("ONNX Runtime", "onnx") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.precision = "f32"
        self._spec = spec
        self._output = spec.embedding_output if spec.pooling == "graph" else spec.feature_output
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=onnxruntime.get_available_providers()
            )
        except Exception as error:  # ONNX Runtime has no common base for what a bad file raises
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f'model {spec}: ONNX Runtime cannot run "{path}": {reason}') from error
        self._input = self._session.get_inputs()[0].name
        there = [o.name for o in self._session.get_outputs()]
        for output in (self._output, spec.cells_output if spec.cells else self._output):
            if output not in there:
                raise ModelError(f'model {spec}: "{path}" has no output called "{output}"')

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        result = self._session.run([self._output], {self._input: normalised(pixels, self._spec)})[0]
        return np.asarray(result[0], dtype=np.float32)

    def run_whole(self, pixels: Pixels) -> WholeLook:
        """Return the maps of one image of shape (height, width, 3), as `OpenVinoRunner.run_whole`."""
        spec = self._spec
        outputs = [spec.cells_output, *([spec.feature_output] if "whole" in spec.views else [])]
        found = self._session.run(outputs, {self._input: normalised(pixels, spec)})
        maps = [np.asarray(value[0], dtype=np.float32) for value in found]
        return WholeLook(maps[0], maps[1] if len(maps) == 2 else None)
