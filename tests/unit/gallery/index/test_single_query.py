"""One query's scores: the way that is faster on the machine is taken, and the answers are the same by both."""

import numpy as np
import pytest

from placeprint.gallery.index import single_query
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.single_query import TRIES, FasterWay, product, row_by_row


class Machine:
    """A clock of a machine on which the two ways take so many seconds each, with an interruption now and then."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.now, self.seconds, self.asked = 0.0, seconds, []

    def way(self, name: str, way: single_query.Way) -> single_query.Way:
        def timed(vectors: Vectors, query: Vectors) -> Vectors:
            self.asked.append((name, len(vectors)))
            self.now += self.seconds[name] * len(vectors) + (100 if len(self.asked) in (1, 4) else 0)
            return way(vectors, query)

        return timed

    def clock(self) -> float:
        return self.now


@pytest.fixture
def vectors() -> Vectors:
    made = np.random.default_rng(4).normal(size=(901, 32)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize(("faster", "slower"), [("product", "row by row"), ("row by row", "product")])
def test_the_faster_way_is_taken_after_a_few_queries(
    monkeypatch: pytest.MonkeyPatch, vectors: Vectors, faster: str, slower: str
) -> None:
    machine = Machine({faster: 0.001, slower: 0.0012})
    monkeypatch.setattr(single_query, "COMPARED", 1)
    monkeypatch.setattr(single_query, "product", kept := machine.way("product", product))
    monkeypatch.setattr(single_query, "row_by_row", machine.way("row by row", row_by_row))
    one = FasterWay(machine.clock)
    for _ in range(TRIES):
        assert one.chosen is None
        np.testing.assert_allclose(one.scores(vectors, vectors[3]), vectors @ vectors[3], atol=1e-6)
    assert sorted(machine.asked) == sorted(
        [("product", 450), ("product", 451), ("row by row", 450), ("row by row", 451)] * 2
    )
    assert (one.chosen is kept) == (faster == "product")
    machine.asked.clear()
    np.testing.assert_allclose(one.scores(vectors, vectors[3]), vectors @ vectors[3], atol=1e-6)
    assert machine.asked == [(faster, 901)]


def test_few_vectors_are_one_product(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_query, "row_by_row", None)
    one = FasterWay()
    for _ in range(2 * TRIES):
        np.testing.assert_array_equal(one.scores(vectors, vectors[0]), vectors @ vectors[0])


def test_answers_do_not_depend_on_the_way(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_query, "COMPARED", 1)
    found = []
    for chosen in (None, product, row_by_row):
        index = ExactIndex(vectors)
        index._one.chosen = chosen
        found.append([index.search(vectors[i : i + 1] + vectors[i + 1], 10) for i in range(12)])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one.rows, two.rows)
            np.testing.assert_array_equal(one.scores, two.scores)
