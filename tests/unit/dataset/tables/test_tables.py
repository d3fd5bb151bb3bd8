"""Tables as people have them: what is read of each, and what is said of a row or a table that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placeprint.dataset.manifest import Manifest, parse_manifest, read_manifest
from placeprint.dataset.tables.paths import Folder
from placeprint.embedding.imported import read_embeddings
from placeprint.errors import DatasetError
from placeprint.records import ImageRecord, Split

TABLE = "path,split,place\na.jpg,gallery,Zürich\nb.jpg,query,Paris\n"
RECORDS = (
    ImageRecord(path="a.jpg", places=("Zürich",), split=Split.GALLERY),
    ImageRecord(path="b.jpg", places=("Paris",), split=Split.QUERY),
)


def read(data: bytes | str, name: str = "m.csv", folder: Path = Path("/data")) -> Manifest:
    encoded = data if isinstance(data, bytes) else data.encode()
    return parse_manifest(encoded, folder, name, Folder.at(folder))


def refusal(data: bytes | str, name: str = "m.csv") -> str:
    with pytest.raises(DatasetError) as caught:
        read(data, name)
    return str(caught.value)


def faults(found: Manifest) -> list[tuple[str, str, str]]:
    return [(f.path, f.kind, f.reason) for f in found.failures]


# --- encodings and delimiters ---


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TABLE.encode("utf-8-sig"), ""),
        (TABLE.replace("\n", "\r\n").encode(), ""),
        (TABLE.replace("\n", "\r").encode(), ""),
        (TABLE.rstrip().encode(), ""),
        (TABLE.encode("utf-16"), " (UTF-16)"),
        (TABLE.encode("utf-16-le"), " (UTF-16)"),
        (TABLE.encode("utf-16-be"), " (UTF-16)"),
        (b"\xfe\xff" + TABLE.encode("utf-16-be"), " (UTF-16)"),
        (TABLE.encode("utf-32"), " (UTF-32)"),
        (TABLE.replace(",", ";").encode(), " (semicolons)"),
        (TABLE.replace(",", "\t").encode("utf-16"), " (tabs, UTF-16)"),
        (TABLE.replace(",", "|").encode(), " (vertical bars)"),
        (("sep=;\r\n" + TABLE.replace(",", ";")).encode("utf-8-sig"), " (semicolons)"),
        (('"sep=,"\n' + TABLE).encode(), ""),
        (("SEP=^\n" + TABLE.replace(",", "^")).encode(), ' ("^" between cells)'),
        (("sep=;\n" + TABLE).encode(), ""),
        (("\n \n,,\n" + TABLE).encode(), ""),
        (("# made on Monday, by hand\n" + TABLE).encode(), ""),
        (("# " + TABLE).encode(), ""),
        (TABLE.replace(",", ", ").encode(), ""),
        ("\n".join(line + ",," for line in TABLE.splitlines()).encode(), ""),
        ((TABLE + ",,\n , ,\n").encode(), ""),
        (TABLE.replace("a.jpg", '"a.jpg"').replace("Paris", '"Paris"').encode(), ""),
    ],
)
def test_a_table_is_read_as_it_was_meant(data: bytes, said: str) -> None:
    found = read(data)
    assert found.records == RECORDS
    assert found.failures == ()
    assert found.source == f"manifest m.csv{said}"
    assert found.notes == ()


def test_a_table_of_windows_is_read_as_such_and_this_is_said() -> None:
    found = read(TABLE.encode("latin-1"))
    assert found.records == RECORDS
    assert found.notes == ('it is not UTF-8 and was read as Windows-1252, as in "Zürich"',)
    assert found.source == f"manifest m.csv (Windows-1252); {found.notes[0]}"
    assert read("path,place\na.jpg,“5 €”\n".encode("cp1252")).records[0].places == ("“5 €”",)


@pytest.mark.parametrize(
    "damaged",
    [
        TABLE.encode() + b"c.jpg,query,Br\xfchl\n",  # the rest is UTF-8
        TABLE.encode("utf-8-sig") + b"c.jpg,query,Br\xfchl\n",
        TABLE.encode() + "c.jpg,query,Brühl".encode()[:-3],  # cut off within a letter
        b"path,split,place\n" + TABLE.encode().split(b"\n", 1)[1] + b"c.jpg,query,Br\xc3",
    ],
)
def test_a_row_that_is_not_utf8_in_a_table_that_is_costs_itself(damaged: bytes) -> None:
    found = read(damaged)
    assert found.records == RECORDS
    said = "row 4: it holds a character that is not UTF-8: save the file as UTF-8"
    assert faults(found) == [("c.jpg", "bad-row", said)]


def test_what_is_no_text_is_said() -> None:
    assert refusal(b"PK\x03\x04rest").endswith('m.csv" is a workbook, not text: save it as "CSV UTF-8"')
    assert "is neither UTF-8, UTF-16 nor Windows-1252 (byte 10)" in refusal(b"path\nx.jpg\x81")
    assert "is UTF-16 and damaged at byte 4" in refusal(b"\xff\xfea\0\x00\xd8")
    for nothing in (b"", b"\n\n", b"\xef\xbb\xbf", b"\0" * 99, b";;;\n"):
        assert refusal(nothing).endswith('m.csv" is empty')
    assert refusal("path,place\n").endswith('m.csv" names columns but has no rows')
    assert refusal("# a\n# b\n").endswith('m.csv" holds comments but no columns')


def test_zeros_in_a_table_cost_their_row() -> None:
    found = read(TABLE.encode() + b"c.jpg,query,A\0\0\n" + b"\0" * 5000)
    assert found.records == RECORDS
    assert [f.path for f in found.failures] == ["c.jpg", "\0" * 5000]
    assert found.failures[0].reason == "row 4: it holds a NUL byte: the file is damaged here"


# --- quotation marks and the number of cells ---


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('a.jpg,gallery,A\nb.jpg,gallery,"B\nc.jpg,query,A\n', 'row 3: a quotation mark (") is opened and never'),
        ('a.jpg,gallery,A\nb.jpg,gallery,"B\nc.jpg,query,"A\nd.jpg,query,B\n', 'row 3: a quotation mark (") is follow'),
        ('b.jpg,gallery,"B\nc.jpg,query,A"\nd.jpg,query,B\n', 'row 2: a quotation mark (") is not closed: its cell'),
        ('b.jpg,"gallery,B\nc.jpg,query",A\nd.jpg,query,B\n', 'row 2: a quotation mark (") is not closed: its cell'),
        ('a.jpg,gallery,"A" and more\n', 'row 2: a quotation mark (") is followed by more text in its cell'),
        ('b.jpg,gallery,"B\n' + "c.jpg,query,A\n" * 20_000, "row 2: a cell has more than 131072 characters"),
    ],
)
def test_an_unclosed_quotation_mark_swallows_no_rows(rows: str, said: str) -> None:
    assert f'm.csv", {said}' in refusal(f"path,split,place\n{rows}")


def test_a_long_quoted_text_is_no_swallowed_row() -> None:
    found = read('path,place,note\na.jpg,A,"first line\nsecond, line\nthird ""line"""\nb.jpg,B,\n')
    assert [(r.path, r.extra) for r in found.records] == [
        ("a.jpg", {"note": 'first line\nsecond, line\nthird "line"'}),
        ("b.jpg", {}),
    ]


def test_a_quotation_mark_within_a_cell() -> None:
    rows = 'a.jpg,A"\nb.jpg,5" gun\nc.jpg,Big "Ben"\nd.jpg,"Big ""Ben"""\ne.jpg, "Paris, France"\n'
    found = read(f"path,place\n{rows}")
    assert [r.places for r in found.records] == [('Big "Ben"',), ('Big "Ben"',), ("Paris, France",)]
    said = 'a quotation mark (") has no partner in it: close it, or write """" for the mark alone'
    assert faults(found) == [("a.jpg", "bad-row", f"row 2: {said}"), ("b.jpg", "bad-row", f"row 3: {said}")]


def test_a_label_over_two_lines_is_no_label() -> None:
    found = read('path,place\na.jpg,"A\nB"\nb.jpg,B\n')
    assert [r.path for r in found.records] == ["b.jpg"]
    assert faults(found)[0][2].startswith("row 2: the place holds a line break or a control character")


def test_rows_with_more_or_fewer_cells_than_columns() -> None:
    found = read("path,split,place\na.jpg,query,Paris, France\n\nb.jpg,query\nc.jpg\nd.jpg,query,A,,\ne.jpg,query,\n")
    assert [(r.path, r.places) for r in found.records] == [("d.jpg", ("A",)), ("e.jpg", ())]
    more = "row 2: it has 4 cells and the table 3 columns: a delimiter within a cell needs quotation marks"
    assert faults(found) == [
        ("a.jpg", "bad-row", f'{more}, as in "Paris, France"'),
        ("b.jpg", "bad-row", "row 4: it has 2 cells and the table 3 columns: an empty cell needs its delimiter too"),
        ("c.jpg", "bad-row", "row 5: it has 1 cell and the table 3 columns: an empty cell needs its delimiter too"),
    ]


def test_a_comma_in_a_label_does_not_hide_behind_a_column_without_a_name() -> None:
    found = read(",path,place,\n0,a.jpg,Paris,\n1,b.jpg,Paris, France\n")  # a data frame's index has no name
    assert [(r.path, r.places, r.extra) for r in found.records] == [("a.jpg", ("Paris",), {})]
    assert "it has 4 cells and the table 3 columns" in found.failures[0].reason


# --- columns ---


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Image Path,Data Split,Place-Name", "a.jpg,gallery,A"),
        ("imagePath,partition,placeName", "a.jpg,gallery,A"),
        ("img,phase,identity", "a.jpg,train,A"),
        ("name,usage,target", "a.jpg,train,A"),
        ("image_id,fold,y", "a.jpg,db,A"),
        ("fileName,name,type", "a.jpg,A,gallery"),
        ("image,image_path,label,set", "17,a.jpg,A,gallery"),  # a number is no path where there is a better one
        ("path,label,class_name,split", "a.jpg,,A,gallery"),  # an empty column says nothing
        ("path,place,fold,subset", "a.jpg,A,3,gallery"),
    ],
)
def test_a_column_by_its_name_and_by_what_stands_in_it(header: str, row: str) -> None:
    found = read(f"{header}\n{row}\n{row.replace('a.jpg', 'b.jpg')}\n")
    assert [(r.path, r.places, r.split) for r in found.records] == [
        ("a.jpg", ("A",), Split.GALLERY),
        ("b.jpg", ("A",), Split.GALLERY),
    ]
    assert found.notes == ()


@pytest.mark.parametrize("header", ["path,fold,place", "path,type,place"])
def test_a_guess_needs_values_that_fit(header: str) -> None:
    (record,) = read(f"{header}\na.jpg,3,A\n").records
    assert (record.split, record.extra) == (Split.NONE, {header.split(",")[1]: "3"})


def test_y_beside_x_is_no_place() -> None:
    found = read("path,x,y\na.jpg,1,2\nb.jpg,1,2\n")
    assert {r.places for r in found.records} == {()}
    assert read("path,y\na.jpg,2\nb.jpg,2\n").source == 'manifest m.csv (the place from "y")'


def test_a_table_without_a_path_names_what_it_has_and_what_would_do() -> None:
    said = refusal("bild;ort\n1;A\n")
    assert 'it has no column for the path: its columns, separated by semicolons, are "bild", "ort"' in said
    assert "call one of them path, relpath, image_path, " in said
    assert ", local_path" in said
    assert 'its columns, separated by commas, are "path place"' in refusal("path place\na.jpg A\n")
    assert 'its columns are "name", "place"' in refusal("name,place\nBig Ben,London\n")
    assert 'its columns are "bild"' in refusal('{"bild": "a.jpg"}\n', "m.jsonl")


def test_a_table_that_begins_with_a_row() -> None:
    said = refusal("img/a.jpg,Paris\nimg/b.jpg,Rome\n")
    assert 'begins with a row of values ("img/a.jpg"): write the names of the columns above it' in said


def test_no_place_is_never_silent() -> None:
    (note,) = read("path,partition,ort\na.jpg,train,A\n").notes
    assert note.startswith(
        'no column is read as the place: the columns are "path", "partition", "ort"; call it place, '
    )
    assert note.endswith(", gt")
    found = read("path,place\na.jpg,\n")
    assert found.source == 'manifest m.csv; the column "place" names no place'
    assert read("path,lat,lon\na.jpg,1,2\n").notes == ()


def test_a_split_of_another_name_is_told() -> None:
    found = read("path,place,tvt\na.jpg,A,train\nb.jpg,A,test\n")
    assert found.notes == ('"tvt" holds names of splits and is not read: call it split',)
    assert read("path,place,a,b\na.jpg,A,train,test\nb.jpg,A,train,x\n").notes == ()


@pytest.mark.parametrize(
    ("name", "yes", "no"), [("is_query", "True", "False"), ("Test", "1", "0"), ("train", "y", "n")]
)
def test_a_flag_for_a_split_is_told(name: str, yes: str, no: str) -> None:
    found = read(f"path,place,{name}\na.jpg,A,{yes}\nb.jpg,A,{no}\n")
    assert found.notes == (f'"{name}" is not read: for a split call it split, and write gallery or query in it',)
    assert read(f"path,place,{name},split\na.jpg,A,{yes},query\nb.jpg,A,{no},gallery\n").notes == ()
    assert read(f"path,place,{name}\na.jpg,A,{yes}\nb.jpg,A,3\n").notes == ()
    assert read(f"path,place,sunny\na.jpg,A,{yes}\nb.jpg,A,{no}\n").notes == ()


@pytest.mark.parametrize("nothing", ["", "nan", "<NA>"])
def test_rows_without_a_split_beside_queries_are_told(nothing: str) -> None:
    found = read(f"path,place,split\na.jpg,A,gallery\nb.jpg,A,query\nc.jpg,A,{nothing}\n")
    assert found.notes == ("1 of 3 rows has no split: searched as the gallery is, and not asked",)
    assert read(f"path,place,split\na.jpg,A,gallery\nc.jpg,A,{nothing}\n").notes == ()


def test_two_columns_that_claim_one_meaning() -> None:
    found = read("path,place,label\na.jpg,A,1\nb.jpg,A,1\nc.jpg,B,2\n")
    assert found.notes == ()  # they group alike
    found = read("path,place,label\na.jpg,A,1\nb.jpg,A,2\n")
    assert found.notes == ('"place" is read as the place, and "label" says something else',)
    assert [r.extra for r in found.records] == [{"label": "1"}, {"label": "2"}]
    assert read("path,file,place\nx/a.jpg,a.jpg,A\n").notes == ()


def test_two_columns_of_one_name() -> None:
    assert 'two columns are called "place" and differ' in refusal("path,place,place\na.jpg,A,B\n")
    assert 'two columns are called "place" and differ' in refusal("path,place,Place\na.jpg,A,B\nb.jpg,A,C\n")
    found = read("path,place,place,n,n\na.jpg,A,A,1,2\n")
    assert found.records == (
        ImageRecord(path="a.jpg", places=("A",), extra={"place (2)": "A", "n": "1", "n (2)": "2"}),
    )


def test_tens_of_thousands_of_columns_are_no_table() -> None:
    assert "has 10001 columns, more than 10000" in refusal("path" + ",c" * 10_000 + "\na.jpg\n")


# --- what stands in a cell ---


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "<NA>", "None", "null", "NULL", "N/A", "#N/A", "NaT", "#REF!", " nan ", "nan|None"]
)
def test_words_for_nothing_are_no_labels(word: str) -> None:
    found = read(f"path,place\na.jpg,{word}\nb.jpg,A\nc.jpg,A|{word}\n")
    assert [r.places for r in found.records] == [(), ("A",), ("A",)]
    if "|" not in word:
        assert found.notes == (f'"{word.strip()}" (1 time) in the column of the place is read as no label',)


@pytest.mark.parametrize("word", ["NA", "none", "nil", "?", "-", "-1", "Nan", "Null"])
def test_words_that_may_mean_nothing_are_labels_and_told(word: str) -> None:
    found = read(f"path,place\na.jpg,{word}\nb.jpg,A\n")
    assert found.records[0].places == (word,)
    assert found.notes == (f'"{word}" (1 time) is read as a place: leave the cell empty if there is no place',)


def test_nothing_in_json() -> None:
    values = ["NaN", "Infinity", "-Infinity", "null", '""', "[]", "[null, NaN]", '["A", null]', '"A"', "7", "7.0"]
    lines = "".join(f'{{"path": "{n}.jpg", "label": {value}, "width": {value}}}\n' for n, value in enumerate(values))
    found = read(lines, "m.jsonl")
    assert [r.places for r in found.records] == [()] * 7 + [("A",), ("A",), ("7",), ("7.0",)]
    assert [r.width for r in found.records] == [0] * 9 + [7, 7]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *[("640", 640), ("640.0", 640), (" 640.00 ", 640), ("6.4e2", 640), ("0", 0), ("nan", 0), ("", 0)],
        *[("wide", 0), ("640.5", 0), ("-3", 0), ("9" * 40, 0), ("1e400", 0), ("6_4", 0), ("None", 0)],
    ],
)
def test_a_wrong_width_costs_no_image(cell: str, number: int) -> None:
    (record,) = read(f"path,width,height\na.jpg,{cell},{cell}\n").records
    assert (record.width, record.height, record.extra) == (number, number, {})


@pytest.mark.parametrize(
    ("cell", "frame", "kept"),
    [
        *[("12", 12, {}), ("12.0", 12, {}), ("0012", 12, {}), ("-1", -1, {}), ("nan", None, {}), ("<NA>", None, {})],
        *[("1403636579763555584", 1403636579763555584, {}), ("1403636579763555585.0", 1403636579763555585, {})],
        *[("12.5", None, {"frame": "12.5"}), ("left_7", None, {"frame": "left_7"})],
        ("9" * 19, None, {"frame": "9" * 19}),
    ],
)
def test_a_frame(cell: str, frame: int | None, kept: dict[str, str]) -> None:
    (record,) = read(f"path,frame\na.jpg,{cell}\n").records
    assert (record.frame, record.extra) == (frame, kept)


def test_nothing_in_the_other_columns() -> None:
    head = "path,lat,lon,utm_east,utm_north,seq,url,license,sha256,split"
    for word in ("nan", "<NA>", "None", "NULL", "#N/A"):
        (record,) = read(f"{head}\na.jpg{f',{word}' * 9}\n").records
        assert record == ImageRecord(path="a.jpg")


def test_decimal_commas() -> None:
    head = "path;lat;lon;easting;northing"
    (record,) = read(f"{head}\na.jpg;48,858;-2,2945;448251,5;5411932,25\n").records
    assert (record.latitude, record.longitude, record.easting, record.northing) == (
        48.858,
        -2.2945,
        448251.5,
        5411932.25,
    )
    found = read(f"{head}\na.jpg;48,8;2,2;448,251;5411\nb.jpg;48;2,2,2;;\n")
    assert [f.reason for f in found.failures] == [
        'row 2: easting "448,251" is not a number',
        'row 3: longitude "2,2,2" is not a number',
    ]


# --- paths ---


def test_every_way_to_name_a_file_of_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "my data"
    (root / "img").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    for cell in (
        *("img/a b.jpg", "./img/a b.jpg", "img//a b.jpg", "img/./a b.jpg", r"img\a b.jpg", r".\img\a b.jpg"),
        *(
            " img/a b.jpg ",
            "\u00a0img/a b.jpg",
            f"{root}/img/a b.jpg",
            f"{root}//img/a b.jpg",
            f"{tmp_path}/link/img/a b.jpg",
        ),
        *(f"file://{root}/img/a b.jpg", (root / "img/a b.jpg").as_uri(), f"file://localhost{root}/img/a%20b.jpg"),
        *(f"file:{root}/img/a%20b.jpg", f"FILE://{root}/img/a%20b.jpg"),
    ):
        found = read_one(root, cell)
        assert found.failures == ()
        assert found.records[0].path == "img/a b.jpg", cell
        assert read_one(tmp_path / "link", cell).records[0].path == "img/a b.jpg", cell


def read_one(folder: Path, cell: str) -> Manifest:
    path = folder / "m.jsonl"
    path.write_text(json.dumps({"path": cell, "place": "A"}) + "\n")
    return read_manifest(path)


def test_a_name_that_is_there_with_its_blanks_is_that_file(tmp_path: Path) -> None:
    (tmp_path / " a.jpg").touch()
    assert read_one(tmp_path, " a.jpg").records[0].path == " a.jpg"
    assert read_one(tmp_path, " b.jpg").records[0].path == "b.jpg"


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        ("https://a.org/x.jpg", "outside", "it is an address: copy the photograph"),
        ("file://server/x.jpg", "outside", 'it is an address of the machine "server"'),
        ("file:///data/%ff.jpg", "bad-name", "the address is not UTF-8 behind its % signs"),
        ("a\nb.jpg", "bad-name", "the file name holds a line break"),
        ("\udce9.jpg", "bad-row", "it holds a character that is not UTF-8"),
        ("nan", "bad-row", "a record needs a path"),
        (".", "bad-row", "a record needs a path"),
    ],
)
def test_what_names_no_file_here(tmp_path: Path, cell: str, kind: str, said: str) -> None:
    (failure,) = read_one(tmp_path, cell).failures
    assert failure.kind == kind
    assert said in failure.reason


@pytest.mark.parametrize("cell", ["/etc/passwd.jpg", "file:///etc/passwd.jpg", "../x.jpg"])
def test_what_lies_elsewhere_stays_elsewhere(tmp_path: Path, cell: str) -> None:
    (record,) = read_one(tmp_path, cell).records
    assert record.path == cell.removeprefix("file://")
    assert read_one(tmp_path, f"{tmp_path}/../x.jpg").records[0].path == "../x.jpg"


def test_paths_under_an_address() -> None:
    folder = Folder(("s3://bucket/photos",))
    assert folder.relative("s3://bucket/photos/a/b.jpg") == "a/b.jpg"
    assert folder.relative("./a/b.jpg ") == "a/b.jpg"


# --- JSON ---


def test_a_bad_line_costs_itself() -> None:
    lines = [
        '{"path": "a.jpg"}',
        '{"path"',
        "[1]",
        '{"path": "b.jpg", "path": "c.jpg"}',
        r'{"path": "d.jpg", "place": "\ud800"}',
    ]
    found = read("\r\n".join([*lines, '{"path": "e.jpg"}']), "m.ndjson")
    assert [r.path for r in found.records] == ["a.jpg", "e.jpg"]
    assert [(f.path, f.reason) for f in found.failures] == [
        ("row 2", "is not JSON (Expecting ':' delimiter: line 1 column 8 (char 7))"),
        ("row 3", "is not a JSON object"),
        ("row 4", "is not JSON (it names one key twice)"),
        ("d.jpg", "row 5: it holds a character that is not UTF-8: save the file as UTF-8"),
    ]


@pytest.mark.parametrize("name", ["m.json", "m.jsonl", "m.txt"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_objects(name: str, indent: int | None) -> None:
    rows = [{"image": {"path": "a.jpg"}, "place": {"name": "A", "id": 3}}, {"path": "b.jpg", "label": "B"}, 5]
    found = read(json.dumps(rows, indent=indent), name)
    assert [(r.path, r.places) for r in found.records] == [("a.jpg", ("3",)), ("b.jpg", ("B",))]
    assert [f.reason for f in found.failures] == ["is not a JSON object"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"path": {"0": "a.jpg"}, "place": {"0": "A"}}', "is a single JSON value, not rows: write one object a line"),
        ('{"images": [{"path": "a.jpg"}]}', "is a single JSON value, not rows"),
        ("3", "is a single JSON value, not rows"),
        ('[{"path": "a.jpg"},', "is not JSON: "),
        ("[" * 100_000, "is not JSON: nested too deeply"),
        ("[]", "has no rows"),
        ("path,place\na.jpg,A\n", "row 1 is not JSON (Expecting value"),
    ],
)
def test_json_that_is_no_rows(text: str, said: str) -> None:
    assert said in refusal(text, "m.json")


def test_deep_nesting_costs_its_row() -> None:
    deep = "[" * 100_000
    found = read(f'{{"path": "a.jpg"}}\n{{"path": {deep}\n', "m.jsonl")
    assert len(found.records) == len(found.failures) == 1


# --- embeddings ---


def test_embeddings_read_their_rows_with_the_same_reader(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "v.npy", np.eye(2, 4, dtype=np.float32))
    (tmp_path / "r.csv").write_bytes(TABLE.replace(",", ";").encode("utf-16"))
    assert read_embeddings(tmp_path / "v.npy", tmp_path / "r.csv").records == RECORDS
    (tmp_path / "r.csv").write_text("path,place\na.jpg,A\nb.jpg,A, B\n")
    with pytest.raises(DatasetError, match="row 3: it has 3 cells"):
        read_embeddings(tmp_path / "v.npy", tmp_path / "r.csv")
