"""Each of the field's protocols on a small tree in its exact form: counts and truth as published, variants refused."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from field_trees import BOX, SCALE_25_M, dbstruct, frame_name, gnd, msls_city, photo, utm_name, utm_tree
from placeprint.dataset.cropped import cropping
from placeprint.dataset.decoding import images
from placeprint.dataset.protocols import table
from placeprint.dataset.protocols.protocol import Count, Protocol
from placeprint.dataset.protocols.published import published
from placeprint.dataset.protocols.reading import ProtocolSet, read_protocol
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.zoo import list_zoo
from placeprint.errors import DatasetError, ImageError, UsageError
from placeprint.evaluation.inputs import gather
from placeprint.evaluation.protocol_truth import truth_of
from placeprint.options import BuildOptions
from placeprint.records import Split

EAST, NORTH = 584_000.0, 4_477_000.0
LISTS = [{"easy": [0, 4], "hard": [3], "junk": [1]}, {"easy": [], "hard": [2], "junk": [0, 5]}]


def right_for(found: ProtocolSet) -> dict[str, list[str]]:
    """The gallery images that are right for each query, by their names, sorted."""
    gallery, queries = found.manifest.gallery(), found.manifest.split(Split.QUERY)
    truth = truth_of(found, gallery, queries)
    return {Path(q.path).name: sorted(Path(gallery[row].path).name for row in truth.positives(q)) for q in queries}


def metres(root: Path, folder: str, sides: tuple[str, str], **named: str) -> dict[str, list[str]]:
    """Three gallery images 30 m apart; queries 25 m, 25.01 m and 15 m from the first: the border is inside."""
    gallery = [utm_name(EAST + 30 * i, NORTH, **named) for i in range(3)]
    queries = [utm_name(EAST - 25, NORTH, **named), utm_name(EAST - 25.01, NORTH, **named)]
    queries.append(utm_name(EAST + 15, NORTH, **named))
    utm_tree(root / folder, gallery, queries, sides)
    return {queries[0]: gallery[:1], queries[1]: [], queries[2]: gallery[:2]}


def frames(root: Path, tolerance: int, step: int, apart: float) -> dict[str, list[str]]:
    """A traverse of 30 frames in two seasons, as download_nordland.py names them."""
    gallery = [frame_name(i, apart) for i in range(30)]
    queries = {i: frame_name(i, apart) for i in range(0, 30, step)}
    utm_tree(root / "images/test", gallery, queries.values())
    return {name: gallery[max(0, i - tolerance) : i + tolerance + 1] for i, name in queries.items()}


def numbered(root: Path, gallery: str, queries: str, numbers: range, tolerance: int) -> dict[str, list[str]]:
    for folder in (gallery, queries):
        for number in numbers:
            photo(root / folder.format(1 + 3 * number // len(numbers)) / f"{number}.png", number)
    return {f"{i}.png": [f"{j}.png" for j in numbers if abs(i - j) <= tolerance] for i in numbers}


def pairs(root: Path) -> dict[str, list[str]]:
    """As download_sped.py and download_amstertime.py name them: 1,000 m between pairs, the pair in field 7."""
    names = [f"@0@{number * 1000}@@@@@{number:04d}@@@@@@@@.jpg" for number in range(4)]
    utm_tree(root / "images/test", names, names)
    return {name: [name] for name in names}


def stub_of_pitts(
    root: Path, name: str, *, db: str = "", queries: str = "queries_real", suffix: str = "jpg"
) -> dict[str, list[str]]:
    where = {f"00{i}/{i:06d}_pitch1_yaw1.jpg": (EAST + 30 * i, NORTH) for i in range(3)}
    asked = {"007/000009_pitch1_yaw2.jpg": (EAST - 25, NORTH), "007/000010_pitch1_yaw2.jpg": (EAST + 500, NORTH)}
    dbstruct(root / "datasets" / f"{name}.mat", where, asked)
    for folder, names, kind in ((db, where, suffix), (queries, asked, "jpg")):
        for number, one in enumerate(names):
            photo(root / folder / Path(one).with_suffix(f".{kind}"), number)
    return {"000009_pitch1_yaw2.jpg": [f"000000_pitch1_yaw1.{suffix}"], "000010_pitch1_yaw2.jpg": []}


def msls(root: Path) -> dict[str, list[str]]:
    msls_city(
        root, "cph", "database", [("d0", 0, 0, False, True), ("d1", 30, 0, False, True), ("dp", 1, 0, True, True)]
    )
    shown = [("q0", 0, 25, False, True), ("far", 0, 99, False, True), ("task", 0, 1, False, False)]
    msls_city(root, "cph", "query", shown)
    msls_city(root, "sf", "database", [("s0", 9000, 0, False, True)])
    msls_city(root, "sf", "query", [("q1", 9010, 0, False, True), ("pano", 9000, 0, True, True)])
    return {"q0.jpg": ["d0.jpg"], "q1.jpg": ["s0.jpg"]}


def revisited(root: Path, name: str, form: str, *lists: str) -> dict[str, list[str]]:
    gnd(root, name, LISTS, 6, form=form)
    return {
        f"q_{i:06d}.jpg": [f"g_{n:06d}.jpg" for n in sorted(n for key in lists for n in one[key])]
        for i, one in enumerate(LISTS)
    }


def gld(root: Path, usage: str) -> dict[str, list[str]]:
    index, test = ["000aaa0000000001", "0b0aaa0000000002"], ["f00baa0000000003", "f11baa0000000004", "f22baa0000000005"]
    for folder, names in (("index", index), ("test", test)):
        for number, one in enumerate(names):
            photo(root / folder / one[0] / one[1] / one[2] / f"{one}.jpg", number)
    rows = [(test[0], f"{index[1]} {index[0]}", "Private"), (test[1], index[0], "Public"), (test[2], "None", "Ignored")]
    with (root / "retrieval_solution_v2.1.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "images", "Usage"), *rows])
    asked = {"Private": (test[0], index), "Public": (test[1], index[:1])}[usage]
    return {f"{asked[0]}.jpg": [f"{one}.jpg" for one in asked[1]]}


def nordland_videos(root: Path) -> dict[str, list[str]]:
    names = [f"images-{i:05d}.png" for i in range(1, 31)]
    for season in ("summer", "winter"):
        for number, name in enumerate(names):
            photo(root / season / name, number)
    kept = [name for i, name in enumerate(names) if i % 6 != 5]
    (root / "cleanImageNames.txt").write_text("\n".join(kept) + "\n")
    return {name: kept[max(0, i - 10) : i + 11] for i, name in enumerate(kept)}


UTM, MAIN = ("database", "queries"), "images/test"
TREES: dict[str, tuple[str, Callable[[Path], dict[str, list[str]]]]] = {
    "pitts30k, @": ("pitts30k", lambda r: metres(r, MAIN, UTM)),
    "pitts30k, entered": ("pitts30k", lambda r: metres(r, "", UTM)),
    "pitts30k, mat": ("pitts30k", lambda r: stub_of_pitts(r, "pitts30k_test")),
    "pitts250k, @": ("pitts250k", lambda r: metres(r, MAIN, UTM)),
    "pitts250k, mat": ("pitts250k", lambda r: stub_of_pitts(r, "pitts250k_test")),
    "tokyo247, @": ("tokyo247", lambda r: metres(r, MAIN, UTM, zone="54", letter="S")),
    "tokyo247, mat": ("tokyo247", lambda r: stub_of_pitts(r, "tokyo247", queries="247query_subset_v2", suffix="png")),
    "msls-val": ("msls-val", msls),
    "msls-val-all-queries": ("msls-val-all-queries", lambda r: metres(r, "msls/val", UTM)),
    "sf-xl-v1": ("sf-xl-v1", lambda r: metres(r, "processed/test", ("database", "queries_v1"))),
    "sf-xl-v2": ("sf-xl-v2", lambda r: metres(r, "test", ("database", "queries_v2"))),
    "nordland, @": ("nordland", lambda r: frames(r, 10, 1, SCALE_25_M)),
    "nordland, videos": ("nordland", nordland_videos),
    "nordland-2760": ("nordland-2760", lambda r: frames(r, 1, 10, 25 / 1.5)),
    "nordland-3450": (
        "nordland-3450",
        lambda r: numbered(r, "test/winter_images_test/section{}", "test/summer_images_test/section{}", range(12), 2),
    ),
    "st-lucia": ("st-lucia", lambda r: metres(r, MAIN, UTM, zone="56", letter="J")),
    "st-lucia, gallery": ("st-lucia", lambda r: metres(r, MAIN, ("gallery", "queries"))),
    "eynsham": ("eynsham", lambda r: metres(r, MAIN, UTM, zone="30", letter="U")),
    "sped, @": ("sped", pairs),
    "sped, VPR-Bench": ("sped", lambda r: numbered(r, "SPEDTEST/ref", "SPEDTEST/query", range(4), 0)),
    "amstertime, @": ("amstertime", pairs),
    "amstertime, archive": ("amstertime", lambda r: numbered(r, "new", "old", range(4), 0)),
    "svox": ("svox", lambda r: metres(r, MAIN, ("gallery", "queries"))),
    **{
        f"svox-{kind}": (f"svox-{kind}", lambda r, kind=kind: metres(r, MAIN, ("gallery", f"queries_{kind}")))
        for kind in ("night", "overcast", "rain", "snow", "sun")
    },
    **{
        f"{name}-{level}, {form}": (
            f"{name}-{level}",
            lambda r, name=name, form=form, lists=lists: revisited(r, name, form, *lists),
        )
        for name in ("roxford5k", "rparis6k")
        for level, lists in (("easy", ["easy"]), ("medium", ["easy", "hard"]), ("hard", ["hard"]))
        for form in ("json", "mat")
    },
    "gldv2-test": ("gldv2-test", lambda r: gld(r, "Private")),
    "gldv2-val": ("gldv2-val", lambda r: gld(r, "Public")),
}


@pytest.mark.parametrize("tree", TREES)
def test_the_truth_is_the_published_rule(tree: str, tmp_path: Path) -> None:
    if ", mat" in tree:
        pytest.importorskip("scipy")
    name, build = TREES[tree]
    expected = build(tmp_path)
    found = read_protocol(tmp_path, name)
    assert right_for(found) == {query: sorted(names) for query, names in expected.items()}
    assert not found.manifest.failures
    assert all((tmp_path / record.path).is_file() for record in found.manifest.records)
    assert len(found.doubts) == 1, "a small tree is never taken for the published set"


def test_every_protocol_has_a_tree() -> None:
    assert {name for name, _ in TREES.values()} | {"gsv-cities"} == {p.name for p in table.protocols()}


def test_gsv_cities_are_places_of_a_city(tmp_path: Path) -> None:
    for city, names in {
        "London": ["London_0000130_2018_04_015_51.4861_-0.0895151_6jFjb3wG_CkcBfq4k559ag.JPG"],
        "Paris": ["PRS_0000130_2015_05_584_48.797_2.2314_7P0F.JPG", "PRS_0000131_2018_05_406_48.7_2.23_R2vU.JPG"],
    }.items():
        for number, one in enumerate(names):
            photo(tmp_path / "Images" / city / "x.jpg", number)
            (tmp_path / "Images" / city / "x.jpg").rename(tmp_path / "Images" / city / one)
    records = read_protocol(tmp_path, "gsv-cities").manifest.records
    assert [r.place for r in records] == ["London/0000130", "Paris/0000130", "Paris/0000131"]
    assert records[0].degrees == (51.4861, -0.0895151)


def test_junk_counts_neither_way(tmp_path: Path) -> None:
    gnd(tmp_path, "roxford5k", LISTS, 6, form="json")
    for level, left_out in {"easy": [[1, 3], [0, 2, 5]], "medium": [[1], [0, 5]], "hard": [[0, 1, 4], [0, 5]]}.items():
        found = read_protocol(tmp_path, f"roxford5k-{level}")
        gallery, queries = found.manifest.gallery(), found.manifest.split(Split.QUERY)
        truth = truth_of(found, gallery, queries)
        assert [truth.ignored(query).tolist() for query in queries] == left_out, level


@pytest.mark.parametrize("form", ["json", "mat"])
def test_queries_are_asked_cropped_to_their_box(form: str, tmp_path: Path) -> None:
    if form == "mat":
        pytest.importorskip("scipy")
    gnd(tmp_path, "rparis6k", LISTS, 6, form=form, crops=False)
    found = read_protocol(tmp_path, "rparis6k-hard")
    assert len(found.doubts) == 1, "only that it is small"
    inputs = gather(found.manifest, options=BuildOptions(preset="fast", cache=False))
    assert [(r.width, r.height) for r in inputs.queries.records] == [(16, 13)] * 2, "from 4 to 20, as Pillow rounds"
    assert {(r.width, r.height) for r in inputs.gallery.records} == {(32, 32)}
    embedder = load_embedder(preset="fast")
    for record, vector in zip(inputs.queries.records, inputs.queries.vectors, strict=True):
        with Image.open(tmp_path / record.path) as whole:
            wanted = embedder.embed_one(whole.convert("RGB").crop((4, 0, 20, 13)))
        assert np.array_equal(vector, wanted)


def test_boxes_that_lie(tmp_path: Path) -> None:
    gnd(tmp_path, "roxford5k", LISTS, 6, form="json", crops=False)
    path = tmp_path / "jpg" / "q_000000.jpg"
    data, whole = path.read_bytes(), images.decode(path.read_bytes())
    for box, seen in {(-5.0, -1e300, 1e300, 7.4): (0, 0, 32, 7), (30.6, 30.5, 99.0, 99.0): (31, 30, 32, 32)}.items():
        part = images.decode(cropping(lambda _: data, {"a": box})("a"))
        assert part.tobytes() == whole.crop(seen).tobytes(), box
    for nothing in ((32.0, 0.0, 40.0, 9.0), (9.0, 9.0, 3.0, 20.0), (0.0, 0.2, 9.0, 0.4)):
        with pytest.raises(ImageError, match="nothing of its 32x32 pixels"):
            cropping(lambda _: data, {"a": nothing})("a")
    text = (tmp_path / "gnd_roxford5k.json").read_text()
    for wrong in ("[1, 2, 3]", "[1, 2, 3, NaN]", '"1234"', "null", '[1, 2, "x", 4]'):
        (tmp_path / "gnd_roxford5k.json").write_text(text.replace(json.dumps(BOX), wrong))
        with pytest.raises(DatasetError, match="no gnd of revisited Oxford or Paris"):
            read_protocol(tmp_path, "roxford5k-easy")


def as_small(monkeypatch: pytest.MonkeyPatch, **sizes: tuple[int, int]) -> None:
    """Publish these protocols with numbers of images that a test can make."""

    def small(protocol: Protocol) -> Protocol:
        size = sizes.get(protocol.name.replace("-", "_"))
        counts = {} if size is None else {"gallery": Count(size[0]), "queries": Count(size[1])}
        return dataclasses.replace(protocol, **counts)

    monkeypatch.setattr(table, "_ALL", tuple(small(protocol) for protocol in table._ALL))


def test_another_variant_of_the_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_small(monkeypatch, nordland=(30, 30), nordland_2760=(30, 3), nordland_3450=(12, 12))
    frames(tmp_path / "full", 10, 1, SCALE_25_M)
    frames(tmp_path / "tenth", 1, 10, 25 / 1.5)
    assert read_protocol(tmp_path / "full", "nordland").doubts == ()
    assert read_protocol(tmp_path / "tenth", "nordland-2760").doubts == ()
    with pytest.raises(DatasetError, match="has 30 gallery images and 3 queries: that is nordland-2760, not nordland,"):
        read_protocol(tmp_path / "tenth", "nordland")
    with pytest.raises(DatasetError, match="that is nordland, not nordland-3450"):
        read_protocol(tmp_path / "full", "nordland-3450")
    as_small(monkeypatch, pitts30k=(3, 3), pitts250k=(30, 3))
    metres(tmp_path / "pitts", MAIN, UTM)
    with pytest.raises(DatasetError, match="that is pitts30k, not pitts250k"):
        read_protocol(tmp_path / "pitts", "pitts250k")


ONE_SET = ("roxford5k", "rparis6k", "gldv2")
"""Families whose protocols share their images: what is right differs, and nothing can be mistaken."""


@pytest.mark.parametrize("tree", TREES)
def test_each_set_is_refused_under_the_other_names_of_its_family(
    tree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, build = TREES[tree]
    protocol = table.find_protocol(name)
    others = [p.name for p in table.protocols() if p.family == protocol.family and p.name != name]
    if protocol.family in ONE_SET or not others:
        return
    if ", mat" in tree or "struct" in tree:
        pytest.importorskip("scipy")
    build(tmp_path)
    found = read_protocol(tmp_path, name).manifest
    as_small(monkeypatch, **{name.replace("-", "_"): (len(found.gallery()), len(found.queries()))})
    for other in others:
        with pytest.raises(DatasetError, match=rf"(that is|laid out as) (.* or )?{name}\b.* not (as )?{other}"):
            read_protocol(tmp_path, other)


def test_the_form_of_another_variant_is_named(tmp_path: Path) -> None:
    metres(tmp_path / "msls", "msls/val", UTM)
    with pytest.raises(DatasetError, match="is laid out as msls-val-all-queries, not as msls-val"):
        read_protocol(tmp_path / "msls", "msls-val")
    metres(tmp_path / "sf", "processed/test", ("database", "queries_v2"))
    with pytest.raises(DatasetError, match="is laid out as sf-xl-v2, not as sf-xl-v1"):
        read_protocol(tmp_path / "sf", "sf-xl-v1")


def test_what_is_needed_is_told(tmp_path: Path) -> None:
    (tmp_path / "gnd_roxford5k.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(DatasetError, match=r"jpg and jpg_queries and gnd_roxford5k.json;.*pickle .* never opened"):
        read_protocol(tmp_path, "roxford5k-easy")
    with pytest.raises(DatasetError, match="what is needed there: images/test/database and images/test/queries"):
        read_protocol(tmp_path, "eynsham")
    with pytest.raises(DatasetError, match="there is no folder"):
        read_protocol(tmp_path / "nowhere", "eynsham")
    with pytest.raises(UsageError, match=r'no protocol "oxford": the protocols are pitts30k, '):
        read_protocol(tmp_path, "oxford")
    with pytest.raises(UsageError, match=r'no protocol "rparis6k": which of rparis6k-easy, rparis6k-medium'):
        read_protocol(tmp_path, "rparis6k")
    assert table.find_protocol("Tokyo 24/7").name == table.find_protocol("TOKYO247").name == "tokyo247"


def test_files_that_lie(tmp_path: Path) -> None:
    gnd(tmp_path, "roxford5k", LISTS, 6, form="json")
    for text in ("{", "[]", '{"imlist": ["a"], "qimlist": ["b"], "gnd": [{"easy": [1], "hard": [], "junk": []}]}'):
        (tmp_path / "gnd_roxford5k.json").write_text(text)
        with pytest.raises(DatasetError, match="no gnd of revisited Oxford or Paris"):
            read_protocol(tmp_path, "roxford5k-easy")
    outside = '{"imlist": ["../../x"], "qimlist": ["b"], "gnd": [{"easy": [0], "hard": [], "junk": []}]}'
    (tmp_path / "gnd_roxford5k.json").write_text(outside)
    records = read_protocol(tmp_path, "roxford5k-easy").manifest.records
    assert "jpg/../../x.jpg" in [r.path for r in records], "it is refused where it is opened, as any path of a table"
    utm_tree(tmp_path / "images/test", ["@1@2@.jpg", "plain.jpg", frame_name(3, 1)], [frame_name(3, 1)])
    found = read_protocol(tmp_path, "nordland")
    assert [failure.path for failure in found.manifest.failures] == [
        "images/test/database/@1@2@.jpg",
        "images/test/database/plain.jpg",
    ]


def test_a_matlab_file_that_is_a_bomb_or_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    stub_of_pitts(tmp_path, "pitts30k_test")
    path = tmp_path / "datasets" / "pitts30k_test.mat"
    from scipy.io import savemat

    whole = path.read_bytes()
    for wrong in (b"", whole[:200], whole[:-40], b"\x89HDF\r\n\x1a\n" + whole, b"x" * 300):
        path.write_bytes(wrong)
        with pytest.raises(DatasetError, match=r"pitts30k_test\.mat"):
            read_protocol(tmp_path, "pitts30k")
    savemat(path, {"dbStruct": np.zeros(3)})
    with pytest.raises(DatasetError, match="no dbStruct"):
        read_protocol(tmp_path, "pitts30k")
    savemat(path, {"dbStruct": np.zeros(1 << 16)}, do_compression=True)
    monkeypatch.setattr("placeprint.dataset.protocols.mat_file._MOST_UNPACKED", 1 << 18)
    with pytest.raises(DatasetError, match="unpacks to more than"):
        read_protocol(tmp_path, "pitts30k")


def test_tables_with_rows_that_end_early_or_cells_without_an_end(tmp_path: Path) -> None:
    for city in ("cph", "sf"):
        for side in ("database", "query"):
            msls_city(tmp_path, city, side, [("a", EAST, NORTH, False, True), ("b", EAST, NORTH, False, True)])
    path = tmp_path / "train_val" / "cph" / "database" / "postprocessed.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:2], "1,b"]) + "\n")
    failures = read_protocol(tmp_path, "msls-val").manifest.failures
    assert [(f.path, f.kind) for f in failures] == [("train_val/cph/database/images/b.jpg", "bad-row")]
    path.write_text(f'{rows[0]}\n0,"{"a" * 200_000}\n')
    with pytest.raises(DatasetError, match=r"postprocessed\.csv\" is no table that can be read"):
        read_protocol(tmp_path, "msls-val")


def test_the_zoo_tells_the_same_figures() -> None:
    told = {m.name: (m.recall_at_1, m.benchmark) for m in list_zoo() if m.recall_at_1 is not None}
    assert told == {
        "MixVPR (ResNet50)": (91.6, "Pitts30k-test"),
        "SALAD (DINOv2)": (92.2, "MSLS val"),
        "BoQ (DINOv2)": (93.7, "Pitts30k-test"),
    }
    every = [figure for protocol in table.protocols() for figure in published(protocol.name)]
    assert len(every) > 60
    assert all(figure.citation and 0 < value <= 100 for figure in every for value in figure.values.values())
