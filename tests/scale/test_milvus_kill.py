"""kill -9 of the client and of the server while images are written; of 20,000: benchmarks/milvus_kill.py."""

from pathlib import Path

from engine import MilvusServer
from killing import kill_client, kill_server, saved

COUNT = 2000


def test_a_killed_client(mortal: MilvusServer, tmp_path: Path) -> None:
    rows = kill_client(mortal.address("client"), saved(tmp_path, COUNT), blocks=7)
    assert 700 <= rows < COUNT


def test_a_killed_server(mortal: MilvusServer, tmp_path: Path) -> None:
    said = kill_server(mortal, mortal.address("server"), saved(tmp_path, COUNT), blocks=11)
    assert said.startswith("GalleryEngineError: milvus://127.0.0.1:")
    assert "run the same command again" in said
    assert "\n" not in said
