"""What our layer costs above bare pymilvus: `python benchmarks/milvus_overhead.py`, after `make test-scale`.

Starts a server of its own. Query: `Gallery.search` against the bare search of the same collection, alternately, one
vector at a time. Insert: our writing (records, checksums, looking for what is there, upserts) against bare upserts and
bare inserts of rows of the same fields.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "scale"))
from engine import STEADY, MilvusServer
from making import clustered, records_of, stored

from placeprint.embedding.imported import imported_spec
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.tuning import disturbed
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.rows import to_row
from placeprint.gallery.milvus.writer import Writer

DIM, QUERIES, INSERTED = 256, 300, 20_000


def main() -> None:
    """Measure, and print one JSON line for each result."""
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer(Path(folder, "milvus"), **STEADY)
        server.start()
        try:
            _query(server)
            _insert(server)
        finally:
            server.stop()


def _query(server: MilvusServer) -> None:
    for name, count in (("exact", 20_000), ("hnsw", 100_000)):
        vectors = clustered(count, DIM, clusters=2000)
        began = time.perf_counter()
        gallery = stored(server.address(f"query_{name}"), vectors, index=name)
        took = time.perf_counter() - began
        asked = disturbed(vectors, QUERIES, seed=8)[1]
        store, client = gallery.opened.store, gallery.opened.connection.client
        bare = partial(
            client.search,
            store.name,
            anns_field="vector",
            limit=10,
            output_fields=["row"],
            search_params=store.setting.search(10),
            consistency_level="Session",
            timeout=30,
        )
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        for query in asked:
            began = time.perf_counter()
            bare(data=[query])
            middle = time.perf_counter()
            gallery.search(query[None], k=10)
            times["bare"].append(middle - began)
            times["ours"].append(time.perf_counter() - middle)
        ours, theirs = (1000 * float(np.median(times[kind])) for kind in ("ours", "bare"))
        truth, found = ExactIndex(vectors).search(asked, 10), gallery.search(asked, k=10)
        recall = float((found.rows[:, :, None] == truth.rows[:, None, :]).any(axis=2).mean())
        _say(
            "query",
            index=gallery.engine.name,
            rows=count,
            ours_ms=round(ours, 3),
            bare_ms=round(theirs, 3),
            ratio=round(ours / theirs, 3),
            recall_at_10=recall,
            rows_a_second_with_index=round(count / took),
        )


def _insert(server: MilvusServer) -> None:
    vectors, records = clustered(INSERTED, DIM), records_of(INSERTED)
    spec, rates = imported_spec("made", DIM), {}
    made = [to_row(i, record, root=0, root_name=".", vector=vectors[i], parts={}) for i, record in enumerate(records)]
    for turn in range(3):
        for kind in ("upsert", "insert", "ours"):
            head = Head(spec=spec)
            writer = Writer.begin(parse_address(server.address(f"insert_{kind}_{turn}")), head, rows=INSERTED)
            client, name, step = writer.store.connection.client, writer.store.name, writer.store.block_rows
            began = time.perf_counter()
            for first in range(0, INSERTED, step):
                if kind == "ours":
                    writer.put(first, records[first : first + step], vectors[first : first + step], {}, root=".")
                else:
                    getattr(client, kind)(name, made[first : first + step], timeout=30)
            rates.setdefault(kind, []).append(INSERTED / (time.perf_counter() - began))
            writer.store.drop()
    medians = {kind: round(float(np.median(some))) for kind, some in rates.items()}
    _say(
        "insert",
        rows=INSERTED,
        rows_a_second=medians,
        against_upsert=round(medians["ours"] / medians["upsert"], 3),
        against_insert=round(medians["ours"] / medians["insert"], 3),
    )


def _say(what: str, **facts: object) -> None:
    print(json.dumps({"what": what, **facts}), flush=True)


if __name__ == "__main__":
    main()
