"""Damage to an image, and the long runs of one byte that a broken copy leaves in a file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placeprint.errors import ImageError

LONG_RUN = 64
"""Bytes of one value. Intact images have such runs too where they are plain, so a run alone proves nothing."""

MOST_OF_IT = 0.99
"""The highest score of a damaged image, when only its end is wrong or the damage cannot be located."""

_WORD = 8
_EACH_BYTE = np.uint64(0x0101010101010101)


@dataclass(frozen=True, slots=True)
class Damage:
    """Part of an image is missing or overwritten."""

    # Share of the image that is there, 0 to 1: of the rows of pixels if they can be counted, otherwise of the bytes; of
    # a progressive JPEG, of the coefficients that are complete.
    share: float
    kind: str = "damaged"  # ``damaged``, or ``truncated`` when the file just ends.

    @property
    def score(self) -> float:
        """The share as it is reported: below 1, the score of an intact image."""
        return min(self.share, MOST_OF_IT)

    @property
    def error(self) -> ImageError:
        """The error that `placeprint.dataset.decoding.images.decode` raises."""
        what = "the file ends too early" if self.kind == "truncated" else "the picture is damaged"
        return ImageError(self.kind, f"{what}: about {self.score:.0%} of it is there")


def long_runs(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Find where one byte is repeated `LONG_RUN` times or more.

    `start`, `end`: The range to search.
    Returns start and end of each run, in order.
    """
    words = np.frombuffer(data, np.uint64, count=max(0, (end - start) // _WORD), offset=start)
    plain = np.flatnonzero(words == (words & np.uint64(0xFF)) * _EACH_BYTE)
    if not len(plain):
        return []
    breaks = np.flatnonzero((np.diff(plain) != 1) | (np.diff(words[plain]) != 0)) + 1
    first, last = plain[np.concatenate([[0], breaks])], plain[np.concatenate([breaks - 1, [-1]])]
    long = last - first >= LONG_RUN // _WORD - 2  # a run that begins and ends within a word
    bounds = zip((start + _WORD * first[long]).tolist(), (start + _WORD * (last[long] + 1)).tolist(), strict=True)
    runs = (_widened(data, run, (start, end)) for run in bounds)
    return [run for run in runs if run[1] - run[0] >= LONG_RUN]


def _widened(data: bytes, run: tuple[int, int], within: tuple[int, int]) -> tuple[int, int]:
    """Extend a run of whole words by the same bytes beside it."""
    first, last = run
    value = data[first]
    while first > within[0] and data[first - 1] == value:
        first -= 1
    while last < within[1] and data[last] == value:
        last += 1
    return first, last
