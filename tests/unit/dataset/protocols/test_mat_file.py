"""MATLAB files that are small and ask for much."""

import struct
from pathlib import Path

import pytest

from placeprint.dataset.protocols.mat_file import load_mat
from placeprint.errors import DatasetError

CELL, STRUCT = 1, 2
MANY = "has more than 256 arrays of arrays"


def part(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def array(order: str, kind: int, sides: tuple[int, ...], held: bytes = b"") -> bytes:
    """An array of arrays, which says what it holds before it holds it."""
    flags, said = struct.pack(f"{order}II", kind, 0), struct.pack(f"{order}{len(sides)}i", *sides)
    return part(order, 14, part(order, 6, flags) + part(order, 5, said) + part(order, 1, b"x") + held)


def fields(order: str) -> bytes:
    return part(order, 5, struct.pack(f"{order}i", 8)) + part(order, 1, b"a".ljust(8, b"\0"))


def mat(path: Path, body: bytes, order: str) -> Path:
    mark = b"IM" if order == "<" else b"MI"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + mark + body)
    return path


def nested(order: str, depth: int) -> bytes:
    one = array(order, CELL, (1, 1))
    return struct.pack(f"{order}II", 14, len(one) * depth) + (one * depth)[8:]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("what", ["cell", "struct", "sum", "deep"])
def test_what_would_fill_the_memory_or_the_stack_is_refused(
    what: str, packed: bool, order: str, tmp_path: Path
) -> None:
    import zlib

    body = {
        "cell": array(order, CELL, (500_000_000, 1)),
        "struct": array(order, STRUCT, (70_000, 70_000), fields(order)),
        "sum": array(order, CELL, (2, 1), array(order, CELL, (3_000_000, 1)) * 2),
        "deep": nested(order, 300),  # SciPy fell off the stack at 20,000
    }[what]
    if packed:
        body = struct.pack(f"{order}II", 15, len(zlib.compress(body))) + zlib.compress(body)
    with pytest.raises(DatasetError, match=MANY):
        load_mat(mat(tmp_path / "a.mat", body, order))


@pytest.mark.parametrize("order", "<>")
def test_a_file_of_either_order_is_read(order: str, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    empty = part(order, 14, b"")
    found = load_mat(mat(tmp_path / "a.mat", array(order, CELL, (2, 1), empty * 2), order))["x"]
    assert found.shape == (2, 1)
