"""The client's peak memory while rows are written and read, and what a server keeps of an image by each preset.

    python benchmarks/milvus_memory.py [ROWS...]
    python benchmarks/milvus_memory.py 3000 --presets fast balanced balanced:vector_bits=8:cell_bytes=28

After `make test-scale`. Starts a server of its own. Rows of 256 numbers are made as they are written, block by block,
and `verify` reads every one of them back; each number of ROWS is a process of its own, 10,000, 100,000 and 1,000,000
where none is given. FLAT: what the server builds is no part of it.

With presets vectors and parts are real ones, disturbed (`million.py`). Memory is what the server's process has more
once the gallery is loaded than when it was started; `disk, insert_log` are its rows as stored, `disk, rocksmq` is its
log; a question fetches the bytes of the values that answers hold, as `tests/scale/test_milvus_fetched.py` counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "scale"))
from engine import STEADY, MilvusServer
from making import clustered, records_of
from test_milvus_fetched import counted

from building import photographs
from million import Places, Records, Vectors, parts_of
from placeprint.cli.heap import lean_heap
from placeprint.embedding.imported import imported_spec
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.writer import Writer
from placeprint.indexing.index import index
from placeprint.recognition.recognizer import Recognizer

DIM, BLOCK = 256, 1000


def main() -> None:
    """Measure, and print one JSON line for each number of rows, or each preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--presets", nargs="+", default=[])
    parser.add_argument("--stream", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stream:
        _stream(given.stream, given.rows[0])
        return
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer(Path(folder, "milvus"), **({} if given.presets else STEADY))
        server.start()
        try:
            for number, preset in enumerate(given.presets):
                address = server.address(f"kept_{number}")
                print(json.dumps(_kept(server, address, preset, given.rows[0])), flush=True)
            for rows in () if given.presets else given.rows:
                command = [sys.executable, __file__, "--stream", server.address(f"stream_{rows}"), str(rows)]
                subprocess.run(command, check=True)
                MilvusGallery.at(server.address(f"stream_{rows}")).opened.store.drop()
        finally:
            server.stop()


def _kept(server: MilvusServer, address: str, preset: str, rows: int) -> dict[str, Any]:
    """Write disturbed real rows by a preset; return the bytes of each image in memory, on disk, and of a question."""
    folder = server.folder / "photographs"
    photos = photographs(folder)
    real = index(photos, folder / preset, preset=preset).gallery
    assert isinstance(real, Gallery)
    places, before = Places(rows), _disk(server)
    vectors, records = Vectors(real.vectors[:], rows, places), list(Records(rows, places))
    parts = parts_of(real, rows, places)
    head = Head(spec=real.spec, preset=real.preset, roots=(".",), codes=real.codes, index_name="exact")
    with Writer.begin(parse_address(address), head, rows=rows) as writer:
        for first in range(0, rows, BLOCK):
            some = np.arange(first, min(first + BLOCK, rows))
            block = {name: each.kept(some) for name, each in parts.items()}
            writer.put(first, records[first : first + BLOCK], vectors[some], block, root=".")
        writer.finish()
    store = MilvusGallery.at(address).opened.store
    for step in ("flush", "release_collection"):
        store.connection.call("storing what was written", step, store.name, seconds=600)
    server.kill()  # what writing needed goes with it
    disk = _disk(server) - before
    server.start()
    without = _settled(server)
    gallery = MilvusGallery.at(address)
    loaded = _settled(server)
    asking = Recognizer(gallery)
    fetched = []
    for record in photos.asked():
        seen = asking.describe(str(photos.root / record.path))
        with counted(pytest.MonkeyPatch()) as traffic:
            asking.answer(seen.vector, parts=seen.parts)
        fetched.append(traffic.bytes)
    gallery.opened.store.drop()
    facts = {"preset": preset, "rows": rows, "memory": (loaded - without) / rows}
    facts |= {f"disk, {name}": size / rows for name, size in disk.items()}
    return facts | {"a_question": statistics.median(fetched), "at_most": max(fetched), "questions": len(fetched)}


def _disk(server: MilvusServer) -> Counter[str]:
    """Return the bytes of what the server stored, by kind: rows, and what it built of them."""
    data, sizes = server.folder / "data", Counter[str]()
    for path in data.rglob("*"):
        sizes[path.relative_to(data).parts[0]] += path.stat().st_size if path.is_file() else 0
    return sizes


def _settled(server: MilvusServer) -> int:
    """Return the bytes of memory of the server's process, when they have stayed within 2 MB for ten seconds."""
    assert server.process is not None
    told: list[int] = []
    while len(told) < 11 or max(told[-11:]) - min(told[-11:]) > 2e6:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        told.append(1024 * int(status.split("VmRSS:")[1].split()[0]))
        time.sleep(1)
    return told[-1]


def _stream(address: str, rows: int) -> None:
    """Write and read rows that are made as they go."""
    lean_heap()  # as the program does
    head, some = Head(spec=imported_spec("made", DIM), index_name="exact"), clustered(5 * BLOCK, DIM)
    writer, began = Writer.begin(parse_address(address), head, rows=rows), time.perf_counter()
    before = _peak_mb()
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        records = [dataclasses.replace(r, path=f"{first + i}.jpg") for i, r in enumerate(records_of(count))]
        writer.put(first, records, some[first % len(some) :][:count], {}, root=".")
    writer.finish()
    wrote, middle = time.perf_counter() - began, time.perf_counter()
    written = _peak_mb()
    report = MilvusGallery.at(address).verify()
    facts = {
        "rows": rows,
        "peak_mb_before": before,
        "peak_mb_written": written,
        "peak_mb_read_back": _peak_mb(),
        "written_a_second": round(rows / wrote),
        "verified_a_second": round(rows / (time.perf_counter() - middle)),
        "verified": report.rows,
        "problems": list(report.problems),
    }
    print(json.dumps(facts), flush=True)


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent's memory too
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)


if __name__ == "__main__":
    main()
