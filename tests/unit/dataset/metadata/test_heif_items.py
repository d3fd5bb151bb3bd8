"""Items of HEIC and AVIF files that point anywhere, or are more than there are."""

import struct
from pathlib import Path

import pytest

from exif_writer import exif_block, gps_of
from placeprint.dataset.metadata import heif_items
from placeprint.dataset.metadata.described import file_facts
from placeprint.dataset.metadata.facts import Facts


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def heif(path: Path, places: bytes, between: bytes = b"") -> Path:
    """A file whose item 1 is EXIF, and nothing else."""
    item = box(b"infe", b"\2\0\0\0\0\1\0\0Exif\0")
    meta = box(b"meta", bytes(4) + box(b"iinf", bytes(5) + b"\1" + item) + box(b"iloc", places))
    path.write_bytes(box(b"ftyp", b"heic\0\0\0\0mif1heic") + between + meta)
    return path


def place(number: int, *pieces: tuple[int, int]) -> bytes:
    """Of an item, in numbers of 8 bytes and without a base."""
    said = struct.pack(">HHH", number, 0, len(pieces))
    return said + b"".join(struct.pack(">QQ", *piece) for piece in pieces)


EIGHTS = bytes(4) + b"\x88\0"


@pytest.mark.parametrize("far", [2**64 - 1, 2**63 - 1, 2**62])
def test_offsets_that_no_file_has_say_nothing(far: int, tmp_path: Path) -> None:
    assert file_facts(heif(tmp_path / "a.heic", EIGHTS + b"\0\1" + place(1, (far, 99)))) == Facts()
    large = b"\0\0\0\1free" + far.to_bytes(8)
    assert file_facts(heif(tmp_path / "b.heic", EIGHTS + b"\0\1" + place(1, (9, 9)), large)) == Facts()


def test_an_item_behind_one_of_several_pieces_is_found(tmp_path: Path) -> None:
    block = bytes(4) + exif_block(gps=gps_of(48, 11))
    hidden = box(b"mdat", block)
    places = EIGHTS + b"\0\2" + place(7, (1, 2), (3, 4)) + place(1, (24 + 8, len(block)))
    assert file_facts(heif(tmp_path / "a.heic", places, hidden)).latitude == 48


def test_pieces_that_take_no_bytes_are_not_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    taken = 0

    class Counted(heif_items._Numbers):
        def __call__(self, size: int) -> int:
            nonlocal taken
            taken += 1
            return super().__call__(size)

    monkeypatch.setattr(heif_items, "_Numbers", Counted)
    many = bytes(6) + b"\x0f\xff" + struct.pack(">HHH", 1, 0, 65_535) * 4095
    assert file_facts(heif(tmp_path / "a.heic", many)) == Facts()
    assert taken < 6 * 4096
