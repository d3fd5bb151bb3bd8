"""Calibration: fits by value, the guarantee by simulation, small galleries, and what is stored."""

import dataclasses
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import CalibrationError, GalleryFormatError, GalleryMismatchError, UsageError, VectorError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.folder import calibrated_alone
from placeprint.presets import PRESETS
from placeprint.recognition.calibration.calibrate import calibrate
from placeprint.recognition.calibration.estimators import Mixture, Sample, conformal_threshold, fit_logistic
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.calibration.held_out import Asker, PlaceRows, chosen_rows, from_gallery, from_queries
from placeprint.recognition.calibration.prior import prior_for, shipped_priors
from placeprint.recognition.gallery_model import probability_of
from placeprint.recognition.queries import Queries
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.records import ImageRecord, ModelSpec

SPEC = ModelSpec(name="test", dim=64)


def photos(
    places: int, images: int, *, seed: int = 0, first: int = 0, noise: float = 0.8
) -> tuple[list[ImageRecord], np.ndarray]:
    """Unit vectors around a centre for each place; places from `first` on are other centres."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(first + places, SPEC.dim))[first:]
    rng = np.random.default_rng([seed, first])
    raw = np.repeat(centres, images, axis=0) + noise * rng.normal(size=(places * images, SPEC.dim))
    unit = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    names = [f"place {first + i}" for i in range(places) for _ in range(images)]
    return [ImageRecord(path=f"{seed}-{i}-{name}.jpg", places=(name,)) for i, name in enumerate(names)], unit


def gallery_of(places: int, images: int, **settings: float) -> Gallery:
    records, vectors = photos(places, images, **settings)
    return Gallery.in_memory(records, vectors, spec=SPEC)


def sample(values: list[float], groups: list[int]) -> Sample:
    return Sample(np.array(values, float), np.array(groups, np.int64))


NOTHING = sample([], [])


def test_logistic_fit_is_where_the_slope_vanishes() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    right = rng.random(400) < 1 / (1 + np.exp(-(0.5 + 2 * x[:, 0] - x[:, 1])))
    weights, centre, strength = rng.random(400), (1.0, 1.0, 0.0), 0.7
    found = np.array(fit_logistic(x, right, weights=weights, centre=centre, strength=strength))
    design = np.c_[np.ones(400), x]
    slope = design.T @ (weights * (1 / (1 + np.exp(-design @ found)) - right)) + strength * (found - centre)
    np.testing.assert_allclose(slope, 0, atol=1e-8)
    np.testing.assert_allclose(found, [0.5, 2.0, -1.0], atol=0.5)


def test_logistic_fit_of_separable_sides_is_finite_and_a_strong_pull_wins() -> None:
    x, right = np.array([[-1.0], [1.0]] * 20), np.array([False, True] * 20)
    settings = {"weights": np.ones(40), "centre": (0.0, 3.0)}
    assert 3 < fit_logistic(x, right, strength=0.1, **settings)[1] < 20
    np.testing.assert_allclose(fit_logistic(x, ~right, strength=1e9, **settings), (0.0, 3.0), atol=1e-6)


def test_logistic_fit_refuses_nan() -> None:
    with pytest.raises(VectorError, match="NaN"):
        fit_logistic(np.array([[np.nan]]), np.array([True]), weights=np.ones(1), centre=(0.0, 0.0), strength=1.0)


def test_conformal_threshold_by_hand() -> None:
    """With one value a place it is the usual split-conformal quantile, the ceil((n + 1)(1 - a))-th smallest."""
    values = list(np.random.default_rng(0).permutation(np.arange(1.0, 40.0)))
    for rate in (0.05, 0.1, 0.33):
        assert conformal_threshold(sample(values, list(range(39))), rate) == math.ceil(40 * (1 - rate) - 1e-9)
    assert conformal_threshold(sample(values[:18], list(range(18))), 0.05) == math.inf
    assert conformal_threshold(sample([0.1, 0.9, 0.2, 0.3], [0, 0, 1, 2]), 0.37) == 0.9
    assert conformal_threshold(sample([0.1, 0.9, 0.2, 0.3], [0, 0, 1, 2]), 0.375) == 0.3


def test_conformal_guarantee_by_simulation() -> None:
    """Photos of a new place exceed the threshold with a chance of at most the rate; places differ, images cluster.

    2,000 independent calibrations with 60 places of 1 to 8 images each. The share must not exceed the rate by
    more than 3.3 binomial standard errors, and not fall far below it (the bound is tight to 1 / (places + 1),
    plus what images of one place share).
    """
    rng = np.random.default_rng(0)
    rate, runs, exceeded = 0.1, 2000, 0
    for _ in range(runs):
        images = rng.integers(1, 9, size=60)
        groups = np.repeat(np.arange(60), images)
        values = rng.normal(size=60)[groups] + 0.5 * rng.normal(size=len(groups))
        limit = conformal_threshold(Sample(values, groups), rate)
        exceeded += rng.normal() + 0.5 * rng.normal() > limit
    assert rate - 0.035 < exceeded / runs <= rate + 3.3 * math.sqrt(rate * (1 - rate) / runs)


def test_mixture_by_hand() -> None:
    prior = sample([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1])
    alone = Mixture(NOTHING, prior, worth=2.0)
    assert [alone.threshold(r) for r in (0.8, 0.5, 0.3, 0.25, 0.1)] == [1.0, 2.0, 3.0, 3.0, 4.0]
    both = Mixture(sample([0.0, 0.5], [7, 7]), prior, worth=3.0)  # the place counts 1 of 4, the prior 3 of 4
    assert both.threshold(3 / 16) == 3.0
    assert both.threshold(3 / 16 - 1e-6) == 4.0
    own = sample([1.0, 9.0, 2.0, 3.0], [0, 0, 1, 1])  # above 3.0: half of place 0, so 1 - 0.5 ** 2; none of place 1
    assert Mixture(own, NOTHING, worth=0.0).threshold(0.375) == 3.0
    assert Mixture(own, NOTHING, worth=0.0).threshold(0.374) == 9.0


def test_mixture_intervals_hold_the_estimate_and_shrink_with_places() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for places in (5, 50, 500):
        mixed = Mixture(Sample(rng.normal(size=4 * places), np.repeat(np.arange(places), 4)), NOTHING, worth=0.0)
        limit = mixed.threshold(0.1)
        low, high = mixed.threshold_interval(0.1, seed=0)
        least, most = mixed.rate_interval(limit, seed=0)
        assert low <= limit <= high
        assert least <= 0.1 <= most + 0.1
        assert mixed.threshold_interval(0.1, seed=0) == (low, high)
        widths.append(most - least)
    assert widths[0] > widths[1] > widths[2]


def test_hold_out_asks_every_image_with_and_without_its_place() -> None:
    vectors = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [0, 0.8, 0.6]], np.float32)
    records = [ImageRecord(path=f"{i}.jpg", places=(p,)) for i, p in enumerate("aabb")]
    known, unknown = from_gallery(records, vectors)
    np.testing.assert_allclose(known.evidence.top, [0.8, 0.8, 0.8, 0.8], atol=1e-6)
    np.testing.assert_allclose(known.evidence.other, [0.0, 0.6, 0.6, 0.48], atol=1e-6)
    assert known.right.tolist() == [True, True, True, True]
    np.testing.assert_allclose(unknown.evidence.top, [0.0, 0.6, 0.6, 0.48], atol=1e-6)
    assert np.isnan(unknown.evidence.other).all(), "with a's photos gone there is only b"
    assert unknown.right.tolist() == [False] * 4
    assert known.groups.tolist() == unknown.groups.tolist() == [0, 0, 1, 1]


def test_near_duplicates_are_left_out_together() -> None:
    vectors = np.array([[1, 0, 0], [0.9999, 0.0141, 0], [0.6, 0.8, 0], [0, 0, 1], [0, 0.1, 1], [0, 0, 1]], np.float64)
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    records = [ImageRecord(path=f"{i}.jpg", places=(p,)) for i, p in enumerate("aaabbc")]
    known, _ = from_gallery(records, unit)
    assert len(known) == 3, "the two of b are one photograph, c has one"
    np.testing.assert_allclose(known.evidence.top[:2], [0.6, unit[1] @ unit[2]], atol=1e-6)


def test_an_image_of_two_places_is_left_out_of_both() -> None:
    vectors = np.eye(4, dtype=np.float32) + 0.5
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    names = [("a", "b"), ("a",), ("b",), ("c",)]
    records = [ImageRecord(path=f"{i}.jpg", places=n) for i, n in enumerate(names)]
    _, unknown = from_gallery(records, unit)
    assert np.isneginf(unknown.evidence.scores[0, 1:]).all(), "only c is left to compare with"
    assert np.isfinite(unknown.evidence.scores[1, :2]).all()


def test_queries_are_asked_as_they_are_and_without_their_place() -> None:
    gallery = gallery_of(4, 3)
    here, vectors = photos(4, 2, seed=5)
    elsewhere, others = photos(2, 2, seed=5, first=10)
    known, unknown = from_queries(
        gallery.records, gallery.vectors, Queries([*here, *elsewhere], np.concatenate([vectors, others]))
    )
    assert (len(known), len(unknown)) == (8, 12)
    assert known.right.all()
    assert not unknown.right.any()
    np.testing.assert_allclose(unknown.evidence.top[8:], (others @ gallery.vectors.T).max(axis=1), atol=1e-6)


def test_asking_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = gallery_of(6, 4)
    whole = from_gallery(gallery.records, gallery.vectors)
    monkeypatch.setattr("placeprint.recognition.calibration.held_out._BLOCK", 50)
    for a, b in zip(whole, from_gallery(gallery.records, gallery.vectors), strict=True):
        np.testing.assert_allclose(a.evidence.scores, b.evidence.scores, atol=1e-6)
        assert a.groups.tolist() == b.groups.tolist()


def test_large_galleries_are_sampled_by_the_seed() -> None:
    assert chosen_rows(np.zeros(2000, np.int64), gallery_size=2000, seed=0).tolist() == list(range(2000))
    places = np.arange(100_000) // 4
    few = chosen_rows(places, gallery_size=100_000, seed=3)
    assert len(few) == len(set(few.tolist())) == 500
    assert few.tolist() == chosen_rows(places, gallery_size=100_000, seed=3).tolist()
    assert few.tolist() != chosen_rows(places, gallery_size=100_000, seed=4).tolist()


def test_every_place_is_asked_for_beside_one_that_has_most_images() -> None:
    places = np.random.default_rng(0).permutation(np.repeat(np.arange(501), [4] * 500 + [5000]))
    asked = np.bincount(places[chosen_rows(places, gallery_size=7000, seed=0)], minlength=501)
    assert (asked.sum(), asked.min(), asked.max()) == (2000, 3, 4)
    asked = np.bincount(places[chosen_rows(places, gallery_size=400_000, seed=0)])  # fewer questions than places
    assert (asked.sum(), asked.max()) == (125, 1)


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=40), seed=st.integers(0, 3))
def test_a_sample_asks_places_in_turn(sizes: list[int], seed: int) -> None:
    """No place is asked twice more than another that has images left."""
    places = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    chosen = chosen_rows(places, gallery_size=20_000_000, seed=seed)
    assert len(chosen) == min(100, sum(sizes))
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    asked = np.bincount(places[chosen], minlength=len(sizes))
    least = min((n for n, size in zip(asked, sizes, strict=True) if n < size), default=max(asked))
    assert max(asked) <= least + 1


def test_what_small_galleries_let_in_loosens_no_large_one() -> None:
    """The prior is of four places at most: of forty it takes as much less as they are more."""
    gallery = gallery_of(40, 5, noise=1.5)
    prior = prior_for(40, shipped_priors())
    assert [prior.likeness(places) for places in (0, 2, 4, 8, 40)] == [1, 1, 1, 0.5, 0.1]
    learned = learn_calibration(gallery)
    _, unknown = from_gallery(gallery.records, gallery.vectors)
    above = probability_of(learned)(unknown.evidence) >= learned.threshold
    assert 0.04 < above.mean() <= 0.05 * (40 + 0.5) / 40
    assert learned.guarantee == ""


def test_known_photos_are_accepted_and_new_places_are_not() -> None:
    """60 places with a guarantee: the stated rate holds for 400 photos of 200 new places, within 95 % of it."""
    gallery = gallery_of(60, 5, noise=1.5)
    learned = learn_calibration(gallery, false_accept_rate=0.1)
    assert "at most 10 %" in learned.guarantee
    assert "30 places" in learned.guarantee
    sure = probability_of(learned)
    for first, places, known in ((0, 60, True), (100, 200, False)):
        records, vectors = photos(places, 2, seed=9, first=first, noise=1.5)
        nothing = [np.empty(0, np.int64)] * len(records)
        names = [r.places for r in records]
        found = Asker(PlaceRows(gallery.records), gallery.vectors, vectors, names).ask(range(len(records)), nothing)
        share = float((sure(found.evidence) >= learned.threshold).mean())
        if known:
            assert share == pytest.approx(learned.accepted_share, abs=0.15)
            assert share > 0.5
        else:
            assert share <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / 400)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    gallery = gallery_of(60, 3, noise=1.5)
    first = learn_calibration(gallery, false_accept_rate=0.1, seed=1)
    assert learn_calibration(gallery, false_accept_rate=0.1, seed=1) == first
    assert learn_calibration(gallery, false_accept_rate=0.1, seed=2).threshold != first.threshold


def test_a_lower_rate_is_stricter() -> None:
    gallery = gallery_of(10, 4, noise=1.5)
    found = [learn_calibration(gallery, false_accept_rate=rate) for rate in (0.01, 0.05, 0.2, 0.5)]
    thresholds = [c.threshold for c in found]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]
    assert all(c.interval[0] <= c.threshold <= c.interval[1] for c in found)
    assert all(c.guarantee == "" for c in found)


def test_one_place_falls_back_and_says_so() -> None:
    learned = learn_calibration(gallery_of(1, 6))
    assert "there is one place only" in learned.learned
    assert (learned.n_known, learned.n_unknown) == (6, 0)
    prior = prior_for(1, shipped_priors())
    known, _ = from_gallery(gallery_of(1, 6).records, gallery_of(1, 6).vectors)
    assert learned.low == pytest.approx(prior.below(known.evidence.top.mean()))
    assert 0 < learned.threshold < 1
    assert learned.guarantee == ""
    assert learned.threshold > min(learned.interval)
    assert any("no photo of another place" in doubt for doubt in learned.doubts)


@pytest.mark.parametrize("places", [2, 6, 100])
def test_one_image_a_place_takes_how_alike_they_are_from_other_galleries(places: int) -> None:
    """Every photo with its own place left out is an honest unknown question; many places set the threshold."""
    gallery = gallery_of(places, 1, noise=1.0)
    learned = learn_calibration(gallery)
    assert (learned.n_known, learned.n_unknown, learned.n_places) == (0, places, places)
    assert math.isnan(learned.accepted_share)
    assert [point.accepted_share for point in learned.trade_off] == [None] * len(learned.trade_off)
    prior = prior_for(places, shipped_priors(), single=True)
    assert learned.high == pytest.approx(prior.above(learned.low))
    assert bool(learned.guarantee) == (places >= 80)
    assert "no place has two different photos" in learned.learned
    assert "second photos" in learned.doubts[0]
    assert Calibration.from_dict(json.loads(json.dumps(learned.to_dict()))).guessed
    done = Recognizer(gallery.with_calibration(learned))
    _, here = photos(places, 1, seed=9, noise=1.0)
    _, new = photos(100, 1, seed=9, first=200, noise=1.0)
    assert "a guess from other galleries" in done.answer(here[0]).why
    assert sum(done.answer(v).place is not None for v in here) >= places / 2
    assert sum(done.answer(v).place is not None for v in new) <= 12


def test_the_prior_fades_where_places_have_more_images() -> None:
    """One mechanism: what the gallery's own questions tell counts by how many they are."""
    priors = shipped_priors()
    records, vectors = photos(8, 3)
    several = [[i for i in range(len(records)) if i % 3 <= (i // 3 < doubled)] for doubled in (0, 1, 4, 8)]
    for rows in several:
        gallery = Gallery.in_memory([records[i] for i in rows], vectors[rows], spec=SPEC)
        known, unknown = from_gallery(gallery.records, gallery.vectors)
        learned, prior = learn_calibration(gallery), prior_for(8, priors, single=2 * len(known) < len(unknown))
        assert (learned.n_known, learned.n_unknown) == (len(known), len(unknown)) == (len(known), len(rows))
        told = [*known.evidence.top, *[prior.above(learned.low)] * (5 - len(known))]
        assert learned.high == pytest.approx(np.mean(told))
        assert learned.guessed == (len(known) < 5)


def test_one_photo_of_the_default_model_is_decided_by_other_galleries() -> None:
    (record,), vectors = photos(1, 1)
    learned = learn_calibration(
        Gallery.in_memory([record], vectors, spec=dataclasses.replace(SPEC, name=DEFAULT_MODEL))
    )
    prior = prior_for(1, shipped_priors(), single=True)
    assert (learned.low, learned.high) == pytest.approx((prior.low, prior.above(prior.low)))
    assert len(learned.doubts) >= 2
    with pytest.raises(CalibrationError, match="one image or none"):
        learn_calibration(Gallery.in_memory([record], vectors, spec=SPEC))


@pytest.mark.parametrize("noise", [0.3, 0.5])
@pytest.mark.parametrize("places", [1, 2, 4, 40])
def test_the_level_of_few_places_leans_on_other_galleries_where_they_have_its_scores(places: int, noise: float) -> None:
    """Two places tell of each other, not of a third: each counts one, the other galleries as the whole prior."""
    own = gallery_of(places, 3, noise=noise)
    known, unknown = from_gallery(own.records, own.vectors)
    prior = prior_for(places, shipped_priors())
    told, high = (float(q.evidence.top.mean()) if len(q) else math.nan for q in (unknown, known))
    worth = 5 * min(1, prior.places / places)
    expected = prior.low if places == 1 else (places * told + worth * prior.low) / (places + worth)
    levels = {}
    for name, preset in ((DEFAULT_MODEL, "fast"), ("test", "fast"), (DEFAULT_MODEL, "balanced")):
        spec = dataclasses.replace(SPEC, name=name)
        asked = Gallery.in_memory(own.records, own.vectors, spec=spec, preset=PRESETS[preset])
        levels[name, preset] = learn_calibration(asked, automatic=True).low
    assert levels[DEFAULT_MODEL, "fast"] == pytest.approx(expected)
    assert levels["test", "fast"] == pytest.approx(prior.below(high) if places == 1 else told)
    if places > 1:
        assert abs(levels[DEFAULT_MODEL, "fast"] - told) <= 6 / places * abs(prior.low - told)
    again = Reranker(Gallery.in_memory(own.records, own.vectors, spec=SPEC, preset=PRESETS["balanced"]))
    again_known, again_unknown = from_gallery(own.records, own.vectors, again=again)
    said = again_unknown.evidence.top.mean() if places > 1 else prior.below(again_known.evidence.top.mean())
    assert levels[DEFAULT_MODEL, "balanced"] == pytest.approx(said), "nothing is known of blended scores"


def test_a_level_leans_no_farther_than_photos_of_one_place_allow() -> None:
    """Photos that all match badly: the level of others lies above them, and a quarter of the usual gap stays."""
    records, vectors = photos(3, 4, noise=3.0)
    learned = learn_calibration(Gallery.in_memory(records, vectors, spec=dataclasses.replace(SPEC, name=DEFAULT_MODEL)))
    prior = prior_for(3, shipped_priors())
    assert learned.high < prior.low
    assert learned.high - learned.low == pytest.approx((prior.above(prior.low) - prior.low) / 4)


def test_copies_of_one_image_are_no_company() -> None:
    records, vectors = photos(8, 1)
    twice = [dataclasses.replace(r, path=f"{i}-{r.path}") for i in (1, 2) for r in records]
    learned = learn_calibration(Gallery.in_memory(twice, np.tile(vectors, (2, 1)), spec=SPEC))
    once = learn_calibration(Gallery.in_memory(records, vectors, spec=SPEC))
    assert (learned.n_known, once.n_known) == (0, 0)
    assert learned.high == pytest.approx(once.high)


def test_labelled_queries_calibrate_one_image_a_place() -> None:
    """What the refusal advises works: right answers of other photos are kept, and new places are not."""
    gallery = gallery_of(40, 1)
    asked, vectors = photos(40, 2, seed=3)
    learned = learn_calibration(gallery, queries=Queries(asked, vectors))
    done = Recognizer(gallery.with_calibration(learned))
    _, here = photos(40, 1, seed=9)
    _, new = photos(40, 1, seed=9, first=60)
    assert sum(done.answer(v).place is not None for v in here) >= 30
    assert sum(done.answer(v).place is not None for v in new) <= 4


def test_photos_of_the_gallery_itself_calibrate_as_the_gallery_does() -> None:
    """As queries they found themselves at 1.0, and the threshold turned every other photo away."""
    gallery = gallery_of(8, 4)
    learned = learn_calibration(gallery)
    asked = learn_calibration(gallery, queries=Queries(tuple(gallery.records), gallery.vectors))
    assert (asked.high, asked.threshold, asked.n_known) == (learned.high, learned.threshold, learned.n_known)


def test_queries_of_no_place_of_the_gallery_are_refused() -> None:
    queries, vectors = photos(6, 2, first=20)
    with pytest.raises(CalibrationError, match="none of these queries shows a place of the gallery"):
        learn_calibration(gallery_of(6, 3), queries=Queries(queries, vectors))


def hard_gallery(places: int) -> Gallery:
    """Two photos of each place that are hardly more alike than those of different places."""
    return gallery_of(places, 2, noise=3.5)


def test_a_threshold_that_keeps_nothing_is_refused_with_a_rate_that_keeps_some() -> None:
    gallery = hard_gallery(30)
    with pytest.raises(CalibrationError, match=r"none of 60 photos .* would get a place") as refused:
        learn_calibration(gallery, false_accept_rate=0.001)
    found = re.search(r"(\d+) % of them would \(--false-accept-rate ([\d.]+)\)", str(refused.value))
    learned = learn_calibration(gallery, false_accept_rate=float(found[2]))
    assert round(100 * learned.accepted_share) == int(found[1]) > 0
    alone, why = calibrated_alone(gallery, rate=0.001)
    assert (alone.calibration.accepted_share, why) == (0, "")
    assert any("100 % of photos of places that are here would be turned away" in d for d in alone.calibration.doubts)


def test_doubts_are_told_with_numbers_and_a_sound_calibration_has_none() -> None:
    assert learn_calibration(gallery_of(30, 4)).doubts == ()
    few = learn_calibration(gallery_of(2, 2))
    assert any("only 4 photos" in doubt for doubt in few.doubts)
    fine = learn_calibration(gallery_of(4, 5), false_accept_rate=0.0001)
    assert any("4 places cannot show a rate of 0.01 %" in doubt for doubt in fine.doubts)
    hard = learn_calibration(hard_gallery(30), false_accept_rate=0.2)
    away = round(100 * (1 - hard.accepted_share))
    assert away > 50
    assert any(f"{away} % of photos of places that are here" in doubt for doubt in hard.doubts)
    assert Calibration.from_dict(json.loads(json.dumps(hard.to_dict()))) == hard, "doubts are not stored"
    assert hard.told("g")["doubts"] == list(hard.doubts)


def test_a_higher_rate_keeps_more_as_it_is_advised() -> None:
    gallery = hard_gallery(30)
    kept = [learn_calibration(gallery, false_accept_rate=rate).accepted_share for rate in (0.2, 0.4, 0.6)]
    assert kept == sorted(kept)
    assert kept[-1] > kept[0]


@pytest.mark.parametrize(("places", "images"), [(6, 1), (1, 6), (2, 1), (2, 2), (3, 2)])
def test_every_gallery_is_calibrated_by_itself(places: int, images: int) -> None:
    gallery, told = calibrated_alone(gallery_of(places, images))
    assert told == ""
    assert gallery.calibration.automatic


@pytest.mark.parametrize(("images", "model"), [(0, "test"), (1, "test"), (0, DEFAULT_MODEL)])
def test_nothing_to_learn_from_is_one_clear_line(images: int, model: str) -> None:
    empty = Gallery.in_memory(*photos(1, images), spec=dataclasses.replace(SPEC, name=model))
    with pytest.raises(CalibrationError, match="one image or none: add photos of several places"):
        learn_calibration(empty)
    gallery, why = calibrated_alone(empty)
    assert gallery.calibration is None
    assert "one image or none" in why


def test_all_scores_equal_is_one_clear_line() -> None:
    records, _ = photos(3, 3)
    for name in ("test", DEFAULT_MODEL):
        spec = dataclasses.replace(SPEC, name=name)
        same = Gallery.in_memory(records, np.ones((9, SPEC.dim), np.float32), spec=spec)
        with pytest.raises(CalibrationError, match="score no higher than photos of other places here"):
            learn_calibration(same)


def test_labels_that_say_nothing_are_one_clear_line() -> None:
    records, vectors = photos(4, 4)
    mixed = [dataclasses.replace(r, places=(str(i % 4),)) for i, r in enumerate(records)]
    with pytest.raises(CalibrationError, match="check the labels"):
        learn_calibration(Gallery.in_memory(mixed, vectors, spec=SPEC))


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_must_be_between_0_and_1(rate: float) -> None:
    with pytest.raises(UsageError, match="above 0 and below 1"):
        learn_calibration(gallery_of(3, 3), false_accept_rate=rate)


def test_what_is_stored_is_what_is_opened(tmp_path: Path) -> None:
    records, vectors = photos(3, 4)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC)
    before = sorted(p.name for p in built.path.glob("data-*"))
    learned = learn_calibration(built)
    stored = built.with_calibration(learned)
    assert stored.calibration == Gallery.open(built.path).calibration == learned
    assert built.calibration is None, "a gallery object never changes"
    assert sorted(p.name for p in built.path.glob("data-*")) == before, "only the head was written"
    assert stored.verify().ok
    assert (
        built.with_calibration(dataclasses.replace(learned, accepted_share=math.nan)).calibration.to_dict()[
            "accepted_share"
        ]
        is None
    )


def test_records_survive_json_and_other_formats_are_refused() -> None:
    learned = learn_calibration(gallery_of(6, 2))
    row = json.loads(json.dumps(learned.to_dict(), allow_nan=False))
    assert Calibration.from_dict(row) == learned
    with pytest.raises(GalleryFormatError, match="upgrade placeprint"):
        Calibration.from_dict({**row, "format": 2})
    with pytest.raises(GalleryFormatError, match="calibrate again"):
        Calibration.from_dict({k: v for k, v in row.items() if k != "threshold"})


def test_a_gallery_that_changed_meanwhile_is_not_given_the_calibration(tmp_path: Path) -> None:
    records, vectors = photos(3, 4)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC)
    learned = learn_calibration(built)
    built.remove([records[0].path])
    with pytest.raises(GalleryMismatchError, match="calibrate it again"):
        built.with_calibration(learned)
    assert Gallery.open(built.path).calibration is None


def test_changes_keep_the_calibration_until_it_is_stale(tmp_path: Path) -> None:
    records, vectors = photos(5, 4)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC)
    stored = built.with_calibration(learn_calibration(built))
    fewer, _ = stored.remove([r.path for r in records[:4]])
    assert (fewer.calibration.changed, fewer.calibration.stale) == (4, False)
    more, _ = fewer.add(*photos(1, 1, first=20), spec=SPEC)
    assert (more.calibration.changed, more.calibration.stale) == (5, True)
    assert more.calibration.threshold == stored.calibration.threshold
    assert Gallery.open(built.path).calibration == more.calibration
    assert "calibrate it again" in Recognizer(more).answer(vectors[8]).why


def test_answers_use_the_calibration_unless_a_threshold_is_given() -> None:
    gallery = gallery_of(6, 4)
    gallery = gallery.with_calibration(learn_calibration(gallery))
    learned = gallery.calibration
    _, here = photos(6, 1, seed=7)
    _, new = photos(1, 1, seed=7, first=30)
    known, unknown = Recognizer(gallery).answer(here[2]), Recognizer(gallery).answer(new[0])
    assert known.place == "place 2"
    assert unknown.place is None
    assert unknown.probability < known.probability_threshold == learned.threshold <= known.probability
    assert "calibrated for 5 % false accepts" in unknown.why
    asked = Recognizer(gallery, threshold=0.0).answer(new[0])
    assert asked.place is not None
    assert (asked.probability, asked.probability_threshold, asked.threshold) == (unknown.probability, 0.0, None)
    assert (asked.false_accept_rate, known.false_accept_rate) == (None, 0.05)
    assert Recognizer(Gallery.in_memory(gallery.records, gallery.vectors, spec=SPEC)).answer(new[0]).probability is None


def test_search_and_hold_out_agree_on_the_probability() -> None:
    gallery = gallery_of(6, 4)
    gallery = gallery.with_calibration(learn_calibration(gallery))
    records, vectors = photos(6, 1, seed=7)
    asker = Asker(PlaceRows(gallery.records), gallery.vectors, vectors, [r.places for r in records])
    found = asker.ask(range(6), [np.empty(0, np.int64)] * 6)
    answers = [Recognizer(gallery).answer(v).probability for v in vectors]
    np.testing.assert_allclose(probability_of(gallery.calibration)(found.evidence), answers, atol=1e-5)


def test_calibrate_with_query_vectors(tmp_path: Path) -> None:
    records, vectors = photos(8, 3)
    spec = ModelSpec(name="imported", dim=SPEC.dim)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=spec)
    queries, asked = photos(8, 2, seed=4)
    np.save(tmp_path / "q.npy", asked)
    (tmp_path / "q.csv").write_text("path,place\n" + "".join(f"{q.path},{q.place}\n" for q in queries))
    done = calibrate(built.path, embeddings=tmp_path / "q.npy", records=tmp_path / "q.csv", false_accept_rate=0.1)
    assert done.calibration.source == "queries"
    assert (done.calibration.n_known, done.calibration.n_unknown, done.calibration.automatic) == (16, 16, False)
    assert Gallery.open(built.path).calibration == done.calibration
    with pytest.raises(UsageError, match="both --embeddings and --records"):
        calibrate(built, embeddings=tmp_path / "q.npy")
    (tmp_path / "q.csv").write_text("path\n" + "".join(f"{q.path}\n" for q in queries))
    with pytest.raises(CalibrationError, match="labelled"):
        calibrate(built, embeddings=tmp_path / "q.npy", records=tmp_path / "q.csv")


def test_shipped_priors_are_whole() -> None:
    priors = shipped_priors()
    sizes = ((False, (2, 3, 4)), (True, (2, 4, 12)))
    kinds = [(n, single, matched) for matched in (False, True) for single, few in sizes for n in few]
    assert [(p.places, p.single, p.matched) for p in priors] == kinds
    for prior in priors:
        assert prior.coefficients[1] > 0
        assert prior.coefficients[2] > 0
        assert 0 < prior.gap < 1 or prior.matched  # scores with matches go above 1
        assert prior.gap > 0
        assert 0 < prior.low < 1
        assert prior.model == DEFAULT_MODEL
        assert np.isfinite(prior.features).all()
        assert len(prior.groups) == len(prior.features)
    for matched in (False, True):
        found = [prior_for(n, priors, matched=matched) for n in (1, 2, 3, 50)]
        assert [(p.places, p.matched) for p in found] == [(2, matched), (2, matched), (3, matched), (4, matched)]
        found = [prior_for(n, priors, matched=matched, single=True) for n in (1, 5, 50)]
        assert [(p.places, p.single, p.matched) for p in found] == [(n, True, matched) for n in (2, 4, 12)]
    plain = [p for p in priors if not p.matched and not p.single]
    assert prior_for(3, plain, matched=True, single=True).places == 3
    for prior in priors:
        assert prior.below(prior.above(0.4)) == pytest.approx(0.4)


def test_an_interrupted_write_leaves_the_old_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, vectors = photos(3, 4)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC)
    stored = built.with_calibration(learn_calibration(built))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("placeprint.storage.atomic.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            stored.with_calibration(learn_calibration(built, false_accept_rate=0.3))
    assert Gallery.open(built.path).calibration == stored.calibration
    assert Gallery.open(built.path).verify().ok


def test_another_preset_says_that_the_calibration_does_not_decide(tmp_path: Path) -> None:
    records, vectors = photos(6, 4)
    built = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC)
    _, new = photos(1, 1, seed=7, first=30)
    other = dataclasses.replace(built.preset, name="other", place_weight=0.5)
    plain = Recognizer(built.asked_as(other)).answer(new[0])
    assert (plain.calibrated_for, "no threshold was asked for" in plain.why) == (None, True)
    kept = built.with_calibration(learn_calibration(built))
    own = Recognizer(kept).answer(new[0])
    assert (own.place, own.calibrated_for) == (None, None)
    answer = Recognizer(kept.asked_as(other)).answer(new[0])
    assert answer.place is not None
    assert answer.to_dict()["calibrated_for"] == kept.preset.name
    assert f"calibrated for preset {kept.preset.name} and is asked by other, so every photo gets a place" in answer.why
    back = Recognizer(kept.asked_as(other).asked_as(kept.preset)).answer(new[0])
    assert back.calibrated_for == kept.preset.name
    limited = Recognizer(kept.asked_as(other), threshold=2.0).answer(new[0])
    assert (limited.place, "is below the threshold 2.000" in limited.why) == (None, True)
