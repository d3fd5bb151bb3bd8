"""Read the header of a PNG, and its orientation.

Pillow gets a file with the image alone: it would unpack and keep texts, profiles and chunks of any name, and read
2,000,000 empty chunks one by one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from placeprint.dataset.decoding.header import Header
from placeprint.dataset.decoding.integrity import PNG_START, png_chunks
from placeprint.dataset.decoding.orientation import turn_of
from placeprint.errors import ImageError

MOST_CHUNKS = 65_536
_MOST_TEXT = 1 << 18
"""Bytes of a text that are unpacked: twice the hexadecimal digits of an EXIF block of 64 KB."""
_MODES = {
    (1, 0): "1",
    (2, 0): "L",
    (4, 0): "L",
    (8, 0): "L",
    (16, 0): "I;16",
    (8, 2): "RGB",
    (16, 2): "RGB",
    (1, 3): "P",
    (2, 3): "P",
    (4, 3): "P",
    (8, 3): "P",
    (8, 4): "LA",
    (16, 4): "RGBA",
    (8, 6): "RGBA",
    (16, 6): "RGBA",
}
_PROFILE, _XMP = b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"
_Chunk = tuple[bytes, int, int]


def png_header(data: bytes) -> tuple[Header, Callable[[], bytes]]:
    """Read the header of a PNG; also return a function that makes a file of its image for Pillow to open.

    Raises `ImageError`: ``unreadable`` or ``too-large``.
    """
    chunks: list[_Chunk] = []
    for chunk in png_chunks(data):
        if len(chunks) == MOST_CHUNKS:
            raise ImageError("too-large", f"the file has more than {MOST_CHUNKS} chunks")
        chunks.append(chunk)
        if chunk[0] == b"IEND":
            break
    if not chunks or chunks[0][0] != b"IHDR" or chunks[0][2] - chunks[0][1] != 13:
        raise ImageError("unreadable", "the image's header cannot be read: it does not begin with its size")
    if any(name == b"IHDR" for name, _, _ in chunks[1:]):  # Pillow would believe the last one
        raise ImageError("unreadable", "the image's header cannot be read: it has two sizes")
    head = data[chunks[0][1] : chunks[0][2]]
    width, height = int.from_bytes(head[:4]), int.from_bytes(head[4:8])
    mode = _MODES.get((head[8], head[9]))
    if mode is None or not width or not height:
        raise ImageError("unreadable", "the image's header cannot be read: its pixel format is not known")
    exif, xmp = _blocks(data, chunks)
    header = Header(
        kind="PNG",
        mode=mode,
        width=width,
        height=height,
        turn=turn_of(exif, xmp),
        file_bytes=len(data),
        loading=len(data),
    )
    return header, partial(_bare_file, data, chunks)


def png_blocks(data: bytes) -> tuple[bytes, bytes]:
    """Return the last EXIF block and the last XMP block of a PNG, each empty if there is none."""
    return _blocks(data, list(islice(png_chunks(data), MOST_CHUNKS)))


def _bare_file(data: bytes, chunks: Sequence[_Chunk]) -> bytes:
    """Make a file of the image's chunks, with the coded data in one; Pillow does not check its checksum."""
    view = memoryview(data)
    before = [view[start - 8 : end + 4] for name, start, end in chunks if name in (b"IHDR", b"PLTE", b"tRNS")]
    coded = [view[start:end] for name, start, end in chunks if name == b"IDAT"]
    size = sum(len(piece) for piece in coded)
    return b"".join((PNG_START, *before, size.to_bytes(4), b"IDAT", *coded, bytes(8), b"IEND\xae\x42\x60\x82"))


def _blocks(data: bytes, chunks: Sequence[_Chunk]) -> tuple[bytes, bytes]:
    """Return the last EXIF block and the last XMP block, each empty if there is none."""
    exif: _Chunk | None = None
    profile = xmp = exif
    for chunk in chunks:
        name, start, end = chunk
        if name == b"eXIf":
            exif = chunk
        elif name in (b"tEXt", b"zTXt", b"iTXt") and data.startswith(_PROFILE, start, end):
            profile = chunk
        elif name == b"iTXt" and data.startswith(_XMP, start, end):
            xmp = chunk
    block = data[exif[1] : exif[2]] if exif else _unwrapped(_text(data, profile, _PROFILE)) if profile else b""
    return block, _text(data, xmp, _XMP) if xmp else b""


def _text(data: bytes, chunk: _Chunk, keyword: bytes) -> bytes:
    """Return the start of a text chunk's text."""
    name, start, end = chunk
    start += len(keyword)
    packed = name == b"zTXt"
    if name == b"iTXt":
        packed = data[start : start + 1] == b"\1"
        start = (
            data.find(b"\0", data.find(b"\0", start + 2, end) + 1, end) + 1
        )  # after the language and the translated keyword
    elif packed:
        start += 1
    if not packed:
        return data[start : min(end, start + _MOST_TEXT)]
    try:
        return zlib.decompressobj().decompress(data[start:end], _MOST_TEXT)
    except zlib.error:
        return b""


def _unwrapped(profile: bytes) -> bytes:
    """Return the EXIF block in ImageMagick's "raw profile": three lines, then hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(profile.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
