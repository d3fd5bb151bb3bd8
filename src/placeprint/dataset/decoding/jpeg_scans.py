"""Find the parts of a JPEG file, its frame and the coded data of each scan, without decoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from placeprint.errors import ImageError

_BLOCK = 1 << 17
"""Bytes that are searched for a marker at once; they fit into a core's cache."""
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
MOST_STEPS = 8192
"""Segments, fill bytes and stretches of junk that are followed: an image has a few dozen."""

_END, _SCAN, _RESTART_INTERVAL = 0xD9, 0xDA, 0xDD
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive. Decoding arithmetic codes cannot be interrupted, so it cannot be watched."""
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Frame:
    """The start of frame."""

    width: int
    height: int
    sampling: dict[int, tuple[int, int]]  # For each component's number its horizontal and vertical sampling factors.

    def units(self, components: tuple[int, ...]) -> int:
        """Return the number of units (MCUs) in a scan of these components."""
        across = max(h for h, _ in self.sampling.values())
        down = max(v for _, v in self.sampling.values())
        if len(components) > 1:
            return -(-self.width // (8 * across)) * -(-self.height // (8 * down))
        h, v = self.sampling.get(components[0], (1, 1)) if components else (1, 1)
        wide, high = -(-self.width * h // across), -(-self.height * v // down)
        return -(-wide // 8) * -(-high // 8)

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks of 8x8 samples, in all and in one row of units."""
        each = sum(h * v for h, v in self.sampling.values())
        across = -(-self.width // (8 * max(h for h, _ in self.sampling.values())))
        return self.units(tuple(self.sampling)) * each, across * each


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over the image."""

    # start, end: The coded data: `end` is at the next marker, or the end of the file.
    start: int
    end: int
    components: tuple[int, ...]
    band: range  # Its coefficients, of 0 to 63.
    final: bool  # Whether it has their lowest bit.
    restarts: int  # Units between two restart markers; 0 without them.

    def intervals(self, data: bytes) -> list[tuple[int, int]]:
        """Return start and end of the intervals between its restart markers."""
        if not self.restarts:
            return [(self.start, self.end)]
        marks = [found.start() for found in _RESTART.finditer(data, self.start, self.end)]
        return list(zip([self.start, *(m + 2 for m in marks)], [*marks, self.end], strict=True))


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a JPEG file."""

    frame: Frame
    scans: tuple[Scan, ...]  # At least one, in the file's order.
    end: int | None  # Position after the end marker; None when there is none, or the file breaks off between two scans.

    @property
    def in_one_scan(self) -> bool:
        """True when the first scan has the whole image, so that it is decoded as it is read."""
        first = self.scans[0]
        return len(first.components) == len(self.frame.sampling) and first.band == range(64) and first.final

    def coverage(self, scans: int) -> float:
        """Return the share of coefficients in the first scans; one without its lowest bit counts half."""
        begun: dict[int, int] = {}
        final: dict[int, int] = {}
        for scan in self.scans[:scans]:
            band = (1 << max(scan.band.stop, scan.band.start)) - (1 << scan.band.start)  # a bit for each coefficient
            for component in scan.components:
                begun[component] = begun.get(component, 0) | band
                final[component] = final.get(component, 0) | (band if scan.final else 0)
        there = sum(bits.bit_count() for bits in (*begun.values(), *final.values())) / 2
        return min(1.0, there / (64 * len(self.frame.sampling)))


def layout_of(data: bytes) -> Layout | None:
    """Find the parts of a JPEG file; None for one whose coding cannot be followed.

    Raises `ImageError`: ``too-large`` when it has too many.
    """
    frame: Frame | None = None
    scans: list[Scan] = []
    end, restarts = None, 0
    for marker, start, stop, coded_end in _segments(data):
        body = data[start:stop]
        if marker == _END:
            end = stop
        elif marker in _OTHER_FRAMES:
            return None
        elif marker in _HUFFMAN_FRAMES:
            frame = _frame(body)
        elif marker == _RESTART_INTERVAL:
            restarts = int.from_bytes(body[:2])
        elif marker == _SCAN:
            scans.append(_scan(body, stop, coded_end, restarts))
    if frame is None or not scans or not frame.sampling:
        return None
    return Layout(frame, tuple(scans), end)


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield marker, start and end of each segment, and the end of the coded data after it, up to the end marker.

    It stops at a broken segment.
    """
    at, restarts, steps = 2, 0, 0
    while at + 2 <= len(data) and data[at] == 0xFF:
        if (steps := steps + 1) > MOST_STEPS:
            raise too_many_steps()
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker == _END:
            yield marker, at + 2, at + 2, at + 2
            return
        start, stop = at + 4, at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if stop < start or stop > len(data):
            return
        if marker == _RESTART_INTERVAL:
            restarts = int.from_bytes(data[start : start + 2])
        at = _coded_end(data, stop, restarts) if marker == _SCAN else stop
        yield marker, start, stop, at


def too_many_steps() -> ImageError:
    """Return the error for a file of more than `MOST_STEPS` parts."""
    return ImageError("too-large", f"the file has more than {MOST_STEPS} segments: no photograph has so many")


def _coded_end(data: bytes, start: int, restarts: int) -> int:
    """Return where coded data ends; restart markers belong to it only when an interval was declared."""
    coded = np.frombuffer(data, np.uint8)
    for at in range(start, len(data), _BLOCK):
        block = coded[at : at + _BLOCK + 1]
        places = np.flatnonzero((block[:-1] == 0xFF) & (block[1:] != 0))
        markers = block[places + 1]
        ends = markers != 0xFF
        if restarts:
            ends &= (markers < 0xD0) | (markers > 0xD7)
        if ends.any():
            return at + int(places[ends][0])
    return len(data)


def _frame(body: bytes) -> Frame:
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    rows = (body[6 + 3 * i : 9 + 3 * i] for i in range(body[5] if len(body) > 5 else 0))
    return Frame(width, height, {r[0]: (max(r[1] >> 4, 1), max(r[1] & 15, 1)) for r in rows if len(r) == 3})


def _scan(body: bytes, start: int, end: int, restarts: int) -> Scan:
    count = body[0] if body else 0
    components = tuple(body[1 : 1 + 2 * count : 2])
    first, last, bits = (body[1 + 2 * count : 4 + 2 * count] + bytes((0, 63, 0)))[:3]
    return Scan(start, end, components, range(first, last + 1), (bits & 15) == 0, restarts)
