"""Hard negatives and confusable places, on vectors made by hand and against the slow, plain way."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from placeprint import MiningResult, mine
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.inputs import Inputs
from placeprint.evaluation.mining import mine as mining
from placeprint.evaluation.mining.mine import mine_inputs
from placeprint.evaluation.mining.result import MinedImage
from placeprint.gallery.gallery import Gallery
from placeprint.recognition.queries import Queries
from placeprint.records import ImageRecord, ModelSpec

SPEC = ModelSpec(name="plane", dim=2)
EMPTY = np.empty((0, 2), np.float32)


def cos(degrees: float) -> object:
    return pytest.approx(math.cos(math.radians(degrees)), abs=1e-6)


def images(*photos: str) -> tuple[tuple[ImageRecord, ...], np.ndarray]:
    """Read ``place@degrees`` or ``place@degrees#content``: the photo is called as it is written."""
    records, vectors = [], []
    for photo in photos:
        place, _, rest = photo.partition("@")
        angle, _, content = rest.partition("#")
        records.append(ImageRecord(path=photo, places=tuple(filter(None, place.split("|"))), content_hash=content))
        vectors.append((math.cos(math.radians(float(angle))), math.sin(math.radians(float(angle)))))
    return tuple(records), np.array(vectors, np.float32).reshape(-1, 2)


def gallery_of(*photos: str) -> Gallery:
    return Gallery.in_memory(*images(*photos), spec=SPEC)


def asked(gallery: Gallery, *queries: str) -> Inputs:
    return Inputs(gallery, Queries(*images(*queries)), name="by hand")


def by_path(result: MiningResult) -> dict[str, MinedImage]:
    return {anchor.path: anchor for anchor in result.anchors}


def near(anchor: MinedImage) -> list[str]:
    return [match.path for match in anchor.negatives]


TOWN = gallery_of("a@0", "a@40", "b@60", "b@100", "c@175")


def test_each_anchor_by_value() -> None:
    result = mine(gallery=TOWN, positives=5)
    found = by_path(result)
    assert [a.path for a in result.anchors][-1] == "c@175"  # without a margin last
    assert {a.path for a in result.violations} == {"a@40", "b@60"} == {a.path for a in result.anchors[:2]}
    one = found["a@40"]
    assert near(one) == ["b@60", "b@100", "c@175"]
    assert [m.score for m in one.negatives] == [cos(20), cos(60), cos(135)]
    assert [(m.row, m.path, m.places, m.score) for m in one.positives] == [(0, "a@0", ("a",), cos(40))]
    assert one.best_positive is not None
    assert one.best_positive.row == 0
    assert one.margin == pytest.approx(math.cos(math.radians(40)) - math.cos(math.radians(20)), abs=1e-6)
    assert found["a@0"].margin == pytest.approx(math.cos(math.radians(40)) - math.cos(math.radians(60)), abs=1e-6)
    alone = found["c@175"]
    assert (alone.positives, alone.best_positive, near(alone)[0]) == ((), None, "b@100")
    assert math.isnan(alone.margin)
    assert not alone.violation
    assert result.without_positives == ("c",)
    assert (result.n_gallery, result.suspects, result.unlabelled) == (5, (), ())
    assert result.says == (
        "5 labelled images of 3 places: 2 of 4 that can be judged are nearer to another place than to their own"
    )


def test_hardest_positive_is_the_least_similar() -> None:
    one = by_path(mine(gallery=gallery_of("a@0", "a@30", "a@70", "a@50", "b@180"), positives=2))["a@0"]
    assert [m.path for m in one.positives] == ["a@70", "a@50"]
    assert one.best_positive is not None
    assert one.best_positive.path == "a@30"


def test_pairs_by_value_and_what_to_photograph() -> None:
    result = mine(gallery=TOWN)
    ab, bc = result.pairs
    assert (ab.places, ab.images, ab.anchors, ab.violations, ab.highest) == (("a", "b"), (2, 2), 4, 2, cos(20))
    assert ab.mean == pytest.approx((2 * math.cos(math.radians(20)) + 2 * math.cos(math.radians(60))) / 4, abs=1e-6)
    assert set(ab.example) == {"a@40", "b@60"}
    assert ab.advice == "more photos of both, of what only one of them has"
    assert (bc.places, bc.images, bc.anchors, bc.violations) == (("b", "c"), (2, 1), 1, 0)
    assert bc.advice == "more photos of c: 1 in the gallery, too few to see mistakes"
    first = mine(gallery=TOWN, pairs=1)
    assert (first.pairs, first.n_pairs) == ((ab,), 2)


@pytest.mark.parametrize(
    ("photos", "advice"),
    [
        (["a@0", "a@40", "b@60", "b@75"], "more photos of a: 1 mistaken, 2 in the gallery"),
        (["a@0", "a@15", "b@60", "b@75"], "none: no photo is mistaken yet"),
        (["a@0", "a@45", "b@60", "b@105", "b@140"], "more photos of a: 2 in the gallery, the other has 3"),
        (
            ["a@0", "a@45#x", "b@60", "b@90#x"],
            "look at the 1 suspect label between the two before taking photos",
        ),
    ],
)
def test_advice(photos: list[str], advice: str) -> None:
    assert mine(gallery=gallery_of(*photos)).pairs[0].advice == advice


def test_a_shared_place_is_never_a_negative() -> None:
    result = mine(gallery=gallery_of("a@0", "a|b@20", "b@45", "c@70"))
    found = by_path(result)
    assert near(found["a|b@20"]) == ["c@70"]
    assert {m.path for m in found["a|b@20"].positives} <= {"a@0", "b@45"}
    assert near(found["a@0"]) == ["b@45", "c@70"]
    assert near(found["c@70"]) == ["b@45", "a|b@20", "a@0"]
    assert {p.places: p.anchors for p in result.pairs} == {("a", "b"): 1, ("a", "c"): 1, ("b", "c"): 3}
    assert dict(zip("abc", (2, 2, 1), strict=True)) == {
        name: count for p in result.pairs for name, count in zip(p.places, p.images, strict=True)
    }


def test_near_identical_images_of_two_places_are_suspects_and_no_negatives() -> None:
    result = mine(gallery=gallery_of("a@0", "a@60", "b@11", "b@90", "c@72"))  # cos 11 is 0.982, cos 12 is 0.978
    assert [(s.path, s.places, s.other.path, s.other.score, s.same_bytes) for s in result.suspects] == [
        ("a@0", ("a",), "b@11", cos(11), False)
    ]
    found = by_path(result)
    assert near(found["a@0"]) == ["c@72", "b@90"]
    assert near(found["b@11"]) == ["a@60", "c@72"]
    assert near(found["a@60"])[0] == "c@72"  # 12 degrees: near, and yet another photo


def test_equal_files_of_two_places_are_suspects_whatever_their_vectors() -> None:
    result = mine(gallery=gallery_of("a@0#x", "a@30#y", "b@80#x", "b@99#z", "b@100#w", "c@104#z"))
    assert [(s.path, s.other.path, s.how) for s in result.suspects] == [
        ("b@99#z", "c@104#z", "the same bytes"),
        ("a@0#x", "b@80#x", "the same bytes"),
        ("b@100#w", "c@104#z", f"cosine {math.cos(math.radians(4)):.3f}"),
    ]
    assert "b@80#x" not in near(by_path(result)["a@0#x"])


def test_of_many_equal_photos_only_some_pairs_are_told() -> None:
    result = mine(gallery=gallery_of(*(f"p{i}@0#black" for i in range(40))))
    told = [s.path for s in result.suspects]
    assert max(told.count(path) for path in told) <= mining.MOST_TWINS
    assert {name for s in result.suspects for name in (s.path, s.other.path)} == {a.path for a in result.anchors}
    assert all(a.negatives == () for a in result.anchors)


def test_an_exact_copy_is_no_positive() -> None:
    result = mine(gallery=gallery_of("a@0#x", "a@0#x", "b@40#y", "b@90#z"))
    assert by_path(result)["a@0#x"].positives == ()
    assert result.without_positives == ("a",)


def test_equal_scores_take_the_lower_row() -> None:
    gallery = gallery_of("a@0", "b@60", "c@60", "d@-60", "e@60")
    for count in (1, 2, 3):
        one = by_path(mine(gallery=gallery, negatives=count))["a@0"]
        scores = [m.score for m in one.negatives]
        assert scores == [scores[0]] * count
        assert near(one) == ["b@60", "c@60", "d@-60"][:count]


@pytest.mark.parametrize(
    ("photos", "says"),
    [
        (["a@0", "a@50"], "2 labelled images of 1 place: there is no image of another place to learn from"),
        (["a@0"], "1 labelled image of 1 place: there is no image of another place to learn from"),
        ([], "0 labelled images of 0 places: there is no image of another place to learn from"),
        (
            ["a@0", "b@90"],
            "2 labelled images of 2 places: 0 of 0 that can be judged are nearer to another place than to their own",
        ),
    ],
)
def test_too_little_has_a_clear_outcome(photos: list[str], says: str) -> None:
    result = mine_inputs(asked(gallery_of(*photos) if photos else Gallery.in_memory((), EMPTY, spec=SPEC)))
    assert result.says == says
    assert (len(result.anchors), list(result.triplets()), result.violations) == (len(photos), [], ())


def test_queries_of_an_empty_gallery_find_nothing() -> None:
    result = mine_inputs(asked(Gallery.in_memory((), EMPTY, spec=SPEC), "a@0"))
    assert [(a.path, a.negatives, a.positives) for a in result.anchors] == [("a@0", (), ())]
    assert result.without_positives == ("a",)


def test_unlabelled_images_take_no_part_and_are_named() -> None:
    result = mine(gallery=gallery_of("a@0", "@1", "a@30", "b@60"))
    assert (result.unlabelled, result.n_gallery) == (("@1",), 3)
    assert {name for a in result.anchors for name in (a.path, *near(a))} == {"a@0", "a@30", "b@60"}
    assert result.suspects == ()
    with pytest.raises(DatasetError, match="none of 2 images has a place"):
        mine(gallery=gallery_of("@0", "@90"))


def test_queries_are_anchors_against_the_gallery_only() -> None:
    result = mine_inputs(asked(TOWN, "a@48", "d@120", "b@3", "@7"))
    found = by_path(result)
    assert len(found) == 8
    assert (found["a@48"].best_positive.path, near(found["a@48"])[0]) == ("a@40", "b@60")
    assert [m.path for m in found["a@48"].positives] == ["a@0"]  # the first query is not the first gallery image
    assert near(found["d@120"]) == ["b@100", "c@175", "b@60", "a@40", "a@0"]
    assert [(s.path, s.other.path) for s in result.suspects] == [("b@3", "a@0")]
    assert near(found["b@3"]) == ["a@40", "c@175"]
    assert near(found["a@0"]) == ["b@60", "b@100", "c@175"]  # queries are no negatives
    assert (result.without_positives, result.unlabelled) == (("c", "d"), ("@7",))


def test_a_query_that_is_a_gallery_image_is_asked_again_only_under_another_label() -> None:
    gallery = gallery_of("a@0#x", "a@40#y", "b@60#z", "b@0#x")
    result = mine_inputs(asked(gallery, "a@0#x", "b@0#x", "b@40#y", "b@90#new"))
    assert sorted(a.path for a in result.anchors) == ["a@0#x", "a@40#y", "b@0#x", "b@40#y", "b@60#z", "b@90#new"]
    assert [(s.path, s.other.path, s.same_bytes) for s in result.suspects] == [
        ("a@0#x", "b@0#x", True),
        ("b@40#y", "a@40#y", True),
    ]


def test_a_query_is_known_by_its_row_too() -> None:
    gallery = gallery_of("a@0", "a@40", "b@60")  # imported vectors have no content hash
    inputs = asked(gallery, "a@0", "b@40", "b@90")
    result = mine_inputs(replace(inputs, queries=replace(inputs.queries, own_rows=(0, 1, -1))))
    assert sorted(a.path for a in result.anchors) == ["a@0", "a@40", "b@40", "b@60", "b@90"]


def wide(count: int, seed: int) -> Gallery:
    rng = np.random.default_rng(seed)
    records = [
        ImageRecord(path=str(i), places=tuple(f"p{p}" for p in rng.integers(0, 7, 1 + (i % 5 == 0))))
        for i in range(count)
    ]
    vectors = rng.standard_normal((count, 6)).astype(np.float32)
    return Gallery.in_memory(records, vectors, spec=ModelSpec(name="wide", dim=6))


def test_as_the_slow_plain_way() -> None:
    gallery = wide(60, 0)
    found = by_path(mine(gallery=gallery, negatives=4, positives=3))
    for row, record in enumerate(gallery.records):
        scores = gallery.vectors @ gallery.vectors[row]
        own = [i for i, r in enumerate(gallery.records) if i != row and set(r.places) & set(record.places)]
        other = [i for i in range(60) if i != row and i not in own and scores[i] < 0.98]
        assert [m.row for m in found[record.path].positives] == sorted(own, key=lambda i: scores[i])[:3]
        assert [m.row for m in found[record.path].negatives] == sorted(other, key=lambda i: -scores[i])[:4]
        margin = max(scores[own]) - max(scores[other])
        assert found[record.path].margin == pytest.approx(margin, abs=1e-6)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[object]:
        anchors = by_path(mine(gallery=wide(150, 1), negatives=3))
        return [
            (path, near(a), [m.path for m in a.positives], round(a.margin, 5)) for path, a in sorted(anchors.items())
        ]

    whole = told()
    for size in (1, 4 * 150 * 7):
        monkeypatch.setattr(mining, "BLOCK_BYTES", size)
        assert told() == whole


def test_triplets_start_with_the_hardest() -> None:
    result = mine(gallery=gallery_of("a@0", "a@40", "a@-25", "b@60", "b@100"), negatives=2, positives=2)
    triplets = [(a.path, p.path, n.path) for a, p, n in result.triplets()]
    assert len(triplets) == 3 * 2 * 2 + 2 * 1 * 2
    assert [t[0] for t in triplets] == sorted((t[0] for t in triplets), key=lambda p: by_path(result)[p].margin)
    assert [t[1:] for t in triplets if t[0] == "a@40"] == [
        ("a@-25", "b@60"),
        ("a@-25", "b@100"),
        ("a@0", "b@60"),
        ("a@0", "b@100"),
    ]


def test_json_has_no_nan() -> None:
    row = mine(gallery=TOWN).to_dict(every_anchor=True)
    text = json.loads(json.dumps(row, allow_nan=False))
    assert text["anchors"][-1]["margin"] is None
    assert [a["path"] for a in text["violations"]] == [a["path"] for a in text["anchors"][:2]]
    assert (text["n_anchors"], text["says"]) == (5, mine(gallery=TOWN).says)
    assert "anchors" not in mine(gallery=TOWN).to_dict()


@pytest.mark.parametrize("wrong", ["negatives", "positives", "pairs"])
def test_counts_are_at_least_one(wrong: str) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        mine(gallery=TOWN, **{wrong: 0})
