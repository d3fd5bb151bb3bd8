"""The header of an image file, and how much memory decoding it may take."""

from __future__ import annotations

from dataclasses import dataclass

_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel as Pillow holds it; four in all other modes."""
_DEEP = ("I", "F")
LONGEST = 8
"""Times as long as it is wide: an image that is longer is reduced as if it were wider. Models see a square from its
middle, or as much as seven squares side by side; kept as it is, a long strip of pixels would take hundreds of megabytes
behind the limits of decoding."""


def times_larger(size: tuple[int, int], min_side: int) -> int:
    """Return how many times as large as needed an image is, rounded down: 0 when it is too small.

    `min_side`: Pixels of the shorter side that are needed; `LONGEST` times as many of the longer side.
    """
    return max(min(size), max(size) // LONGEST) // min_side


def octave(size: tuple[int, int], min_side: int | None) -> int:
    """Return the largest of 8, 4, 2 and 1 by which an image may be reduced."""
    fits = times_larger(size, min_side) if min_side else 1
    return next((factor for factor in (8, 4, 2) if factor <= fits), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of an image."""

    kind: str  # The format, as `placeprint.dataset.decoding.formats.kind_of` returns it.
    mode: str  # Pillow's mode.
    # width, height: As they are stored, before the turn.
    width: int
    height: int
    turn: int  # The EXIF orientation, 1 to 8, that is to be applied to what Pillow decodes.
    file_bytes: int
    loading: int = 0  # Bytes that decoding takes besides the file and the decoded pixels.

    @property
    def pixels(self) -> int:
        """Number of pixels at full size."""
        return self.width * self.height

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright image."""
        return (self.height, self.width) if self.turn >= 5 else (self.width, self.height)

    def memory(self, min_side: int | None, *, apart: bool = False) -> int:
        """Return how many bytes decoding may take at most, including the file and the RGB image.

        `min_side`: As in `placeprint.dataset.decoding.images.decode`.
        `apart`: In a process of its own: then the file and the image exist twice.
        """
        shrunk = octave((self.width, self.height), min_side)
        shown = -(-self.width // shrunk) * -(-self.height // shrunk)
        decoded = shown if self.kind == "JPEG" else self.pixels  # a JPEG is reduced while it is decoded
        held = decoded * _BYTES.get(self.mode, 4)
        if self.mode.startswith(_DEEP):  # converted to 8-bit grey first
            held += 2 * decoded
        copies = (self.mode != "RGB" or shown != decoded) + (self.turn != 1)
        twice = self.file_bytes + 4 * shown if apart else 0
        return self.file_bytes + self.loading + held + 4 * shown * copies + twice
