"""The header of an image file, and how much memory decoding it may take."""

from __future__ import annotations

from dataclasses import dataclass

_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel as Pillow holds it; four in all other modes."""
_REDUCIBLE = ("RGB", "RGBA", "L", "LA")
"""Modes that are reduced before anything else."""

_DEEP = ("I", "F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of an image.

    Attributes
    ----------
    kind : str
        The format, as `placeprint.dataset.decoding.formats.kind_of` returns it.
    mode : str
        Pillow's mode.
    width, height : int
        As they are stored, before the turn.
    turn : int
        The EXIF orientation, 1 to 8, that is to be applied to what Pillow decodes.
    file_bytes : int
    loading : int
        Bytes that decoding takes besides the file and the decoded pixels.
    """

    kind: str
    mode: str
    width: int
    height: int
    turn: int
    file_bytes: int
    loading: int = 0

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

        Parameters
        ----------
        min_side : int, optional
            As in `placeprint.dataset.decoding.images.decode`.
        apart : bool
            In a process of its own: then the file and the image exist twice.
        """
        fits = min(self.width, self.height) // min_side if min_side else 1
        shrunk = next((factor for factor in (8, 4, 2) if factor <= fits), 1)
        small = -(-self.width // shrunk) * -(-self.height // shrunk)
        decoded = small if self.kind == "JPEG" else self.pixels  # a JPEG is reduced while it is decoded
        shown = small if self.mode in _REDUCIBLE or self.kind == "JPEG" else self.pixels
        held = decoded * _BYTES.get(self.mode, 4)
        if self.mode.startswith(_DEEP):  # converted to 8-bit grey first
            held, shown = held + 2 * decoded, small
        copies = (self.mode != "RGB" or shown != decoded) + (self.turn != 1)
        twice = self.file_bytes + 4 * shown if apart else 0
        return self.file_bytes + self.loading + held + 4 * shown * copies + twice
