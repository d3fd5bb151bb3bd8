"""Ranking again: places, evidence, images that are not there, and what stays as it was."""

import dataclasses
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from placeprint.evaluation.ground_truth import choose_truth
from placeprint.evaluation.ranking import rank_queries
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.keys import content_of
from placeprint.presets import Preset
from placeprint.recognition.calibration.held_out import from_gallery
from placeprint.recognition.queries import Queries
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.rerank import reranker
from placeprint.recognition.rerank.cells import votes
from placeprint.recognition.rerank.evidence import beyond_chance
from placeprint.recognition.rerank.matches import levelled
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.records import ImageRecord, ModelSpec, Neighbours
from placeprint.storage.ragged import Ragged

DIM = 5
PRESET = Preset(
    name="p", about="", cells=80, shortlist=50, place_weight=4.0, place_power=0.85, verified=50, cell_weight=0.3
)
PLACES_ONLY = dataclasses.replace(PRESET, verified=0)
SPEC = ModelSpec(name="m", dim=DIM, cells=80, cells_output="c", cells_stride=16)

Vectors = NDArray[np.float32]


def units(count: int, seed: int) -> Vectors:
    raw = np.random.default_rng(seed).normal(size=(count, DIM)) + 1
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def maps(count: int, seed: int) -> list[NDArray[np.int8]]:
    """Return maps of a shared world, each with its own share of noise: some agree, some do not."""
    rng = np.random.default_rng(seed)
    world = np.random.default_rng(99).integers(-60, 60, (12, 12, 16))
    noise = rng.integers(-60, 60, (count, 12, 12, 16)) * rng.uniform(0, 2, (count, 1, 1, 1))
    tops = rng.integers(0, 4, (count, 2)).tolist()
    return [
        np.ascontiguousarray((world + part)[y : y + 8, x : x + 6 + i % 3].clip(-127, 127).astype(np.int8))
        for i, (part, (y, x)) in enumerate(zip(noise, tops, strict=True))
    ]


def records_of(labels: Sequence[str | None]) -> list[ImageRecord]:
    """Return one record a label; ``a|b`` is an image of two places."""
    return [
        ImageRecord(path=f"{i}.jpg", places=tuple(x.split("|")) if x else (), content_hash=f"{i:064x}")
        for i, x in enumerate(labels)
    ]


def gallery_of(
    labels: Sequence[str | None], preset: Preset = PRESET, seed: int = 0, rows: Sequence[int] = ()
) -> Gallery:
    """Return a gallery with a part for each image; `rows` chooses some of the images."""
    kept = list(rows) or list(range(len(labels)))
    records, cells = records_of(labels), maps(len(labels), seed)
    return Gallery.in_memory(
        [records[i] for i in kept],
        units(len(labels), seed)[kept],
        spec=SPEC,
        index="exact",
        preset=preset,
        parts={"cells": Ragged.of([cells[i] for i in kept])},
    )


def near_to(gallery: Gallery, vector: Vectors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    found = gallery.search(vector[None], k=len(gallery))
    return found.rows[0], found.scores[0]


def blended(vectors: Vectors, labels: Sequence[object], query: Vectors, *, weight: float, power: float) -> list[float]:
    """Return the similarity to each image blended with the mean of its place, image by image."""
    scores = []
    for label, image in zip(labels, vectors.astype(np.float64), strict=True):
        place = [v.astype(np.float64) for v, other in zip(vectors, labels, strict=True) if other == label]
        if label is None or len(place) < 2:
            scores.append(float(image @ query))
            continue
        blend = image + weight * np.mean(place, axis=0)
        length = float(np.sqrt((blend**2).sum()))
        scores.append(float(blend @ query) / length**power / (1 + weight) ** (1 - power))
    return scores


def backed(evidence: Sequence[float], labels: Sequence[object], sizes: dict[object, int]) -> list[float]:
    """Return a quarter of each image's own evidence and three quarters of the mean of its place's three best."""
    total = []
    for own, place in zip(evidence, labels, strict=True):
        best = sorted((e for e, other in zip(evidence, labels, strict=True) if other == place), reverse=True)
        needed = min(3, sizes[place])
        total.append(0.25 * own + 0.75 * sum(best[:needed]) / needed)
    return total


LABELS = ["a", "b", "a", "c", "b", "a", "d", "a", "c", "e", "a|b", "b"]


@pytest.mark.parametrize(("weight", "power"), [(4.0, 0.85), (4.0, 0.0), (0.5, 1.0), (0.0, 0.5)])
def test_places_are_blended_as_it_is_written(weight: float, power: float) -> None:
    made = gallery_of(LABELS, dataclasses.replace(PLACES_ONLY, place_weight=weight, place_power=power))
    query, rows = units(1, 7)[0], np.array([7, 3, 0, 9, 10, 1, 2, 11])
    wanted = blended(made.vectors, LABELS, query, weight=weight, power=power)
    again = Reranker(made)
    np.testing.assert_allclose(again.scores(query, {}, rows), [wanted[row] for row in rows], rtol=1e-6)
    np.testing.assert_array_equal(again.scores(query, {}, rows), again.scores(query, {}, rows))


def test_evidence_is_weighed_and_backed_as_it_is_written() -> None:
    preset = dataclasses.replace(PRESET, verified=7)
    made, query, cells = gallery_of(LABELS, preset), units(1, 7)[0], maps(1, 8)[0]
    before = Reranker(gallery_of(LABELS, PLACES_ONLY)).scores(query, {}, np.arange(12))
    best = sorted(range(12), key=lambda row: -before[row])[:7]
    evidence = 0.3 * beyond_chance(votes(cells, [made.parts["cells"][row] for row in best]))
    sizes = {label: LABELS.count(label) for label in LABELS}
    wanted = before.copy()
    wanted[best] += backed(evidence.tolist(), [LABELS[row] for row in best], sizes)
    scores = Reranker(made).scores(query, {"cells": cells}, np.arange(12))
    np.testing.assert_allclose(scores, wanted, rtol=1e-9)
    assert np.abs(scores - before).max() > 0.01


@pytest.mark.parametrize("most", [256, 2])
@pytest.mark.parametrize("seed", range(8))
def test_rows_that_are_gone_are_as_if_they_had_never_been_there(
    monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    monkeypatch.setattr(reranker, "MOST_OF_A_PLACE", most)
    rng = np.random.default_rng(seed)
    labels = [[None, "a", "b", "c", "d"][i] for i in rng.integers(0, 5, 14)]
    gone = np.sort(rng.choice(14, int(rng.integers(1, 10)), replace=False))
    left = np.setdiff1d(np.arange(14), gone)
    query, parts = units(1, seed + 50)[0], {"cells": maps(1, seed + 60)[0]}
    whole = Reranker(gallery_of(labels, seed=seed)).scores(query, parts, left, gone=gone)
    never = gallery_of(labels, seed=seed, rows=left.tolist())
    np.testing.assert_allclose(whole, Reranker(never).scores(query, parts, np.arange(len(left))), rtol=0, atol=1e-14)


def test_of_a_large_place_a_sample_is_read_whose_mean_is_near_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    made, query, read = gallery_of(["a"] * 3000 + ["b"] * 5, PLACES_ONLY), units(1, 7)[0], list[int]()

    class Counting:
        def __getitem__(self, rows: NDArray[np.int64]) -> Vectors:
            read.extend(rows.tolist())
            return made.vectors[rows]

    scores = Reranker(made, vectors=Counting()).scores(query, {}, np.array([7, 3001, 2000]))  # type: ignore[arg-type]
    assert len(read) == 3 + 256 + 5
    contents = [content_of(record.content_hash) for record in made.records[:3000]]
    assert set(read[3:-5]) == set(np.argsort(contents)[:256].tolist())
    monkeypatch.setattr(reranker, "MOST_OF_A_PLACE", 3000)
    np.testing.assert_allclose(scores, Reranker(made).scores(query, {}, np.array([7, 3001, 2000])), atol=0.03)


def test_sums_of_places_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reranker, "MOST_SUMS", 2)
    again = Reranker(gallery_of(LABELS, PLACES_ONLY))
    first = again.scores(units(1, 7)[0], {}, np.arange(12))
    assert len(again._sums) <= 2
    np.testing.assert_array_equal(again.scores(units(1, 7)[0], {}, np.arange(12)), first)


def test_one_place_of_any_size_leaves_the_margin_to_the_next_and_two_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    far = [3.0, -1, 0, 0, 0]
    vectors = np.concatenate([np.eye(1, DIM) + 0.01 * rng.normal(size=(700, DIM)), [far, far]]).astype(np.float32)
    records = records_of(["a"] * 350 + ["a|b"] * 350 + ["b", "c"])
    spec = dataclasses.replace(SPEC, cells=0)
    made = Gallery.in_memory(records, vectors, spec=spec, index="exact")
    asked, search = list[int](), Gallery.search

    def counted(self: Gallery, *given: Any, **named: Any) -> Neighbours:
        asked.append(named["k"])
        return search(self, *given, **named)

    monkeypatch.setattr(Gallery, "search", counted)
    for rows, nearest in ((range(350), "b"), (range(350, 702), "c")):
        only = np.isin(np.arange(702), [*rows, 700, 701])
        answer = Recognizer(made).answer(np.eye(1, DIM, dtype=np.float32)[0], only=only)
        assert answer.margin == pytest.approx(answer.score - 3 / np.sqrt(10), abs=1e-6)
        assert nearest in [place.place for place in answer.places]
    assert len(asked) == 4
    assert max(asked) == 100


def test_a_whole_place_that_is_gone_changes_no_other_by_a_bit() -> None:
    gone = np.array([i for i, label in enumerate(LABELS) if label == "a"])
    left = np.setdiff1d(np.arange(12), gone)
    query, parts = units(1, 3)[0], {"cells": maps(1, 4)[0]}
    whole = Reranker(gallery_of(LABELS)).scores(query, parts, left, gone=gone)
    never = Reranker(gallery_of(LABELS, rows=left.tolist())).scores(query, parts, np.arange(len(left)))
    np.testing.assert_array_equal(whole, never)


@pytest.mark.parametrize("labels", [["a"], [None], ["a|b"], [None, None, None], ["a", "b", "a|b"]])
def test_images_without_company_keep_their_similarity(labels: list[str | None]) -> None:
    made, query = gallery_of(labels, PLACES_ONLY), units(1, 1)[0]
    scores = Reranker(made).scores(query, {"cells": maps(1, 1)[0]}, np.arange(len(labels)))
    np.testing.assert_allclose(scores, made.vectors @ query, rtol=0, atol=1e-6)


def test_one_image_gets_no_evidence_and_one_place_is_ranked() -> None:
    query, parts = units(1, 1)[0], {"cells": maps(1, 0)[0]}
    alone = gallery_of(["a"])
    np.testing.assert_allclose(Reranker(alone).scores(query, parts, np.arange(1)), alone.vectors @ query, rtol=1e-6)
    answer = Recognizer(gallery_of(["a"] * 5)).answer(query, parts=parts)
    assert (answer.place, len(answer.matches)) == ("a", 5)
    assert np.isnan(answer.margin)


def test_images_of_two_places_are_company_to_each_other_only() -> None:
    labels = ["a", "a|b", "a|b", "b", "a"]
    made, query = gallery_of(labels, PLACES_ONLY), units(1, 2)[0]
    wanted = blended(made.vectors, labels, query, weight=4.0, power=0.85)
    np.testing.assert_allclose(Reranker(made).scores(query, {}, np.arange(5)), wanted, rtol=1e-6)
    assert wanted[3] == pytest.approx(float(made.vectors[3] @ query))


def test_an_empty_shortlist_and_an_empty_gallery() -> None:
    again, query, parts = Reranker(gallery_of(["a", "b"])), units(1, 0)[0], {"cells": maps(1, 0)[0]}
    assert again.scores(query, parts, np.empty(0, np.int64)).shape == (0,)
    assert again.ranked(query, parts, np.empty(0, np.int64), np.empty(0, np.float32)).rows.shape == (0,)
    empty, _ = gallery_of(["a", "b"]).remove(places=["a", "b"])
    answer = Recognizer(empty).answer(query, parts=parts)
    assert (answer.place, answer.matches) == (None, ())


def test_a_query_without_parts_is_ranked_by_places_alone() -> None:
    query, rows = units(1, 5)[0], np.arange(12)
    bare = Reranker(gallery_of(LABELS)).scores(query, {}, rows)
    flat = Reranker(gallery_of(LABELS, PLACES_ONLY)).scores(query, {}, rows)
    np.testing.assert_array_equal(bare, flat)


def test_a_blank_photo_gets_next_to_no_evidence() -> None:
    query, rows = units(1, 5)[0], np.arange(12)
    made = Reranker(gallery_of(LABELS))
    gained = made.scores(query, {"cells": np.zeros((8, 8, 16), np.int8)}, rows) - made.scores(query, {}, rows)
    assert gained.max() < 0.03 * PRESET.cell_weight
    assert np.isfinite(gained).all()


def test_the_rest_of_the_ranking_stays_behind_in_its_order() -> None:
    labels = [f"place {i % 7}" for i in range(40)]
    made, query = gallery_of(labels, dataclasses.replace(PRESET, shortlist=9)), units(1, 3)[0]
    rows, scores = near_to(made, query)
    better = Reranker(made).ranked(query, {"cells": maps(1, 9)[0]}, rows, scores)
    assert sorted(better.rows[:9].tolist()) == sorted(rows[:9].tolist())
    assert better.rows[:9].tolist() != rows[:9].tolist()
    np.testing.assert_array_equal(better.rows[9:], rows[9:])
    assert (np.diff(better.scores) <= 0).all()
    assert better.scores[9:].max() <= better.scores[8]
    assert (better.scores[9:] <= scores[9:]).all()
    np.testing.assert_allclose(better.similarities, (made.vectors @ query)[better.rows], atol=1e-6)


def test_equal_scores_keep_the_lower_row_first() -> None:
    one, cells = units(1, 0), maps(1, 0)[0]
    records = records_of([f"place {i}" for i in range(6)])
    made = Gallery.in_memory(
        records, np.repeat(one, 6, axis=0), spec=SPEC, preset=PRESET, parts={"cells": Ragged.of([cells] * 6)}
    )
    better = Reranker(made).ranked(one[0], {"cells": cells}, np.array([4, 2, 5, 0, 1, 3]), np.ones(6, np.float32))
    assert better.rows.tolist() == [0, 1, 2, 3, 4, 5]


def test_after_the_budget_no_other_image_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    made = gallery_of([f"place {i}" for i in range(6)], dataclasses.replace(PRESET, budget_ms=3500))
    query, cells, rows = units(1, 2)[0], maps(1, 3)[0], np.arange(6)
    wanted = Reranker(made).scores(query, {}, rows)
    best = np.argsort(-wanted, kind="stable")[:3]
    wanted[best] += 0.3 * beyond_chance(votes(cells, [made.parts["cells"][row] for row in best]))
    clock = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    np.testing.assert_allclose(Reranker(made).scores(query, {"cells": cells}, rows), wanted, rtol=1e-9)


def test_the_answer_and_the_evaluation_rank_alike() -> None:
    made, cells = gallery_of(LABELS), maps(1, 4)
    query = units(1, 4)
    asked = records_of(["a"])
    ranking = rank_queries(
        made, Queries(asked, query, {"cells": Ragged.of(cells)}), truth=choose_truth(made.records, asked), k=12
    )
    answer = Recognizer(made).answer(query[0], k=12, parts={"cells": cells[0]})
    assert [m.row for m in answer.matches] == ranking.top.rows[0].tolist()
    assert [m.score for m in answer.matches] == ranking.top.scores[0].tolist()
    assert [m.similarity for m in answer.matches] == ranking.similarities[0].tolist()
    assert answer.margin == pytest.approx(ranking.margins[0], abs=1e-6)


@pytest.mark.parametrize("row", [0, 3, 9])
def test_leaving_one_out_asks_a_gallery_that_never_had_it(row: int) -> None:
    made, left = gallery_of(LABELS), [i for i in range(12) if i != row]
    never = Recognizer(gallery_of(LABELS, rows=left))
    wanted = never.answer(made.vectors[row], k=11, parts={"cells": made.parts["cells"][row]})
    truth = choose_truth(made.records, made.records)
    own = Queries(made.records, np.asarray(made.vectors), made.parts, own_rows=range(12))
    found = rank_queries(made, own, truth=truth, k=11)
    assert found.top.rows[row].tolist() == [left[m.row] for m in wanted.matches]
    np.testing.assert_allclose(found.top.scores[row], [m.score for m in wanted.matches], atol=1e-6)


@pytest.mark.parametrize("shortlist", [50, 3])
def test_a_calibration_asks_as_the_gallery_is_asked(shortlist: int) -> None:
    preset = dataclasses.replace(PRESET, shortlist=shortlist)
    made = gallery_of(LABELS, preset)
    known, unknown = from_gallery(made.records, np.asarray(made.vectors), again=Reranker(made))
    places = [set(label.split("|")) for label in LABELS]
    shared = [[other for other in range(12) if places[other] & places[row]] for row in range(12)]
    asked = [row for row in range(12) if len(shared[row]) > 1]
    assert (len(known), len(unknown)) == (len(asked), 12)
    for questions, rows, gone in (
        (known, asked, [[row] for row in range(12)]),
        (unknown, range(12), shared),
    ):
        for i, row in enumerate(rows):
            never = Recognizer(gallery_of(LABELS, preset, rows=[i for i in range(12) if i not in gone[row]]))
            wanted = never.answer(made.vectors[row], k=12, parts={"cells": made.parts["cells"][row]})
            near = [m.score for m in wanted.matches][: questions.evidence.scores.shape[1]]
            np.testing.assert_allclose(questions.evidence.scores[i][: len(near)], near, atol=1e-6)
            assert questions.evidence.other[i] == pytest.approx(wanted.score - wanted.margin, abs=1e-6)
            assert questions.right[i] == bool(set(wanted.matches[0].places) & places[row])


def test_a_query_has_one_budget_for_cells_and_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cells took is not there for points: both end at the same moment."""
    preset = dataclasses.replace(PRESET, xfeat=8, matched=4, match_weight=0.1, budget_ms=50.0)
    cells, points = maps(6, 0), [np.zeros((8, 1, 68), np.uint8)] * 6
    gallery = Gallery.in_memory(
        records_of("aabbcc"),
        units(6, 0),
        spec=dataclasses.replace(SPEC, xfeat=8),
        index="exact",
        preset=preset,
        parts={"cells": Ragged.of(cells), "xfeat": Ragged.of(points)},
    )
    ends: list[float] = []

    def noted(_: object, candidates: Iterable[object], *, until: float, **__: int) -> NDArray[np.float64]:
        ends.append(until)
        return np.ones(len(list(candidates)))

    monkeypatch.setattr("placeprint.recognition.rerank.cells.votes", noted)
    monkeypatch.setattr("placeprint.recognition.rerank.matches.confidences", noted)
    Reranker(gallery).scores(units(1, 1)[0], {"cells": cells[0], "xfeat": points[0]}, np.arange(6))
    assert len(ends) == 2
    assert ends[0] == ends[1] < time.perf_counter() + 1


def test_scores_with_matches_are_levelled_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    query, rows, points = units(1, 1)[0], np.arange(6), np.zeros((8, 1, 68), np.uint8)

    def made(**settings: float) -> NDArray[np.float64]:
        preset = dataclasses.replace(PRESET, xfeat=8, matched=4, cell_weight=0.0, **settings)
        spec = dataclasses.replace(SPEC, xfeat=8)
        parts = {"cells": Ragged.of(maps(6, 0)), "xfeat": Ragged.of([points] * 6)}
        gallery = Gallery.in_memory(
            records_of("aabbcc"), units(6, 0), spec=spec, index="exact", preset=preset, parts=parts
        )
        return Reranker(gallery).scores(query, {"xfeat": points}, rows)

    monkeypatch.setattr(
        "placeprint.recognition.rerank.matches.confidences", lambda *_, **__: np.array([156.0, 6.0, 6.0, 6.0])
    )
    plain, matched = made(match_weight=0.0), made(match_weight=0.15)
    best = int(np.argmax(plain))
    np.testing.assert_allclose(matched[best], levelled(plain[best] + 1.5))
    np.testing.assert_allclose(np.delete(matched, best), np.delete(plain, best))
