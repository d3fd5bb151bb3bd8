"""Decode a JPEG, and find out whether its image is complete.

libjpeg goes on when coded data is missing or wrong, and Pillow hides its warnings. But a decoder that is fed piece by
piece shows how far it is: in an intact scan it waits for the rest of a unit until the very last bytes, and needs none
after them. Zeros, another file's bytes or a hole shift that point, and in a file that was cut and closed again the
decoder still waits for more.
"""

from __future__ import annotations

from bisect import bisect
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from placeprint.dataset.decoding.damage import LONG_RUN, Damage, long_runs
from placeprint.dataset.decoding.jpeg_scans import Layout, Scan, layout_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_SLACK = 16
"""Bytes after the last unit that are tolerated: some encoders leave a few."""
_FILLER = b"\xff\x00"
"""One coded byte of ones, which is never a whole code: a decoder that waits for more goes on waiting."""
_LOOKAHEAD = 8
"""Bytes that libjpeg reads ahead, also after the last unit."""
_CORRECTIONS = 125
"""Bytes that the last run of empty blocks in a progressive scan may take: libjpeg's 1000 correction bits."""
_STRIPES = 64
_MOST_DOUBTFUL = 1024
"""Intervals between restart markers that are checked one by one."""
_SIGNAL = (251, 3, 249, 7)
"""A colour that fills no row of an image."""


def decode_jpeg(image: ImageFile, data: bytes) -> tuple[Image, Damage | None]:
    """Decode an image that Pillow has opened, and find its damage.

    `image`: A JPEG, not loaded yet; its draft mode is kept.
    `data`: The file it was opened from.
    Returns `image`: The pixels; of a damaged image, not all of them.
    Raises `OSError` when it cannot be decoded.
    """
    layout, damage = layout_of(data), None
    with closing(_Feed(image, data)) as feed:
        if layout is None:
            feed.to(len(data))
        else:
            damage = _Watch(image, data, layout).follow(feed)
        if damage is None:
            feed.close_scans()
    return feed.canvas, damage


def decode_damaged(image: ImageFile, data: bytes) -> Image:
    """Decode a damaged JPEG as far as the decoder goes."""
    with closing(_Feed(image, data)) as feed, suppress(OSError):
        feed.to(len(data))
        feed.close_scans()
    return feed.canvas


class _Feed:
    """Pillow's decoder, fed with a file piece by piece."""

    def __init__(self, image: ImageFile, data: bytes, colour: tuple[int, ...] | None = None) -> None:
        from PIL import Image

        tile = image.tile[0]
        self.canvas = Image.new(image.mode, image.size, colour if colour is None or len(colour) > 1 else colour[0])
        self.done = False
        self.at = 0
        self._data = data
        self._rest = b""
        self._decoder = Image._getdecoder(image.mode, tile.codec_name, tile.args, image.decoderconfig)
        self._decoder.setimage(self.canvas.im, tile.extents)

    def to(self, position: int) -> bool:
        """Feed the file up to a position, and return whether the decoder waits in the middle of a unit."""
        piece, self.at = memoryview(self._data)[self.at : position], position
        return self._give(piece)

    def wants_more(self, lookahead: int) -> bool:
        """Return whether the decoder still waits for the rest of a unit, by feeding it bytes that cannot be one."""
        self._give(_FILLER * lookahead)
        return any(self._give(_FILLER) for _ in range(_LOOKAHEAD + 1))

    def _give(self, piece: bytes | memoryview) -> bool:
        if self.done:
            return False
        given = b"".join((self._rest, piece)) if self._rest else piece
        used, error = self._decoder.decode(given)
        if used < 0:
            self.done = True
            if error < 0:
                raise OSError(f"broken data stream when reading image file ({error})")
            return False
        self._rest = bytes(given[used:])
        return bool(self._rest)

    def close_scans(self) -> None:
        """Feed the end marker, which the file may lack: the image is complete."""
        self._give(b"\xff\xd9")
        if not self.done:
            raise OSError("image file is truncated")

    def close(self) -> None:
        """Free the decoder's memory."""
        self._decoder.cleanup()


class _Watch:
    """Compares a decoder's position with the ends of a file's scans."""

    def __init__(self, image: ImageFile, data: bytes, layout: Layout) -> None:
        self._image, self._data, self._layout = image, data, layout
        self._last = layout.scans[0 if layout.in_one_scan else -1]
        self._lookahead = _LOOKAHEAD if layout.in_one_scan else _LOOKAHEAD + _CORRECTIONS

    def follow(self, feed: _Feed) -> Damage | None:
        """Feed all scans to the decoder, up to the first damaged one."""
        layout = self._layout
        for number, scan in enumerate(layout.scans[:1] if layout.in_one_scan else layout.scans):
            at = self._fault(feed, scan)
            if at is not None:
                return self._damage(scan, at, number)
        share = layout.coverage(len(layout.scans))
        return None if share == 1 else Damage(share, "truncated" if layout.end is None else "damaged")

    def _fault(self, feed: _Feed, scan: Scan) -> int | None:
        """Return where a scan is damaged, or None when it is intact."""
        intervals = scan.intervals(self._data)
        wrong = self._restart_fault(scan, intervals)
        if wrong is not None:
            return wrong
        for start, end in (*self._doubtful(scan, intervals), intervals[-1]):
            early = not self._reaches(feed, max(start, self._coded_end(start, end) - _SLACK), end)
            if early and scan is self._last and end == scan.end:
                early = not self._padded(start, end)
            if early or feed.wants_more(self._lookahead):
                runs = long_runs(self._data, start, end)
                return runs[0][0] if runs else (start if early else end)
        return self._hole(scan)

    def _doubtful(self, scan: Scan, intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the intervals with long runs, except the last: after a restart the decoder is back in step."""
        if len(intervals) == 1:
            return []
        starts = [start for start, _ in intervals]
        runs = long_runs(self._data, scan.start, scan.end)
        touched = {number for start, end in runs for number in (bisect(starts, start) - 1, bisect(starts, end - 1) - 1)}
        return [intervals[number] for number in sorted(touched - {len(intervals) - 1})[:_MOST_DOUBTFUL]]

    def _hole(self, scan: Scan) -> int | None:
        """Return where a long run of zeros yields fewer blocks than plain ones of at most 16 bits would.

        This finds holes whose zeros yield as many blocks as the data that they replaced.
        """
        if not self._layout.in_one_scan or self._data.find(bytes(LONG_RUN), scan.start, scan.end) < 0:
            return None
        runs = [run for run in long_runs(self._data, scan.start, scan.end) if run[1] < scan.end]
        if not runs:
            return None
        start, end = max(runs, key=lambda run: run[1] - run[0])
        blocks, in_a_row = self._layout.frame.blocks
        made = (self._rows(end) - self._rows(start)) * blocks + in_a_row
        return start if made < (end - start) / 2 else None

    def _restart_fault(self, scan: Scan, intervals: list[tuple[int, int]]) -> int | None:
        """Return where a restart marker is missing or out of order."""
        if not scan.restarts:
            return None
        for number, (start, _) in enumerate(intervals[1:]):
            if self._data[start - 1] & 7 != number & 7:
                return start
        wanted = -(-self._layout.frame.units(scan.components) // scan.restarts)
        return None if len(intervals) - wanted in (0, 1) else scan.end  # some encoders write one after the last unit

    def _reaches(self, feed: _Feed, near: int, end: int) -> bool:
        """Feed coded data to its end, and return whether the decoder needed some of the last bytes."""
        waiting = feed.to(near)
        done_before = feed.done
        while not waiting and not feed.done and feed.at < end:
            waiting = feed.to(min(feed.at + (2 if self._data[feed.at] == 0xFF else 1), end))
        wanted = waiting or (feed.done and not done_before)
        feed.to(end)
        return wanted

    def _coded_end(self, start: int, end: int) -> int:
        """Return where coded data ends before a few bytes of padding; a long run does not count as padding here."""
        tail = self._data[max(start, end - LONG_RUN) : end]
        few = len(tail) - len(tail.rstrip(tail[-1:]))
        return end if few == LONG_RUN else end - few

    def _padded(self, start: int, end: int) -> bool:
        """Return whether the image is complete before a run of one byte that fills the rest of its data."""
        runs = long_runs(self._data, start, end)
        if not runs or runs[-1][1] != end:
            return False
        with closing(_Feed(self._image, self._data)) as feed:
            feed.to(runs[-1][0] + 1)  # plain blocks may end in a byte like the padding
            return not feed.wants_more(self._lookahead)

    def _damage(self, scan: Scan, at: int, number: int) -> Damage:
        cut = scan.end == len(self._data) and not any(
            end == scan.end for _, end in long_runs(self._data, scan.start, scan.end)
        )
        kind = "truncated" if cut else "damaged"
        if not self._layout.in_one_scan:
            return Damage(self._layout.coverage(number), kind)
        return Damage(self._rows(at) if at > scan.start else self._used(scan), kind)

    def _rows(self, at: int) -> float:
        """Return the share of rows that are decoded from the file's bytes up to a position."""
        import numpy as np

        bands = len(self._image.getbands())
        with closing(_Feed(self._image, self._data, _SIGNAL[:bands])) as feed:
            feed.to(at)
        pixels = np.asarray(feed.canvas).reshape(self._image.height, -1, bands)
        there = np.flatnonzero((pixels[:, :: max(1, pixels.shape[1] // 64)] != _SIGNAL[:bands]).any(axis=(1, 2)))
        return float(there[-1] + 1) / self._image.height if len(there) else 0.0

    def _used(self, scan: Scan) -> float:
        """Return the share of a scan's data that is enough for all rows; the rest cannot be located."""
        with closing(_Feed(self._image, self._data)) as feed:
            for stripe in range(1, _STRIPES):
                feed.to(scan.start + (scan.end - scan.start) * stripe // _STRIPES)
                if feed.done:
                    return stripe / _STRIPES
        return 1.0
