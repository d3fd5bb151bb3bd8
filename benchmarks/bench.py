"""Measure speed, each figure as a ratio in one run against what a user would take instead.

    make bench                                              # all of it; writes benchmarks/results.json
    python benchmarks/bench.py building asking              # some of it
    python benchmarks/bench.py search growth --rows 100000  # not the million

Photographs: ../shared/data/landmarks where it is, else a rendered town. Medians of several runs, the sides in turn, so
that a machine whose speed drifts slows all of them. The sections are files of their own beside this one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asking
import building
import duplicates
import growth
import search

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results.json"


def measure_building(options: argparse.Namespace) -> dict[str, Any]:
    """Measure building a gallery, and the memory that it takes."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = building.photographs(Path(folder))
        found = building.build(manifest, options.runs)
        return found | {"peak MB by images": building.memory(manifest)}


def measure_asking(options: argparse.Namespace) -> dict[str, Any]:
    """Measure a warm process, a cold one, and ``--help``."""
    runs = max(options.runs, 9)
    return {
        "warm, 100,000 vectors, exact": asking.warm(runs, "exact"),
        "warm, 100,000 vectors, auto": asking.warm(runs, "auto"),
        "cold query": asking.cold(runs),
        "--help s": statistics.median(_wall("-m", "placeprint.cli.program", "--help") for _ in range(options.runs)),
    }


def _wall(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], capture_output=True, check=True)
    return time.perf_counter() - began


def measure_search(options: argparse.Namespace) -> dict[str, Any]:
    """Measure exact search against NumPy, and approximate search against its peers."""
    return {
        "exact": search.exact_against_numpy(options.runs),
        "approximate": [search.approximate(rows, options.runs) for rows in options.rows],
    }


def measure_growth(options: argparse.Namespace) -> dict[str, Any]:
    """Measure a gallery of many rows: building, opening, asking, adding, removing."""
    return {f"{rows} rows": growth.growth(rows, runs=options.runs) for rows in options.rows}


def measure_duplicates(options: argparse.Namespace) -> dict[str, Any]:
    """Measure near duplicates."""
    return duplicates.measure(options.runs)


SECTIONS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "building": measure_building,
    "asking": measure_asking,
    "search": measure_search,
    "growth": measure_growth,
    "duplicates": measure_duplicates,
}


def machine() -> dict[str, object]:
    """Say what this was measured on."""
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False)
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.is_file() else []
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": git.stdout.strip(),
    }


def main() -> int:
    """Measure the sections that were asked for, print them, and keep them beside those of earlier calls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"{unknown.pop()}: choose from {', '.join(SECTIONS)}")
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() and options.sections else {}
    for name in options.sections or SECTIONS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        results[name] = {"machine": machine()} | SECTIONS[name](options)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="ascii")
        print(json.dumps({name: results[name]}, indent=1), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
