"""Milvus's indexes against exact search: `python benchmarks/milvus_recall.py [ROWS] [--hard]`, after `make test-scale`.

Starts a server of its own. Vectors are clustered as places are, about 20 images each (`places` of
benchmarks/search.py; hard: places that overlap, of uneven sizes); queries are rows with noise, like other photos of
what is there. FLAT must find what exact search finds, up to ties; of the others recall@10 is printed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "scale"))
from engine import STEADY, MilvusServer
from making import stored, ties_apart

from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.tuning import disturbed, recall_of
from search import K, places

QUERIES = 1000


def main() -> None:
    """Build each index of each kind of vectors, and print one JSON line for it."""
    hard, numbers = "--hard" in sys.argv, [word for word in sys.argv[1:] if word.isdigit()]
    vectors = np.concatenate(list(places(int(numbers[0]) if numbers else 100_000, hard=hard)))
    queries = disturbed(vectors, QUERIES, seed=3)[1]
    truth = ExactIndex(vectors).search(queries, K)
    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer(Path(folder, "milvus"), **STEADY)
        server.start()
        try:
            for name in ("exact", "hnsw", "ivf"):
                began = time.perf_counter()
                gallery = stored(server.address(name), vectors, index=name)
                facts: dict[str, object] = {"rows": len(vectors), "hard": hard, "index": gallery.engine.name}
                facts["built_s"] = round(time.perf_counter() - began, 1)
                found = gallery.search(queries, k=K)
                facts["asked_with"] = gallery.opened.store.setting.search(K)["params"]
                facts["recall_at_10"] = round(recall_of(found.rows, truth.rows), 4)
                facts["queries_that_differ_beyond_ties"] = ties_apart(found, truth, vectors, queries)
                print(json.dumps(facts), flush=True)
                gallery.opened.store.drop()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
