"""Tables: any bytes are rows and rows with reasons, or a `DatasetError` in one line; arrays beside them likewise."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np

from placeprint.dataset.manifest import parse_manifest
from placeprint.dataset.tables.paths import Folder
from placeprint.embedding.imported import read_embeddings
from placeprint.errors import DatasetError, VectorError

from .changes import bytes_changed, json_changed, list_changed
from .target import Bytes, Target

HERE = Path("/data")
_ARRAYS = (b"\x93NUMPY", b"PK\x03\x04")


@contextmanager
def ready(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Give what reads a table, and an array with a table of two rows beside it."""
    (folder / "two.csv").write_text("path\na.jpg\nb.jpg\n")
    yield partial(read, folder)


def read(folder: Path, data: bytes) -> None:
    """Read what begins as an array as embeddings, and everything as a table."""
    if data.startswith(_ARRAYS):
        file = folder / "two.npy"
        file.write_bytes(data)
        try:
            found = read_embeddings(file, folder / "two.csv")
        except (VectorError, DatasetError) as error:
            said = str(error)
        else:
            said = ""
        assert not said or said.startswith(f'"{file}"')
        if not said:
            assert len(found.vectors) == 2
            assert np.isfinite(found.vectors).all()
    try:
        manifest = parse_manifest(data, HERE, "m.csv", Folder.at(HERE))
    except DatasetError as error:
        said = str(error)
    else:
        said = ""
    assert not said or said.startswith('"/data/m.csv"')
    if said:
        return
    assert manifest.records or manifest.failures
    for record in manifest.records:
        texts = (record.path, *record.places, *record.extra, *record.extra.values())
        "".join(texts).encode()
        assert "\n" not in "".join(texts[: 1 + len(record.places)])
        assert record.latitude is None or -90 <= record.latitude <= 90
        assert type(record).from_dict(record.to_dict()) == record
    for failure in manifest.failures:
        assert failure.path
        assert failure.path.startswith("row ") or failure.reason.startswith("row ")


_ROWS = (
    {"path": "a/1.jpg", "split": "gallery", "place": "a|b", "lat": "48.1", "lon": "11.5", "frame": "1", "note": "x"},
    {"path": "b/2.jpg", "split": "query", "place": "Ü, 7", "lat": "48,2", "lon": "-11", "frame": "", "note": '"q"'},
    {"path": "@691000@5334000@32@U@@@@@@@@@@@.jpg", "split": "", "place": "", "lat": "", "lon": "0", "frame": "x"},
)
_TILES = ({"image": "/data/c.jpg", "easting": "691000", "northing": "5334000", "zone": "32U", "type": "test"},)


@cache
def seeds() -> Sequence[bytes]:
    """Return tables as people have them, and arrays."""
    made = [_csv(_ROWS, delimiter).encode(coding) for delimiter in ",;\t|" for coding in ("utf-8", "utf-16")]
    made += [_csv(_TILES, ",").encode(), b"sep=;\n" + _csv(_ROWS, ";").encode("cp1252"), b"# a remark\npath\n1.jpg\n"]
    made += ["".join(json.dumps(row) + "\n" for row in _ROWS).encode(), json.dumps(_ROWS).encode()]
    made += [
        json.dumps({"images": _ROWS}).encode(),
        b"a.jpg\nb.jpg\n",
        b"PK\x03\x04xl/workbook.xml",
        b"\xd0\xcf\x11\xe0",
    ]
    for array in (np.ones((2, 3), np.float32), np.ones((2, 3), ">f8", order="F")):
        file = io.BytesIO()
        np.save(file, array)
        made.append(file.getvalue())
    file = io.BytesIO()
    np.savez(file, a=np.ones((2, 3), np.float32))
    return (*made, file.getvalue())


def _csv(rows: Sequence[dict[str, str]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_CELLS = (b"path", b"image", b"place", b"split", b"lat", b"lon", b"easting", b"zone", b"frame", b"gallery", b"query")
_CELLS += (b"1e999", b"nan", b"-0", b"1,5", b"48.1 N", b"0x10", b"..", b"file:///a.jpg", b"s3://b/c", b"\xff", b"\0")


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a row of JSON, the header of an array, or a cell of a row."""
    if data.startswith(_ARRAYS):
        return plain(data[:200]) + data[200:]
    if data.startswith((b"{", b"[")):
        return b"\n".join(list_changed(data.split(b"\n"), random, lambda row: json_changed(row, random, plain)))

    def cell(old: bytes) -> bytes:
        return random.choice(_CELLS) if random.random() < 0.5 else bytes_changed(old, random)

    def row(old: bytes) -> bytes:
        mark = random.choice([mark for mark in (b",", b";", b"\t", b"|") if mark in old] or [b","])
        return mark.join(list_changed(old.split(mark), random, cell))

    return b"\n".join(list_changed(data.split(b"\n"), random, row))


TARGET = Target(ready=ready, seeds=seeds, change=change)
