"""Runs an ONNX file on the CPU with OpenVINO: the default."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.compiled import compiled
from placeprint.embedding.eight_bits import EightBits, lower, multiplies_bytes, table_of
from placeprint.embedding.preprocess import Pixels, WholeLook
from placeprint.errors import ModelError
from placeprint.records import ModelSpec


class _First:
    """The first inference of this process, which one thread makes alone.

    OpenVINO's Python layer fills a static table at its first inference while it gives up the interpreter's lock: two
    threads that come first at the same time wait for each other for ever.
    """

    lock, done = threading.Lock(), False


_FIRST = _First()


class OpenVinoRunner:
    """Compiled graphs that any number of threads may use, one image at a time.

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
        ``auto`` takes bfloat16 where the processor computes in it, and else 8 bits where it multiplies bytes faster and
        no cells are kept; ``int8`` takes 8 bits on any processor (without those instructions sums may run over); both
        only where a table says how (`placeprint.embedding.eight_bits`). ``f32`` takes 32 bit throughout.
    """

    name = "openvino"

    def __init__(self, path: Path, spec: ModelSpec, *, threads: int, precision: str = "auto") -> None:
        core = openvino_package().Core()
        table = _table(core, path, spec, precision)
        half = precision == "auto" and _halves(core)
        self.precision = "int8" if table is not None else "bf16" if half else "f32"
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        }
        try:
            self._square, self._whole = (
                _compiled(core, path, spec, outputs, side, table, settings) if outputs else None
                for outputs, side in zip(_wanted(spec), (spec.input_size, -1), strict=True)
            )
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f'model {spec}: OpenVINO cannot run "{path}": {reason}') from error
        self._local = threading.local()

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        return self._infer("square", self._square, pixels)[0]

    def run_whole(self, pixels: Pixels) -> WholeLook:
        """Return the maps of one image of shape (height, width, 3), whose sides are multiples of 32."""
        maps = self._infer("whole", self._whole, pixels)
        return WholeLook(maps[0], maps[1] if len(maps) == 2 else None)

    def _infer(self, name: str, compiled: Any, pixels: Pixels) -> list[NDArray[np.float32]]:
        """Run one graph with this thread's own request."""
        request = getattr(self._local, name, None)
        if request is None:
            request = compiled.create_infer_request()
            setattr(self._local, name, request)
        if _FIRST.done:
            return _outputs(request, pixels)
        with _FIRST.lock:
            found = _outputs(request, pixels)
            _FIRST.done = True
            return found


def _outputs(request: Any, pixels: Pixels) -> list[NDArray[np.float32]]:
    found = request.infer({0: pixels[None]}, share_inputs=True, share_outputs=True)
    return [np.array(found[i][0], dtype=np.float32) for i in range(len(found))]


def openvino_package() -> Any:
    """Import OpenVINO without its telemetry, which sends a message from a child process when it is imported.

    Where `openvino_telemetry` cannot be imported OpenVINO takes a stub of its own that sends nothing. Its converter of
    models is left out too where nobody asked for it before: it takes as long to import as all the rest.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _wanted(spec: ModelSpec) -> tuple[list[str], list[str]]:
    """Return which outputs are needed of the square input, and of the pass over the whole image."""
    output = spec.embedding_output if spec.pooling == "graph" else spec.feature_output
    square = [output] if not spec.views or set(spec.views) - {"whole"} else []
    whole = [spec.cells_output] if spec.cells else []
    return square, whole + ([spec.feature_output] if "whole" in spec.views else [])


def _halves(core: Any) -> bool:
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _table(core: Any, path: Path, spec: ModelSpec, precision: str) -> EightBits | None:
    """Return how to compute in 8 bits, where that is wanted and known.

    Without being asked only where an image's one vector is all that is kept: cells in 8 bits cost `balanced` 0.018 of
    AUROC, and `best` 0.011 of mAP on one set (docs/models.md).
    """
    unasked = precision == "auto" and not (_halves(core) or spec.cells) and multiplies_bytes()
    return table_of(path, spec.weights_sha256) if unasked or precision == "int8" else None


def _compiled(
    core: Any,
    path: Path,
    spec: ModelSpec,
    outputs: list[str],
    side: int,
    table: EightBits | None,
    settings: dict[str, object],
) -> Any:
    """Compile one graph, or take what an earlier run compiled."""
    asked = {
        "weights": spec.weights_sha256,
        "table": table and table.sha256,
        "outputs": outputs,
        "side": side,
        "mean": spec.mean,
        "std": spec.std,
    }
    return compiled(core, lambda: _graph(core, path, spec, outputs, side, table), asked, settings)


def _graph(core: Any, path: Path, spec: ModelSpec, outputs: list[str], side: int, table: EightBits | None) -> Any:
    """Read the graph: uint8 NHWC in, mean and std inside, these outputs in this order; a side of -1 is any."""
    ov = openvino_package()
    from openvino.preprocess import PrePostProcessor

    model = core.read_model(str(path))
    model.reshape({model.input(0).get_any_name(): [1, 3, side, side]})
    if table is not None:
        lower(model, table)
    steps = PrePostProcessor(model)
    steps.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input(0).model().set_layout(ov.Layout("NCHW"))
    steps.input(0).preprocess().convert_element_type(ov.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    model = steps.build()
    there = {name: r for r in model.get_results() for name in r.get_output_tensor(0).get_names()}
    if missing := [output for output in outputs if output not in there]:
        raise ModelError(f'model {spec}: "{path}" has no output called "{missing[0]}"')
    return ov.Model([there[output] for output in outputs], model.get_parameters())
