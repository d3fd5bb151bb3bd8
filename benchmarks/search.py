"""Measure search: exact against a NumPy product and argsort, approximate against graphs at equal recall.

    python benchmarks/search.py                           # all sizes; a million rows take a quarter of an hour
    python benchmarks/search.py --rows 10000 100000       # only these, approximate; fewer than 256 exact only
    python benchmarks/search.py --peers-rows 100000       # peers only up to here: building a graph is slow
    python benchmarks/search.py --graphs FOLDER           # keep the graphs, and take those that are there
    python benchmarks/search.py --reading                 # one query's scores as one product, and row by row

Vectors are clustered as places are, about 20 images each. usearch and hnswlib are measured where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from growth import peak_mb
from placeprint.cli.heap import lean_heap
from placeprint.cores import available_cores
from placeprint.gallery.index.approximate import FILE, LEAST_ROWS
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.faiss_index import FaissIndex
from placeprint.gallery.index.short_vectors import ShortVectors, shortened
from placeprint.gallery.index.tuning import disturbed, recall_of

DIM, K, QUERIES, TARGET = 256, 10, 200, 0.99
WIDTHS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
LINKS, BUILD = 16, 128
"""M and efConstruction of every graph."""

_POOL = ThreadPoolExecutor()
Search = Callable[[Vectors], Any]


def places(rows: int, *, hard: bool = False, seed: int = 1, dim: int = DIM) -> Iterator[Vectors]:
    """Yield unit vectors in blocks: places at random; hard: in districts, of uneven sizes, that overlap."""
    rng = np.random.default_rng(seed)
    count = max(1, rows // 20)
    centres = rng.standard_normal((count, dim), dtype=np.float32)
    spread, shape, sizes = np.float32(0.5), np.ones(dim, np.float32), np.full(count, 1 / count)
    if hard:
        districts = rng.standard_normal((max(1, count // 50), dim), dtype=np.float32)
        centres += districts[rng.integers(0, len(districts), count)]
        shape = (np.arange(1, dim + 1) ** -0.5).astype(np.float32)
        spread, sizes = np.float32(1), rng.lognormal(0, 1, count)
        sizes /= sizes.sum()
    for first in range(0, rows, 20_000):
        size = min(20_000, rows - first)
        block = centres[rng.choice(count, size, p=sizes)]
        block = (block + spread * rng.standard_normal((size, dim), dtype=np.float32)) * shape
        yield block / np.linalg.norm(block, axis=1, keepdims=True)


def of_elsewhere(*, hard: bool, dim: int) -> Vectors:
    """Return vectors of places that no row is of: photos that have to be told apart from known ones."""
    return np.concatenate(list(places(QUERIES, hard=hard, seed=9, dim=dim)))


def first_found(rows: Any, truth: Any) -> float:
    """Return the share of queries whose nearest row was found: with it, as a rule, their place is found or missed."""
    return float((rows[:, 0] == truth[:, 0]).mean())


def written(path: Path, rows: int, *, hard: bool = False, dim: int = DIM) -> Vectors:
    """Write such vectors and return their memory map."""
    made = np.lib.format.open_memmap(path, "w+", np.float32, (rows, dim))
    filled = 0
    for block in places(rows, hard=hard, dim=dim):
        made[filled : filled + len(block)] = block
        filled += len(block)
    made.flush()
    mapped: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def numpy_search(vectors: Vectors, queries: Vectors) -> tuple[Any, Any]:
    """Return rows and scores as it was published: normalise, multiply, sort all."""
    units = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    scores = units @ vectors.T
    rows = np.argsort(-scores, axis=1)[:, :K]
    return rows, np.take_along_axis(scores, rows, axis=1)


def in_turn(sides: dict[str, Callable[[], object]], runs: int, *, calls: int = 1) -> dict[str, list[float]]:
    """Return seconds a call of each side, measured in turn after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(runs + 1):
        for name, work in sides.items():
            began = time.perf_counter()
            for _ in range(calls):
                work()
            if number:
                times[name].append((time.perf_counter() - began) / calls)
    return times


def read_once(vectors: Vectors) -> None:
    """Read all vectors from memory on all cores and do next to nothing: what one exact query cannot be faster than."""
    halves = np.array_split(vectors.reshape(-1), available_cores())
    list(_POOL.map(np.vdot, halves, halves))


def exact_against_numpy(runs: int, sizes: tuple[int, ...] = (67, 10_000, 100_000)) -> list[dict[str, Any]]:
    """Search one query and 64: ours, in 8 bits too, NumPy, FAISS flat; milliseconds, whether rows and scores agree."""
    lines = []
    for size in sizes:
        vectors = np.concatenate(list(places(size)))
        ours, flat = ExactIndex(vectors), FaissIndex(vectors)
        short = ExactIndex(ShortVectors(shortened(vectors)))  # type: ignore[arg-type] - reads like an array
        asked = disturbed(vectors, 64, seed=3)[1]
        for count in (1, 64):
            queries = np.resize(asked, (count, DIM))
            found, published = ours.search(queries, K), numpy_search(vectors, queries)
            sides = {
                "exact": lambda q=queries, index=ours: index.search(q, K),
                "numpy": lambda q=queries, v=vectors: numpy_search(v, q),
            }
            if alone := count == 1 and vectors.nbytes > 1 << 25:  # less is in the processor's cache
                sides["reading"] = lambda v=vectors: read_once(v)
            calls = max(1, 200_000 // (size * count))
            times = in_turn(sides, runs, calls=calls)
            for name, index in (("faiss flat", flat), ("8 bits", short)):
                times |= in_turn({name: lambda q=queries, index=index: index.search(q, K)}, runs, calls=calls)
            line: dict[str, Any] = {"rows": size, "queries": count}
            line |= {f"{name} ms": 1000 * statistics.median(t) / count for name, t in times.items()}
            ratios = [b / a for a, b in zip(times["exact"], times["numpy"], strict=True)]
            line["times faster than numpy"] = statistics.median(ratios)
            if alone:
                reading = [b / a for a, b in zip(times["exact"], times["reading"], strict=True)]
                line["share of the memory's speed"] = statistics.median(reading)
            line["same rows"] = bool((found.rows == published[0]).all())
            line["scores differ by"] = float(np.abs(found.scores - published[1]).max())
            lines.append(line)
    return lines


def product_or_rows(runs: int, numbers: int = 80_000_000) -> list[dict[str, float]]:
    """Score one query against a memory map, as one product and row by row; milliseconds by dimensions."""
    lines = []
    for dim in (128, 256, 384, 512, 768, 1280):
        with tempfile.TemporaryDirectory() as folder:
            vectors = np.asarray(written(Path(folder) / "vectors.npy", numbers // dim, dim=dim))
            query = vectors[0].copy()
            sides = {
                "product ms": lambda v=vectors, q=query: v @ q,
                "row by row ms": lambda v=vectors, q=query: np.vecdot(v, q),
            }
            times = in_turn(sides, runs)
        lines.append({"dim": dim} | {name: 1000 * statistics.median(took) for name, took in times.items()})
    return lines


def built_by_child(vectors: Path, folder: Path) -> dict[str, float]:
    """Build the approximate index in another process, for its peak memory."""
    command = [sys.executable, __file__, "--build", str(vectors), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def build(vectors: Path, folder: Path) -> dict[str, float]:
    """Build and save; what the child process does."""
    import faiss

    lean_heap()  # as the program does
    faiss.omp_get_max_threads()
    before = peak_mb()
    began = time.perf_counter()
    index = FaissIndex(np.load(vectors, mmap_mode="r", allow_pickle=False), approximate=True)
    seconds = time.perf_counter() - began
    index.save(folder)
    return {"build s": seconds, "peak MB": peak_mb(), "peak MB before": before}


def approximate(
    rows: int, runs: int, *, hard: bool = False, peers: bool = True, dim: int = DIM, graphs: Path | None = None
) -> dict[str, Any]:
    """Build, open and ask the approximate index, and graphs that are tuned to the same recall; one thread a query."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors = written(folder / "vectors.npy", rows, hard=hard, dim=dim)
        result: dict[str, Any] = {"rows": rows, "hard": hard, "dim": dim}
        result |= built_by_child(folder / "vectors.npy", folder)
        size = (folder / FILE).stat().st_size
        result |= {"bytes a vector": size / rows, "index MB": size / 2**20}
        began = time.perf_counter()
        ours = FaissIndex(vectors, approximate=True, folder=folder)
        result["open s"] = time.perf_counter() - began
        exact = ExactIndex(vectors)
        queries = disturbed(vectors, QUERIES, seed=3)[1]
        asked = {"": queries, " elsewhere": of_elsewhere(hard=hard, dim=dim)}
        truths = {name: exact.search(some, K).rows for name, some in asked.items()}
        result |= _recalls(asked, truths, lambda some: ours.search(some, K).rows)
        few = queries[:10]
        sides = {"": _one_by_one(ours, queries), " in a batch": lambda: ours.search(queries, K)}
        times = in_turn(sides | {" exact": _one_by_one(exact, few)}, runs)
        counts = {"": len(queries), " in a batch": len(queries), " exact": len(few)}
        result |= {f"ms{name}": 1000 * statistics.median(t) / counts[name] for name, t in times.items()}
        result["peers"] = []
        for name in PEERS if peers else ():
            file = (graphs or folder) / f"{name}-{rows}-{dim}{'-hard' if hard else ''}"
            result["peers"].append(measured(name, file, vectors, asked, truths, ours, runs))
            print(json.dumps(result["peers"][-1]), file=sys.stderr, flush=True)
        return result


def _recalls(asked: dict[str, Vectors], truths: dict[str, Any], search: Callable[[Vectors], Any]) -> dict[str, float]:
    result = {}
    for name, queries in asked.items():
        rows = search(queries)
        result[f"recall@10{name}"] = recall_of(rows, truths[name])
        result[f"recall@1{name}"] = first_found(rows, truths[name])
    return result


def _one_by_one(index: VectorIndex, queries: Vectors) -> Callable[[], None]:
    def ask() -> None:
        for query in queries:
            index.search(query[None], K)

    return ask


def measured(
    name: str,
    file: Path,
    vectors: Vectors,
    asked: dict[str, Vectors],
    truths: dict[str, Any],
    ours: VectorIndex,
    runs: int,
) -> dict[str, Any]:
    """Build a peer unless its file is there, find the least width that reaches the recall, ask it and ours in turn."""
    queries = asked[""]
    if importlib.util.find_spec(name.split()[0]) is None:
        return {"peer": name, "missing": True}
    result: dict[str, Any] = {"peer": name}
    began = time.perf_counter()
    if not file.exists():
        PEERS[name](vectors, file, False)
        result["build s"] = time.perf_counter() - began
    search, widen = PEERS[name](vectors, file, True)
    result["bytes a vector"] = file.stat().st_size / len(vectors)
    for width in WIDTHS:
        widen(width)
        found = _recalls(asked, truths, lambda some: np.array([search(query[None]) for query in some]))
        result |= {"ef": width} | found
        if found["recall@10"] >= TARGET:
            break
    sides = {"theirs": lambda: [search(query[None]) for query in queries], "ours": _one_by_one(ours, queries)}
    times = in_turn(sides, runs)
    ratios = [b / a for a, b in zip(times["ours"], times["theirs"], strict=True)]
    return result | {
        "ms": 1000 * statistics.median(times["theirs"]) / len(queries),
        "ours times faster": statistics.median(ratios),
    }


Graph = tuple[Search, Callable[[int], None]]
"""One query after the other, and the setting of the width of the search."""


def _faiss(vectors: Vectors, file: Path, there: bool) -> Graph:
    import faiss

    index = (
        faiss.read_index(str(file))
        if there
        else faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    )
    if not there:
        index.hnsw.efConstruction = BUILD
        index.add(np.ascontiguousarray(vectors))
        faiss.write_index(index, str(file))

    def widen(width: int) -> None:
        index.hnsw.efSearch = width

    return lambda q: index.search(q, K)[1][0], widen


def _hnswlib(vectors: Vectors, file: Path, there: bool) -> Graph:
    import hnswlib

    index = hnswlib.Index("ip", vectors.shape[1])
    if there:
        index.load_index(str(file))
    else:
        index.init_index(len(vectors), M=LINKS, ef_construction=BUILD)
        index.add_items(vectors)
        index.save_index(str(file))
    index.set_num_threads(1)
    return lambda q: index.knn_query(q, K)[0][0].astype(np.int64), index.set_ef


def _usearch(vectors: Vectors, file: Path, there: bool) -> Graph:
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=LINKS, expansion_add=BUILD)
    if there:
        index.load(str(file))
    else:
        index.add(np.arange(len(vectors)), np.ascontiguousarray(vectors))
        index.save(str(file))

    def widen(width: int) -> None:
        index.expansion_search = width

    def search(query: Vectors) -> Any:
        return index.search(query[0], K, threads=1).keys.astype(np.int64)

    return search, widen


PEERS = {"faiss HNSW flat": _faiss, "hnswlib": _hnswlib, "usearch": _usearch}


def main() -> int:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--hard", action="store_true", help="places that overlap, of uneven sizes")
    parser.add_argument("--peers-rows", type=int, default=1_000_000, help="measure peers up to so many rows")
    parser.add_argument("--graphs", type=Path, help="a folder that keeps the peers' graphs")
    parser.add_argument("--reading", action="store_true", help="only one query's scores, in two ways, by dimensions")
    parser.add_argument("--build", type=Path, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.build:
        print(json.dumps(build(*asked.build)))
        return 0
    if asked.reading:
        print(json.dumps(product_or_rows(asked.runs), indent=1))
        return 0
    few = {rows for rows in asked.rows if rows < LEAST_ROWS}  # no index is learned from them
    result: dict[str, Any] = {"exact": exact_against_numpy(asked.runs, tuple(sorted({67, 10_000, 100_000} | few)))}
    result["approximate"] = [
        approximate(
            rows, asked.runs, hard=asked.hard, peers=rows <= asked.peers_rows, dim=asked.dim, graphs=asked.graphs
        )
        for rows in asked.rows
        if rows not in few
    ]
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
