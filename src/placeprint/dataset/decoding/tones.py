"""Convert pixels of every kind to 8-bit RGB, in strips: a large image is never held as wide numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from placeprint.dataset.decoding.strips import strips

if TYPE_CHECKING:
    from PIL.Image import Image

    from placeprint.arrays import Floats

_STRIP = 1 << 20
"""Pixels converted at once."""


def eight_bits(image: Image) -> Image:
    """Scale samples of more than 8 bits to 8; other images stay as they are.

    Integers are taken for 16 bits, divided by 257 and rounded; floating-point samples are stretched over their range.
    """
    if image.mode == "F":
        return _grey(image, _stretched(image))
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _grey(image, lambda samples: samples / 257.0)
    return image


def to_rgb(image: Image) -> Image:
    """Convert an image of 8-bit samples to RGB; transparency becomes white."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def reduced(image: Image, factor: int) -> Image:
    """Reduce an image by the mean of squares of pixels.

    With transparency in strips, as Pillow copies it then. Of palettes, and other modes that have no mean, every strip
    becomes RGB first.
    """
    from PIL import Image as pillow

    if image.mode in ("RGB", "L"):
        return image.reduce(factor)
    kept = image.mode in ("RGBA", "LA")
    small = pillow.new(image.mode if kept else "RGB", (-(-image.width // factor), -(-image.height // factor)), None)
    for top, strip in strips(image, _STRIP, multiple=factor):
        small.paste((strip if kept else to_rgb(strip)).reduce(factor), (0, top // factor))
    return small


def _samples(strip: Image) -> Floats:
    import numpy as np

    return np.nan_to_num(np.asarray(strip, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _grey(image: Image, scaled: Callable[[Floats], Floats]) -> Image:
    import numpy as np
    from PIL import Image as pillow

    grey = np.empty((image.height, image.width), np.uint8)
    for top, strip in strips(image, _STRIP):
        grey[top : top + strip.height] = np.clip(np.rint(scaled(_samples(strip))), 0, 255)
    return pillow.fromarray(grey)


def _stretched(image: Image) -> Callable[[Floats], Floats]:
    import numpy as np

    samples = (_samples(strip) for _, strip in strips(image, _STRIP))
    ends = np.array([(each.min(), each.max()) for each in samples])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    factor = 255.0 / (high - low) if high > low else 0.0
    return lambda samples: (samples - low) * factor


def _on_white(image: Image) -> Image:
    from PIL import Image as pillow

    shown = pillow.new("RGB", image.size, None)
    for top, strip in strips(image, _STRIP):
        layer = strip.convert("RGBA")
        white = pillow.new("RGBA", layer.size, (255, 255, 255, 255))
        shown.paste(pillow.alpha_composite(white, layer).convert("RGB"), (0, top))
    return shown
