"""What 1 M, 100 M and 1 B photographs take, on paper, from figures measured here: `python benchmarks/scale_paper.py`.

Every figure that is not measured says so. Prints the table of docs/scale.md.
"""

from __future__ import annotations

import math

DIM = 1280
RECORD = 400
"""Bytes of a record, its key, number, position and checksum, in columns."""
CELLS = 54_000
"""Bytes of the cells of `balanced` in base64 (360 x 112 bytes and a head; measured by tests/scale)."""
FAST, BALANCED = 76.0, 51.0
"""Images a second and core, decoding included (README: 151 and 102 on 2 cores with bfloat16)."""
BYTES = {
    "FLAT": 4 * DIM,
    "HNSW M=30": 4 * DIM + 2 * 30 * 4 * 1.05,
    "IVF_SQ8": DIM,
}
"""Of memory a vector, by the layout of each index; FLAT and HNSW hold the vectors."""
NODE_GB, NODE_CORES = 64, 16
"""A query node and its cores; a third of the memory stays free for growing segments and compaction."""
CORE_HOUR, GB_HOUR = 0.04, 0.005
"""Dollars; assumed, not measured: replace them by your provider's."""


def main() -> None:
    """Print the table."""
    names = ("photos", "index", "memory, vectors", "records", "cells (`balanced`)", "query nodes")
    print(f"| {' | '.join(names)} | embedding, core hours | a month |")
    print("|---|---|---|---|---|---|---|---|")
    for count, kind in ((10**6, "HNSW M=30"), (10**8, "HNSW M=30"), (10**9, "HNSW M=30")):
        vectors, records, cells = (count * size / 1e9 for size in (BYTES[kind], RECORD, CELLS))
        nodes = math.ceil((vectors + records) * 1.5 / NODE_GB)
        month = 730 * nodes * (NODE_CORES * CORE_HOUR + NODE_GB * GB_HOUR)
        hours = f"{count / FAST / 3600:,.0f} (`fast`), {count / BALANCED / 3600:,.0f}"
        memory = f"{vectors:,.0f} GB | {records:,.0f} GB | {cells:,.0f} GB | {nodes} of {NODE_GB} GB"
        print(f"| {count:,} | {kind} | {memory} | {hours} | {month:,.0f} $ |")


if __name__ == "__main__":
    main()
