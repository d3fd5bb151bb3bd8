"""Takes bright lettering off an image: a watermark or a caption that was written over a photo.

Strokes are what a morphological opening takes away (the white top-hat; Serra 1982, "Image Analysis and Mathematical
Morphology"). Photos have bright thin things too, but hardly ever so many; dark and coloured lettering stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placeprint.arrays import Flags, Pixels
from placeprint.dataset.decoding.header import LONGEST

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 320
"""Pixels of the shorter side that lettering is looked for in; the longer one has `LONGEST` times as many at most."""
STROKE = 15
"""Pixels below which something bright is thin."""
BRIGHT, RISE = 200, 40
"""How bright a stroke is at least, of 255, and how much brighter than what is around it."""
MUCH = 0.12
"""Share of an image that is thin and bright, from which that is lettering: photos of poznan_bovw and smvs_landmarks
have up to 0.10, the same under a heavy watermark 0.20 and more."""
_RADII = (4, 8, 16, 32)


def without_lettering(image: Image) -> Image | None:
    """Return an image whose bright lettering is filled with what is around it; None where there is hardly any.

    `image`: Upright or not, RGB. What is returned is smaller: see `SIDE`.
    """
    from PIL.Image import Resampling, fromarray
    from PIL.ImageFilter import MaxFilter

    shrink = min(1.0, SIDE / min(image.size), LONGEST * SIDE / max(image.size))
    small = image.resize([max(1, round(side * shrink)) for side in image.size], Resampling.BILINEAR)
    found = strokes(np.asarray(small.convert("L")))
    if found.mean() < MUCH:
        return None
    return _filled(small, fromarray(found.astype(np.uint8) * 255).filter(MaxFilter(5)))


def strokes(grey: Pixels) -> Flags:
    """Return which pixels of a grey image are thin and bright; shape (height, width)."""
    opened = ~_eroded(~_eroded(grey))
    return np.asarray((grey > BRIGHT) & (grey > opened.astype(np.int16) + RISE))


def _eroded(grey: Pixels) -> Pixels:
    """Return the darkest value within half a `STROKE` of each pixel."""
    half = STROKE // 2
    for axis in (0, 1):
        padded = np.pad(grey, [(half, half) if side == axis else (0, 0) for side in (0, 1)], mode="edge")
        grey = np.lib.stride_tricks.sliding_window_view(padded, STROKE, axis=axis).min(axis=-1)
    return grey


def _filled(image: Image, covered: Image) -> Image:
    """Fill what is covered with the mean of what is not, from as near as there is some."""
    from PIL.Image import composite, fromarray, new
    from PIL.ImageChops import invert
    from PIL.ImageFilter import BoxBlur

    bare = invert(covered)
    seen, left = composite(image, new("RGB", image.size), bare), np.asarray(covered) > 0
    out = np.array(image)
    for radius in _RADII:
        share = np.asarray(bare.filter(BoxBlur(radius)), np.float32) / 255
        mean = np.asarray(seen.filter(BoxBlur(radius)), np.float32) / np.maximum(share, 1 / 255)[:, :, None]
        here = left & (share > 0.1)
        out[here] = mean[here].clip(0, 255).astype(np.uint8)
        left &= ~here
    return fromarray(out)
