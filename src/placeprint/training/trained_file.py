"""A trained model as an ONNX file: the base's graph with new weights, kept only when it computes what was trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placeprint.arrays import Maps, Vectors
from placeprint.embedding.export.conversion import keep
from placeprint.embedding.export.graph import read_proto
from placeprint.embedding.export.parity import check_parity
from placeprint.embedding.models import ModelFile
from placeprint.records import ModelSpec
from placeprint.training.fusion import fuse
from placeprint.training.learners import Learner
from placeprint.training.spread import with_constant


def write_trained(
    base: ModelFile, learner: Learner, weights: Mapping[str, Any], out: Path, name: str, constant: float
) -> tuple[ModelSpec, float]:
    """Write trained weights into the base's graph, and the file when it computes what the learner does.

    Parameters
    ----------
    base : ModelFile
    learner : Learner
        It may move to the CPU.
    weights : mapping of str to Tensor
        Those to be written, by the learner's names.
    out : Path
        The ONNX file.
    name : str
        What the model is called.
    constant : float
        See `placeprint.training.spread`.

    Returns
    -------
    spec : ModelSpec
    cosine : float
        The lowest similarity of the file's embeddings to the learner's.

    Raises
    ------
    ModelError, UsageError
    """
    arrays = {key: value.detach().float().cpu().numpy() for key, value in weights.items()}
    data = base.read()
    fused, spec = fuse(
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
