"""Pairs for reconstruction against the pairs that show one place, by their labels.

    python benchmarks/pairs.py ../shared/data/smvs_landmarks ../shared/data/landmarks [--top 5 10]

A pair is right when its two images share a label. Precision: of the pairs that are listed; recall: of all such pairs.
Labels are not looked at when pairs are chosen. A set with two photos a place has few right pairs, and most of any list
that is not verified must be wrong: precision is then at most the number of right pairs over that of listed ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import placeprint

WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fast", {"preset": "fast"}),
    ("fast, mutual", {"preset": "fast", "mutual": True}),
    ("balanced, not verified", {"verify": False}),
    ("balanced", {}),
    ("balanced, mutual", {"mutual": True}),
)


def main() -> None:
    """Print one table a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--top", nargs="+", type=int, default=[5])
    arguments = parser.parse_args()
    print("| set | pairs chosen by | each asks for | pairs | of all, % | precision | recall | images alone |")
    print("|---|---|---|---|---|---|---|---|")
    for folder in arguments.sets:
        for top in arguments.top:
            for name, options in WAYS:
                print(row(folder, name, top, options), flush=True)


def row(folder: Path, name: str, top: int, options: dict[str, Any]) -> str:
    """Return the row of one set and way."""
    manifest = placeprint.read_dataset(folder)
    found = placeprint.pairs(manifest, top=top, **options)
    lost = {failure.path for failure in found.unusable}
    places = {r.path: set(r.places) for r in manifest.records if r.path not in lost}
    paths = sorted(places)
    right = {(a, b) for i, a in enumerate(paths) for b in paths[i + 1 :] if places[a] & places[b]}
    listed = {(pair.first, pair.second) for pair in found.pairs}
    hits, every = len(listed & right), len(paths) * (len(paths) - 1) // 2
    numbers = (f"{hits / max(len(listed), 1):.3f}", f"{hits / max(len(right), 1):.3f}")
    share = 100 * len(listed) / every
    return (
        f"| {folder.name} | {name} | {top} | {len(listed)} | {share:.1f} | {numbers[0]} | {numbers[1]} ({hits} of "
        f"{len(right)}) | {len(found.alone)} |"
    )


if __name__ == "__main__":
    main()
