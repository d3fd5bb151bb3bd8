"""Which images of a gallery are one photograph, and what looking for them costs."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.tuning import reachable
from placeprint.recognition.calibration.held_out import from_gallery
from placeprint.recognition.copies import NEAR_DUPLICATE, Copies
from placeprint.records import ImageRecord


def record(row: int, place: str, content: str = "") -> ImageRecord:
    return ImageRecord(path=f"{row}.jpg", places=(place,), content_hash=content)


def units(rows: Sequence[Sequence[float]]) -> np.ndarray:
    made = np.asarray(rows, np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.integers(0, 3)), min_size=1),
    st.booleans(),
)
def test_copies_are_what_the_words_say(rows: list[tuple[str, str, int]], seen: bool) -> None:
    records = [record(i, place, content) for i, (place, content, _) in enumerate(rows)]
    vectors = units([[1, 0.1 * turn, 0.15 * (turn == 3)] for _, _, turn in rows])
    copies = Copies(records, vectors if seen else None)
    for i, (place, content, _) in enumerate(rows):
        own = np.array([j for j, other in enumerate(rows) if other[0] == place], np.int64)
        near = {int(j) for j in own if seen and vectors[j] @ vectors[i] >= NEAR_DUPLICATE}
        equal = {j for j, other in enumerate(rows) if content and other[1] == content}
        assert copies.of(i, own).tolist() == [i, *sorted((near | equal) - {i})]
        assert set(own[copies.inside(np.array([i]), own)[0]].tolist()) == ({i} | near | equal) & set(own.tolist())


class Counted(tuple[ImageRecord, ...]):
    """Records that count how often each is read, as a gallery's are parsed anew each time."""

    reads: ClassVar[Counter[int]] = Counter()

    def __getitem__(self, row):  # type: ignore[no-untyped-def]
        self.reads[row] += 1
        return super().__getitem__(row)


def test_a_large_place_is_read_once() -> None:
    """65,000 links to one photograph in one folder were read 500 times each, and their vectors too."""
    records = Counted(record(i, "one" if i < 300 else "two", str(i % 40)) for i in range(305))
    Counted.reads.clear()
    known, unknown = from_gallery(records, units(np.random.default_rng(0).standard_normal((305, 8))))
    assert len(unknown) == 305
    assert len(known) == 305
    assert max(Counted.reads.values()) <= 2


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 4))
def test_only_the_first_equal_vectors_can_be_reached(kinds: list[int], k: int) -> None:
    vectors = units([[1, kind, 0.5] for kind in kinds])
    rows = reachable(vectors, k)
    assert rows.tolist() == [i for i, kind in enumerate(kinds) if kinds[:i].count(kind) < k]
    queries = units([[0.2, 1, 0], [1, 0.1, 0.3]])
    index, asked = ExactIndex(vectors), queries.astype(np.float64)
    few, whole = index.among(asked, k, rows), index.among(asked, k, None)
    assert few.rows.tolist() == whole.rows.tolist()
    assert few.scores.tolist() == whole.scores.tolist()
