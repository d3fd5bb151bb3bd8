"""Image files without their metadata: no position, time, camera or comment; the picture and its turn stay.

JPEG and PNG lose no pixel. What else may have metadata is written again as a JPEG, from its decoded pixels: only of a
WebP that holds nothing but its picture it is known that there is none.
"""

from __future__ import annotations

import io
import re
import zlib

from placeprint.dataset.decoding import images
from placeprint.dataset.decoding.decoder import known_header
from placeprint.dataset.decoding.formats import kind_of
from placeprint.dataset.decoding.integrity import PNG_START, png_chunks
from placeprint.errors import ImageError

QUALITY = 95
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""What ends coded data: neither a stuffed byte nor a restart."""
_START, _SCAN, _END = b"\xff\xd8", 0xDA, 0xD9
_KEPT_APPS = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
"""Application segments that say how pixels are to be shown."""
_COMMENT = 0xFE
_PNG_CHUNKS = frozenset(
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP"]
)
_WEBP_CHUNKS = frozenset([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"])


def without_metadata(data: bytes) -> bytes:
    """Return an image file without metadata: the same bytes where there is none.

    Whatever follows the picture goes too: a second picture or a film has metadata of its own.

    Raises `ImageError` when the image cannot be read.
    """
    kind = kind_of(data)
    if kind in ("JPEG", "PNG"):
        turn = known_header(data, kind)[0].turn
        return _bare_jpeg(data, turn) if kind == "JPEG" else _bare_png(data, turn)
    if kind == "WEBP" and _is_bare_webp(data):
        return data
    made = io.BytesIO()
    images.decode(data).save(made, "JPEG", quality=QUALITY)
    return made.getvalue()


def _is_bare_webp(data: bytes) -> bool:
    """Return whether the chunks of a WebP are those of one picture, to the last byte."""
    at = 12
    while at + 8 <= len(data) and data[at : at + 4] in _WEBP_CHUNKS:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return at == len(data)


def _turn_block(turn: int) -> bytes:
    """Return an EXIF block that says how the image is turned and nothing else."""
    return b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, turn, 0, 0]) + bytes(4)


def _bare_jpeg(data: bytes, turn: int) -> bytes:
    kept, at = [_START], 2
    if turn != 1:
        body = b"Exif\0\0" + _turn_block(turn)
        kept.append(b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body)
    while True:
        found = _NEXT_MARKER.search(data, at)
        if found is None:
            images.decode(data)  # tells whether anything but the marker at the end is missing
            return b"".join((*kept, data[at:], b"\xff\xd9"))
        kept.append(data[at : found.start()])  # coded data, behind the header of a scan
        marker, start = data[found.end() - 1], found.end()
        if marker == _END:
            return b"".join((*kept, b"\xff\xd9"))
        if marker == 0x01:  # it has no length
            at = start
            continue
        at = start + int.from_bytes(data[start : start + 2])
        if at < start + 2 or at > len(data):
            raise ImageError("damaged", "a part of the file is longer than the file")
        if _is_shown(marker, data[start + 2 : start + 16]):
            kept.append(b"\xff" + data[start - 1 : at])


def _is_shown(marker: int, body: bytes) -> bool:
    """Return whether a segment belongs to the picture."""
    if 0xE0 <= marker <= 0xEF:
        return any(marker == app and body.startswith(name) for app, name in _KEPT_APPS)
    return marker != _COMMENT


def _bare_png(data: bytes, turn: int) -> bytes:
    kept, turned = [PNG_START], turn == 1
    for name, start, end in png_chunks(data):
        if name == b"IDAT" and not turned:
            block, turned = b"eXIf" + _turn_block(turn), True
            kept.append((len(block) - 4).to_bytes(4) + block + zlib.crc32(block).to_bytes(4))
        if name in _PNG_CHUNKS:
            kept.append(data[start - 8 : end + 4])
        if name == b"IEND":
            return b"".join(kept)
    raise ImageError("truncated", "the file ends too early: its picture is not there")
