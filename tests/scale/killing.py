"""Indexing that is killed in the middle, and what a rerun makes of it. Shared with benchmarks/milvus_kill.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from engine import MilvusServer
from making import clustered, records_of

from placeprint.gallery.milvus.gallery import MilvusGallery

DIM = 32
SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, {here!r})
from making import stored
from placeprint.errors import PlaceprintError
from placeprint.gallery.milvus import store as milvus_store
milvus_store.MOST_ROWS = 100
put = milvus_store.Store.put
def told(self, rows):
    put(self, rows)
    print("block", flush=True)
milvus_store.Store.put = told
try:
    stored(sys.argv[1], np.load(sys.argv[2]))
except PlaceprintError as error:
    sys.exit(f"{{type(error).__name__}}: {{error}}")
"""


def begun(address: str, vectors: Path, *, blocks: int) -> subprocess.Popen[str]:
    """Start indexing in a process of its own, and return when it wrote some blocks of 100."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(here=str(Path(__file__).parent)), address, str(vectors)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PLACEPRINT_MILVUS_TIMEOUT": "8"},
    )
    assert process.stdout is not None
    for _ in range(blocks):
        assert process.stdout.readline() == "block\n", process.communicate()[1]
    return process


def complete(address: str, vectors: Path) -> None:
    """Index again, undisturbed, and see that every row is there once."""
    script = SCRIPT.format(here=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script, address, str(vectors)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected, gallery = np.load(vectors), MilvusGallery.at(address)
    assert gallery.verify().problems == ()
    assert len(gallery) == gallery.opened.store.count() == len(expected)
    assert [r.path for r in gallery.download().records] == [r.path for r in records_of(len(expected))]
    np.testing.assert_allclose(gallery.download().vectors, expected, atol=1e-7)


def saved(folder: Path, count: int) -> Path:
    """Write vectors to a file."""
    np.save(folder / "vectors.npy", clustered(count, DIM))
    return folder / "vectors.npy"


def kill_client(address: str, vectors: Path, *, blocks: int) -> int:
    """Kill the client after some blocks; return how many rows were there after it."""
    process = begun(address, vectors, blocks=blocks)
    process.kill()
    process.communicate()
    there = MilvusGallery.at(address)
    assert any("interrupted" in problem for problem in there.verify().problems)
    rows = there.opened.store.count()
    complete(address, vectors)
    return rows


def kill_server(server: MilvusServer, address: str, vectors: Path, *, blocks: int) -> str:
    """Kill the server after some blocks, start it again; return what the client said."""
    process = begun(address, vectors, blocks=blocks)
    server.kill()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1, said
    assert "no answer from" in said or "nothing answers" in said, said
    server.start()
    complete(address, vectors)
    return said.strip()
