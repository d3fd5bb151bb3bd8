"""The contract of `tests/contracts/test_index.py` on a real Milvus, and approximate indexes against exact search."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import clustered, stored, ties_apart

from placeprint.errors import UsageError
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.exact import ExactIndex
from placeprint.gallery.index.tuning import disturbed, recall_of
from placeprint.gallery.milvus.index import Numbering

sys.path.insert(0, str(Path(__file__).parents[1] / "contracts"))
from test_index import (  # noqa: F401
    queries,
    test_a_batch_is_its_queries_one_by_one,
    test_a_filter_gives_the_exact_answer,
    test_a_filter_of_another_shape_is_refused,
    test_a_filter_that_lets_few_through_pads,
    test_a_stored_vector_finds_itself,
    test_a_threshold_agrees_with_the_top_k,
    test_bad_k_is_refused,
    test_bad_queries_are_refused,
    test_best_first_and_each_row_once,
    test_equal_scores_put_the_lower_row_first,
    test_inputs_are_not_changed,
    test_k_above_the_size_pads,
    test_no_query_and_no_row,
    test_same_neighbours_and_scores_as_numpy,
    test_the_scale_of_a_query_changes_nothing,
    vectors,
)


@pytest.fixture(scope="module")
def kept() -> dict[bytes, VectorIndex]:
    return {}


@pytest.fixture
def make(lasting_address: Callable[[], str], kept: dict[bytes, VectorIndex]) -> Callable[[Vectors], VectorIndex]:
    """Put vectors into a collection; the same vectors are put once, because making a collection takes seconds."""

    def made(some: Vectors) -> VectorIndex:
        content = some.tobytes()
        if content not in kept:
            kept[content] = stored(lasting_address(), some).engine
        return kept[content]

    return made


def test_flat_is_exact_and_named(make: Callable[[Vectors], VectorIndex], vectors: Vectors) -> None:  # noqa: F811
    index = make(vectors)
    assert (index.name, len(index)) == ("milvus-flat", 300)
    assert (index.capabilities.exact, index.capabilities.delete, index.capabilities.filter) == (True, True, True)


def test_more_neighbours_than_milvus_returns_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.gallery.milvus.index.MOST_FOUND", 20)
    index = stored(address, clustered(30, 8)).engine
    assert index.search(clustered(1, 8), 20).rows.shape == (1, 20)
    with pytest.raises(UsageError, match="20 neighbours at most"):
        index.search(clustered(1, 8), 21)


@pytest.mark.parametrize(
    ("name", "kind"), [("hnsw", "milvus-hnsw"), ("ivf", "milvus-ivf_flat"), ("exact", "milvus-flat")]
)
def test_approximate_indexes_find_what_exact_search_finds(address: str, name: str, kind: str) -> None:
    """Places of about 20 images, some of them twice; of 100,000: benchmarks/milvus_recall.py."""
    many = clustered(6000, 32, clusters=300, spread=0.25)
    many[3000:3040] = many[:40]
    gallery = stored(address, many, index=name)
    asked = disturbed(many, 200, seed=9)[1]
    found, truth = gallery.engine.search(asked, 10), ExactIndex(many).search(asked, 10)
    assert gallery.engine.name == kind
    assert gallery.engine.capabilities.exact is (name == "exact")
    if name == "exact":
        assert ties_apart(found, truth, many, asked) == 0
    least = {"hnsw": 0.99, "ivf": 0.9, "exact": 0.99}  # a tie may go either way
    assert recall_of(found.rows, truth.rows) >= least[name]
    np.testing.assert_allclose(found.scores[:, 0], truth.scores[:, 0], atol=0.02 if name == "ivf" else 2e-6)


def test_writing_waits_until_the_index_is_built(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymilvus import MilvusClient

    left, original = list(range(1, 7)), MilvusClient.describe_index

    def building(*words: Any, **settings: Any) -> Any:
        said = original(*words, **settings)
        return said | {"pending_index_rows": left.pop()} if left else said

    monkeypatch.setattr(MilvusClient, "describe_index", building)
    stored(address, clustered(60, 8), index="hnsw")
    assert left == []


def test_rows_and_numbers_are_each_others_inverse() -> None:
    numbering = Numbering(12, np.array([0, 3, 4, 11]))
    rows = np.arange(8)
    np.testing.assert_array_equal(numbering.numbers(rows), [1, 2, 5, 6, 7, 8, 9, 10])
    np.testing.assert_array_equal(numbering.rows(numbering.numbers(rows)), rows)
    np.testing.assert_array_equal(numbering.rows(np.array([-1, 5])), [-1, 2])
    assert len(numbering) == 8
