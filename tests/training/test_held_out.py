"""Which places are held out, what is found among them, and what is said about it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding.embedder import load_embedder
from placeprint.errors import DatasetError
from placeprint.evaluation.evaluate import evaluate
from placeprint.presets import FAST, find_preset
from placeprint.records import ImageRecord, ModelSpec, Split
from placeprint.training.held_out import Found, HeldOut, judge
from placeprint.training.pool import Pool, divide, gather_pool


def pool_of(places: list[tuple[str, Split]], angles: list[float], datasets: list[int] | None = None) -> Pool:
    names = tuple(dict.fromkeys(place for place, _ in places))
    records = tuple(ImageRecord(path=f"{n}", places=(p,), split=s) for n, (p, s) in enumerate(places))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array([names.index(place) for place, _ in places])
    return Pool((Path(),), records, labels, names, np.array(datasets or [0] * len(names)), vectors, 0, ())


def test_queries_search_gallery_photos_and_never_themselves() -> None:
    none, query, gallery = Split.NONE, Split.QUERY, Split.GALLERY
    pool = pool_of([("a", none), ("a", none), ("b", gallery), ("b", query)], [0.0, 0.3, 0.2, 0.5])
    found = HeldOut(pool, np.arange(4)).measure(pool.vectors)
    # photo 0 sees b's (0.2) before a's (0.3); 1 sees b's (0.1 away) first; 3 sees 1 (0.2 away) before 2 (0.3 away)
    assert found.hits.tolist() == [0, 0, 0]
    assert found.precision.tolist() == [0.5, 0.5, 0.5]
    assert found.places.tolist() == [0, 0, 1]
    assert found.score == pytest.approx(0.25)


def test_other_places_may_be_searched_too_and_are_not_asked_about() -> None:
    none = Split.NONE
    pool = pool_of([("a", none), ("a", none), ("b", none), ("b", none)], [0.0, 0.3, 0.2, 1.5])
    alone = HeldOut(pool, np.array([0, 1]))
    among = HeldOut(pool, np.array([0, 1]), among=np.array([2, 3]))
    assert alone.measure(pool.vectors[alone.rows]).precision.tolist() == [1, 1]
    assert among.measure(pool.vectors[among.rows]).precision.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_places_held_out_are_asked_as_evaluate_asks(preset: str, tmp_path: Path, drawn: Callable[..., Path]) -> None:
    photos = drawn(tmp_path / "photos", places=5, views=4, seed=7, shuffled=True)
    asked, embedder = find_preset(preset), load_embedder(preset=preset)
    pool = gather_pool([photos], embedder, cache=True, progress=None)
    assert sorted(pool.parts) == (["cells", "xfeat"] if preset == "balanced" else [])
    rows = np.arange(len(pool.records))
    test = HeldOut(pool, rows[:12], among=rows[12:])
    ours = test.measure_as(asked, embedder.spec, pool.vectors, pool.parts)
    theirs = evaluate(photos, preset=preset)
    wanted = {query.path: query.average_precision for query in theirs.queries}
    np.testing.assert_allclose(ours.precision, [wanted[pool.records[row].path] for row in rows[:12]])
    assert 0.1 < ours.precision.mean() < 1
    plain = test.measure(pool.vectors)
    assert (plain.precision == ours.precision).all() == (preset == "fast")
    assert (plain.places == ours.places).all()


def test_queries_that_are_not_searched_have_no_row_of_their_own() -> None:
    query, gallery = Split.QUERY, Split.GALLERY
    pool = pool_of([("a", gallery), ("b", gallery), ("b", query), ("a", query)], [0.0, 0.3, 0.25, 0.2])
    test = HeldOut(pool, np.arange(4))
    spec = ModelSpec(name="m", dim=2)
    ours = test.measure_as(FAST, spec, pool.vectors, {})
    assert ours.precision.tolist() == test.measure(pool.vectors).precision.tolist() == [1, 0.5]


def found(precision: np.ndarray) -> Found:
    return Found((precision > 0.5).astype(float), precision, np.arange(len(precision)))


def test_the_verdict_is_better_worse_or_neither() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.8, 60)
    up, noise = base + 0.1, base + rng.normal(0, 0.1, 60)
    better, worse, neither = (
        judge(found(one), found(two), seed=0, preset="fast") for one, two in ((up, base), (base, up), (noise, base))
    )
    assert (better.better, better.worse) == (True, False)
    assert better.precision.interval.value == pytest.approx(0.1)
    assert "better than the base on 60 places that it never saw, asked by fast" in better.says
    assert (worse.better, worse.worse) == (False, True)
    assert "worse than the base" in worse.says
    assert (neither.better, neither.worse) == (False, False)
    assert "keep using the base" in neither.says


def test_places_are_parted_and_every_dataset_gives_its_share() -> None:
    kinds = [(f"{number}", Split.NONE) for number in range(30) for _ in range(2)] + [("lonely", Split.NONE)]
    pool = pool_of(kinds, [0.1 * n for n in range(61)], [0] * 20 + [1] * 10 + [1])
    parts = divide(pool, validation=0.2, test=0.1, seed=4)
    places = [set(pool.labels[rows].tolist()) for rows in (parts.training, parts.validation, parts.test)]
    assert sum(map(len, places)) == len(set.union(*places))
    assert [len([p for p in each if p < 20]) for each in places] == [14, 4, 2]
    assert [len([p for p in each if 20 <= p < 30]) for each in places] == [7, 2, 1]
    assert 30 in places[0]  # one photo: nothing could be found
    assert divide(pool, validation=0.2, test=0.1, seed=4).test.tolist() == parts.test.tolist()
    assert divide(pool, validation=0.2, test=0.1, seed=5).test.tolist() != parts.test.tolist()


SKEWED = {
    "one of sixty": [60, 2, 2, 2, 2, 2, 2, 2],
    "two large": [80, 60, *[3] * 18],
    "falling": [round(120 / rank) for rank in range(1, 31)],
    "mixed": [50, 40, 30, 20, *[5] * 16, *[2] * 10],
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", SKEWED)
def test_photos_are_parted_like_places(kind: str, seed: int) -> None:
    sizes = SKEWED[kind]
    photos = [(f"{place}", Split.NONE) for place, count in enumerate(sizes) for _ in range(count)]
    pool = pool_of(photos, [0.001 * n for n in range(len(photos))])
    parts = divide(pool, validation=0.2, test=0.2, seed=seed)
    held = (parts.validation, parts.test)
    counts = [len(set(pool.labels[rows].tolist())) for rows in held]
    assert counts == [round(0.2 * len(sizes))] * 2
    assert 0 in pool.labels[parts.training]  # the largest place trains
    shares = [len(rows) / len(photos) for rows in held]
    if kind == "one of sixty":
        assert shares == [4 / 74, 4 / 74]  # all that the others have to give to two places of eight
    elif kind == "two large":
        assert set(pool.labels[parts.training].tolist()) >= {0, 1}
    else:
        assert shares == pytest.approx([0.2, 0.2], abs=0.021)
    assert divide(pool, validation=0.2, test=0.2, seed=seed).test.tolist() == parts.test.tolist()


def test_another_seed_holds_out_other_places_of_a_skewed_dataset() -> None:
    photos = [(f"{place}", Split.NONE) for place in range(30) for _ in range(round(120 / (place + 1)))]
    pool = pool_of(photos, [0.001 * n for n in range(len(photos))])
    found = {tuple(divide(pool, validation=0.2, test=0.2, seed=seed).test.tolist()) for seed in range(6)}
    assert len(found) == 6


def test_too_few_places_are_refused_with_their_number() -> None:
    pool = pool_of([("a", Split.NONE)] * 9, [0.1 * n for n in range(9)])
    with pytest.raises(DatasetError, match="1 place has two photos or more, of which 1 would be for training"):
        divide(pool, validation=0.2, test=0.2, seed=0)


def test_datasets_are_kept_apart_and_copies_and_unclear_labels_left_out(
    tmp_path: Path, drawn: Callable[..., Path], tiny_base: str
) -> None:
    first, second = drawn(tmp_path / "one", places=2, views=3), drawn(tmp_path / "two", places=2, views=2, seed=1)
    (second / "place-00" / "copy.png").write_bytes((first / "place-00" / "0.png").read_bytes())
    (second / "place-01" / "broken.png").write_bytes(b"")
    listed = "path,place\nplace-00/0.png,a|b\nplace-00/1.png,a\n"
    (tmp_path / "two" / "labels.csv").write_text(listed)
    embedder = load_embedder(tiny_base)
    pool = gather_pool([first, second], embedder, cache=False, progress=None)
    assert pool.names == ("1:place-00", "1:place-01", "2:a")
    assert pool.labels.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert pool.left_out == 1
    assert pool.root(6) == second
    (second / "labels.csv").unlink()
    again = gather_pool([first, second], embedder, cache=False, progress=None)
    assert again.names == ("1:place-00", "1:place-01", "2:place-00", "2:place-01")
    assert again.left_out == 1
    assert [failure.path for failure in again.unusable] == ["place-01/broken.png"]
