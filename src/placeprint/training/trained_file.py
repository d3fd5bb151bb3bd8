"""A trained model as an ONNX file: the base's graph with new weights, kept only when it computes what was trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Maps, Vectors
from placeprint.embedding.export.conversion import keep
from placeprint.embedding.export.fusion import written_behind
from placeprint.embedding.export.graph import onnx_package, read_proto, refill, written
from placeprint.embedding.export.parity import check_parity
from placeprint.embedding.models import ModelFile
from placeprint.embedding.whitening import Whitening
from placeprint.records import ModelSpec
from placeprint.training.learners import Learner
from placeprint.training.spread import with_constant


def write_trained(
    base: ModelFile, learner: Learner, weights: Mapping[str, Any], out: Path, name: str, constant: float
) -> tuple[ModelSpec, float]:
    """Write trained weights into the base's graph, and the file when it computes what the learner does.

    `learner`: It may move to the CPU.
    `weights`: Those to be written, by the learner's names.
    `out`: The ONNX file.
    `name`: What the model is called.
    `constant`: See `placeprint.training.spread`.
    Returns the spec, and the lowest similarity of the file's embeddings to the learner's.
    Raises `ModelError` or `UsageError`.
    """
    arrays = {key: value.detach().float().cpu().numpy() for key, value in weights.items()}
    data = base.read()
    fused, spec = with_weights(
        data,
        base.spec,
        weights={key.removeprefix("base."): value for key, value in arrays.items() if key.startswith("base.")},
        power=float(arrays.get("power", base.spec.gem_p)),
        head=arrays["head"],
        constant=constant,
    )
    reference = learner.reference(base, weights)

    def wanted(images: Maps) -> Vectors:
        return with_constant(reference(images), constant)

    free = not read_proto(data).graph.input[0].type.tensor_type.shape.dim[2].HasField("dim_value")
    cosine = check_parity(fused, wanted, side=spec.input_size, free=free, dim=spec.dim)
    source = f"placeprint train, from {base.spec.name} ({base.spec.source})"
    return keep(fused, dataclasses.replace(spec, name=name, source=source), out), cosine


def with_weights(
    data: bytes,
    spec: ModelSpec,
    *,
    weights: Mapping[str, NDArray[np.float32]],
    power: float,
    head: NDArray[np.float32],
    constant: float = 0.0,
) -> tuple[bytes, ModelSpec]:
    """Return the base's graph with a linear head, and its description.

    `data`, `spec`: The base.
    `weights`: Trained weights by their names in the graph; what is not named stays.
    `power`: Of GeM; of no matter where the base pools otherwise.
    `head`, shape (spec.dim, dim): The embedding is the pooled vector times it. Length does not matter: embeddings are
    brought to 1 later.
    `constant`: What stands behind the unit embedding; see `placeprint.training.spread`.
    """
    proto = read_proto(data)
    _replace(proto, weights)
    trained = dataclasses.replace(spec, gem_p=power) if spec.pooling == "gem" else spec
    change = Whitening(np.zeros(len(head), np.float32), head)
    fused, made = written_behind(written(proto), trained, change, constant=constant)
    return fused, dataclasses.replace(made, gem_p=spec.gem_p)


def _replace(proto: Any, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put weights in the place of those that are there, in 32 bit."""
    graph, helper = proto.graph, onnx_package().numpy_helper
    refill(graph.node, [node for node in graph.node if node.output[0] not in weights])
    kept = [each for each in graph.initializer if each.name not in weights]
    new = [helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in weights.items()]
    refill(graph.initializer, [*kept, *new])
