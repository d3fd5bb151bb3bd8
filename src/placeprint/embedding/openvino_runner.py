"""Runs an ONNX file on the CPU with OpenVINO: the default."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.preprocess import Pixels
from placeprint.errors import ModelError
from placeprint.records import ModelSpec


class OpenVinoRunner:
    """One compiled graph that any number of threads may use, one image at a time.

    A batch of one in as many streams as there are threads was as fast as batches of eight, and makes an
    embedding independent of its batch by construction.

    Parameters
    ----------
    path : Path
        The ONNX file.
    spec : ModelSpec
    threads : int
        Images in flight, and CPU threads.
    precision : str
        ``auto`` takes bfloat16 where the processor computes in it (about twice as fast), ``f32`` never does.
    """

    name = "openvino"

    def __init__(self, path: Path, spec: ModelSpec, *, threads: int, precision: str = "auto") -> None:
        self._output = spec.embedding_output if spec.pooling == "graph" else spec.feature_output
        self._compiled = _compile(path, spec, self._output, threads, precision)
        self.precision = "bf16" if "bf" in str(self._compiled.get_property("INFERENCE_PRECISION_HINT")) else "f32"
        self._local = threading.local()

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        result = request.infer({0: pixels[None]}, share_inputs=True)
        return np.array(result[0][0], dtype=np.float32)


def _compile(path: Path, spec: ModelSpec, output: str, threads: int, precision: str) -> Any:
    """Build the graph: uint8 NHWC in, mean and std inside, one output."""
    os.environ.setdefault("OPENVINO_TELEMETRY_DISABLED", "1")
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    core = ov.Core()
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
    }
    if precision == "f32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    try:
        model = core.read_model(str(path))
        side = spec.input_size
        model.reshape({model.input(0).get_any_name(): [1, 3, side, side]})
        steps = PrePostProcessor(model)
        steps.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input(0).model().set_layout(ov.Layout("NCHW"))
        steps.input(0).preprocess().convert_element_type(ov.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
        model = steps.build()
        kept = [r for r in model.get_results() if output in r.get_output_tensor(0).get_names()]
        if not kept:
            raise ModelError(f'model {spec}: "{path}" has no output called "{output}"')
        return core.compile_model(ov.Model(kept, model.get_parameters()), "CPU", settings)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f'model {spec}: OpenVINO cannot run "{path}": {reason}') from error
