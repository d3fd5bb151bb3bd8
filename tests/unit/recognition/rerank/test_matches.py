"""Matching local features: the same thing from elsewhere, other things, and when it stops."""

import math
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from placeprint.arrays import Packed
from placeprint.embedding.runners import compiled
from placeprint.embedding.runners.bundled_graph import BundledGraph, bundled_graph
from placeprint.embedding.xfeat import extract
from placeprint.errors import ModelError
from placeprint.recognition.rerank import matches
from placeprint.recognition.rerank.known_pairs import KnownPairs
from placeprint.recognition.rerank.matches import (
    ENOUGH,
    ONSET,
    beyond_chance,
    confidences,
    levelled,
    lines,
    matched_scores,
    up_to_enough,
)
from tests.unit.embedding.test_xfeat import facade

BOX = (100, 50, 520, 400)


def features(seed: int, *, box: tuple[int, int, int, int] | None = None, most: int = 256) -> Packed:
    image = facade(600, 450, seed)
    return extract(image.crop(box) if box else image, bundled_graph("xfeat", precision="f32"), most=most)[:, None]


@pytest.fixture(scope="module")
def query() -> Packed:
    """A part of image 1."""
    return features(1, box=BOX)


@pytest.fixture(scope="module")
def gallery() -> list[Packed]:
    """Images 2, 3 and 1."""
    return [features(seed) for seed in (2, 3, 1)]


def test_the_same_thing_matches_and_others_do_not(query: Packed, gallery: list[Packed]) -> None:
    found = confidences(query, gallery, until=math.inf)
    assert found[2] > 30
    assert found[:2].max() < ONSET + 2  # rendered in one style; by a bit more or less in bfloat16
    np.testing.assert_allclose(beyond_chance(np.array([ONSET - 2, ONSET])), 0)
    assert beyond_chance(found)[2] > 3


def test_the_matcher_is_loaded_beside_what_comes_before(monkeypatch: pytest.MonkeyPatch, query: Packed) -> None:
    graph = BundledGraph("lighterglue")
    monkeypatch.setattr(matches, "bundled_graph", lambda *_, **__: graph)
    with graph._lock:
        for _ in range(5):
            matches.begin()
        loading = [each for each in threading.enumerate() if each.name == "load lighterglue"]
    assert len(loading) == 1
    loading[0].join()
    loaded = graph._made
    assert loaded is not None
    matches.begin()
    assert not [each for each in threading.enumerate() if each.name == "load lighterglue"], "it is there already"
    assert confidences(query, [query], until=math.inf)[0] > ENOUGH / 2
    assert graph._made is loaded


def test_a_matcher_that_cannot_be_loaded_is_told_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, query: Packed, own_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (own_cache / "compiled").unlink()
    graph = BundledGraph("lighterglue")
    monkeypatch.setattr(matches, "bundled_graph", lambda *_, **__: graph)
    monkeypatch.setattr("placeprint.embedding.runners.bundled_graph.WEIGHTS", own_cache)
    monkeypatch.setattr(matches, "KNOWN_PAIRS", KnownPairs())
    matches.begin()
    with pytest.raises(ModelError, match="install placeprint again"):
        confidences(query, [query], until=math.inf)

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no common base")

    monkeypatch.setattr("placeprint.embedding.runners.bundled_graph._graph", fails)
    graph = BundledGraph("lighterglue")
    matches.begin()
    with pytest.raises(ModelError, match="no common base"):
        confidences(query, [query], until=math.inf)
    monkeypatch.setattr(threading.Thread, "start", fails)
    graph = BundledGraph("lighterglue")
    matches.begin()  # no thread can be started
    assert capfd.readouterr().err == ""


def test_nothing_is_compared_behind_what_is_enough(
    query: Packed, gallery: list[Packed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "ENOUGH", 30.0)
    asked: list[int] = []

    def waiting() -> Iterator[Packed]:
        for number in (0, 2, 1, 1, 1):
            asked.append(number)
            yield gallery[number]

    found = confidences(query, waiting(), until=math.inf)
    assert asked == [0, 2]
    assert len(found) == 2
    together = confidences(query, [gallery[n] for n in (0, 2, 1, 1, 1)], until=math.inf, at_once=3)
    np.testing.assert_array_equal(together, found)


def test_no_time_is_no_evidence(query: Packed, gallery: list[Packed]) -> None:
    assert len(confidences(query, gallery, until=-math.inf)) == 0


@pytest.mark.parametrize("count", [0, 1, 6])
def test_an_image_of_too_few_features_for_evidence_is_not_matched(
    query: Packed, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "bundled_graph", None)
    few = query[:count]
    np.testing.assert_array_equal(confidences(query, [few], until=math.inf), [0.0])
    np.testing.assert_array_equal(confidences(few, [query, few], until=math.inf), [0.0, 0.0])
    assert len(lines(query, few, aspects=(1.0, 1.0))) == 0


@pytest.mark.parametrize("most", [256, 512])
def test_lines_join_the_same_spots(most: int) -> None:
    """Of 512 features the last layers of the matcher look at some."""
    query, whole = features(1, box=BOX, most=most), features(1, most=most)
    found = lines(query, whole, aspects=(420 / 350, 600 / 450))
    x, y = found.ends[:, 0] * 420 + 100, found.ends[:, 1] * 350 + 50
    off = np.hypot(x - found.ends[:, 2] * 600, y - found.ends[:, 3] * 450)
    assert len(found) > 0.23 * most  # a hundred, more or less one by the runtime's release
    assert np.median(off) < 6  # the working images' sides are multiples of 32
    assert (np.diff(found.weights) <= 0).all()


def test_up_to_enough() -> None:
    values = np.array([1.0, ENOUGH, 2.0, 99.0])
    np.testing.assert_array_equal(up_to_enough(values), values[:2])
    np.testing.assert_array_equal(up_to_enough(values[:1]), values[:1])


def test_matches_rank_by_their_logarithm_and_tell_by_their_sum() -> None:
    scores, sure = np.array([0.8, 0.7, 0.6]), np.array([ONSET + 45, ONSET + 60, 0])
    found = matched_scores(scores, sure, 0.15)
    np.testing.assert_allclose(found, [0.8 + 0.45, 0.8 + 0.45 - 1e-4, 0.6])  # 0.7 + 0.6 would be more
    np.testing.assert_allclose(matched_scores(scores, np.array([0, ONSET + 30, 0]), 0.15), [0.8, 1.0, 0.6])


def test_scores_are_levelled_above_1_and_keep_their_order() -> None:
    scores = np.array([-0.5, 0.3, 1.0, 1.05, 1.5, 2.0])
    told = levelled(scores)
    np.testing.assert_array_equal(told[:3], scores[:3])
    np.testing.assert_allclose(told[3:], 1 + 0.05 * np.log([2, 11, 21]))


@pytest.mark.parametrize("most", [256, 512])
def test_both_runners_are_equally_sure(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query, whole = features(1, box=BOX, most=most), features(1, most=most)

    def sum_by(graph: BundledGraph) -> NDArray[np.float64]:
        monkeypatch.setattr(matches, "bundled_graph", lambda *_, **__: graph)
        return confidences(query, [whole], until=math.inf)

    exact = sum_by(bundled_graph("lighterglue", precision="f32"))
    np.testing.assert_allclose(sum_by(bundled_graph("lighterglue", runner="onnx")), exact, rtol=0.01)


def test_a_graph_is_pickled_by_its_name() -> None:
    graph = pickle.loads(pickle.dumps(bundled_graph("xfeat", threads=2, precision="f32")))
    grey = np.zeros((1, 1, 96, 96), np.float32)
    assert [value.shape for value in graph.run(grey)] == [(1024, 2), (1024,), (1024, 64)]


def test_a_pair_is_matched_once_whichever_side_asks(
    query: Packed, gallery: list[Packed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "KNOWN_PAIRS", KnownPairs())
    runs: list[int] = []
    matched = matches._matched

    def counted(one: Packed, other: Packed) -> tuple[NDArray[Any], ...]:
        runs.append(1)
        return matched(one, other)

    monkeypatch.setattr(matches, "_matched", counted)
    first = confidences(query, gallery[:2], until=math.inf)
    assert len(runs) == 2
    back = [confidences(each, [query], until=math.inf)[0] for each in gallery[:2]]
    np.testing.assert_array_equal(first, back)
    assert len(runs) == 2


def test_what_is_kept_for_shapes_that_come_again_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of features is another shape, and OpenVINO keeps 5000 by itself."""
    settings: list[dict[str, object]] = []

    def noted(core: Any, make: Any, asked: Any, how: dict[str, object]) -> Any:
        settings.append(how)
        return made(core, make, asked, how)

    made = compiled.compiled
    monkeypatch.setattr(compiled, "compiled", noted)
    BundledGraph("lighterglue")._loaded()
    assert [0 < int(str(each["CPU_RUNTIME_CACHE_CAPACITY"])) <= 64 for each in settings] == [True]
