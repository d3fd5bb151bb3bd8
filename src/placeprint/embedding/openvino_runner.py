"""Runs an ONNX file on the CPU with OpenVINO: the default."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.preprocess import SIDE, Pixels
from placeprint.errors import ModelError
from placeprint.records import ModelSpec

_FIRST_INFERENCE = threading.Lock()


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
        ``auto`` takes bfloat16 where the processor computes in it, but 32 bit up to the ModelSpec's
        `precise_until`; ``f32`` takes 32 bit throughout.
    """

    name = "openvino"

    def __init__(self, path: Path, spec: ModelSpec, *, threads: int, precision: str = "auto") -> None:
        core = _openvino().Core()
        half = precision == "auto" and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = "bf16" if half else "f32"
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
        kinds = ["f32", "bf16"] if half and spec.precise_until else [self.precision]
        try:
            graph = _graph(core, path, spec)
            parts = _split(graph, spec) if len(kinds) == 2 else [graph]
            self._stages = [
                core.compile_model(part, "CPU", settings | {"INFERENCE_PRECISION_HINT": kind})
                for part, kind in zip(parts, kinds, strict=True)
            ]
            self._cells = _compiled_cells(core, path, spec, settings | {"INFERENCE_PRECISION_HINT": self.precision})
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f'model {spec}: OpenVINO cannot run "{path}": {reason}') from error
        self._local = threading.local()
        # OpenVINO's Python layer fills a static table at its first inference while it gives up the
        # interpreter's lock: two threads that come first at the same time wait for each other for ever.
        with _FIRST_INFERENCE:
            self.run(np.zeros((spec.input_size, spec.input_size, 3), np.uint8))
            if self._cells:
                self.run_cells(np.zeros((SIDE, SIDE, 3), np.uint8))

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        requests = getattr(self._local, "requests", None)
        if requests is None:
            requests = self._local.requests = [stage.create_infer_request() for stage in self._stages]
        value: Any = pixels[None]
        for request in requests:
            value = request.infer({0: value}, share_inputs=True, share_outputs=True)[0]
        return np.array(value[0], dtype=np.float32)

    def run_cells(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the map that cells are taken from, for one image of shape (height, width, 3)."""
        request = getattr(self._local, "cells", None)
        if request is None:
            request = self._local.cells = self._cells.create_infer_request()
        found = request.infer({0: pixels[None]}, share_inputs=True, share_outputs=True)[0]
        return np.array(found[0], dtype=np.float32)


def _openvino() -> Any:
    """Import OpenVINO without its telemetry, which sends a message from a child process when it is imported.

    Where `openvino_telemetry` cannot be imported OpenVINO takes a stub of its own that sends nothing.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _compiled_cells(core: Any, path: Path, spec: ModelSpec, settings: dict[str, Any]) -> Any:
    """Compile the graph up to the map that cells are taken from; None where none are asked for.

    All of it runs in bfloat16 where the processor can: cells are kept in 8 bits anyway.
    """
    if not spec.cells:
        return None
    return core.compile_model(_graph(core, path, spec, output=spec.cells_output, side=-1), "CPU", settings)


def _graph(core: Any, path: Path, spec: ModelSpec, *, output: str = "", side: int = 0) -> Any:
    """Read the graph: uint8 NHWC in, mean and std inside, one output; a side of -1 is any."""
    ov = _openvino()
    from openvino.preprocess import PrePostProcessor

    model = core.read_model(str(path))
    side = side or spec.input_size
    model.reshape({model.input(0).get_any_name(): [1, 3, side, side]})
    steps = PrePostProcessor(model)
    steps.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input(0).model().set_layout(ov.Layout("NCHW"))
    steps.input(0).preprocess().convert_element_type(ov.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    model = steps.build()
    output = output or (spec.embedding_output if spec.pooling == "graph" else spec.feature_output)
    kept = [r for r in model.get_results() if output in r.get_output_tensor(0).get_names()]
    if not kept:
        raise ModelError(f'model {spec}: "{path}" has no output called "{output}"')
    return ov.Model(kept, model.get_parameters())


def _split(model: Any, spec: ModelSpec) -> list[Any]:
    """Cut the graph in two at the tensor `precise_until`.

    The first layers of EfficientNet-Lite subtract large numbers from each other: rounding them to
    bfloat16 costs more than all the rest (lowest cosine to 32 bit on 64 photographs 0.984, with the cut 0.9993).
    """
    ov = _openvino()
    outputs = (out for op in model.get_ordered_ops() for out in op.outputs())
    cut = next((out for out in outputs if spec.precise_until in out.get_names()), None)
    if cut is None:
        raise ModelError(f'model {spec}: there is no tensor called "{spec.precise_until}" to be precise until')
    first = ov.Model([cut], model.get_parameters(), "precise")
    joint = ov.op.Parameter(ov.Type.f32, cut.get_partial_shape())
    for reader in list(cut.get_target_inputs()):
        if reader.get_node().get_type_name() != "Result":
            reader.replace_source_output(joint.output(0))
    return [first, ov.Model(model.get_results(), [joint], "fast")]
