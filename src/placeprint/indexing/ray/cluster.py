"""The connection to a Ray cluster: what it has, a job on it, and its errors made ours."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

from placeprint.errors import PlaceprintError
from placeprint.extras import require
from placeprint.gallery.milvus.writer import Writer
from placeprint.indexing.ray.job import Job, runs_on_gpus, work
from placeprint.progress import Stretch

GPU_SHARE = 0.25
"""Of a GPU for each actor: a GPU embeds faster than a core decodes. Not measured: no GPU was at hand."""
_GPU_SECONDS = 60.0
"""For a node with a GPU to say whether it can use it."""
_KNOCK_SECONDS = 10.0
"""For a cluster to answer at all."""
_LOOK_SECONDS = 2.0
"""Between two looks at how far it is."""


class Cluster:
    """A connection to a Ray cluster; one of this machine ends with it."""

    def __init__(self, on: str) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self._ray, self._on = require("ray", extra="ray", what="embedding on a cluster"), on

    def __enter__(self) -> Cluster:
        settings: dict[str, Any] = {"address": self._on, "log_to_driver": False, "logging_level": "ERROR"}
        if self._on == "local":  # said aloud: without an address Ray joins a cluster that runs here already
            settings |= {"include_dashboard": False}
        _knock(self._on)
        try:
            self._ray.init(**settings)
        except Exception as error:  # Ray raises errors of many kinds for a cluster that is away
            lines = (str(error) or type(error).__name__).strip().splitlines()
            said = " ".join(dict.fromkeys((lines[0], lines[-1])))[:300]  # of a server's trace the last line says why
            raise PlaceprintError(
                f"no Ray cluster answers at {self._on} ({said}): start it (ray start --head), or give --on local"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def count(self, resource: str) -> int:
        """Return how many of a resource there are."""
        return int(self._ray.cluster_resources().get(resource, 0))

    def actors(self, runner: str) -> tuple[int, float]:
        """Return how many actors embed, and the part of a GPU that each asks for.

        A GPU is asked for where the cluster has one, the runner can use one, and ONNX Runtime can on the node that
        has it; else every core embeds.
        """
        cores, gpus = max(self.count("CPU"), 1), self.count("GPU")
        if runner != "onnx" or not gpus:
            return cores, 0.0
        ray = self._ray
        asked = ray.remote(num_cpus=0, num_gpus=GPU_SHARE)(runs_on_gpus).remote()
        able = ray.wait([asked], timeout=_GPU_SECONDS)[0] and ray.get(asked)  # others may hold them all
        return (min(cores, int(gpus / GPU_SHARE)), GPU_SHARE) if able else (cores, 0.0)

    def told(
        self, job: Job, blocks: Sequence[dict[str, Any]], actors: int, writer: Writer, total: int, progress: Any
    ) -> list[dict[str, Any]]:
        """Run a job; return what became of each block. Raises `PlaceprintError` when it failed on the cluster."""
        ray = self._ray
        task = ray.remote(num_cpus=0, max_retries=3)(work).remote(job, list(blocks), actors)
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
    """Fail at once when nothing listens; Ray would try for minutes. Raises `PlaceprintError`."""
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
