"""Measure how well photos without labels are grouped: B-cubed on every labelled set, its weights learned without it.

    python benchmarks/grouping.py TOWN [--trials 90]       # TOWN: made by `python -m town TOWN --places 60 --views 6`

All photos of a set (gallery and queries) lie in one flat folder without names. It prints precision and recall of every
set with weights that were learned from the others (`tools/learn_same_place.py` says how), with intervals drawn over
places, and with those that the package ships; and with these of all sets but the thumbnails mixed in one folder. For
smvs_landmarks it also prints what is left when labels that neighbouring views of one building have are one place, and
of each set where pairs of one place are lost, and the most recall that weights chosen for this set alone give.
Reads ../shared/data; pairs that are matched are kept in the user's cache.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from placeprint.arrays import Floats
from placeprint.grouping.same_place import SamePlace, shipped_same_place
from placeprint.progress import on_stderr
from tools.same_place_fit import LabelledLooks, as_one_building, labelled_looks, learn, sets_of, tried

RATES = (0.01, 0.02, 0.05)
PRECISE = 0.97
DRAWS = 1000
THUMBNAILS = "cohog_sped_thumbs"


def told(one: LabelledLooks, same: SamePlace) -> str:
    """Return precision, its interval, and recall at each rate, as `placeprint group` finds them."""
    cells = []
    for rate in RATES:
        found = one.as_grouped(same, same.least(rate))
        low, high = interval(found.precisions, one.places)
        cells.append(f"{found.precision:.3f} ({low:.3f} to {high:.3f}) / {found.recall:.2f}")
    return " | ".join(cells)


def interval(precisions: Floats, places: Sequence[str]) -> tuple[float, float]:
    """Return where 95 % of the means lie when places are drawn anew."""
    of = [precisions[[row for row, place in enumerate(places) if place == name]] for name in sorted(set(places))]
    rng = np.random.default_rng(0)
    means = [np.concatenate([of[n] for n in rng.integers(0, len(of), len(of))]).mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return low, high


def without_positions(one: LabelledLooks) -> LabelledLooks:
    """Return a set as cameras without a receiver would have taken it."""
    records = tuple(dataclasses.replace(record, latitude=None, longitude=None) for record in one.embedded.records)
    return dataclasses.replace(one, embedded=dataclasses.replace(one.embedded, records=records))


def found_pairs(one: LabelledLooks, same: SamePlace) -> str:
    """Return what became of the pairs of looks that show one place, at 2 %."""
    place = [one.places[look[0]] for look in one.looks.looks]
    home = {look: n for n, group in enumerate(one.looks.joined((), same, same.least(0.02))[0]) for look in group}
    true = {(a, b) for b, there in enumerate(place) for a in range(b) if place[a] == there}
    matching = {pair for pair, each in zip(one.looks.pairs, one.looks.evidence.tolist(), strict=True) if each > 0}
    near = len(true.intersection(one.looks.pairs))
    return (
        f"{one.name}: {len(true)} pairs show one place: {near} are neighbours, {len(true & matching)} of these match; "
        f"{sum(home[a] == home[b] for a, b in true)} are joined; {len(matching - true)} others match"
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("town", type=Path)
    parser.add_argument("--trials", type=int, default=90)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        measure(sets_of(asked.town), Path(room), asked.trials)


def measure(folders: Mapping[str, Path], room: Path, trials: int) -> None:
    """Print the rows of the table."""
    sets = [labelled_looks(name, [path], room, on_stderr()) for name, path in folders.items()]
    clean = [as_one_building(one) for one in sets]
    made = tried(clean, trials=trials, seed=3)
    print("set | learned from | " + " | ".join(f"at {100 * rate:g} %" for rate in RATES))
    shipped = shipped_same_place()
    for number, one in enumerate(sets):
        without = learn(clean, made, [other for other in range(len(sets)) if other != number])
        print(f"{one.name} | the others | {told(one, without)}")
        print(f"{one.name} | all (shipped) | {told(one, shipped)}", flush=True)
        own = max(curves[number][curves[number][:, 0] >= PRECISE, 1].max(initial=0.0) for _, curves in made)
        print(f"{found_pairs(one, shipped)}; recall at precision {PRECISE} with weights of its own: {own:.2f}")
        if any(one.looks.positions):
            print(f"{one.name} without positions | all (shipped) | {told(without_positions(one), shipped)}")
        if clean[number].places != one.places:
            print(f"{one.name}, one building one place | the others | {told(clean[number], without)}")
    several = [path for name, path in folders.items() if name != THUMBNAILS]
    print(f"mixed | all (shipped) | {told(labelled_looks('mixed', several, room, on_stderr()), shipped)}")


if __name__ == "__main__":
    main()
