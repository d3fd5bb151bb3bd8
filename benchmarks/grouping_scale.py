"""Measure what grouping many photos takes beside embedding them: the processor's time of each step, and memory.

    python benchmarks/grouping_scale.py TOWN [--photos 20000] [--matched 12000]

TOWN was made by `python -m town TOWN --places 60 --views 6`.
The photos are those of a rendered town, again and again: each time as another town, a degree away, in which all that
places differ by is turned the same random way, but for local features, which are as they were. So photos are as alike
within each town as they are in the first, and towns are as different as places are. `--matched` lowers how many pairs
are matched: each takes the same time.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.pipeline import Embedded
from placeprint.grouping.compared import compared
from placeprint.grouping.group import PRESET
from placeprint.grouping.rounds import MOST_MATCHED
from placeprint.grouping.same_place import shipped_same_place
from placeprint.recognition.dataset_embeddings import embed_split, opened_cache
from placeprint.recognition.location.photos import read_photos
from placeprint.storage.ragged import RaggedWriter
from tools.bcubed import b_cubed

RATE = 0.02
CHANNELS = 64
"""Of a packed local feature, before its position."""


class Spent:
    """Prints the processor's and the clock's seconds of each step."""

    def start(self, what: str, total: int) -> None:
        """Begin a step."""
        self._what, self._began = f"{what} ({total})", (time.process_time(), time.perf_counter())

    def advance(self, steps: int = 1) -> None:
        """Count nothing."""

    def finish(self) -> None:
        """Print a step."""
        processor, clock = (now - then for now, then in zip(_now(), self._began, strict=True))
        print(f"{self._what}: {processor:.1f} s of the processor, {clock:.0f} s", flush=True)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def repeated(one: Embedded, count: int) -> Embedded:
    """Return the photos again and again, each time with all signs that differ turned another way."""
    rng, mean = np.random.default_rng(0), one.vectors.mean(axis=0)
    writers = {name: RaggedWriter() for name in one.parts}
    records, vectors = list[Any](), list[Any]()
    for town in range(-(-count // len(one.records))):
        left = slice(min(len(one.records), count - len(records)))
        turned = mean + (one.vectors[left] - mean) * rng.choice(np.array([-1, 1], np.float32), len(mean))
        vectors.append(turned / np.linalg.norm(turned, axis=1, keepdims=True))
        cells = rng.choice(np.array([-1, 1], np.int8), one.parts["cells"][0].shape[2])
        for row, record in enumerate(one.records[left]):
            writers["cells"].append(np.maximum(one.parts["cells"][row], -127) * cells)
            packed = one.parts["xfeat"][row].copy()
            packed[..., CHANNELS:].view("<i2")[:] += town  # no pair of another town is known from this one
            writers["xfeat"].append(packed)
            north = None if record.latitude is None else record.latitude + town - 60
            path, content = f"{town}/{record.path}", f"{town} {record.content_hash}"
            records.append(dataclasses.replace(record, path=path, content_hash=content, latitude=north))
    parts = {name: writer.done() for name, writer in writers.items()}
    return dataclasses.replace(one, records=tuple(records), vectors=np.concatenate(vectors), parts=parts)


def main() -> None:
    """Print the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("town", type=Path)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--matched", type=int, default=MOST_MATCHED)
    asked = parser.parse_args()
    manifest = read_photos(asked.town)
    with opened_cache(True) as cache:
        one = embed_split(manifest, manifest.records, embedder=load_embedder(preset=PRESET), cache=cache)
    places = [Path(record.path).parent.name for record in one.records]
    done = repeated(one, asked.photos)
    began, same = _now(), shipped_same_place()
    looks = compared(done, bound=(same, same.least(RATE)), most=asked.matched, progress=Spent())
    step = Spent()
    step.start("joining", len(looks.looks))
    groups, _ = looks.joined((), same, same.least(RATE))
    step.finish()
    processor, clock = (now - then for now, then in zip(_now(), began, strict=True))
    home = {row: group for group, members in enumerate(groups) for look in members for row in looks.looks[look]}
    truth = [f"{record.path.split('/')[0]} {places[row % len(places)]}" for row, record in enumerate(done.records)]
    found = b_cubed([home[row] for row in range(len(truth))], truth)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(truth)} photos: {processor:.0f} s of the processor, {clock:.0f} s, at most {memory:.2f} GiB; "
        f"{looks.matched} pairs matched; B-cubed precision {found.precision:.3f}, recall {found.recall:.2f}"
    )


if __name__ == "__main__":
    main()
