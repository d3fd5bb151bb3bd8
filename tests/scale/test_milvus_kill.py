"""kill -9 of the client and of the server while images are written; of 20,000: benchmarks/milvus_kill.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import QUICK, MilvusServer, missing
from killing import kill_client, kill_server, saved

COUNT = 2000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A server that nobody else asks."""
    if reason := missing():
        pytest.skip(reason)
    server = MilvusServer(tmp_path_factory.mktemp("killed"), **QUICK)
    server.start()
    yield server
    server.stop()


def test_a_killed_client(own: MilvusServer, tmp_path: Path) -> None:
    rows = kill_client(own.address("client"), saved(tmp_path, COUNT), blocks=7)
    assert 700 <= rows < COUNT


def test_a_killed_server(own: MilvusServer, tmp_path: Path) -> None:
    said = kill_server(own, own.address("server"), saved(tmp_path, COUNT), blocks=11)
    assert said.startswith("GalleryEngineError: milvus://127.0.0.1:")
    assert "run the same command again" in said
    assert "\n" not in said
