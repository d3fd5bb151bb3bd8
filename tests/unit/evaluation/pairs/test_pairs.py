"""Which pairs are kept, and how lists of them are written."""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import placeprint
from field_trees import photo
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.pairs import selection
from placeprint.evaluation.pairs.pair_list import FORMS, numbered, refuse_to_overwrite, text_of, views_of
from placeprint.evaluation.pairs.selection import Pairing, PairOptions, Selected
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec
from program import run


def select(records: list[ImageRecord], vectors: list[tuple[float, ...]], **options: object) -> Selected:
    made = np.array(vectors, np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    gallery = Gallery.in_memory(records, made, spec=ModelSpec(name="hand", dim=made.shape[1]))
    return Pairing(gallery, PairOptions(**options)).pairs(None)  # type: ignore[arg-type]


def names(found: Selected) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in found.pairs]


# On a half circle: b is between a and c and nearer to a, d is alone.
FOUR = [ImageRecord(path=name) for name in "dbca"]
ANGLES = [(math.cos(angle), math.sin(angle)) for angle in (3.0, 0.3, 0.9, 0.1)]


def test_each_pair_stands_once_in_the_order_of_names() -> None:
    found = select(FOUR, ANGLES, top=1)
    assert names(found) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert [pair.score for pair in found.pairs] == pytest.approx([math.cos(0.2), math.cos(0.6), math.cos(2.1)])
    assert all(math.isnan(pair.agreement) and pair.kind == "retrieved" for pair in found.pairs)
    assert (found.dropped, found.verified) == ({}, False)


def test_mutual_pairs_are_those_that_both_asked_for() -> None:
    found = select(FOUR, ANGLES, top=1, mutual=True)
    assert names(found) == [("a", "b")]
    assert found.dropped == {"not mutual": 2}


def test_what_is_known_to_be_far_apart_is_left_out() -> None:
    where = {"a": (0, 0), "b": (0, 30), "c": (0, 99), "d": None}
    records = [
        ImageRecord(path=r.path)
        if (here := where[r.path]) is None
        else ImageRecord(path=r.path, easting=here[0] + 1, northing=here[1] + 1)
        for r in FOUR
    ]
    found = select(records, ANGLES, top=3, max_distance=69.0)
    assert names(found) == [("a", "b"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")], "69 m counts, unknown is kept"
    assert found.dropped == {"too far apart": 1}
    walk = select(records, ANGLES, top=0, window=3, max_distance=69.0)
    assert names(walk) == names(found), "neighbours in a sequence too"


def test_a_sequence_has_windows_and_loops() -> None:
    # A walk of eight frames that comes back to where it began; another one elsewhere.
    loop = [ImageRecord(path=f"walk/{i * 3 % 8}.jpg", frame=i) for i in range(8)]
    around = [(math.cos(i * math.pi / 4), math.sin(i * math.pi / 4), 0.0) for i in (0, 1, 2, 3, 4, 5, 6, 8)]
    other = [ImageRecord(path="zoo/0.jpg"), ImageRecord(path="zoo/1.jpg")]
    found = select([*loop, *other], [*around, (0, 0, 1.0), (0, 0, 1.0)], top=1, window=2, mutual=True)
    kinds = {(pair.first[-5], pair.second[-5], pair.kind) for pair in found.pairs if pair.first.startswith("walk")}
    near = [sorted((a * 3 % 8, b * 3 % 8)) for a in range(8) for b in (a + 1, a + 2) if b < 8]
    windows = {(str(one), str(two), "window") for one, two in near}
    assert kinds == windows | {("0", "5", "retrieved")}, "frames are not in the order of names"
    assert [(p.first, p.second, p.kind) for p in found.pairs if p.second.startswith("zoo")][-1] == (
        "zoo/0.jpg",
        "zoo/1.jpg",
        "window",
    )
    assert all(math.isnan(p.score) for p in found.pairs if p.kind == "window")
    assert {p.kind for p in select(loop, around, top=0, window=1).pairs} == {"window"}


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 5), st.booleans(), st.integers(0, 3), st.integers(0, 9))
def test_pairs_are_sets_of_two(count: int, top: int, mutual: bool, window: int, seed: int) -> None:
    records = [ImageRecord(path=f"{number}.jpg") for number in range(count)]
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    found = names(select(records, [tuple(v) for v in vectors.tolist()], top=top, mutual=mutual, window=window))
    assert found == sorted(set(found))
    assert all(first < second for first, second in found)
    order = np.random.default_rng(seed).permutation(count)
    again = select(
        [records[i] for i in order], [tuple(vectors[i]) for i in order], top=top, mutual=mutual, window=window
    )
    assert names(again) == found, "the order of the images changes nothing"


def test_what_asks_for_nothing_is_refused() -> None:
    for wrong in ({"top": 0}, {"top": -1}, {"window": -1}, {"max_distance": 0.0}, {"max_distance": math.nan}):
        with pytest.raises(UsageError):
            PairOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="keeps no local features to verify pairs by"):
        select(FOUR, ANGLES, verify=True)


def test_lists_in_their_forms(tmp_path: Path) -> None:
    found = [("a.jpg", "x/c.jpg"), ("b.jpg", "x/c.jpg")]
    assert text_of(found, "hloc", {}) == text_of(found, "colmap", {}) == "a.jpg x/c.jpg\nb.jpg x/c.jpg\n"
    assert text_of(found, "openmvg", numbered(["x/c.jpg", "b.jpg", "a.jpg"], None)) == "0 2\n1 2\n"
    views = [("x", "c.jpg", 0), ("/", "b.jpg", 7), ("", "a.jpg", 3)]
    data = [
        {"key": n, "value": {"ptr_wrapper": {"id": n, "data": {"local_path": f, "filename": name, "id_view": n}}}}
        for f, name, n in views
    ]
    (tmp_path / "sfm_data.json").write_text(json.dumps({"sfm_data_version": "0.3", "views": data}))
    known = views_of(tmp_path / "sfm_data.json")
    assert known == {"x/c.jpg": 0, "b.jpg": 7, "a.jpg": 3}
    assert text_of(found, "openmvg", numbered(["a.jpg", "b.jpg", "x/c.jpg"], known)) == "0 3\n0 7\n"
    with pytest.raises(DatasetError, match=r'"d\.jpg" is not among the views'):
        numbered(["d.jpg"], known)
    for text in ("", "[]", '{"views": [{"value": {}}]}', json.dumps({"views": [data[0], data[0]]})):
        (tmp_path / "sfm_data.json").write_text(text)
        with pytest.raises(DatasetError, match=r"sfm_data\.json"):
            views_of(tmp_path / "sfm_data.json")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    refuse_to_overwrite(tmp_path / "new.txt", replace=False)
    (tmp_path / "theirs.txt").write_text("a b\n")
    (tmp_path / "empty.txt").touch()
    refuse_to_overwrite(tmp_path / "empty.txt", replace=False)
    refuse_to_overwrite(tmp_path / "theirs.txt", replace=True)
    for path, replace in ((tmp_path / "theirs.txt", False), (tmp_path, True), (tmp_path / "theirs.txt" / "x", True)):
        with pytest.raises(UsageError):
            refuse_to_overwrite(path, replace=replace)


@pytest.mark.usefixtures("shared_cache")
def test_from_photos_to_a_list(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("pairs", town, "-o", tmp_path / "pairs.txt", "--preset", "fast", "--top", "2", "-q")
    assert "pairs of 26 images" in told.stdout
    assert "not verified by local features" in told.stdout
    lines = (tmp_path / "pairs.txt").read_text().splitlines()
    assert lines == sorted(lines)
    assert all((town / name).is_file() for line in lines for name in line.split(" "))
    run("pairs", town, "-o", tmp_path / "pairs.txt", "--preset", "fast", expect=2)
    run("pairs", town, "--form", "meshroom", expect=2)
    by_hand = placeprint.pairs(town, preset="fast", top=2, form=FORMS[2])
    assert by_hand.text.splitlines()[0] == "0 1"
    assert len(by_hand.text.splitlines()) == len(lines) == len(by_hand.pairs)
    monkeypatch.setattr(selection, "_BLOCK", 30)
    assert placeprint.pairs(town, preset="fast", top=2).text.splitlines() == lines, "blocks change nothing"


@pytest.mark.usefixtures("shared_cache")
def test_names_that_no_list_can_hold_are_told(tmp_path: Path) -> None:
    for number, name in enumerate(["a b.jpg", "c.jpg", "d.jpg"]):
        photo(tmp_path / name, number)
    found = placeprint.pairs(tmp_path, preset="fast")
    assert found.text == "c.jpg d.jpg\n"
    assert [(one.path, one.kind) for one in found.unusable] == [("a b.jpg", "bad-name")]
    assert placeprint.pairs(tmp_path, preset="fast", form="openmvg").text == "0 1\n0 2\n1 2\n"


@pytest.mark.usefixtures("shared_cache")
@pytest.mark.parametrize("titled", ["Old Mill,old-mill", "Old Mill|Bridge,old-mill|bridge"])
def test_titles_of_places_are_no_matter(titled: str, tmp_path: Path) -> None:
    rows = []
    for number, name in enumerate(["a.jpg", "b.jpg"]):
        photo(tmp_path / name, number)
        rows.append(f"{name},{titled},gallery\n")
    (tmp_path / "manifest.csv").write_text("path,title,place,split\n" + "".join(rows))
    assert all(record.titles for record in placeprint.read_dataset(tmp_path).records)
    assert placeprint.pairs(tmp_path, preset="fast").text == "a.jpg b.jpg\n"


@pytest.mark.usefixtures("shared_cache")
def test_local_features_must_agree(town: Path) -> None:
    whole = placeprint.read_dataset(town)
    shown = {
        f"gallery/{place}/{view}.jpg"
        for place, view in (("town-hall", "01"), ("town-hall", "02"), ("castle-gate", "01"))
    }
    some = dataclasses.replace(whole, records=tuple(r for r in whole.records if r.path in shown), failures=())
    sure = placeprint.pairs(some, top=2)
    assert [(pair.first, pair.second) for pair in sure.pairs] == [
        ("gallery/town-hall/01.jpg", "gallery/town-hall/02.jpg")
    ]
    assert (sure.verified, sure.dropped, sure.alone) == (True, {"nothing agrees": 2}, ("gallery/castle-gate/01.jpg",))
    assert sure.pairs[0].agreement > 6


@pytest.mark.usefixtures("shared_cache")
def test_colmap_reads_the_list(town: Path, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="pycolmap is not installed: pip install pycolmap")
    images = tmp_path / "images"
    for place in ("town-hall", "castle-gate"):
        for view in ("01", "02"):
            (images / place).mkdir(parents=True, exist_ok=True)
            (images / place / f"{view}.jpg").write_bytes((town / "gallery" / place / f"{view}.jpg").read_bytes())
    found = placeprint.pairs(images, tmp_path / "pairs.txt", preset="fast", top=1)
    pycolmap.set_random_seed(0)
    pycolmap.extract_features(tmp_path / "db.db", images, device=pycolmap.Device.cpu)
    imported = pycolmap.ImportedPairingOptions(match_list_path=tmp_path / "pairs.txt")
    pycolmap.match_image_pairs(tmp_path / "db.db", pairing_options=imported, device=pycolmap.Device.cpu)
    with sqlite3.connect(tmp_path / "db.db") as database:
        asked = {row[0] for row in database.execute("SELECT pair_id FROM matches")}
        ids = dict(database.execute("SELECT name, image_id FROM images"))
    database.close()
    pair_id = pycolmap.image_pair_to_pair_id
    assert asked == {pair_id(ids[pair.first], ids[pair.second]) for pair in found.pairs}
