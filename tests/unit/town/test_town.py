"""The rendered town: the same bytes each time, a manifest that tells the truth, and no lost folders."""

import csv
import hashlib
import json
from collections import Counter

import imagehash
import pytest
from PIL import Image, UnidentifiedImageError

from placeprint.errors import UsageError
from town import TownResult, render_town
from town.places import BUILDERS, plan_town, unknown_count

SMALL = {"places": 6, "views": 3, "size": (120, 90)}


def checksums(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def read(result):
    with result.manifest.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return render_town(tmp_path_factory.mktemp("town") / "small", workers=1, **SMALL)


@pytest.fixture(scope="module")
def rows(town):
    return read(town)


def test_same_seed_same_bytes_with_any_number_of_workers(town, tmp_path):
    again = render_town(tmp_path / "again", workers=2, **SMALL)
    assert checksums(again.folder) == checksums(town.folder)


def test_another_seed_gives_another_town(tmp_path):
    few = {"places": 1, "views": 2, "size": (64, 64), "workers": 1}
    towns = [render_town(tmp_path / str(seed), seed=seed, **few) for seed in (0, 1)]
    first, second = ({checksums(t.folder)[r["path"]] for r in read(t) if not r["broken"]} for t in towns)
    assert len(first) == len(second) == 3
    assert not first & second


def test_result_counts_what_the_manifest_lists(town, rows):
    split = Counter(r["split"] for r in rows)
    known = {r["place"] for r in rows if r["split"] == "gallery"}
    assert town == TownResult(
        folder=town.folder,
        manifest=town.folder / "manifest.csv",
        places=6,
        unknown_places=1,
        gallery=split["gallery"],
        queries=split["query"],
        unknown_queries=sum(r["place"] not in known for r in rows),
        near_duplicates=sum(r["near_duplicate_of"] != "" for r in rows),
        broken=4,
    )
    notes = json.loads((town.folder / "town.json").read_text())
    assert (notes["places"], notes["views"], notes["seed"], notes["size"]) == (6, 3, 0, [120, 90])
    assert notes["counts"]["gallery"] == town.gallery
    assert notes["counts"]["queries"] == town.queries


def test_manifest_and_folders_agree(town, rows):
    listed = {r["path"] for r in rows if r["broken"] != "missing"}
    assert listed == {p.relative_to(town.folder).as_posix() for p in town.folder.rglob("*.jpg")}
    assert len({r["path"] for r in rows}) == len(rows)
    for r in rows:
        assert r["path"].split("/")[:2] == [r["split"], r["place"]]


def test_each_known_place_is_split_between_gallery_and_queries(rows):
    plain = [r for r in rows if not r["broken"] and not r["near_duplicate_of"]]
    count = Counter((r["place"], r["split"]) for r in plain)
    known = {r["place"] for r in rows if r["split"] == "gallery"}
    unknown = {r["place"] for r in rows} - known
    assert len(unknown) == 1
    assert {place: (count[place, "gallery"], count[place, "query"]) for place in known} == dict.fromkeys(known, (2, 1))
    assert all(count[place, "query"] == 3 for place in unknown)


def test_unbroken_photographs_have_the_size_and_show_something(town, rows):
    for r in rows:
        if not r["broken"]:
            image = Image.open(town.folder / r["path"]).convert("L")
            assert image.size == ((108, 81) if r["near_duplicate_of"] else (120, 90))
            low, high = image.getextrema()
            assert high - low > 60, r["path"]


def test_broken_files_are_what_the_manifest_says(town, rows):
    broken = {r["broken"]: town.folder / r["path"] for r in rows if r["broken"]}
    assert sorted(broken) == ["empty", "missing", "text", "truncated"]
    assert broken["empty"].stat().st_size == 0
    assert not broken["missing"].exists()
    with pytest.raises(UnidentifiedImageError):
        Image.open(broken["text"])
    with Image.open(broken["truncated"]) as cut:
        assert cut.size == (120, 90)
        with pytest.raises(OSError, match="truncated"):
            cut.load()


def test_near_duplicates_are_near_and_other_photographs_are_not(town, rows):
    pairs = [(r["path"], r["near_duplicate_of"]) for r in rows if r["near_duplicate_of"]]
    splits = {(copy.split("/")[0], original.split("/")[0]) for copy, original in pairs}
    assert splits == {("gallery", "gallery"), ("query", "gallery")}
    for copy, original in pairs:
        assert copy.split("/")[1] == original.split("/")[1]
        near, far = (imagehash.dhash(Image.open(town.folder / path)) for path in (copy, original))
        assert near - far <= 5
        assert (town.folder / copy).read_bytes() != (town.folder / original).read_bytes()
        others = [
            r["path"]
            for r in rows
            if not r["broken"] and r["path"] not in (copy, original) and r["near_duplicate_of"] != original
        ]
        assert all(near - imagehash.dhash(Image.open(town.folder / path)) > 5 for path in others)


def test_an_older_town_is_replaced_whole(tmp_path):
    few = {"places": 1, "views": 2, "size": (64, 64), "workers": 1}
    render_town(tmp_path / "town", seed=3, **{**few, "places": 2})
    render_town(tmp_path / "town", seed=4, **few)
    fresh = render_town(tmp_path / "fresh", seed=4, **few)
    assert checksums(tmp_path / "town") == checksums(fresh.folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fresh", "town"]


def test_a_folder_that_is_no_town_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not a town"):
        render_town(tmp_path / "photos", places=1, views=2, size=(64, 64))
    (tmp_path / "file").write_text("keep")
    with pytest.raises(UsageError, match="is a file"):
        render_town(tmp_path / "file", places=1, views=2, size=(64, 64))
    assert checksums(tmp_path) == {name: hashlib.sha256(b"keep").hexdigest() for name in ("file", "photos/mine.txt")}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"places": 0}, "places is 0"),
        ({"views": 1}, "views is 1"),
        ({"size": (63, 90)}, "width is 63"),
        ({"seed": -1}, "seed is -1"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, wrong, message):
    with pytest.raises(UsageError, match=message):
        render_town(tmp_path / "town", **{**SMALL, **wrong})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("places", "unknown"), [(3, 0), (4, 1), (6, 1), (20, 3), (200, 26)])
def test_a_plan_has_unique_names_look_alikes_and_unknown_places(places, unknown):
    plans = plan_town(places, seed=5)
    assert [p.number for p in plans] == list(range(places))
    assert len({p.name for p in plans}) == places
    assert sum(not p.known for p in plans) == unknown == unknown_count(places)
    kinds = Counter(p.kind for p in plans)
    assert set(kinds) <= set(BUILDERS)
    assert places < 4 or max(kinds.values()) >= 2


def test_progress_is_told_of_each_place(tmp_path):
    told = []

    class Spy:
        def start(self, what, total):
            told.append((what, total))

        def advance(self, steps=1):
            told.append(steps)

        def finish(self):
            told.append("end")

    render_town(tmp_path / "town", places=2, views=2, size=(64, 64), workers=1, progress=Spy())
    assert told == [("rendering", 2), 1, 1, "end"]


def test_photographs_say_where_they_were_taken_and_the_manifest_knows_better(tmp_path):
    """Truth, noise, and the wrong crossing: what is in the files is what the manifest says of it."""
    from placeprint import read_dataset
    from placeprint.dataset.distances import metres_apart

    made = render_town(tmp_path / "town", places=3, views=16, size=(64, 64), workers=2)
    said = {record.path: record.degrees for record in read_dataset(made.folder, layout="split-first").records}
    off = {kind: [] for kind in ("exact", "shifted", "wrong", "none")}
    for row in read(made):
        if not row["broken"]:
            there = said[row["path"]]
            truth = (float(row["latitude"]), float(row["longitude"]))
            off[row["exif_position"]].append(None if there is None else metres_apart(there, truth))
    assert {kind for kind, found in off.items() if not found} == set()
    assert max(off["exact"]) < 20 < min(off["shifted"]) <= max(off["shifted"]) < 110 < 300 < min(off["wrong"])
    assert set(off["none"]) == {None}
