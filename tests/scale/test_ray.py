"""Embedding on a real Ray cluster of two nodes on loopback, into a real Milvus."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine import free_ports
from typer.testing import CliRunner

from placeprint import Gallery, open_gallery
from placeprint.cli.app import app
from placeprint.dataset.remote import RemoteFiles, read_remote
from placeprint.errors import DatasetError, GalleryMismatchError, ImageError, PlaceprintError
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.indexing.ray import cluster as ray_cluster
from placeprint.indexing.ray import job as ray_job
from placeprint.indexing.ray import store as on_ray
from placeprint.options import BuildOptions
from placeprint.presets import find_preset

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two nodes of one core each; return the addresses that a driver and a client give."""
    pytest.importorskip("ray", reason="ray is not installed: make test-scale installs it")
    from ray.cluster_utils import Cluster

    (client,) = free_ports(1)
    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100_000_000}
    os.environ["PLACEPRINT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    made = Cluster(initialize_head=True, head_node_args={**node, "ray_client_server_port": client})
    made.add_node(**node)
    _wait_for(client)
    yield made.address, f"ray://127.0.0.1:{client}"
    made.shutdown()


def _wait_for(port: int) -> None:
    """Wait until a client would be heard."""
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from town import render_town

    folder = tmp_path_factory.mktemp("ray") / "town"
    render_town(folder, places=10, views=10, seed=3)
    return folder


@pytest.fixture(scope="module")
def local(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return indexed_here(photos, tmp_path_factory.mktemp("local") / "town.gallery")


def indexed_here(photos: Path, folder: Path, *options: str) -> Gallery:
    result = CliRunner().invoke(app, ["index", str(photos), "-o", str(folder), "--no-cache", "-q", *options])
    assert result.exit_code == 0, result.output
    return Gallery.open(folder)


def same(there: AnyGallery, here: Gallery) -> None:
    assert there.verify().problems == ()
    copy = there.download()
    assert copy.records == tuple(here.records)
    np.testing.assert_allclose(copy.vectors, here.vectors, atol=1e-6)
    np.testing.assert_array_equal(copy.parts["cells"][5], here.parts["cells"][5])
    assert there.failures == here.failures
    assert there.places == here.places


def indexed(photos: Path | str, address: str, on: str) -> dict[str, Any]:
    """Index by the program, as a person would."""
    words = ["index", str(photos), "--on", on, "--store", address, "--json"]
    done = subprocess.run([sys.executable, "-m", "placeprint.cli.program", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_cluster_makes_the_gallery_of_one_machine(
    cluster: tuple[str, str], photos: Path, local: Gallery, address: str
) -> None:
    done = indexed(photos, address, cluster[0])
    assert (done["change"]["added"], done["computed"]) == (len(local), len(local))
    same(open_gallery(address), local)
    again = indexed(photos, address, cluster[0])
    assert (again["change"]["unchanged"], again["computed"]) == (len(local), 0)


def test_a_client_of_a_cluster_and_an_address_of_photographs(
    cluster: tuple[str, str], photos: Path, local: Gallery, address: str
) -> None:
    done = indexed(f"file://{photos}", address, cluster[1])
    assert done["images"] == len(local)
    there = open_gallery(address)
    assert there.roots == (f"file://{photos}",)
    assert there.download().records == tuple(local.records)


def test_a_killed_worker_costs_nothing(
    cluster: tuple[str, str], photos: Path, local: Gallery, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_ray, "BLOCK", 2)
    killed: list[int] = []

    def kill() -> None:
        """Kill a worker when some rows are there, and another when there are more."""
        for enough in (4, 20):
            while _there(address) < enough:
                time.sleep(0.05)
            for worker in _workers()[:1]:
                os.kill(worker, 9)
                killed.append(worker)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    done = on_ray.store_images_on_ray(
        photos, address, on=cluster[0], options=BuildOptions(model="efficientnet-lite0", preset="balanced")
    )
    killer.join(timeout=5)
    assert len(killed) == 2
    same(done.gallery, local)


@pytest.fixture
def gpu_cluster() -> Iterator[str]:
    """A node that says it has a GPU: Ray believes it, and no driver is asked."""
    pytest.importorskip("ray", reason="ray is not installed: make test-scale installs it")
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False, "object_store_memory": 100_000_000},
    )
    yield made.address
    made.shutdown()


@pytest.mark.parametrize("able", [False, True], ids=["workers cannot use it", "workers say that they can"])
def test_a_gpu_is_asked_for_where_workers_can_use_it(
    gpu_cluster: str,
    photos: Path,
    local: Gallery,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    able: bool,
) -> None:
    """There is no GPU here: what asks for a part of one runs on the processor, with equal values."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if able:
        monkeypatch.setattr(ray_cluster, "runs_on_gpus", lambda: True)
    told: list[dict[str, Any]] = []
    run, actors = ray_cluster.Cluster.told, list[tuple[int, float]]()

    def noted(self: Any, job: Any, blocks: Any, count: int, *rest: Any) -> Any:
        actors.append((count, job.gpu))
        told.extend(found := run(self, job, blocks, count, *rest))
        return found

    monkeypatch.setattr(ray_cluster.Cluster, "told", noted)
    done = on_ray.store_images_on_ray(
        photos,
        address,
        on=gpu_cluster,
        options=BuildOptions(model="efficientnet-lite0", preset="balanced", runner="onnx"),
    )
    assert actors == [(2, 0.25 if able else 0.0)]
    assert [one["gpus"] for one in told] == [int(able)] * len(told)
    assert len(told) > 0
    assert done.gallery.download().records == tuple(local.records)
    alone = indexed_here(photos, tmp_path / "town.gallery", "--runner", "onnx")
    np.testing.assert_allclose(done.gallery.download().vectors, alone.vectors, atol=1e-6)


def _there(address: str) -> int:
    try:
        return MilvusGallery.at(address).opened.store.count()
    except PlaceprintError:
        return 0


def _workers() -> list[int]:
    """Return the processes of our cluster that embed."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "EmbeddingActor" in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_worker_with_another_model_is_refused(photos: Path, address: str) -> None:
    asked = {"model": "efficientnet-lite0", "preset": find_preset("fast"), "runner": "openvino", "gpu": 0.0}
    with pytest.raises(GalleryMismatchError, match=r"this worker's model is .* the same model files on every node"):
        ray_job.EmbeddingActor(ray_job.Job(address, str(photos), fingerprint="another", **asked))  # type: ignore[arg-type]


def test_no_cluster_there(photos: Path, address: str) -> None:
    (port,) = free_ports(1)
    result = CliRunner().invoke(app, ["index", str(photos), "--on", f"127.0.0.1:{port}", "--store", address])
    assert isinstance(result.exception, PlaceprintError)
    assert "no Ray cluster answers" in str(result.exception)


def test_files_by_address(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed: make test-scale installs it")
    (tmp_path / "gallery" / "church").mkdir(parents=True)
    (tmp_path / "query" / "church").mkdir(parents=True)
    (tmp_path / "gallery" / "church" / "1.jpg").write_bytes(b"abc")
    (tmp_path / "gallery" / "church" / "empty.jpg").touch()
    (tmp_path / "query" / "church" / "2.JPG").write_bytes(b"d")
    (tmp_path / "notes.txt").write_text("x")
    manifest, files = read_remote(f"file://{tmp_path}")
    found = {(r.path, r.place, r.split.value) for r in manifest.records}
    assert found == {
        ("gallery/church/1.jpg", "church", "gallery"),
        ("gallery/church/empty.jpg", "church", "gallery"),
        ("query/church/2.JPG", "church", "query"),
    }
    assert files.read("gallery/church/1.jpg") == b"abc"
    for path, kind in (
        ("gallery/church/empty.jpg", "empty"),
        ("gone.jpg", "missing"),
        ("../x", "outside"),
        ("/x", "outside"),
    ):
        with pytest.raises(ImageError) as told:
            files.read(path)
        assert told.value.kind == kind
    (tmp_path / "manifest.csv").write_text("path,place\ngallery/church/1.jpg,chapel\n")
    for address in (f"file://{tmp_path}", f"file://{tmp_path}/manifest.csv"):
        manifest, files = read_remote(address)
        assert [(r.path, r.place) for r in manifest.records] == [("gallery/church/1.jpg", "chapel")]
        assert files.address == f"file://{tmp_path}"
    with pytest.raises(DatasetError):
        read_remote(f"file://{tmp_path}/nowhere")
    with pytest.raises(DatasetError, match="cannot be opened"):
        RemoteFiles("nosuch://x/y").names()
