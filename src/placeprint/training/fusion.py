"""Puts what was trained into the base's ONNX graph: its weights, the pooling, and a head behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.export.fusion import written_behind
from placeprint.embedding.export.graph import onnx_package, read_proto, refill, written
from placeprint.embedding.whitening import Whitening
from placeprint.records import ModelSpec


def fuse(
    data: bytes,
    spec: ModelSpec,
    *,
    weights: Mapping[str, NDArray[np.float32]],
    power: float,
    head: NDArray[np.float32],
    constant: float = 0.0,
) -> tuple[bytes, ModelSpec]:
    """Return the base's graph with a linear head, and its description.

    Parameters
    ----------
    data, spec
        The base.
    weights : mapping of str to ndarray
        Trained weights by their names in the graph; what is not named stays.
    power : float
        Of GeM; of no matter where the base pools otherwise.
    head : ndarray of float32, shape (spec.dim, dim)
        The embedding is the pooled vector times it. Length does not matter: embeddings are brought to 1 later.
    constant : float
        What stands behind the unit embedding; see `placeprint.training.spread`.
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
