"""Runs on the nodes of a Ray cluster: actors that embed blocks of images and write them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.dataset.remote import RemoteFiles, is_remote
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.pipeline import Reader, file_reader
from placeprint.errors import GalleryMismatchError
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.writer import Writer
from placeprint.gallery.part_codes import codes_for
from placeprint.indexing.server import BlockWriter
from placeprint.presets import Preset
from placeprint.records import ImageRecord

COUNTED = ("added", "replaced", "unchanged")
"""What of a `Change` is told of each block."""
CUDA = "CUDAExecutionProvider"


@dataclass(frozen=True, slots=True)
class Job:
    """What an actor needs to know."""

    # address, root: Of the gallery, and of the images: a folder, or an address.
    address: str
    root: str
    # model, preset, runner: As in `placeprint.index`.
    model: str
    preset: Preset
    runner: str
    fingerprint: str  # Of the ModelSpec: a worker that has another model is refused.
    gpu: float  # The part of a GPU that every actor has; 0 for none.


class EmbeddingActor:
    """Embeds and writes blocks; Ray makes one in each of its worker processes."""

    def __init__(self, job: Job) -> None:
        embedder = load_embedder(job.model, preset=job.preset, runner=job.runner, threads=1)
        if embedder.spec.fingerprint() != job.fingerprint:
            raise GalleryMismatchError(
                f"this worker's model is {embedder.spec} and another one was asked for: install the same "
                "placeprint and the same model files on every node"
            )
        head = Head(
            spec=embedder.spec, preset=job.preset, roots=(job.root,), codes=codes_for(embedder.spec, job.preset)
        )
        self._writer = Writer.join(parse_address(job.address), head)
        self._blocks = BlockWriter(self._writer, job.root, embedder, _reader(job.root), gaps=True)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Embed and write one block; return what became of it, as JSON."""
        told = []
        for first, lines in zip(batch["first"], batch["lines"], strict=True):
            records = [ImageRecord.from_dict(row) for row in json.loads(str(lines))]
            before = self._writer.change
            done, _ = self._blocks.write(int(first), records)
            after = self._writer.change
            change = {name: getattr(after, name) - getattr(before, name) for name in COUNTED}
            failed = [dataclasses.asdict(failure) for failure in done.failures]
            facts = {"first": int(first), "failed": failed, "computed": done.computed, "change": change}
            told.append(json.dumps(facts | {"gpus": _gpus()}))
        return {"told": np.array(told, dtype=object)}


def _reader(root: str) -> Reader:
    return RemoteFiles(root).read if is_remote(root) else file_reader(Path(root))


def _gpus() -> int:
    """Return how many GPUs this actor may use a part of."""
    import ray

    return len(ray.get_runtime_context().get_accelerator_ids().get("GPU", ()))


def runs_on_gpus() -> bool:
    """Return whether this worker's ONNX Runtime is one that runs on a GPU."""
    try:
        import onnxruntime
    except ImportError:
        return False
    return CUDA in onnxruntime.get_available_providers()


def work(job: Job, blocks: Sequence[dict[str, Any]], actors: int) -> list[str]:
    """Run the job; as a task on the cluster, so that the client may disconnect."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.log_internal_stack_trace_to_stdout = False
    dataset = ray.data.from_items(list(blocks), override_num_blocks=min(len(blocks), 2000)).map_batches(
        EmbeddingActor,
        batch_size=1,
        batch_format="numpy",
        fn_constructor_args=(job,),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
        num_cpus=1,  # decoding is a core's work, also where a GPU embeds
        num_gpus=job.gpu or None,
    )
    return [str(row["told"]) for row in dataset.iter_rows()]
