"""The manifest: what its columns mean, nothing lost, and every bad row told by its number."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.dataset.manifest import Manifest, read_manifest
from placeprint.dataset.tables.cells import MISSING
from placeprint.dataset.tables.columns import ALIASES
from placeprint.errors import DatasetError
from placeprint.records import FailedImage, ImageRecord, Split, is_unknown


def written(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return path


def test_a_plain_manifest(tmp_path: Path) -> None:
    found = read_manifest(written(tmp_path, "path,place,split\na/1.jpg,Tower,gallery\nb 2.jpg,,query\n"))
    assert found.records == (
        ImageRecord(path="a/1.jpg", places=("Tower",), split=Split.GALLERY),
        ImageRecord(path="b 2.jpg", split=Split.QUERY),
    )
    assert found.failures == ()
    assert found.root == tmp_path
    assert found.source == "manifest labels.csv"


@pytest.mark.parametrize("alias", ALIASES["path"])
def test_every_name_of_the_path(tmp_path: Path, alias: str) -> None:
    found = read_manifest(written(tmp_path, f"{alias.upper()},place\nx.jpg,A\n"))
    assert found.records == (ImageRecord(path="x.jpg", places=("A",)),)


@pytest.mark.parametrize("alias", ALIASES["place"])
def test_every_name_of_the_place(tmp_path: Path, alias: str) -> None:
    assert read_manifest(written(tmp_path, f"path, {alias} \nx.jpg,A\n")).records[0].places == ("A",)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("gallery", Split.GALLERY),
        ("Database", Split.GALLERY),
        ("train", Split.GALLERY),
        ("reference", Split.GALLERY),
        ("QUERY", Split.QUERY),
        ("queries", Split.QUERY),
        ("test", Split.QUERY),
        ("", Split.NONE),
        ("none", Split.NONE),
    ],
)
def test_every_name_of_a_split(tmp_path: Path, name: str, split: Split) -> None:
    assert read_manifest(written(tmp_path, f"path,subset\nx.jpg,{name}\n")).records[0].split is split


def test_the_first_alias_wins_and_the_other_column_is_kept(tmp_path: Path) -> None:
    found = read_manifest(written(tmp_path, "relpath,class_name,class_dir\nx.jpg,Anıtkabir,Antkabir__1\n"))
    assert found.records[0].places == ("Antkabir__1",)
    assert found.records[0].extra == {"class_name": "Anıtkabir"}
    assert found.records[0].titles == ("Anıtkabir",)


def test_several_right_places(tmp_path: Path) -> None:
    record = read_manifest(written(tmp_path, "path,place\nx.jpg, A | B||\n")).records[0]
    assert record.places == ("A", "B")
    assert record.place == "A|B"


def test_every_column_with_a_meaning(tmp_path: Path) -> None:
    head = "file,lat,lng,utm_east,utm_north,sequence_id,frame_id,url,license,sha256,width,height,camera"
    row = "x.jpg,0,-12.5,500.25,4e6,day,0,http://a/b,CC0,ab12,640,480,phone"
    assert read_manifest(written(tmp_path, f"{head}\n{row}\n")).records[0] == ImageRecord(
        path="x.jpg",
        latitude=0.0,
        longitude=-12.5,
        easting=500.25,
        northing=4_000_000.0,
        sequence="day",
        frame=0,
        address="http://a/b",
        licence="CC0",
        content_hash="ab12",
        width=640,
        height=480,
        extra={"camera": "phone"},
    )


@pytest.mark.parametrize(
    ("row", "path", "kind", "word"),
    [
        (
            "x.jpg,A,validation,,",
            "x.jpg",
            "unknown-split",
            'row 3: the split "validation" is neither gallery nor query',
        ),
        (",A,query,,", "row 3", "bad-row", "a record needs a path"),
        ("x.jpg,A,query,north,1", "x.jpg", "bad-row", 'row 3: latitude "north" is not a number'),
        ("x.jpg,A,query,inf,1", "x.jpg", "bad-row", 'row 3: latitude "inf" is not a number'),
        ("x.jpg,A,query,nan,1", "x.jpg", "bad-row", "row 3: latitude and longitude must be given together"),
        ("x.jpg,A,query,91,1", "x.jpg", "bad-row", "row 3: latitude 91.0 is not in -90..90"),
        ("x.jpg,A,query,1,", "x.jpg", "bad-row", "row 3: latitude and longitude must be given together"),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_read(tmp_path: Path, row: str, path: str, kind: str, word: str) -> None:
    text = f"path,place,split,lat,lon\nfirst.jpg,A,gallery,,\n{row}\nlast.jpg,B,query,1,2\n"
    found = read_manifest(written(tmp_path, text))
    assert [r.path for r in found.records] == ["first.jpg", "last.jpg"]
    assert found.failures == (FailedImage(path, kind, word),)


def test_byte_order_mark_tabs_and_backslashes(tmp_path: Path) -> None:
    found = read_manifest(written(tmp_path, "\ufeffpath\tplace\r\na\\b.jpg\tX, Y\r\n", "labels.TSV"))
    assert found.records == (ImageRecord(path="a/b.jpg", places=("X, Y",)),)


def test_what_stands_in_json(tmp_path: Path) -> None:
    lines = '{"image":"a.jpg","label":["A","B"],"set":"db","frame":0,"n":null,"k":3}\n\n'
    lines += '{"image":"b.jpg","note":"x\u2028\x85y"}\n'
    found = read_manifest(written(tmp_path, lines, "m.jsonl"))
    assert found.records == (
        ImageRecord(path="a.jpg", places=("A", "B"), split=Split.GALLERY, frame=0, extra={"k": "3"}),
        ImageRecord(path="b.jpg", extra={"note": "x\u2028\x85y"}),
    )


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "none.csv")


def test_splits_of_a_manifest() -> None:
    records = tuple(ImageRecord(path=f"{s}.jpg", split=s) for s in Split)
    manifest = Manifest(Path(), records)
    assert [r.path for r in manifest.gallery()] == ["gallery.jpg", "none.jpg"]
    assert [r.path for r in manifest.queries()] == ["query.jpg"]
    assert manifest.has_queries
    assert not Manifest(Path(), records[:1]).has_queries


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="|\\:/."), min_size=1, max_size=12
)
labels = words.map(str.strip).filter(lambda word: word and word not in MISSING and not is_unknown(word))
metres = st.floats(allow_nan=False, allow_infinity=False)
positions = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def records(draw: st.DrawFn) -> ImageRecord:
    latitude, longitude = draw(positions) or (None, None)
    easting, northing = draw(st.none() | st.tuples(metres, metres)) or (None, None)
    return ImageRecord(
        path=draw(labels),
        places=tuple(draw(st.lists(labels, max_size=3))),
        split=draw(st.sampled_from(Split)),
        content_hash=draw(st.sampled_from(["", "0" * 64, "ab" * 32])),
        width=draw(st.integers(0, 10_000)),
        height=draw(st.integers(0, 10_000)),
        latitude=latitude,
        longitude=longitude,
        easting=easting,
        northing=northing,
        sequence=draw(st.none() | labels),
        frame=draw(st.none() | st.integers(-3, 2**63 - 1)),
        address=draw(st.none() | labels),
        licence=draw(st.none() | labels),
        extra=draw(st.dictionaries(st.sampled_from(["camera", "weather", "note 2"]), texts)),
    )


def table_of(rows: list[ImageRecord], ending: str) -> bytes:
    """Return a table of records, as a script would write it."""
    flat = []
    for record in rows:
        row = record.to_dict()
        extra, places = row.pop("extra", {}), row.pop("places", [])
        flat.append({k: str(v) for k, v in row.items()} | {"place": "|".join(places)} | extra)
    if ending == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in flat).encode()
    text = io.StringIO(newline="")
    names = dict.fromkeys(name for row in flat for name in row)
    table = csv.DictWriter(text, list(names), restval="", quoting=csv.QUOTE_ALL)
    table.writeheader()
    table.writerows(flat)
    return text.getvalue().encode()


@given(rows=st.lists(records(), min_size=1, max_size=6))
@settings(max_examples=100)
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_what_is_written_is_read_again(ending: str, rows: list[ImageRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"manifest{ending}"
        path.write_bytes(table_of(rows, ending))
        found = read_manifest(path)
    assert found.failures == ()
    assert found.records == tuple(rows)


@given(record=records())
def test_a_record_survives_its_dictionary(record: ImageRecord) -> None:
    assert ImageRecord.from_dict(record.to_dict()) == record
