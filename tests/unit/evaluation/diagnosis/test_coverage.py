"""What a gallery lacks, on vectors made by hand, and the curves by counting."""

import dataclasses
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.evaluation.diagnosis.coverage import gallery_coverage
from placeprint.evaluation.diagnosis.impostors import draw_evenly, find_impostors
from placeprint.evaluation.diagnosis.learning_curve import (
    CurvePoint,
    expected_recall,
    forecast_place,
    gallery_curve,
    kept_counts,
)
from placeprint.evaluation.evaluate import evaluate_inputs
from placeprint.evaluation.ground_truth import ByPlace
from placeprint.evaluation.inputs import Inputs
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.base import unit_vectors
from placeprint.presets import FAST
from placeprint.recognition.queries import Queries
from placeprint.records import ImageRecord, ModelSpec


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def record(place: str, i: int) -> ImageRecord:
    return ImageRecord(path=f"{place}/{i}.jpg", places=tuple(place.split("|")) if place else ())


def turned(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def made(*images: tuple[str, float]) -> Gallery:
    """Return a gallery of unit vectors in a plane, by their angle: the nearest angle is the best match."""
    records = [record(place, i) for i, (place, _) in enumerate(images)]
    vectors = np.array([turned(angle) for _, angle in images], np.float32)
    return Gallery.in_memory(records, vectors, spec=ModelSpec(name="plane", dim=2))


def ask(*images: tuple[str, float]) -> tuple[list[ImageRecord], np.ndarray]:
    records = [record(place, 100 + i) for i, (place, _) in enumerate(images)]
    return records, np.array([turned(angle) for _, angle in images], np.float32)


def points(curve: tuple[CurvePoint, ...]) -> list[tuple[int, float]]:
    return [(point.photos, point.recall) for point in curve]


TOWN = made(("a", 0), ("a", 10), ("a", 40), ("b", 30), ("b", 36), ("c", 120), ("", 170))


def test_each_image_against_its_strongest_rival() -> None:
    found = find_impostors(
        TOWN.vectors, Queries(TOWN.records, TOWN.vectors, own_rows=range(len(TOWN))), truth=ByPlace.of(TOWN.records)
    )
    assert found.photos.tolist() == [2, 2, 2, 1, 1, 0, 0]
    assert found.better.tolist() == [1, 1, 0, 1, 0, 0, 0]
    assert found.impostor.tolist() == [3, 3, 4, 2, 2, 6, 5]
    assert found.impostor_score[2] == pytest.approx(math.cos(math.radians(4)))
    assert found.ranked[0].tolist() == [1, 3, 4, 2, 5, 6, -1]
    assert found.right[0].tolist() == [True, False, False, True, False, False, False]


def test_places_of_a_gallery_alone() -> None:
    coverage = gallery_coverage(TOWN)
    rows = {row.place: row for row in coverage.places}
    assert [row.place for row in coverage.places] == ["b", "a", "c"]  # the unlabelled image is no place
    a, b, c = rows["a"], rows["b"], rows["c"]
    assert [(r.images, r.queries, r.measured_by) for r in (a, b, c)] == [
        (3, 0, "leave one image out"),
        (2, 0, "leave one image out"),
        (1, 0, ""),
    ]
    cosines = [math.cos(math.radians(angle)) for angle in (10, 40, 30)]
    assert a.spread == pytest.approx(1 - sum(cosines) / 3, abs=1e-6)
    assert math.isnan(c.spread)
    assert (a.left_out_recall, b.left_out_recall) == (pytest.approx(2 / 3), 0.5)
    assert math.isnan(c.left_out_recall)
    assert [(r.neighbour, r.mistaken) for r in (a, b, c)] == [("b", 1), ("a", 1), (TOWN.records[6].path, 1)]
    near = [math.cos(math.radians(angle)) for angle in (30, 20, 4)]
    assert a.neighbour_similarity == pytest.approx(sum(near) / 3, abs=1e-6)
    assert coverage.nearest["b"] == "a"
    # With two photos there is one other: half of the time 0 and 10 have each other, else only 40, behind b.
    assert points(a.curve) == [(2, pytest.approx((0.5 + 0.5 + 0) / 3)), (3, pytest.approx(2 / 3))]
    assert a.forecast is None
    assert a.says == "a: 3 photos, Recall@1 0.67; too little to say what more photos would bring"
    assert c.says == "c: 1 photo, too few to measure"
    assert coverage.says.startswith("The gallery: 7 photos, Recall@1 0.60; too little")
    assert coverage.sampled is False


def test_queries_measure_where_there_are_five_and_missing_places_come_first() -> None:
    five = [("a", angle) for angle in (1, 2, 11, 31, 35)]  # 31 and 35 are nearer to b
    coverage = gallery_coverage(TOWN, Queries(*ask(*five, ("b", 29), ("d", 100), ("e", 0), ("e", 1))))
    assert [row.place for row in coverage.places] == ["e", "d", "b", "a", "c"]
    e, d, b, a = coverage.places[:4]
    assert (e.images, e.queries, e.says) == (0, 2, "e: no photo in the gallery, 2 queries show it")
    assert d.says == "d: no photo in the gallery, 1 query shows it"
    assert (b.measured_by, b.recall) == ("leave one image out", 0.5)
    assert (a.measured_by, a.recall, a.left_out_recall) == ("queries", 0.6, pytest.approx(2 / 3))
    # 1, 2 and 11 have two of the three photos before b, the others none.
    assert points(a.curve) == [(n, pytest.approx(r)) for n, r in ((1, 0.4), (2, 0.6), (3, 0.6))]
    assert a.forecast is not None
    assert a.forecast.photos == 6
    between = f"({a.forecast.low:.2f} to {a.forecast.high:.2f})"
    assert a.says == f"a: 3 photos, Recall@1 0.60; with 6 about {a.forecast.recall:.2f} {between}"
    assert coverage.measured_by == "queries"
    assert coverage.curve[-1].recall == pytest.approx(4 / 6)
    assert coverage.says.endswith("; 3 queries show 2 places that it does not have")


def test_perfect_and_empty_galleries_are_not_advised() -> None:
    easy = made(("a", 0), ("a", 1), ("a", 2), ("b", 90), ("b", 91), ("b", 92))
    row = gallery_coverage(easy).places[0]
    assert row.says == "a: 3 photos, Recall@1 1.00; more photos could not improve it"
    alone = gallery_coverage(made(("a", 0), ("a", 1)))
    assert (alone.places[0].neighbour, alone.places[0].recall) == (None, 1.0)
    nothing = gallery_coverage(made(("", 0)))
    assert (nothing.places, nothing.curve, nothing.forecast) == ((), (), None)


def test_queries_that_other_places_answer_too_have_no_curve() -> None:
    shared = made(("a", 0), ("a", 5), ("a", 10), ("a|b", 15), ("b", 20), ("c", 90))
    coverage = gallery_coverage(shared, Queries(*ask(*[("a|b", angle) for angle in (0, 60, 70, 80, 85)])))
    a = next(row for row in coverage.places if row.place == "a")
    assert (a.measured_by, a.curve, a.forecast, a.recall) == ("queries", (), None, 0.2)


@given(st.data())
def test_expected_recall_is_the_mean_over_all_sub_samples(data: st.DataObject) -> None:
    photos = data.draw(st.integers(1, 7))
    kept = data.draw(st.integers(1, photos))
    better = data.draw(st.lists(st.integers(0, photos), min_size=1, max_size=4))
    hits = [min(chosen) < g for g in better for chosen in combinations(range(photos), kept)]
    same = np.full(len(better), photos)
    assert expected_recall(ints(*better), same, kept) == pytest.approx(np.mean(hits))


def test_kept_counts() -> None:
    assert [kept_counts(n) for n in (0, 1, 3, 20)] == [(), (1,), (1, 2, 3), (5, 10, 15, 20)]


def test_forecast_recovers_a_known_truth() -> None:
    """Chances drawn from Beta(0.6, 2): with 8 photos 0.64 are right, with 16 photos 0.74."""
    rng = np.random.default_rng(0)
    chance = rng.beta(0.6, 2, 2000)
    truth = [1 - ((1 - chance) ** n).mean() for n in (8, 16)]
    better, photos = rng.binomial(8, chance), np.full(2000, 8)
    found = forecast_place(better, photos, 8, rng)
    assert found is not None
    assert found.photos == 16
    assert (better > 0).mean() == pytest.approx(truth[0], abs=0.02)
    assert found.recall == pytest.approx(truth[1], abs=0.02)
    assert found.low < found.recall < found.high
    assert found.high - found.low < 0.06


def test_forecast_says_nothing_of_too_little() -> None:
    rng = np.random.default_rng(0)
    assert forecast_place(ints(0, 1, 2, 3), ints(4, 4, 4, 4), 4, rng) is None
    assert forecast_place(ints(0, 1, 2, 1, 0), ints(2, 2, 2, 2, 2), 2, rng) is None
    assert forecast_place(ints(1, 1, 2, 3, 4), ints(4, 4, 4, 4, 4), 4, rng) is None
    assert forecast_place(ints(), ints(), 4, rng) is None


@settings(max_examples=40)
@given(st.lists(st.integers(0, 6), min_size=5, max_size=12), st.integers(1, 12))
def test_more_photos_never_hurt_and_the_order_changes_nothing(better: list[int], extra: int) -> None:
    counts, photos = ints(*better), np.full(len(better), 6)
    found = forecast_place(counts, photos, extra, np.random.default_rng(1))
    if found is None:
        assert min(better) > 0
        return
    assert (counts > 0).mean() <= found.recall <= 1
    assert 0 <= found.low <= found.high <= 1
    again = forecast_place(counts[::-1], photos, extra, np.random.default_rng(1))
    assert again is not None
    assert again.recall == pytest.approx(found.recall)
    more = forecast_place(counts, photos, extra + 1, np.random.default_rng(1))
    assert more is not None
    assert more.recall >= found.recall


def test_curve_of_the_gallery_by_value() -> None:
    """One place of four photos and one of one; each query has one right photo first, then the wrong one."""
    places = ints(0, 0, 0, 0, 1)
    ranked = np.array([[i, 4] for i in (0, 1, 2, 3)] * 10)
    right = np.array([[True, False]] * 40)
    points, forecast = gallery_curve(ranked, right, places, np.random.default_rng(0))
    assert [p.photos for p in points] == [2, 3, 4, 5]
    assert [p.recall for p in points] == pytest.approx([0.25, 0.5, 0.75, 1.0])  # exactly one photo in four, ...
    assert all(p.low <= p.recall <= p.high for p in points)
    assert forecast is None
    # Nor is a query right when of all that were ranked for it nothing is kept.
    same = gallery_curve(ranked[:, :1], right[:, :1], places, np.random.default_rng(0))
    assert same == (points, forecast)


def test_forecast_of_the_gallery_continues_the_error() -> None:
    """Of 50 queries, 40 have one right photo, best of all: they are right when it is kept."""
    places = ints(*[0] * 20, *[1] * 20)
    rng = np.random.default_rng(0)
    ranked = np.array([rng.permutation(20) for _ in range(50)])
    right = np.zeros(ranked.shape, np.bool_)
    right[:40, 0] = True
    points, forecast = gallery_curve(ranked, right, places, rng)
    assert [p.photos for p in points] == [10, 20, 30, 40]
    assert [p.recall for p in points] == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.02)
    assert all(p.low < p.recall < p.high for p in points)
    # The logarithm of these errors falls by 0.93 for each unit of the logarithm of the photos.
    slope = np.polyfit(np.log([10, 20, 30, 40]), np.log([0.8, 0.6, 0.4, 0.2]), 1)[0]
    assert forecast is not None
    assert forecast.photos == 80
    assert forecast.recall == pytest.approx(1 - 0.2 * 2**slope, abs=0.01)
    assert forecast.low < forecast.recall < forecast.high
    assert gallery_curve(ranked[:19], right[:19], places, rng)[1] is None


def test_an_error_that_grows_with_the_photos_is_taken_to_stay() -> None:
    """The right photo comes second: more photos keep more of the wrong ones before it."""
    ranked = np.array([[i % 4, 4 + i % 4] for i in range(40)])
    right = np.array([[False, True]] * 39 + [[True, False]])
    points, forecast = gallery_curve(ranked, right, ints(0, 0, 0, 0, 1, 1, 1, 1), np.random.default_rng(0))
    assert points[0].recall > points[-1].recall == pytest.approx(1 / 40)
    assert forecast is not None
    assert forecast.recall == pytest.approx(points[-1].recall)


def test_a_place_keeps_another_photo_when_its_own_images_ask() -> None:
    pair = made(("a", 0), ("a", 1), ("b", 90), ("b", 91))
    assert [p.photos for p in gallery_coverage(pair).curve] == [4]


def test_sampling_takes_one_of_each_place_first() -> None:
    records = [record("big", i) for i in range(50)] + [record(f"p{i}", 0) for i in range(5)]
    drawn = draw_evenly(records, 8, np.random.default_rng(0))
    assert len(set(drawn.tolist())) == 8
    assert {records[i].place for i in drawn} == {"big", "p0", "p1", "p2", "p3", "p4"}
    assert draw_evenly(records, 55, np.random.default_rng(0)).tolist() == list(range(55))


def test_same_seed_same_numbers() -> None:
    queries = ask(*[("a", angle) for angle in (1, 2, 11, 31, 35)])
    assert repr(gallery_coverage(TOWN, Queries(*queries))) == repr(gallery_coverage(TOWN, Queries(*queries)))
    assert repr(gallery_coverage(TOWN, Queries(*queries))) != repr(gallery_coverage(TOWN, Queries(*queries), seed=1))


def test_judged_as_the_preset_ranks() -> None:
    """By plain vectors a place was called 0.00 whose queries were right, because its photos speak together."""
    blend = dataclasses.replace(FAST, name="blend", place_weight=4.0, shortlist=50)
    rng = np.random.default_rng(3)
    names = [f"p{i}" for i in range(8) for _ in range(6)]
    centres = np.repeat(rng.normal(size=(8, 16)), 6, axis=0)
    photos, asked = (centres + 2.5 * rng.normal(size=centres.shape) for _ in range(2))
    records = [record(name, i) for i, name in enumerate(names)]
    queries = tuple(record(name, 100 + i) for i, name in enumerate(names))
    spec = ModelSpec(name="noise", dim=16)
    vectors = unit_vectors(asked.astype(np.float32))
    recalls = {}
    for preset in (FAST, blend):
        gallery = Gallery.in_memory(records, photos.astype(np.float32), spec=spec, preset=preset)
        measured = evaluate_inputs(Inputs(gallery, Queries(queries, vectors)))
        own = Queries(tuple(gallery.records), gallery.vectors, own_rows=tuple(range(48)))
        left_out = evaluate_inputs(Inputs(gallery, own))
        coverage = gallery_coverage(gallery, Queries(queries, vectors))
        right = {p.place: p.recall_at_1 for p in measured.places}
        assert {p.place: p.recall for p in coverage.places} == pytest.approx(right)
        alone = {p.place: p.recall_at_1 for p in left_out.places}
        assert {p.place: p.left_out_recall for p in coverage.places} == pytest.approx(alone)
        assert coverage.curve[-1].recall == pytest.approx(measured.recall[1])
        recalls[preset.name] = measured.recall[1]
    assert recalls["blend"] > recalls["fast"] + 0.1


def test_few_queries_that_are_right_are_told() -> None:
    gallery = made(("a", 0), ("a", 40), ("b", 20), ("b", 60))
    rows = {p.place: p for p in gallery_coverage(gallery, Queries(*ask(("a", 1), ("a", 39), ("b", 35)))).places}
    assert (rows["a"].measured_by, rows["a"].recall) == ("leave one image out", 0.0)
    assert rows["a"].says.endswith("(leaving one photo out in turn; of its queries, 2 of 2 are right)")
    assert rows["b"].says.endswith("of its queries, 0 of 1 is right)")
