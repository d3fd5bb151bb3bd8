"""Runs an ONNX file on the CPU with OpenVINO: the default."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from placeprint import forks
from placeprint.arrays import Maps, Pixels
from placeprint.embedding.onnx_file import read_checked
from placeprint.embedding.preprocess import WholeMaps
from placeprint.embedding.runners.compiled import compiled
from placeprint.embedding.runners.int8 import EightBits, lower, multiplies_bytes, table_of
from placeprint.embedding.runners.signature import End, checked, refuse_misfit, wanted_outputs
from placeprint.errors import ModelError
from placeprint.records import ModelSpec


class _First:
    """The first inference of this process, which one thread makes alone.

    OpenVINO's Python layer fills a static table at its first inference while it gives up the interpreter's lock: two
    threads that come first at the same time wait for each other for ever.
    """

    lock, done = forks.Lock(), False


_FIRST = _First()


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first inference of this process run by itself, and all others at once."""
    if _FIRST.done:
        yield
        return
    with _FIRST.lock:
        yield
        _FIRST.done = True


_KINDS = {"boolean": "bool", "dynamic": ""} | {
    f"{short}{bits}": f"{word}{bits}"
    for short, word in (("bf", "bfloat"), ("f", "float"), ("i", "int"), ("u", "uint"))
    for bits in (8, 16, 32, 64)
}
"""OpenVINO's words for kinds of numbers, to those of NumPy."""


_KEPT_SHAPES = 32
"""Primitives of OpenVINO that are kept for shapes that come again, in a thread. It keeps 5000 by itself: photos come in
many shapes, each number of local features is another, and a thousand pairs of photos took gigabytes. What is computed
is the same, to the bit; with 0 it is not, because other primitives are taken then."""


class OpenVinoRunner:
    """Compiled graphs that any number of threads may use, one image at a time.

    A batch of one in as many streams as there are threads was as fast as batches of eight, and makes an
    embedding independent of its batch by construction.

    `path`: The ONNX file.
    `threads`: Images in flight, and CPU threads.
    `precision`: ``auto`` takes bfloat16 where the processor computes in it, and else 8 bits where it multiplies bytes
    faster and no cells are kept; ``int8`` takes 8 bits on any processor (without those instructions sums may run over);
    both only where a table says how (`placeprint.embedding.runners.int8`). ``f32`` takes 32 bit throughout.
    """

    name = "openvino"

    def __init__(self, path: Path, spec: ModelSpec, *, threads: int, precision: str = "auto") -> None:
        self._spec, self._path, self._names = spec, path, wanted_outputs(spec)
        self._threads, self._asked = threads, precision
        self._graphs = forks.Made(partial(_graphs, path, spec, threads, precision))
        self.precision = self._graphs.get().precision

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes it again."""
        return partial(type(self), threads=self._threads, precision=self._asked), (self._path, self._spec)

    def run(self, pixels: Pixels) -> Maps:
        """Return the graph's output for one image of shape (input_size, input_size, 3)."""
        return self._infer("square", self._names[0], pixels)[0]

    def run_whole(self, pixels: Pixels) -> WholeMaps:
        """Return the maps of one image of shape (height, width, 3), whose sides are multiples of 32."""
        maps = self._infer("whole", self._names[1], pixels)
        return WholeMaps(maps[0], maps[1] if len(maps) == 2 else None)

    def _infer(self, name: str, outputs: list[str], pixels: Pixels) -> list[Maps]:
        """Run one graph with this thread's own request."""
        with forks.busy():
            graphs = self._graphs.get()
            try:
                found = graphs.inferred(name, pixels)
            except Exception as error:  # no common base either
                raise _failed(self._path, self._spec, error) from error
        values = {name: checked(self._spec, name, value) for name, value in zip(_once(outputs), found, strict=True)}
        return [values[output] for output in outputs]


@dataclass(frozen=True, slots=True)
class _Graphs:
    """Graphs that this process compiled, by name; each thread has its own request of each."""

    precision: str
    compiled: Mapping[str, Any]
    requests: threading.local

    def inferred(self, name: str, pixels: Pixels) -> list[NDArray[Any]]:
        request = getattr(self.requests, name, None)
        if request is None:
            request = self.compiled[name].create_infer_request()
            setattr(self.requests, name, request)
        with first_alone():
            return _outputs(request, pixels)


def _graphs(path: Path, spec: ModelSpec, threads: int, precision: str) -> _Graphs:
    """Compile what a ModelSpec asks for."""
    core = openvino_package().Core()
    table = _table(core, path, spec, precision)
    settings = cpu_settings(core, threads, precision)
    try:
        made = {
            name: _compiled(core, path, spec, outputs, side, table, settings) if outputs else None
            for name, outputs, side in zip(
                ("square", "whole"), wanted_outputs(spec), (spec.input_size, -1), strict=True
            )
        }
    except ModelError:
        raise
    except Exception as error:  # its parts have no common base for what a bad file raises
        raise _failed(path, spec, error) from error
    precise = "int8" if table is not None else str(settings["INFERENCE_PRECISION_HINT"])
    return _Graphs(precise, made, threading.local())


def cpu_settings(core: Any, threads: int, precision: str) -> dict[str, object]:
    """Return a graph's settings: a stream a thread, and bfloat16 where that is fast, unless 32 bit is asked for."""
    return {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "auto" and _halves(core) else "f32",
        "CPU_RUNTIME_CACHE_CAPACITY": str(_KEPT_SHAPES),
    }


def _failed(path: Path, spec: ModelSpec, error: Exception) -> ModelError:
    return ModelError(f'model {spec}: OpenVINO cannot run "{path}": {_reason(error)}')


def _outputs(request: Any, pixels: Pixels) -> list[NDArray[Any]]:
    found = request.infer({0: pixels[None]}, share_inputs=True, share_outputs=True)
    return [found[i] for i in range(len(found))]


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


def read_graph(data: bytes) -> Any:
    """Return the graph of an ONNX file as an `openvino.Model`.

    OpenVINO's own choice of a reader goes by what bytes look like, and reads formats that nothing has looked into.

    Raises `RuntimeError` when OpenVINO cannot read it.
    """
    openvino_package()
    from openvino.frontend import FrontEndManager

    reader = FrontEndManager().load_by_framework("onnx")
    try:
        return reader.convert(reader.load(io.BytesIO(data)))
    except Exception as error:  # failures of its own, which are no RuntimeError
        raise RuntimeError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return the line of OpenVINO's message that says what is wrong: the last, but for advice to developers."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("To facilitate")]
    return said[-1] if said else type(error).__name__


def _ends(found: Any, *, names: int | None = None) -> list[End]:
    """Return what OpenVINO says of inputs or outputs, under all of their names or so many."""
    ends = []
    for each in found:
        shape, kind = each.get_partial_shape(), each.get_element_type().get_type_name()
        free = shape.rank.is_dynamic
        lengths = None if free else tuple(None if one.is_dynamic else one.get_length() for one in shape)
        ends += [End(name, _KINDS.get(kind, kind), lengths) for name in sorted(each.get_names())[:names]]
    return ends


def _once(outputs: list[str]) -> list[str]:
    """Return each name once: a graph that is to give one output twice ends the process when it is compiled."""
    return list(dict.fromkeys(outputs))


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
        "ends": "checked",  # a release that did not look at them has kept graphs too
    }
    return compiled(core, lambda: _graph(path, spec, outputs, side, table), asked, settings)


def _graph(path: Path, spec: ModelSpec, outputs: list[str], side: int, table: EightBits | None) -> Any:
    """Read the graph: uint8 NHWC in, mean and std inside, these outputs in this order; a side of -1 is any."""
    ov = openvino_package()
    from openvino.preprocess import PrePostProcessor

    model = read_graph(read_checked(path, spec.weights_sha256))
    refuse_misfit(spec, path, _ends(model.inputs, names=1), _ends(model.outputs))
    model.reshape({model.input(0).get_any_name(): [1, 3, side, side]})
    if table is not None:
        lower(model, table)
    steps = PrePostProcessor(model)
    steps.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input(0).model().set_layout(ov.Layout("NCHW"))
    steps.input(0).preprocess().convert_element_type(ov.Type.f32).mean(list(spec.mean)).scale(list(spec.std))
    model = steps.build()
    there = {name: r for r in model.get_results() for name in r.get_output_tensor(0).get_names()}
    return ov.Model([there[output] for output in _once(outputs)], model.get_parameters())
