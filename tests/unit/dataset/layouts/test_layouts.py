"""Folders are read as they were meant, or refused: a tree of splits and places is never misread in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.dataset.layouts.layout import NO_CHOICE, Choice
from placeprint.dataset.layouts.split_names import known_splits, read_split
from placeprint.dataset.manifest import Manifest, read_manifest
from placeprint.dataset.overview import Overview
from placeprint.dataset.scan import read_listing
from placeprint.dataset.walk import Names, listed
from placeprint.errors import DatasetError, UsageError
from placeprint.records import Split

PLACES = ("Eiffel", "Galata", "Buckingham")
PAIRS = [
    "train/val",
    "ref/query",
    "mapping/query",
    "gallery/val",
    "training/testing",
    "train/validation",
    "support/query",
    "references/probes",
    "reference/probe",
    "db/queries",
    "base/eval",
    "map/holdout",
    "index/test",
    "database/queries",
    "train_images/test-images",
    "train2017/val2017",
    "TrainSet/TestSet",
    "images_train/images_test",
    "Gallery/QUERY",
    "database/queries_night",
    "test_gallery/test_query",
    "trainval/test",
    "train_val/test",
    "data_base/hold-out",
    "ref_images/query_images",
    "dbs/dev",
    "enrolled/probe",
    "database_v2/queries_real",
]


def read(names: list[str], layout: str | None = None, stage: str = "test") -> Manifest:
    found = listed(tuple(name.split("/")) for name in names)
    return read_listing(Path("photos"), found, choice=Choice.parse(layout), stage=stage)


def rows(found: Manifest) -> list[tuple[str, str | None, str]]:
    return [(r.path, r.place, r.split.value) for r in found.records]


def sides(*folders: str, places: tuple[str, ...] = PLACES) -> list[str]:
    return [f"{folder}/{place}/1.jpg" for folder in folders for place in places]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "form", ["{split}/{place}/1.jpg", "{place}/{split}/1.jpg", "all/images/{split}/{place}/x/1.jpg"]
)
def test_every_pair_of_the_field_is_a_gallery_and_queries(pair: str, form: str) -> None:
    found = read([form.format(split=split, place=place) for split in pair.split("/") for place in PLACES])
    gallery, query = pair.split("/")
    meant = {(form.format(split=gallery, place=p), p, "gallery") for p in PLACES}
    meant |= {(form.format(split=query, place=p), p, "query") for p in PLACES}
    assert set(rows(found)) == meant
    assert found.failures == ()
    overview = Overview.of(found)
    assert (overview.images["gallery"], overview.images["query"]) == (3, 3)
    assert overview.first_places == ("Buckingham", "Eiffel", "Galata")


@pytest.mark.parametrize("form", ["images/test/{}/@1@2@.jpg", "images/test/{}/A/1.jpg", "set/{}/@1@2@.jpg"])
def test_the_tree_of_the_field_with_one_stage(form: str) -> None:
    found = read([form.format("database"), form.format("queries")])
    place = "A" if "/A/" in form else None
    assert rows(found) == [(form.format("database"), place, "gallery"), (form.format("queries"), place, "query")]


STAGED = [f"images/{a}/{b}/@1@2@.jpg" for a in ("train", "val", "test") for b in ("database", "queries")]


def test_of_several_stages_test_is_read_and_the_others_are_named() -> None:
    found = read(STAGED)
    assert [r.path for r in found.records] == STAGED[-2:]
    assert found.left_out == {"in images/train": 2, "in images/val": 2}
    assert "left out: 2 in images/train, 2 in images/val" in Overview.of(found).says
    assert [r.path for r in read(STAGED, stage="train").records] == STAGED[:2]
    assert rows(read(STAGED, "database/queries")) == rows(found)


def test_stages_of_which_none_is_test_are_asked_about() -> None:
    with pytest.raises(DatasetError, match="images/train and images/val each have a gallery"):
        read(STAGED[:4])


def test_three_splits_are_asked_about_and_a_pair_chooses() -> None:
    tree = sides("train", "val", "test")
    with pytest.raises(DatasetError, match=r"by --layout train/test or train/val$"):
        read(tree)
    with pytest.raises(DatasetError, match="train/test or train/val"):
        read(tree, "split-first")
    chosen = read(tree, "train/VAL")
    assert set(rows(chosen)) == set(rows(read(sides("train", "val"))))
    assert chosen.left_out == {"in test": 3}
    assert sum(r.split is Split.GALLERY for r in read(tree, "train+val/test").records) == 6


@pytest.mark.parametrize("extra", ["test", "eval", "probes"])
def test_a_second_query_split_is_asked_about(extra: str) -> None:
    with pytest.raises(DatasetError, match="gallery/query"):
        read(sides("gallery", "query", extra))
    with pytest.raises(DatasetError, match="gallery/query"):
        read([f"{p}/{s}/1.jpg" for p in PLACES for s in ("gallery", "query", extra)])


def test_a_split_of_two_spellings_is_asked_about_but_not_when_places_spell_it() -> None:
    with pytest.raises(DatasetError, match="train/query or train_images/query"):
        read(sides("train", "train_images", "query"))
    with pytest.raises(DatasetError, match="gallery/queries or gallery/query"):
        read(["A/gallery/1.jpg", "A/query/2.jpg", "A/queries/3.jpg", "B/gallery/1.jpg"])
    found = read(["A/gallery/1.jpg", "A/query/2.jpg", "B/Gallery/1.jpg", "B/queries/2.jpg"])
    assert [split for _, _, split in rows(found)] == ["gallery", "query"] * 2


def test_query_sets_by_number_are_asked_about() -> None:
    with pytest.raises(DatasetError, match=r"database/queries_v1 or database/queries_v2"):
        read(sides("database", "queries_v1", "queries_v2"))


@pytest.mark.parametrize(
    ("tree", "layout", "meant"),
    [
        (["Base/1.jpg", "Eiffel/2.jpg"], "places", [("Base", "none"), ("Eiffel", "none")]),
        (["train/test/1.jpg", "train/A/2.jpg"], "split-first", [("A", "gallery"), ("test", "gallery")]),
        (["Base/gallery/1.jpg", "E/query/2.jpg"], "place-first", [("Base", "gallery"), ("E", "query")]),
        (["A/1.jpg", "A/query/2.jpg", "B/3.jpg"], "place-first", [("A", "none"), ("A", "query"), ("B", "none")]),
        (["train_station/1.jpg", "test_track/2.jpg"], "places", [("test_track", "none"), ("train_station", "none")]),
        (["foo/A/1.jpg", "query/A/2.jpg"], "foo/query", [("A", "gallery"), ("A", "query")]),
        (["my/1.jpg", "my/A/2.jpg", "my/B/3.jpg"], "places", [("my", "none")] * 3),
    ],
)
def test_two_readings_are_an_error_and_the_layout_chooses(
    tree: list[str], layout: str, meant: list[tuple[str, str]]
) -> None:
    with pytest.raises(DatasetError, match="--layout"):
        read(tree)
    assert [(place, split) for _, place, split in rows(read(tree, layout))] == meant


def test_splits_of_unknown_names_are_asked_about() -> None:
    tree = sides("day", "night")
    with pytest.raises(DatasetError, match=r"places are day, night \(--layout places\).*--layout day/night"):
        read(tree)
    assert {(r.place, r.split.value) for r in read(tree, "day/night").records} == {
        (place, split) for place in PLACES for split in ("gallery", "query")
    }
    assert {r.place for r in read(tree, "places").records} == {"day", "night"}


def test_a_dataset_in_each_folder_is_asked_about() -> None:
    tree = [
        f"{city}/{split}/{place}/1.jpg" for city in ("Paris", "Rome") for split in ("ref", "query") for place in "AB"
    ]
    with pytest.raises(
        DatasetError, match=r"places are Paris, Rome \(--layout place-first\).*such as A, B.*photos/Paris"
    ):
        read(tree)
    with pytest.raises(DatasetError, match=r"photos/all/Paris"):
        read([f"all/{name}" for name in tree])
    assert {r.place for r in read(tree, "place-first").records} == {"Paris", "Rome"}
    seasons = ["Eiffel/ref/day/1.jpg", "Eiffel/ref/night/2.jpg", "Eiffel/query/day/3.jpg", "Galata/ref/day/4.jpg"]
    assert {r.place for r in read(seasons).records} == {"Eiffel", "Galata"}


def test_flat_reads_splits_and_no_places() -> None:
    found = read(["database/r1/@1@2@.jpg", "queries/r2/@1@2@.jpg"], "flat")
    assert [(place, split) for _, place, split in rows(found)] == [(None, "gallery"), (None, "query")]
    assert [r.split for r in read(["1.jpg", "images/2.jpg"]).records] == [Split.NONE, Split.NONE]


@pytest.mark.parametrize("layout", ["foo", "", "a/b/c", "places:a/b", "split-first:", "/", "a/a", "split first"])
def test_a_layout_that_is_none_is_refused(layout: str) -> None:
    with pytest.raises(UsageError, match="there is no layout"):
        read(["A/1.jpg"], layout)


def test_folders_that_were_named_and_are_not_there_are_an_error() -> None:
    with pytest.raises(DatasetError, match='no folder "nacht"'):
        read(sides("day", "night"), "day/nacht")


def test_a_stray_folder_beside_the_splits_is_told_photo_by_photo() -> None:
    found = read([*sides("gallery", "query"), "extra/A/1.jpg", "loose.jpg"])
    assert [(f.path, f.kind) for f in found.failures] == [
        ("extra/A/1.jpg", "unknown-split"),
        ("loose.jpg", "unknown-split"),
    ]
    assert "extra/A is neither a gallery nor a query split" in found.failures[0].reason


@pytest.mark.parametrize(
    ("name", "split", "sure"),
    [
        ("Queries", Split.QUERY, True),
        ("test_gallery", Split.GALLERY, True),
        ("train-query-images", Split.QUERY, True),
        ("valset", Split.QUERY, True),
        ("query_database", None, True),
        ("queries_night", Split.QUERY, False),
        ("Train Station", Split.GALLERY, False),
    ],
)
def test_names_of_splits(name: str, split: Split | None, sure: bool) -> None:
    found = read_split(name)
    assert found is not None
    assert (found.split, found.sure) == (split, sure)


@pytest.mark.parametrize(
    "name", ["Eiffel", "images", "Mapleton", "Testaccio", "Databazar", "", "2019", "Trainspotting"]
)
def test_names_of_places_are_no_splits(name: str) -> None:
    assert read_split(name) is None


def test_a_table_asks_val_only_where_there_is_no_test(tmp_path: Path) -> None:
    assert known_splits(["train", "Val"])["val"] is Split.QUERY
    assert "val" not in known_splits(["train", "val", "test"])
    (tmp_path / "m.csv").write_text("path,split\na.jpg,train\nb.jpg,val\n")
    assert [r.split for r in read_manifest(tmp_path / "m.csv").records] == [Split.GALLERY, Split.QUERY]
    (tmp_path / "m.csv").write_text("path,split\na.jpg,train\nb.jpg,val\nc.jpg,test\n")
    found = read_manifest(tmp_path / "m.csv")
    assert [f.kind for f in found.failures] == ["unknown-split"]


Meaning = dict[Names, tuple[str, Split]]
_GALLERY = (
    "gallery",
    "Database",
    "train",
    "ref",
    "mapping",
    "support",
    "train_images",
    "GALLERY",
    "base",
)
_QUERY = ("query", "Queries", "val", "test", "holdout", "probes", "test-images", "queries_night", "QUERY", "validation")
_ODD_PLACES = ("train", "Test", "base", "map", "train station", "gallery of art", "day", "images", "2019", "probe")


@st.composite
def trees(draw: Callable[..., object], *, plain: bool = False) -> Meaning:
    """Draw files with what they mean: splits, places, wrappers, folders between and below; `plain` leaves out traps."""
    pick = lambda *values: draw(st.sampled_from(values))  # noqa: E731
    places = draw(st.lists(st.sampled_from(("Eiffel", "Galata", "Big Ben", "Ç", "x")), min_size=2, unique=True))
    if not plain and draw(st.booleans()):
        places = [*places, pick(*_ODD_PLACES)]  # type: ignore[misc]
    around = pick((), ("images",), ("my photos",), ("data", "set"), ("landmarks", "jpg"))
    within = pick((), ("images",), ("Photos",))
    order = pick("split-first", "place-first", "places")
    splits = {Split.GALLERY: pick(*_GALLERY), Split.QUERY: pick(*_QUERY)} if order != "places" else {Split.NONE: ""}
    if not plain and order != "places":
        extra = pick("", "extra", "spare", "eval", "test", "train", "queries")
        splits |= {Split.NONE: extra} if extra and extra not in {s.lower() for s in splits.values()} else {}
    meant: Meaning = {}
    for split, name in splits.items():
        for number, place in enumerate(places):
            if split is Split.QUERY and number and draw(st.booleans()):
                continue  # a place on one side only
            below = pick((), ("day",), ("2019", "june")) if not plain else ()
            core = {"split-first": (name, *within, place), "place-first": (place, *within, name), "places": (place,)}[
                order
            ]
            meant[(*around, *core, *below, f"{number}.jpg")] = (place, split)
    if not plain and draw(st.booleans()):
        meant[(*around, "loose.jpg")] = ("", Split.NONE)
    return meant


@given(trees())
def test_a_tree_is_read_as_meant_or_refused(meant: Meaning) -> None:
    try:
        found = read_listing(Path("photos"), listed(list(meant)), choice=NO_CHOICE, stage="test")
    except DatasetError:
        return
    told = {failure.path for failure in found.failures}
    for record in found.records:
        assert (record.place or "", record.split) == meant[tuple(record.path.split("/"))], record.path
    assert {r.path for r in found.records} | told == {"/".join(names) for names in meant}


@given(trees(plain=True))
def test_a_tree_without_traps_is_not_refused(meant: Meaning) -> None:
    found = read_listing(Path("photos"), listed(list(meant)), choice=NO_CHOICE, stage="test")
    assert {(r.path, r.place, r.split) for r in found.records} == {("/".join(n), *m) for n, m in meant.items()}
    assert found.failures == ()
