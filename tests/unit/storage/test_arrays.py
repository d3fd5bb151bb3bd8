"""Arrays of strangers: floats of any width and byte order, or one line, whatever NumPy's own reader ends with."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding.imported import read_embeddings
from placeprint.errors import VectorError
from placeprint.storage.arrays import read_archive, read_floats


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def headed(header: bytes) -> bytes:
    """Return two rows of three floats behind any header."""
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(24)


@pytest.mark.parametrize("kind", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_floats_are_read_however_they_are_written(kind: str, order: str) -> None:
    rows = np.arange(6, dtype=kind).reshape(2, 3).copy(order=order)
    np.testing.assert_array_equal(read_floats(io.BytesIO(saved(rows))), np.arange(6).reshape(2, 3))


HEADERS = [
    *(b"(" * 90, b"{[]: 1}", b"\xff" * 64, b"", b"1", b"{'descr': '<f4'}", b"import os", b"'" * 3),
    *(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % shape
        for shape in (b"(True, 3)", b"(-1,)", b"(9999999999999999999999, 3)", b"(999999999999, 3)", b"6", b"(6,)")
    ),
    *(
        b"{'descr': %s, 'fortran_order': False, 'shape': (2, 3), }" % kind
        for kind in (b"'<i4'", b"'O'", b"5", b"[('a', '<f4')]", b"('<f4', (2, -1))", b"'<U1'", b"'c8'")
    ),
]


@pytest.mark.parametrize("data", [*map(headed, HEADERS), b"", b"path\n", b"PK\x03\x04" + bytes(40), saved(np.ones(3))])
def test_anything_else_is_one_line(tmp_path: Path, data: bytes) -> None:
    file, table = tmp_path / "v.npy", tmp_path / "m.csv"
    file.write_bytes(data)
    table.write_text("path\na.jpg\nb.jpg\n")
    with pytest.raises(VectorError, match=r'v\.npy" cannot be read as a \.npy array: \S') as caught:
        read_embeddings(file, table)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


def test_an_archive_that_quotes_itself_is_told_in_part() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x" * 5000 + ".npy", saved(np.ones(2)))
    data = file.getvalue().replace(b"x" * 5000, b"y" * 5000, 1)
    with pytest.raises(ValueError, match="cannot be unpacked") as caught:
        read_archive(data)
    assert len(str(caught.value)) < 400
