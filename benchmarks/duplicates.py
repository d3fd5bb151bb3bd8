"""Near duplicates among many hashes, against imagehash pair by pair and against imagededup's method.

    python benchmarks/duplicates.py [--runs 5]

imagededup (0.3) compares every hash with every hash by counting differing bits in compiled code; here NumPy does that,
as fast on one core, because the package itself brings PyTorch. Both sides return the same pairs, which is checked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.checks.hamming import near_pairs

BITS = 5
Hashes = NDArray[np.uint64]
Pairs = set[tuple[int, int]]


def some_hashes(count: int, seed: int = 0) -> Hashes:
    """Return random hashes, one in ten of them another one with up to `BITS` bits changed."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**63, count, dtype=np.uint64)
    changed = np.zeros(len(hashes[::10]), np.uint64)
    for _ in range(BITS):
        changed |= np.uint64(1) << rng.integers(0, 64, len(changed), dtype=np.uint64)
    hashes[::10] = hashes[(np.arange(0, count, 10) + 1) % count] ^ changed
    return hashes


def ours(hashes: Hashes) -> Pairs:
    """Return the pairs that `check` finds."""
    (first, second, _), _ = near_pairs(hashes, BITS)
    return set(zip(first.tolist(), second.tolist(), strict=True))


def by_imagehash(hashes: Hashes) -> Pairs:
    """Compare imagehash objects pair by pair, as its documentation does."""
    import imagehash

    made = [imagehash.hex_to_hash(f"{h:016x}") for h in hashes.tolist()]
    return {(i, j) for i, a in enumerate(made) for j in range(i + 1, len(made)) if a - made[j] <= BITS}


def by_brute_force(hashes: Hashes) -> Pairs:
    """Compare every hash with every later one by counting bits, a line of the triangle at a time."""
    found: Pairs = set()
    for i in range(len(hashes) - 1):
        near = np.flatnonzero(np.bitwise_count(hashes[i + 1 :] ^ hashes[i]) <= BITS)
        found |= {(i, i + 1 + int(j)) for j in near}
    return found


def compare(count: int, theirs: Callable[[Hashes], Pairs], runs: int) -> dict[str, Any]:
    """Time both sides in turn on the same hashes; the pairs must be the same."""
    hashes = some_hashes(count)
    if ours(hashes) != theirs(hashes):
        raise SystemExit("the two sides found different pairs")
    pairs = []
    for _ in range(runs):
        began = time.perf_counter()
        ours(hashes)
        between = time.perf_counter()
        theirs(hashes)
        pairs.append((between - began, time.perf_counter() - between))
    return {
        "hashes": count,
        "ours s": statistics.median(a for a, _ in pairs),
        "theirs s": statistics.median(b for _, b in pairs),
        "times faster": statistics.median(b / a for a, b in pairs),
    }


def alone(count: int, runs: int) -> dict[str, Any]:
    """Time ours where the others would take hours."""
    hashes, times = some_hashes(count), []
    for _ in range(runs):
        began = time.perf_counter()
        near_pairs(hashes, BITS)
        times.append(time.perf_counter() - began)
    return {"hashes": count, "ours s": statistics.median(times)}


def measure(runs: int) -> dict[str, Any]:
    """Measure all of it."""
    return {
        "against imagehash, pair by pair": compare(1_000, by_imagehash, runs),
        "against imagededup's method": compare(20_000, by_brute_force, runs),
        "a million": alone(1_000_000, min(runs, 3)),
    }


def main() -> int:
    """Measure duplicates and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().runs), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
