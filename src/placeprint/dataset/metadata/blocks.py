"""Find the EXIF and the XMP block of an image file, reading its headers alone.

Files are untrusted: every walk has a most number of steps, and every block a most number of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from placeprint.dataset.decoding.formats import HEAD_BYTES, kind_of
from placeprint.dataset.decoding.integrity import PNG_START
from placeprint.dataset.decoding.png_header import png_blocks
from placeprint.dataset.decoding.tiff_entries import ReadAt, reader_of
from placeprint.dataset.metadata.heif_items import heif_blocks

MOST_BYTES = 1 << 20
"""Of one block."""
_MOST_SEGMENTS = 4096
_FARTHEST = 1 << 62
"""No file is so long, and no system seeks much farther."""
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_END_OF_HEADERS = (0xD9, 0xDA)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The metadata of an image file."""

    exif: ReadAt  # Reads the TIFF structure that EXIF is; returns nothing where there is none.
    xmp: bytes = b""  # An XMP packet, or nothing.


def blocks_of(file: BinaryIO) -> Blocks:
    """Find the blocks of a file that is open for reading; a damaged file may have none."""
    read = _reader(file)
    kind = kind_of(read(0, HEAD_BYTES))
    if kind == "TIFF":
        return Blocks(read)
    exif, xmp = _FINDERS[kind](read) if kind in _FINDERS else (b"", b"")
    return Blocks(reader_of(exif), xmp)


def _reader(file: BinaryIO) -> ReadAt:
    def read(at: int, count: int) -> bytes:
        if at >= _FARTHEST:
            return b""
        file.seek(at)
        return file.read(count)

    return read


def _jpeg(read: ReadAt) -> tuple[bytes, bytes]:
    exif = xmp = b""
    for marker, start, end in _segments(read):
        if marker != 0xE1:
            continue
        body = read(start, end - start)
        if body.startswith(_EXIF) and len(exif) < MOST_BYTES:  # a block of more than 64 KB is in several segments
            exif += body[len(_EXIF) :] if exif else body
        elif body.startswith(_XMP) and not xmp:
            xmp = body[len(_XMP) :]
    return exif, xmp


def _segments(read: ReadAt) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the segments before the picture."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        head = read(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in _END_OF_HEADERS:
            return
        if head[1] == 0xFF:  # bytes that only fill
            at += 1
            continue
        end = at + 2 + int.from_bytes(head[2:])
        if end < at + 4:
            return
        yield head[1], at + 4, end
        at = end


def _png(read: ReadAt) -> tuple[bytes, bytes]:
    at, texts = len(PNG_START), list[bytes]()
    for _ in range(_MOST_SEGMENTS):
        head = read(at, 8)
        if len(head) < 8 or head[4:] == b"IEND":
            break
        size = int.from_bytes(head[:4])
        if head[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt") and size <= MOST_BYTES and len(texts) < 64:
            texts.append(head + read(at + 8, size + 4))
        at += 12 + size
    return png_blocks(PNG_START + b"".join(texts))


def _webp(read: ReadAt) -> tuple[bytes, bytes]:
    at, found = 12, {b"EXIF": b"", b"XMP ": b""}
    for _ in range(_MOST_SEGMENTS):
        head = read(at, 8)
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:], "little")
        if head[:4] in found and size <= MOST_BYTES:
            found[head[:4]] = read(at + 8, size)
        at += 8 + size + size % 2
    return found[b"EXIF"], found[b"XMP "]


_FINDERS: dict[str | None, Callable[[ReadAt], tuple[bytes, bytes]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "HEIF": heif_blocks,
    "AVIF": heif_blocks,
}
