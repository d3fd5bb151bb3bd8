"""Every verb says of a gallery in Milvus what it says of one in a folder, searched exactly and by FAISS."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import clustered, records_of, stored
from typer.testing import CliRunner

from placeprint import Gallery, open_gallery
from placeprint.cli.app import app
from placeprint.embedding.imported import imported_spec
from placeprint.errors import GalleryMismatchError, UsageError
from placeprint.gallery.filters import Filter
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.indexing.server import store_vectors
from placeprint.presets import find_preset
from placeprint.recognition.recognizer import Recognizer


def said(*words: object) -> Any:
    """Run a verb with --json; without what may differ: where and in what index it is, and how long it took."""
    result = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    for row in found if isinstance(found, list) else [found]:
        for name in ("gallery", "index", "seconds", "shares", "computed", "cached", "audit"):
            row.pop(name, None)
        row.pop("gallery_megabytes", None)  # an index of FAISS is a file more
        for name in ("index", "seconds") if "result" in row else ():
            row["result"].pop(name)
    return found


def same(verb: str, *rest: object, on: Iterable[Path | str]) -> Any:
    """Run a verb on each of some galleries; return what it said of the first, which it must say of all."""
    told = [json.dumps(said(verb, where, *rest)).replace(str(where), "GALLERY") for where in on]
    first, *others = [json.loads(text) for text in told]
    for other in others:
        assert other == first
    return first


@pytest.fixture(scope="module")
def three(town: Path, milvus: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The same town in a folder searched exactly, in one searched by FAISS, and on a server."""
    folder, address = tmp_path_factory.mktemp("three"), milvus.address("town")
    exact, faiss = folder / "exact.gallery", folder / "faiss.gallery"
    first = said("index", town, "-o", exact)
    assert said("index", town, "-o", faiss, "--index", "faiss") == first
    assert said("index", town, "--store", address) == first
    assert [Gallery.open(where).index.name for where in (exact, faiss)] == ["exact", "faiss-flat"]
    return exact, faiss, address


def photos(town: Path) -> list[Path]:
    return sorted((town / "query").rglob("*.jpg"))[:5]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--preset", "fast"),
        ("--place", "castle-gate", "--place", "town-hall"),
        ("--split", "gallery"),
        ("--unknown-threshold", "0.5", "--k", "3"),
        ("--explain",),
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_query(three: tuple[Path, Path, str], town: Path, options: tuple[str, ...]) -> None:
    answers = same("query", *photos(town), *options, on=three)
    assert [len(answer["matches"]) > 0 for answer in answers] == [True] * 5


def test_a_place_is_ranked_by_images_that_are_no_neighbours(
    three: tuple[Path, Path, str], town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placeprint.presets.FIRST_LOOK", 1)
    for few in (2, 3, 4, 5):  # of eleven
        same("query", *photos(town), "--k", "1", "--preset", f"balanced:shortlist={few}", on=three)


def test_evaluate_with_queries_and_by_leaving_one_out(three: tuple[Path, Path, str], town: Path) -> None:
    found = [said("evaluate", town, "-g", where) for where in three]
    alone = [said("evaluate", "-g", where) for where in three]
    assert 0 < found[0]["recall"]["1"] <= 1
    for row in alone:
        row.pop("dataset")
    for row in found + alone:  # an index is more bytes
        assert row.pop("gallery_bytes") > 0
    assert found == found[:1] * 3
    assert alone == alone[:1] * 3


def test_calibrate_and_compare(three: tuple[Path, Path, str], town: Path) -> None:
    same("calibrate", "--false-accept-rate", "0.2", on=three)
    compared = [said("compare", "threshold=0.5", "threshold=0.8", "--on", town, "-g", where) for where in three]
    for row in (row for rows in compared for row in rows):
        assert row["result"].pop("gallery_bytes") > 0
    assert compared == compared[:1] * 3
    calibrated = [open_gallery(where).calibration for where in three]
    assert calibrated[0] is not None
    assert calibrated == calibrated[:1] * 3


@pytest.mark.parametrize("options", [(), ("--explain",), ("--place", "town-hall"), ("--preset", "fast")], ids=" ".join)
def test_a_question_copies_nothing(
    three: tuple[Path, Path, str], town: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: MilvusGallery) -> Gallery:
        raise AssertionError(f"{self.where} was copied")

    monkeypatch.setattr(MilvusGallery, "download", refuse)
    assert len(said("query", three[-1], *photos(town), *options)) == 5
    with pytest.raises(AssertionError, match="was copied"):
        said("evaluate", "-g", three[-1])


def test_remove_add_and_verify(three: tuple[Path, Path, str], town: Path) -> None:
    path = Gallery.open(three[0]).records[4].path
    for verb, *rest in (["remove", "--place", "castle-gate"], ["add", town], ["remove", path]):
        same(verb, *rest, on=three)
        same("query", *photos(town), on=three)
    same("verify", on=three)
    one, _, two = (open_gallery(where) for where in three)
    copy = two.download()
    assert copy.records == tuple(one.records)
    np.testing.assert_array_equal(copy.vectors, one.vectors)
    np.testing.assert_array_equal(copy.parts["cells"][3], one.parts["cells"][3])
    assert (two.places, two.failures, two.roots) == (one.places, one.failures, one.roots)
    assert [two.image_file(row) for row in range(3)] == [one.image_file(row) for row in range(3)]


def test_indexing_again_changes_nothing_and_embeds_nothing(three: tuple[Path, Path, str], town: Path) -> None:
    said("index", town, "--store", three[-1])
    result = CliRunner().invoke(app, ["index", str(town), "--store", three[-1], "--no-cache", "--json"])
    done = json.loads(result.stdout)
    assert (done["computed"], done["change"]["added"], done["change"]["replaced"]) == (0, 0, 0)
    assert done["change"]["unchanged"] == done["images"]


@pytest.mark.parametrize(
    "filters",
    [
        {"places": ["place 3"]},
        {"places": ['Straße "1|2" \\ x', "place 1"]},
        {"split": "gallery"},
        {"near": (48.5, 11.0, 5000.0)},
        {"near": (48.5, 11.02, 20000.0), "places": ["place 1", "place 2"], "split": "none"},
    ],
    ids=["place", "odd name", "split", "near", "all"],
)
def test_filters_are_met_by_the_engine(milvus: Any, filters: dict[str, Any]) -> None:
    gallery = _filtered(milvus)
    vectors = clustered(200, 16)
    local = Gallery.in_memory(records_of(200), vectors, spec=imported_spec("made", 16))
    there, here = (g.where_images(Filter(**filters)) for g in (gallery, local))
    assert (there.sum(), len(there)) == (here.sum(), len(here))
    assert there.sum() > 0
    asked = clustered(4, 16, seed=8)
    np.testing.assert_array_equal(
        gallery.search(asked, k=12, only=there).rows, local.search(asked, k=12, only=here).rows
    )
    one, two = (Recognizer(g, only=only).answer(asked[0]) for g, only in ((gallery, there), (local, here)))
    assert one == two


def _filtered(milvus: Any) -> Any:
    address = milvus.address("filtered")
    try:
        return open_gallery(address)
    except Exception:  # the first of these tests makes it
        return stored(address, clustered(200, 16))


def test_the_second_place_is_found_behind_many_images_of_the_first(address: str) -> None:
    near, far = clustered(230, 8, clusters=1), clustered(10, 8, seed=6, clusters=1)
    records = [
        dataclasses.replace(record, places=("church" if i < 230 else "bridge",))
        for i, record in enumerate(records_of(240))
    ]
    vectors = np.concatenate([near, far])
    gallery = stored(address, vectors, records=records)
    local = Gallery.in_memory(records, vectors, spec=gallery.spec, preset=gallery.preset)
    one, two = (Recognizer(g).answer(near[0]) for g in (gallery, local))
    assert {place.place for place in two.places} == {"church", "bridge"}
    assert one == two


@pytest.mark.parametrize("hashed", [True, False])
def test_a_place_of_many_images_has_the_mean_that_it_has_in_a_folder(address: str, hashed: bool) -> None:
    """Of more than 256 images a sample is taken: the same one, and none that leans to what is near a query."""
    vectors = clustered(650, 8, clusters=2, spread=2)
    records = [
        dataclasses.replace(r, places=("church" if i < 600 else "bridge",), content_hash=f"{i:064x}" if hashed else "")
        for i, r in enumerate(records_of(650))
    ]
    preset, spec = find_preset("fast:place_weight=4:place_power=0.85:shortlist=50"), imported_spec("made", 8)
    gallery = store_vectors(address, records=records, vectors=vectors, preset=preset, spec=spec)
    gallery, _ = gallery.remove([records[i].path for i in range(0, 650, 13)])
    local = Gallery.in_memory(records, vectors, spec=spec, preset=preset)
    local, _ = local.remove([records[i].path for i in range(0, 650, 13)])
    for asked in clustered(5, 8, seed=8, clusters=2, spread=2):
        one, two = (Recognizer(g).answer(asked) for g in (gallery, local))
        assert (one.matches, one.places) == (two.matches, two.places)


def test_a_filter_of_nothing_says_so(milvus: Any) -> None:
    with pytest.raises(UsageError, match='no place "nowhere"'):
        _filtered(milvus).where_images(Filter(places=["nowhere"]))
    with pytest.raises(UsageError, match="radius"):
        _filtered(milvus).where_images(Filter(near=(48, 11, -1)))
    asked = Recognizer(_filtered(milvus), only=_filtered(milvus).where_images(Filter(near=(0.0, 0.0, 1.0))))
    assert asked.answer(clustered(1, 16)[0]).why == "no image of the gallery meets the conditions"


def test_an_acknowledged_image_is_found_by_the_next_question(address: str) -> None:
    vectors, records = clustered(40, 8), records_of(40)
    gallery = stored(address, vectors[:20], records=records[:20])
    for i in range(20, 40, 5):
        gallery, change = gallery.add(records[i : i + 5], vectors[i : i + 5], spec=gallery.spec)
        assert change.added == 5
        assert gallery.search(vectors[i : i + 5], k=1).rows[:, 0].tolist() == list(range(i, i + 5))
        gallery, change = gallery.remove([records[i].path])
        assert change.removed == 1
        assert records[i].path not in {r.path for r in gallery.download().records}
        gallery, _ = gallery.add(records[i : i + 1], vectors[i : i + 1], spec=gallery.spec)


def test_another_model_is_refused_by_name(new_address: Callable[[], str]) -> None:
    address = new_address()
    stored(address, clustered(10, 8))
    with pytest.raises(GalleryMismatchError, match='"made"'):
        stored(address, clustered(10, 9))
    with pytest.raises(GalleryMismatchError, match='"other"'):
        open_gallery(address, spec=imported_spec("other", 8))


def test_a_flipped_row_is_found(address: str) -> None:
    gallery = stored(address, clustered(30, 8))
    assert gallery.verify().ok
    store = gallery.opened.store
    row = store.query("row == 7", ["*"])[0]
    store.put([row | {"vector": row["vector"][::-1]}])
    assert gallery.verify().problems == ("000007.jpg: the checksum differs",)
    store.put([row, row | {"key": 6}])
    assert sorted(gallery.verify().problems) == [
        "000007.jpg: the key is that of another image",
        "31 images are there, 30 should be",
        "number 7 is there twice",
    ]
    store.delete_keys([6])
    store.put([row | {"key": 5, "row": 30}])
    assert gallery.verify().problems == ("1 row belongs to no image",)
    store.delete_keys([5, row["key"]])
    assert gallery.verify().problems == ("29 images are there, 30 should be",)
