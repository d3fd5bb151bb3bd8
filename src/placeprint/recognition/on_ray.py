"""Photographs embedded on a Ray cluster, by the pipeline of one machine, and written straight to a gallery's server.

The head of the job lists the photographs, begins the gallery, and finishes it. Blocks of photographs go through a pool
of actors (Ray Data); an actor reads, decodes and embeds those of a block that the store lacks, and writes them. Ray
gives the block of an actor that died to another: what the first had written is there already and is left alone.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.dataset.remote import RemoteFiles, is_remote, read_remote
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.embedder import Looker
from placeprint.embedding.extract import Reader, file_reader
from placeprint.embedding.learned import base_model, needs_learning
from placeprint.errors import DatasetError, GalleryMismatchError, MissingExtraError, PlaceprintError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.milvus_address import parse_address
from placeprint.gallery.milvus_head import Head
from placeprint.gallery.milvus_writing import Writer
from placeprint.presets import Preset, find_preset
from placeprint.progress import Progress, Stretch
from placeprint.recognition.loading import model_for
from placeprint.recognition.storing import Stored, write_block
from placeprint.records import FailedImage, ImageRecord

BLOCK = 64
"""Photographs of one block."""
_KNOCK_SECONDS = 10.0
"""For a cluster to answer at all."""
_LOOK_SECONDS = 2.0
"""Between two looks at how far it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """What an actor needs to know.

    Attributes
    ----------
    address, source, root : str
        Of the gallery; of the photographs; and what the gallery calls their root.
    model, preset, runner : str
        As in `placeprint.index`.
    fingerprint : str
        Of the ModelSpec: a worker that has another model is refused.
    gpu : bool
        Whether every actor has a GPU.
    """

    address: str
    source: str
    root: str
    model: str
    preset: Preset
    runner: str
    fingerprint: str
    gpu: bool


class EmbeddingActor:
    """Embeds and writes blocks; Ray makes one in each of its worker processes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._embedder = base_model(job.model, preset=job.preset, runner=job.runner, workers=1)
        if self._embedder.spec.fingerprint() != job.fingerprint:
            raise GalleryMismatchError(
                f"this worker's model is {self._embedder.spec} and another one was asked for: install the same "
                "placeprint and the same model files on every node"
            )
        head = Head(spec=self._embedder.spec, preset=job.preset, roots=(job.root,))
        self._writer = Writer.join(parse_address(job.address), head)
        self._read = _reader(job.source)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Embed and write one block; return what became of it, as JSON."""
        told = []
        for first, lines in zip(batch["first"], batch["lines"], strict=True):
            records = [ImageRecord.from_dict(row) for row in json.loads(str(lines))]
            before = self._writer.change
            done, _ = write_block(
                self._writer,
                int(first),
                records,
                self._job.root,
                embedder=self._embedder,
                read=self._read,
                gaps=True,
            )
            after = self._writer.change
            change = {name: getattr(after, name) - getattr(before, name) for name in _COUNTED}
            failed = [dataclasses.asdict(failure) for failure in done.failures]
            facts = {"first": int(first), "failed": failed, "computed": done.computed, "change": change}
            told.append(json.dumps(facts))
        return {"told": np.array(told, dtype=object)}


_COUNTED = ("added", "replaced", "unchanged")


def _reader(source: str) -> Reader:
    return RemoteFiles(source).read if is_remote(source) else file_reader(Path(source))


def _work(job: Job, blocks: Sequence[dict[str, Any]], actors: int) -> list[str]:
    """Run the job; on the cluster, so that it needs nothing of the client."""
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
        num_cpus=None if job.gpu else 1,
        num_gpus=1 if job.gpu else None,
    )
    return [str(row["told"]) for row in dataset.iter_rows()]


def store_photos_on_ray(
    source: Path | str,
    address: Path | str,
    *,
    on: str,
    model: str,
    preset: str | Preset,
    index: str = "auto",
    runner: str = "openvino",
    progress: Progress | None = None,
) -> Stored:
    """Make the gallery at an address hold the gallery images of a dataset, and no others, by a Ray cluster.

    Interrupted, the same again completes it. An image keeps the number that it has in the dataset, also where others
    before it cannot be used.

    Parameters
    ----------
    source : Path or str
        A folder or manifest that every node sees at the same path, or an address that fsspec knows (``s3://…``).
    address : Path or str
        Of the gallery, as every node reaches it.
    on : str
        ``local`` for a cluster of this machine that ends with the job; else a cluster's address
        (``ray://head:10001``, ``head:6379``, ``auto``).
    model, preset, index, runner
        As in `placeprint.index`.

    Raises
    ------
    DatasetError, UsageError, ModelError, GalleryError, MissingExtraError
    """
    began, chosen = time.perf_counter(), find_preset(preset)
    manifest, root = _dataset(source)
    records = manifest.gallery()
    if not records:
        raise DatasetError(f'"{source}" has no gallery images: nothing to search in')
    embedder = model_for(model, preset=chosen, runner=runner, workers=1)
    _refuse_learning(embedder, chosen, model)
    head = Head(spec=embedder.spec, preset=chosen, index_name=index, roots=(root,))
    where = parse_address(address)
    with _Cluster(on) as cluster:
        gpus = cluster.count("GPU") if runner == "onnx" else 0
        folder = str(source) if is_remote(source) else str(manifest.root.resolve())
        if is_remote(source) and manifest.source.startswith("manifest"):
            folder = root
        job = Job(str(where), folder, root, model, chosen, runner, embedder.spec.fingerprint(), gpus > 0)
        writer = Writer.begin(where, head, rows=len(records))
        told = cluster.told(job, _blocks(records), gpus or cluster.count("CPU"), writer, len(records), progress)
    failed = [FailedImage(**row) for one in told for row in one["failed"]]
    useless = {failure.path for failure in failed}
    if len(failed) == len(records):
        raise DatasetError(f'none of {len(records)} images of "{source}" could be used; the first: {failed[0].reason}')
    writer.keep(root, [record for record in records if record.path not in useless])
    counts = {name: sum(one["change"][name] for one in told) for name in _COUNTED}
    writer.change = dataclasses.replace(writer.change, **counts)
    failures = (*manifest.failures, *failed)
    change = writer.finish(failures=failures, end=len(records))
    computed, seconds = sum(one["computed"] for one in told), time.perf_counter() - began
    return Stored(Gallery.open(address), change, failures, computed, 0, seconds, {})


def _dataset(source: Path | str) -> tuple[Any, str]:
    """Return the manifest, and the name of its root."""
    if is_remote(source):
        manifest, files = read_remote(str(source))
        return manifest, files.address
    found = read_dataset(source)
    return found, str(found.root.resolve())


def _refuse_learning(embedder: Looker, preset: Preset, model: str) -> None:
    if needs_learning(embedder, preset.whiten):
        raise UsageError(
            f'model "{model}" with preset "{preset.name}" learns from all images first, which a cluster does not do: '
            "index without --on, or without whitening"
        )


def _blocks(records: Sequence[ImageRecord]) -> list[dict[str, Any]]:
    return [
        {"first": i, "lines": json.dumps([record.to_dict() for record in records[i : i + BLOCK]])}
        for i in range(0, len(records), BLOCK)
    ]


class _Cluster:
    """A connection to a Ray cluster; one of this machine ends with it."""

    def __init__(self, on: str) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("embedding on a cluster", "ray") from error
        self._ray, self._on = ray, on

    def __enter__(self) -> _Cluster:
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._on == "local":
            settings |= {"include_dashboard": False}
        else:
            settings |= {"address": self._on}
        _knock(self._on)
        try:
            self._ray.init(**settings)
        except Exception as error:  # Ray raises errors of many kinds for a cluster that is away
            said = (str(error) or type(error).__name__).splitlines()[0][:200]
            raise PlaceprintError(
                f"no Ray cluster answers at {self._on} ({said}): start it (ray start --head), or give --on local"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def count(self, resource: str) -> int:
        """Return how many of a resource there are."""
        return int(self._ray.cluster_resources().get(resource, 0))

    def told(
        self, job: Job, blocks: Sequence[dict[str, Any]], actors: int, writer: Writer, total: int, progress: Any
    ) -> list[dict[str, Any]]:
        """Run a job; return what became of each block.

        Raises
        ------
        PlaceprintError
            When it failed on the cluster.
        """
        ray = self._ray
        task = ray.remote(num_cpus=0, max_retries=3)(_work).remote(job, list(blocks), max(actors, 1))
        seen = 0
        with Stretch(progress, "embedding", total) as step:
            while not ray.wait([task], timeout=_LOOK_SECONDS)[0]:
                there = min(writer.store.count(), total)
                step(max(there - seen, 0))
                seen = max(there, seen)
            try:
                lines = ray.get(task)
            except ray.exceptions.RayError as error:
                raise PlaceprintError(
                    f"the job failed on the cluster ({_reason(error)}): run the same command again to go on"
                ) from error
            step(total - seen)
        return sorted((json.loads(line) for line in lines), key=lambda block: int(block["first"]))  # as they ended


def _knock(on: str) -> None:
    """Find out at once when nothing listens: Ray would try for minutes.

    Raises
    ------
    PlaceprintError
    """
    host, _, port = on.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        raise PlaceprintError(
            f"no Ray cluster answers at {on} ({error.strerror or error}): start it (ray start --head), or give --on "
            "local"
        ) from error


def _reason(error: Exception) -> str:
    """Return the line that says most: the last that names an error."""
    lines = [line.strip() for line in str(error).splitlines() if "Error" in line]
    return (lines[-1] if lines else type(error).__name__)[:300]
