"""Ways in which a photo comes changed: each takes an upright RGB image and returns another one."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps
from PIL.Image import Transpose


def turned(image: Image.Image, degrees: int) -> Image.Image:
    """Turn by a quarter, a half or three quarters, against the clock."""
    way = {90: Transpose.ROTATE_90, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_270}
    return image.transpose(way[degrees])


def watermarked(image: Image.Image) -> Image.Image:
    """Write nearly opaque white text in six rows all over the image."""
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    size = image.height / 8
    font = ImageFont.load_default(size)
    for row in range(6):
        at = (-0.7 * row * size, (row + 0.2) * image.height / 6)
        draw.text(at, "PREVIEW ONLY NOT FOR SALE " * 3, (255, 255, 255, 235), font, stroke_width=round(size / 20))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def centre(image: Image.Image, share: float) -> Image.Image:
    """Cut out the middle: a share of the width and of the height."""
    w, h = image.size
    across, down = w * (1 - share) / 2, h * (1 - share) / 2
    return image.crop((round(across), round(down), round(w - across), round(h - down)))


def letterboxed(image: Image.Image) -> Image.Image:
    """Put black borders above and below, or beside an upright image: a quarter of its height more each."""
    w, h = image.size
    border = (0, h // 4) if w >= h else (w // 4, 0)
    return ImageOps.expand(image, border=border, fill=0)


def screenshot(image: Image.Image) -> Image.Image:
    """Show the image on a phone's screen: a bar with text above it, a bar with buttons and lines of text below."""
    w = image.width
    page = Image.new("RGB", (w, image.height + w // 2), (250, 250, 250))
    top = w // 8
    page.paste(image, (0, top))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(w / 25)
    draw.rectangle((0, 0, w, top - 1), fill=(24, 119, 242))
    draw.text((w / 20, top / 3), "12:41    Photos    87 %", (255, 255, 255), font)
    below = top + image.height
    for row in range(4):
        text = "A lovely afternoon in the old town, with friends"
        draw.text((w / 20, below + w / 40 + row * w / 14), text, (20, 20, 20), font)
    return page


def dark(image: Image.Image) -> Image.Image:
    """Take three quarters of the light away."""
    return ImageEnhance.Brightness(image).enhance(0.25)


def grey(image: Image.Image) -> Image.Image:
    """Take the colours away."""
    return image.convert("L").convert("RGB")


def coarse_jpeg(image: Image.Image) -> Image.Image:
    """Save as a JPEG of quality 10, and read that."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=10)
    with Image.open(file) as read:
        return read.convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as they are": lambda image: image,
    "turned by 90°": lambda image: turned(image, 90),
    "turned by 180°": lambda image: turned(image, 180),
    "turned by 270°": lambda image: turned(image, 270),
    "mirrored": ImageOps.mirror,
    "heavy watermark": watermarked,
    "centre half": lambda image: centre(image, 0.5),
    "centre quarter": lambda image: centre(image, 0.25),
    "black borders": letterboxed,
    "screenshot": screenshot,
    "dark": dark,
    "grey": grey,
    "JPEG quality 10": coarse_jpeg,
}
