"""Labelled sets as flat folders without names, and what is learned from them: for learning and for measuring."""

from __future__ import annotations

import dataclasses
import itertools
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Flags, Floats
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.pipeline import Embedded
from placeprint.grouping.compared import Looks, compared
from placeprint.grouping.group import PRESET
from placeprint.grouping.same_place import SamePlace
from placeprint.progress import Progress
from placeprint.recognition.calibration.estimators import fit_logistic
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.location.photos import read_photos
from tools.bcubed import BCubed, b_cubed

BOUNDS = np.arange(0.0, 12.01, 0.25)
"""Log-odds that are tried as the least to join."""
RATES = (0.005, 0.01, 0.02, 0.05)
USUAL_RATE, LOST = 0.02, 0.002
"""The rate at which it is chosen when what is left is added, and how much precision that may cost."""
WORST = 2.5
"""By how much one set may have more false merges than the rate, where all together keep it."""

ONE_BUILDING = ("021 022", "008 009 039 040", "044 045 046", "051 052", "063 071")
"""Labels of smvs_landmarks that neighbouring views of one building have, seen by eye: for learning they are one place,
in what is measured they are not."""


DATA = Path(__file__).parents[2] / "shared" / "data"
MOST_PLACES = 105
"""Of a set with more (cohog_sped_thumbs), so many are drawn."""


def sets_of(town: Path) -> dict[str, Path]:
    """Return the folders of all sets that are learned from."""
    return {
        "landmarks": DATA / "landmarks" / "landmarks",
        "poznan_bovw": DATA / "poznan_bovw",
        "smvs_landmarks": DATA / "smvs_landmarks",
        "cohog_sped_thumbs": DATA / "cohog_sped_thumbs",
        "town": town,
    }


@dataclass(frozen=True, slots=True)
class LabelledLooks:
    """A set of photos that were compared, and the place of each."""

    name: str
    looks: Looks
    places: tuple[str, ...]
    embedded: Embedded
    root: Path

    def as_grouped(self, same: SamePlace, least: float) -> BCubed:
        """Return how well `placeprint group` does it, which matches only what can change its groups."""
        looks = compared(self.embedded, bound=(same, least), root=self.root)
        return dataclasses.replace(self, looks=looks).grouped(same, least)

    def grouped(self, same: SamePlace, least: float) -> BCubed:
        """Return how well photos are grouped down to a bound."""
        found = self.looks.joined((), same, least)[0]
        return self._measured({look: number for number, looks in enumerate(found) for look in looks})

    def curve(self, same: SamePlace) -> Floats:
        """Return precision and recall at each of `BOUNDS`."""
        steps = list(self.looks.growing(same).steps(float(BOUNDS[0])))
        joined = dict(enumerate(range(len(self.looks.looks))))
        made, done = list[tuple[float, float]](), 0
        for bound in BOUNDS[::-1].tolist():
            while done < len(steps) and steps[done][0] >= bound:
                a, b = joined[steps[done][1]], joined[steps[done][2]]
                joined = {look: a if group == b else group for look, group in joined.items()}
                done += 1
            found = self._measured(joined)
            made.append((found.precision, found.recall))
        return np.array(made[::-1])

    def same(self) -> Flags:
        """Return which pairs that were compared show one place."""
        first = [self.places[look[0]] for look in self.looks.looks]
        return np.array([first[a] == first[b] for a, b in self.looks.pairs])

    def _measured(self, joined: Mapping[int, int]) -> BCubed:
        home = {row: joined[number] for number, look in enumerate(self.looks.looks) for row in look}
        return b_cubed([home[row] for row in range(len(self.places))], self.places)


def labelled_looks(name: str, folders: Sequence[Path], room: Path, progress: Progress | None = None) -> LabelledLooks:
    """Copy all photos of some sets into one flat folder without names, and compare them.

    Parameters
    ----------
    name : str
    folders : sequence of Path
        Datasets with labels.
    room : Path
        Where the folder is made.
    progress : Progress, optional
    """
    rng, photos = random.Random(0), list[tuple[Path, str]]()  # noqa: S311 - no secret
    for folder in folders:
        found = read_dataset(folder)
        labels = sorted({record.place or "" for record in found.records})
        drawn = set(rng.sample(labels, min(len(labels), MOST_PLACES)))
        there = [(found.root / record.path, record.place or "") for record in found.records]
        photos += [(photo, f"{folder.name}: {place}") for photo, place in there if place in drawn and photo.is_file()]
    rng.shuffle(photos)
    flat, places = room / name, dict[str, str]()
    flat.mkdir(parents=True, exist_ok=True)
    for number, (photo, place) in enumerate(photos):
        copied = flat / f"{number:05d}{photo.suffix.lower()}"
        places[copied.name] = place
        if not copied.exists():
            shutil.copyfile(photo, copied)
    manifest = read_photos(flat)
    with opened_cache(True) as cache:
        done = embed_split(
            manifest, manifest.records, embedder=load_embedder(preset=PRESET), cache=cache, progress=progress
        )
        looks = compared(done, root=flat, progress=progress)
    return LabelledLooks(name, looks, tuple(places[path] for path in looks.paths), done, flat)


def as_one_building(whole: LabelledLooks) -> LabelledLooks:
    """Return a set with the labels of `ONE_BUILDING` as one place."""
    one = {f"smvs_landmarks: {label}": group for group in ONE_BUILDING for label in group.split()}
    return dataclasses.replace(whole, places=tuple(one.get(place, place) for place in whole.places))


Tried = list[tuple[SamePlace, Floats]]
"""Weights, and the curve of each set with them, shape (sets, bounds, 2)."""


def tried(sets: Sequence[LabelledLooks], *, trials: int, seed: int = 0) -> Tried:
    """Draw weights at random and group every set with them."""
    rng, made = np.random.default_rng(seed), list[tuple[SamePlace, Floats]]()
    for _ in range(trials):
        drawn = [round(float(rng.uniform(*ends)), 3) for ends in ((2.0, 6.0), (0.05, 0.3), (0.1, 0.4), (1.5, 2.2))]
        same = SamePlace(drawn[0], drawn[1], drawn[2], drawn[3], (2.0, 0.0), (1.0, 0.0), ())
        made.append((same, np.array([one.curve(same) for one in sets])))
    return made


def learn(sets: Sequence[LabelledLooks], made: Tried, kept: Sequence[int]) -> SamePlace:
    """Return the weights with which some of the sets keep the most at the rates, and the bounds of the rates.

    Parameters
    ----------
    sets : sequence of LabelledLooks
    made : list
        See `tried`.
    kept : sequence of int
        The sets that are learned from; each counts alike.
    """

    def recall(curves: Floats) -> float:
        rows = [_least(curves, rate) for rate in RATES[1:]]
        return float(np.mean([0.0 if row is None else curves[:, row, 1].mean() for row in rows]))

    same, curves = max(((same, curves[list(kept)]) for same, curves in made), key=lambda one: recall(one[1]))
    rates = tuple((rate, float(BOUNDS[row])) for rate in RATES if (row := _least(curves, rate)) is not None)
    odds = [sets[one].looks.growing(same).odds(sets[one].looks.pairs) for one in kept]
    constant, slope = fit_logistic(
        np.concatenate(odds)[:, None],
        np.concatenate([sets[one].same() for one in kept]),
        weights=np.concatenate([np.full(len(each), 1000 / len(each)) for each in odds]),
        centre=(0.0, 1.0),
        strength=0.01,
    )
    same = dataclasses.replace(same, probability=(round(slope, 4), round(constant, 4)), rates=rates)
    return _with_left([sets[one] for one in kept], same)


def _with_left(sets: Sequence[LabelledLooks], same: SamePlace) -> SamePlace:
    """Choose when what is left is added: where that loses as good as no precision and gains the most recall."""

    def measured(left: tuple[float, float]) -> tuple[float, float]:
        chosen = dataclasses.replace(same, left=left)
        found = [one.grouped(chosen, chosen.least(USUAL_RATE)) for one in sets]
        return float(np.mean([each.precision for each in found])), float(np.mean([each.recall for each in found]))

    before = measured(same.left)[0]
    made = {left: measured(left) for left in itertools.product((0.25, 0.3, 0.35, 0.4, 0.45), (0.1, 0.15, 0.2))}
    good = {left: recall for left, (precision, recall) in made.items() if precision >= before - LOST}
    return dataclasses.replace(same, left=max(good, key=lambda left: good[left]) if good else same.left)


def _least(curves: Floats, rate: float) -> int | None:
    """Return the lowest bound at which the sets keep a rate of false merges, and from which on; None without one."""
    lost = 1 - curves[:, :, 0]
    good = (lost.mean(axis=0) <= rate) & (lost.max(axis=0) <= WORST * rate)
    bad = np.flatnonzero(~good)
    row = int(bad[-1]) + 1 if len(bad) else 0
    return row if row < len(good) else None


def row_of(same: SamePlace) -> dict[str, Any]:
    """Return what `SamePlace.from_dict` reads."""
    return dataclasses.asdict(same)
