"""Asking only some images of a gallery: by place, by split, by distance; and what an answer then holds."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from placeprint.dataset.distances import metres_between
from placeprint.errors import UsageError
from placeprint.evaluation.ground_truth import ByDistance
from placeprint.gallery.filters import Filter, Near, flags_where, parse_near
from placeprint.gallery.gallery import Gallery
from placeprint.presets import FAST, Preset
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.records import ImageRecord, ModelSpec, Split

SPEC = ModelSpec(name="test", dim=6)
BLENDED = Preset(name="p", about="", shortlist=50, place_weight=4.0, place_power=0.85)
ROWS = [
    ImageRecord(path="0.jpg", places=("Old Town Hall",), split=Split.GALLERY, latitude=48.1372, longitude=11.5756),
    ImageRecord(
        path="1.jpg", places=("Old Town Hall", "Square"), split=Split.QUERY, latitude=48.1373, longitude=11.5756
    ),
    ImageRecord(path="2.jpg", places=("Square",), split=Split.GALLERY, latitude=48.1400, longitude=11.5756),
    ImageRecord(path="3.jpg", places=("Tower",), split=Split.GALLERY, latitude=-33.8568, longitude=151.2153),
    ImageRecord(path="4.jpg", split=Split.NONE),
    ImageRecord(path="5.jpg", places=("Tower",), split=Split.GALLERY, latitude=0.0, longitude=179.9999),
]


def vectors(count: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, 6)) + 1
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["disk", "memory"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Gallery:
    if request.param == "memory":
        return Gallery.in_memory(ROWS, vectors(6), spec=SPEC)
    return Gallery.build(tmp_path / "g", records=ROWS, vectors=vectors(6), spec=SPEC)


@pytest.mark.parametrize(
    ("places", "split", "near", "wanted"),
    [
        ((), None, None, [0, 1, 2, 3, 4, 5]),
        (("Square",), None, None, [1, 2]),
        (("Square", "Tower"), None, None, [1, 2, 3, 5]),
        ((), "gallery", None, [0, 2, 3, 5]),
        ((), Split.NONE, None, [4]),
        ((), None, (48.1372, 11.5756, 11.0), [0]),
        ((), None, (48.1372, 11.5756, 12.0), [0, 1]),
        ((), None, (48.1372, 11.5756, 312.0), [0, 1, 2]),
        ((), None, (0.0, -179.9999, 23.0), [5]),
        ((), None, (10.0, 10.0, 1.0), []),
        ((), None, (0.0, 0.0, 21_000_000.0), [0, 1, 2, 3, 5]),
        (("Square",), "gallery", (48.1372, 11.5756, 400.0), [2]),
    ],
)
def test_rows_meet_every_condition(
    gallery: Gallery, places: tuple[str, ...], split: str | None, near: Near | None, wanted: list[int]
) -> None:
    asked = Filter(places=places, split=split, near=near)
    for found in (gallery.where_images(asked), flags_where(gallery.records, asked)):
        assert (found.dtype, found.shape) == (np.bool_, (6,))
        assert np.flatnonzero(found).tolist() == wanted


def test_distances_are_those_that_answers_are_judged_by() -> None:
    rng = np.random.default_rng(1)
    spots = np.column_stack([rng.uniform(-90, 90, 500), rng.uniform(-180, 180, 500)])
    spread = [ImageRecord(path=f"{i}", latitude=a, longitude=b) for i, (a, b) in enumerate(spots.tolist())]
    made = Gallery.in_memory(spread, np.eye(500, 6, dtype=np.float32) + 1, spec=SPEC)
    for i in range(0, 500, 50):
        for radius in (1.0, 300_000.0, 5_000_000.0):
            right = ByDistance.of(spread, radius=radius).positives(spread[i])
            found = made.where_images(Filter(near=(*spots[i].tolist(), radius)))
            assert np.flatnonzero(found).tolist() == right.tolist()
    quarter = metres_between(np.array([[0.0, 0.0], [90.0, 7.0], [np.nan, np.nan]]), (0.0, 0.0))
    np.testing.assert_allclose(quarter, [0, np.pi / 2 * 6_371_008.8, np.nan])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"places": ["Old Town Hal"]}, 'no place "Old Town Hal": did you mean "Old Town Hall"'),
        ({"places": ["Tower", "SQUARE"]}, 'no place "SQUARE": did you mean "Square"'),
        ({"places": ["zzz"]}, 'no place "zzz": it has 3 places, the first is "Old Town Hall"'),
        ({"near": (1.0, 1.0, 0.0)}, "above 0 metres, not 0"),
        ({"near": (1.0, 1.0, -5.0)}, "above 0 metres, not -5"),
        ({"near": (1.0, 1.0, float("nan"))}, "above 0 metres, not nan"),
        ({"near": (91.0, 1.0, 5.0)}, "latitude 91"),
        ({"near": (1.0, float("nan"), 5.0)}, "longitude nan"),
        ({"split": "train"}, 'split "train" is not known: choose one of gallery, query, none'),
    ],
)
def test_what_cannot_be_asked_is_told(gallery: Gallery, given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        gallery.where_images(Filter(**given))


def test_without_coordinates_nothing_is_near() -> None:
    made = Gallery.in_memory([ImageRecord(path="0.jpg")], vectors(1), spec=SPEC)
    with pytest.raises(UsageError, match="no coordinates"):
        made.where_images(Filter(near=(1.0, 1.0, 5.0)))


def test_near_is_read_from_text() -> None:
    assert parse_near("-33.8,151.2,500", "--near") == (-33.8, 151.2, 500.0)
    for text in ("1,2", "1,2,3,4", "a,b,c", ""):
        with pytest.raises(UsageError, match="--near takes"):
            parse_near(text, "--near")


@pytest.mark.parametrize("preset", [FAST, BLENDED], ids=["plain", "ranked again"])
def test_an_answer_is_that_of_a_gallery_of_only_these_rows(preset: Preset) -> None:
    rows = [ImageRecord(path=f"{i}.jpg", places=(f"p{i % 5}",)) for i in range(40)]
    made = Gallery.in_memory(rows, vectors(40), spec=SPEC, preset=preset)
    query = vectors(1, seed=5)[0]
    for kept in ([1, 2, 3, 7, 12, 13, 22], list(range(1, 40, 2)), [0, 5, 10]):
        small = Gallery.in_memory([rows[i] for i in kept], vectors(40)[kept], spec=SPEC, preset=preset)
        only = np.isin(np.arange(40), kept)
        wanted = Recognizer(small).answer(query, k=4)
        recognizer = Recognizer(made, only=only)
        for found in (recognizer.answer(query, k=4), Recognizer(made).answer(query, k=4, only=only)):
            assert [m.path for m in found.matches] == [m.path for m in wanted.matches]
            assert [m.row for m in found.matches] == [kept[m.row] for m in wanted.matches]
            np.testing.assert_allclose([m.score for m in found.matches], [m.score for m in wanted.matches], rtol=1e-6)
            assert [(p.place, p.images) for p in found.places] == [(p.place, p.images) for p in wanted.places]
            np.testing.assert_allclose(found.margin, wanted.margin, rtol=1e-4)
        everything = recognizer.answer(query, k=4, only=np.ones(40, np.bool_))
        assert everything.to_dict() == Recognizer(made).answer(query, k=4).to_dict()


def test_images_that_are_not_asked_are_no_company_of_their_place() -> None:
    rows = [ImageRecord(path=f"{i}.jpg", places=(f"p{i % 2}",)) for i in range(6)]
    made = Gallery.in_memory(rows, vectors(6), spec=SPEC, preset=BLENDED)
    alone = Gallery.in_memory([rows[i] for i in (0, 1, 3)], vectors(6)[[0, 1, 3]], spec=SPEC, preset=BLENDED)
    query, only = vectors(1, seed=5)[0], np.isin(np.arange(6), [0, 1, 3])
    found = Reranker(made).scores(query, {}, np.array([0, 1, 3]), only=only)
    np.testing.assert_allclose(found, Reranker(alone).scores(query, {}, np.arange(3)), rtol=1e-6)
    assert not np.allclose(found, Reranker(made).scores(query, {}, np.array([0, 1, 3])))


def test_when_nothing_is_asked_the_answer_is_unknown_and_says_why() -> None:
    made = Gallery.in_memory(ROWS, vectors(6), spec=SPEC, preset=BLENDED)
    answer = Recognizer(made, only=np.zeros(6, np.bool_)).answer(vectors(1)[0])
    assert (answer.place, answer.matches, answer.places) == (None, (), ())
    assert "meets the conditions" in answer.why


def test_paths_are_given_to_the_matches_that_are_shown() -> None:
    rows = [*ROWS, *(dataclasses.replace(ROWS[4], path=f"bare {i}.jpg") for i in range(9))]
    made = Gallery.in_memory(rows, vectors(15), spec=SPEC)
    answer = Recognizer(made).answer(vectors(1, seed=3)[0], k=15)
    for match in answer.matches:
        assert (match.path, match.places) == (rows[match.row].path, rows[match.row].places or (rows[match.row].path,))
    shown = Recognizer(made).answer(vectors(1, seed=3)[0], k=2)
    assert shown.matches == answer.matches[:2]
    assert shown.places == answer.places[:2]
