"""Read the header of a JPEG: its frame, its orientation, and what decoding costs.

Pillow gets only the frame: it reads each byte, segment and EXIF entry of a header in Python, and a hostile file may
have any number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from placeprint.dataset.decoding.header import Header
from placeprint.dataset.decoding.jpeg_scans import MOST_STEPS, layout_of, too_many_steps
from placeprint.dataset.decoding.orientation import turn_of
from placeprint.errors import ImageError

MOST_SCANS = 128
"""Scans of a progressive JPEG: encoders write about ten."""
MOST_PASSES = 2_000_000_000
"""Pixels times scans, which take some seconds."""
_MOST_EXIF = 1 << 20

_START, _END, _SCAN, _RESTART_INTERVAL = 0xD8, 0xD9, 0xDA, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset([0x01, *range(0xD0, 0xD8)])
"""Markers without a length."""
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True, slots=True)
class _Segments:
    """Bodies of the segments before the coded data."""

    frame: bytes
    frame_marker: int
    scan: bytes
    restarts: int
    exif: bytes
    xmp: bytes
    coded: int

    def bare_file(self) -> bytes:
        """Make a file of the frame and the first scan's header."""
        segments = ((self.frame_marker, self.frame), (_SCAN, self.scan))
        return b"\xff\xd8" + b"".join(b"\xff%c%b%b" % (n, (len(body) + 2).to_bytes(2), body) for n, body in segments)


def jpeg_header(data: bytes) -> tuple[Header, Callable[[], bytes]]:
    """Read the header of a JPEG; also return a function that makes a file of its frame for Pillow to open.

    Raises `ImageError`: ``unreadable`` or ``too-large``.
    """
    found = _read(data)
    layers = found.frame[5] if len(found.frame) > 5 else 0
    height, width = int.from_bytes(found.frame[1:3]), int.from_bytes(found.frame[3:5])
    if layers not in _MODES or len(found.frame) < 6 + 3 * layers or not width or not height:
        raise ImageError("unreadable", "the image's header cannot be read: its frame is not valid")
    sampling = [divmod(found.frame[7 + 3 * layer], 16) for layer in range(layers)]
    header = Header(
        kind="JPEG",
        mode=_MODES[layers],
        width=width,
        height=height,
        turn=turn_of(found.exif, found.xmp),
        file_bytes=len(data),
        loading=_loading(data, found, (width, height), sampling),
    )
    return header, found.bare_file


def _read(data: bytes) -> _Segments:
    frame, frame_marker, restarts, exif, xmp = b"", 0, 0, b"", b""
    for marker, start, end in _segments(data):
        if marker in _FRAMES and not frame:
            frame, frame_marker = data[start:end], marker
        elif marker == _RESTART_INTERVAL:
            restarts = int.from_bytes(data[start : start + 2])
        elif marker == 0xE1 and data.startswith(_EXIF, start, end) and len(exif) < _MOST_EXIF:
            exif += data[start + len(_EXIF) : end]
        elif marker == 0xE1 and data.startswith(_XMP, start, end):
            xmp = data[start:end]
        elif marker == _SCAN and frame:
            return _Segments(frame, frame_marker, data[start:end], restarts, exif, xmp, end)
    if frame:
        raise ImageError("truncated", "the file ends too early: its picture is not there")
    raise ImageError("unreadable", "the image's header cannot be read: it has no size")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment up to the first scan's, as libjpeg finds them."""
    at = 2
    for _ in range(MOST_STEPS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return
        marker = data[at + 1]
        if marker in (0x00, 0xFF):
            at += 1 if marker else 2
            continue
        at += 2
        if marker in _BARE:
            continue
        end = at + int.from_bytes(data[at : at + 2])
        if marker in (_START, _END) or end < at + 2 or end > len(data):
            return
        yield marker, at + 2, end
        if marker == _SCAN:
            return
        at = end
    raise too_many_steps()


def _loading(data: bytes, found: _Segments, size: tuple[int, int], sampling: list[tuple[int, int]]) -> int:
    """Return the memory that decoding takes besides pixels: all coefficients, when there are several scans.

    Raises `ImageError`: ``too-large`` when there are too many scans.
    """
    across, down = max(1, *(h for h, _ in sampling)), max(1, *(v for _, v in sampling))
    wide, high = -(-size[0] // (8 * across)), -(-size[1] // (8 * down))
    marks = 600 * min(wide * high // found.restarts, len(data) // 2) if found.restarts else 0
    progressive = found.frame_marker in (0xC2, 0xC6, 0xCA, 0xCE)
    if not progressive and found.scan[:1] == found.frame[5:6]:
        return marks
    passes = data.count(b"\xff\xda", found.coded) + 1
    if passes > MOST_SCANS:  # or so it seems: a video after the image has such bytes too
        layout = layout_of(data)
        passes = len(layout.scans) if layout is not None else passes
    if passes > MOST_SCANS or passes * size[0] * size[1] > MOST_PASSES:
        raise ImageError("too-large", f"its {passes} passes over {size[0]}x{size[1]} pixels would take too long")
    return marks + sum(128 * wide * h * high * v for h, v in sampling)
