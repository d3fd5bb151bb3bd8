"""Make 8-bit RGB of every kind of pixels that a file may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def eight_bits(image: Image) -> Image:
    """Scale samples of more than 8 bits to 8: integers by 1/257, as 16 bits, floating-point samples by their range."""
    import numpy as np
    from PIL import Image as pillow

    if not (image.mode.startswith("I;16") or image.mode in ("I", "F")):
        return image
    samples = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode == "F":
        low, high = float(samples.min()), float(samples.max())
        samples = (samples - low) * (255.0 / (high - low) if high > low else 0.0)
    else:
        samples = samples / 257.0
    return pillow.fromarray(np.clip(np.rint(samples), 0, 255).astype(np.uint8))


def to_rgb(image: Image) -> Image:
    """Convert an image of 8-bit samples to RGB, with transparency laid on white."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        from PIL import Image as pillow

        layer = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def reduced(image: Image, factor: int) -> Image:
    """Return the mean of squares of pixels."""
    return image.reduce(factor)
