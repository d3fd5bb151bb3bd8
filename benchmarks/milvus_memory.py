"""The client's peak memory while rows are written and read: `python benchmarks/milvus_memory.py [ROWS...]`.

After `make test-scale`. Starts a server of its own. Rows of 256 numbers are made as they are written, block by block,
and `verify` reads every one of them back; each number of ROWS is a process of its own, 10,000, 100,000 and 1,000,000
where none is given. FLAT: what the server builds is no part of it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "scale"))
from engine import STEADY, MilvusServer
from making import clustered, records_of

from placeprint.cli.heap import lean_heap
from placeprint.embedding.imported import imported_spec
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.writer import Writer

DIM, BLOCK = 256, 1000


def main() -> None:
    """Measure, and print one JSON line for each number of rows."""
    if sys.argv[1:2] == ["--stream"]:
        _stream(sys.argv[2], int(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer(Path(folder, "milvus"), **STEADY)
        server.start()
        try:
            for rows in map(int, sys.argv[1:] or (10_000, 100_000, 1_000_000)):
                command = [sys.executable, __file__, "--stream", server.address(f"stream_{rows}"), str(rows)]
                subprocess.run(command, check=True)
                MilvusGallery.at(server.address(f"stream_{rows}")).opened.store.drop()
        finally:
            server.stop()


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
