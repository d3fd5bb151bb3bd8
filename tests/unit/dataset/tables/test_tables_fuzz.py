"""Any bytes at all, and ten thousand rows of the worst kind, as a table."""

from __future__ import annotations

import contextlib
import csv
import io
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from placeprint.dataset.manifest import SUFFIXES, Manifest, parse_manifest
from placeprint.dataset.tables.paths import Folder
from placeprint.errors import DatasetError


def read(data: bytes, name: str = "m.csv") -> Manifest:
    return parse_manifest(data, Path("/data"), name, Folder.at(Path("/data")))


PIECES = [
    *(
        "path",
        "place",
        "split",
        "a.jpg",
        "query",
        ",",
        ";",
        "\t",
        "|",
        "\n",
        "\r",
        '"',
        "sep=;\n",
        "#",
        "nan",
        "\0",
        "é",
    ),
    *('{"path": "a.jpg", "place": ', "NaN", "}\n", "{", "}", "[", "]", "\udce9", "\ufeff", " ", "file:///", "/data/"),
    *("%ff", "1,5", "-"),
]
bodies = st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=40).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogateescape")
)
heads = st.sampled_from(
    [b"", b"path,split,place\n", b"path;lat;lon;frame\n", b"\xff\xfe", b"\xfe\xff", b'{"path": "a"}\n']
)


def check_rows(found: Manifest) -> None:
    assert found.records or found.failures
    for record in found.records:
        "".join((record.path, *record.places, *record.extra, *record.extra.values())).encode()
        assert "\n" not in "".join((record.path, *record.places))
    for failure in found.failures:
        assert failure.path
        assert failure.path.startswith("row ") or failure.reason.startswith("row ")


@given(head=heads, body=bodies, name=st.sampled_from([f"m{suffix}" for suffix in SUFFIXES]))
@settings(max_examples=300, deadline=None)
@example(head=b"", body=b"sep= \npath\n", name="m.csv")
@example(head=b"path\n", body=b"/" * 9, name="m.csv")
def test_any_bytes_are_rows_with_reasons_or_one_error(head: bytes, body: bytes, name: str) -> None:
    try:
        found = read(head + body, name)
    except DatasetError as error:
        said = str(error)
    else:
        said = ""
        check_rows(found)
    assert not said or said.startswith(f'"/data/{name}"')


@given(
    rows=st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(max_size=9)), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(max_examples=50, deadline=None)
def test_no_row_is_lost(rows: list[tuple[str, str]], delimiter: str, encoding: str, end: str) -> None:
    """Each row that is written is a record or a failure, whatever it holds and however it is written."""
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    table.writerow(["path", "note"])
    table.writerows([(f"{n}{path}", note) for n, (path, note) in enumerate(rows)])
    data = text.getvalue().encode(encoding, "replace")
    found = read(data)
    assert len(found.records) + len(found.failures) == len(rows)
    notes = [r.extra.get("note", "") for r in found.records]
    assert set(notes) <= {note.encode("utf-8", "replace").decode() for _, note in rows}


HOSTILE = {
    "plain": "path,split,place\n" + "img/a.jpg,gallery,Place\n" * 10_000,
    "a mark in each row": "path,split,place\n" + 'a.jpg,gallery,"Place\n' * 10_000,
    "a lone mark in each row": "path,split,place\n" + 'a.jpg,gallery,Place"\n' * 10_000,
    "two lines in each cell": "path,split,place\n" + '"a\nb","c\nd","e\nf"\n' * 10_000,
    "rows too short for many columns": "path" + ",c" * 9_000 + "\n" + "a.jpg\n" * 10_000,
    "comments": "#\n" * 10_000,
    "blank lines": "\n" * 10_000 + "path\na.jpg\n",
    "another key in each row": "".join(f'{{"path": "a.jpg", "k{n}": 1}}\n' for n in range(10_000)),
    "another spelling in each row": "".join(f'{{"path": "a.jpg", "place ({n})": 1}}\n' for n in range(10_000)),
    "many places": "path,place\na.jpg," + "|" * 100_000 + "\n",
    "one key in each row, never in the same": "".join(f'{{"k{n}": 1}}\n' for n in range(10_000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_ten_thousand_rows_take_less_than_a_second(text: str) -> None:
    before = time.process_time()
    with contextlib.suppress(DatasetError):
        read(text.encode(), "m.jsonl" if text.startswith("{") else "m.csv")
    assert time.process_time() - before < 1
