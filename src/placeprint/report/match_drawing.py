"""Draws a match: two images side by side, with lines between corresponding spots, or lit where they correspond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from placeprint.recognition.explanation import Heat, Reason
from placeprint.report.thumbnails import jpeg

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

LOOKS = ("lines", "heat")
HEIGHT = 420
"""Pixels of an image's height, however small it was."""
WIDEST = 2.0
"""Width over height of the room that an image gets: a panorama is made less high."""
QUALITY = 78

_GROUND, _INK = (30, 33, 36), (232, 232, 228)
_STRENGTHS = ((64, 140, 232), (110, 200, 190), (255, 214, 48))
"""Weak to strong, blue to yellow and dark to light: read without telling red from green, and without any colour."""
_HALO = (12, 13, 14)
_SMOOTH = 2
"""Lines are drawn so many times larger: Pillow's own have steps."""

Box = tuple[int, int, int, int]


def picture(
    query: Image, match: Image, reason: Reason, *, look: str = "lines", height: int = HEIGHT, names: Sequence[str] = ()
) -> Image:
    """Draw a query and a match side by side.

    `query`, `match`: Upright, RGB.
    `look`: ``lines`` between the spots that lie alike, or ``heat``: both images lit where they do.
    `height`: Pixels of the images' height.
    `names`: One line for the query and one for the match, in a band below; no band without them. Any text may come.
    """
    from PIL import Image as pillow

    if look not in LOOKS:
        raise ValueError(f'look "{look}" is none of {", ".join(LOOKS)}')
    heats = (reason.heat, reason.match_heat) if look == "heat" else (None, None)
    panes = [_pane(photo, heat, height) for photo, heat in zip((query, match), heats, strict=True)]
    gap, band = max(6, height // 35), height // 10 if names else 0
    left, right = (_centred(pane, height) for pane in panes)
    right = (right[0] + panes[0].width + gap, right[1], right[2] + panes[0].width + gap, right[3])
    drawn = pillow.new("RGB", (right[2], height + band), _GROUND)
    drawn.paste(panes[0], left)
    drawn.paste(panes[1], right)
    if look == "lines":
        drawn = _with_lines(drawn, reason, left, right, height)
    for text, box in zip(names, (left, right), strict=False):
        _write(drawn, text, (box[0], height, box[2], height + band))
    return drawn


def packed(drawn: Image) -> bytes:
    """Return a picture as a JPEG."""
    return jpeg(drawn, quality=QUALITY)


def _pane(photo: Image, heat: Heat | None, height: int) -> Image:
    """Return an image at the size it is shown, dimmed outside the heat where there is some."""
    from PIL.Image import Resampling

    scale = min(height / photo.height, WIDEST * height / photo.width)
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    pane = photo.convert("RGB").resize(size, Resampling.LANCZOS)
    return pane if heat is None or not heat.size else _lit(pane, heat)


def _centred(pane: Image, height: int) -> Box:
    top = (height - pane.height) // 2
    return (0, top, pane.width, top + pane.height)


def _lit(pane: Image, heat: Heat) -> Image:
    """Keep light where the heat is, tinted like strong lines, and take colour and light from the rest."""
    from PIL import Image as pillow

    pixels = np.asarray(pane, np.float32)
    # A spot is a square of the image: enlarged softly, neighbours run together and a single one stays seen.
    scaled = pillow.fromarray(np.rint(255 * heat).astype(np.uint8)).resize(pane.size, pillow.Resampling.BICUBIC)
    light = np.sqrt(np.asarray(scaled, np.float32) / 255)[..., None]
    grey = pixels.mean(axis=2, keepdims=True) * 0.36 + np.array(_GROUND, np.float32) * 0.35
    bright = pixels * 0.75 + np.array(_STRENGTHS[-1], np.float32) * 0.3
    return pillow.fromarray(np.rint(grey * (1 - light) + bright * light).clip(0, 255).astype(np.uint8))


def _with_lines(drawn: Image, reason: Reason, left: Box, right: Box, height: int) -> Image:
    """Lay lines over both images, the strongest on top; their colour and their width say how strong."""
    from PIL import Image as pillow
    from PIL import ImageDraw

    layer = pillow.new("RGBA", (drawn.width * _SMOOTH, drawn.height * _SMOOTH), (*_HALO, 0))
    pen = ImageDraw.Draw(layer)
    unit = _SMOOTH * height / HEIGHT
    for (x, y, other_x, other_y), weight in zip(reason.lines.ends[::-1], reason.lines.weights[::-1], strict=True):
        start, end = _at(left, x, y), _at(right, other_x, other_y)
        strength = float(np.clip((weight - 0.4) / 0.5, 0, 1))
        _line(pen, start, end, (*_colour(strength), 235), unit * (1.6 + 1.4 * strength), unit)
    smooth = layer.resize(drawn.size, pillow.Resampling.BOX)
    return pillow.alpha_composite(drawn.convert("RGBA"), smooth).convert("RGB")


def _line(
    pen: ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: tuple[int, ...],
    width: float,
    unit: float,
) -> None:
    pen.line([start, end], fill=(*_HALO, 150), width=round(width + 2 * unit))
    pen.line([start, end], fill=colour, width=round(width))
    for x, y in (start, end):
        for radius, fill in ((width + 2.4 * unit, (*_HALO, 220)), (width + unit, colour)):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _at(box: Box, x: float, y: float) -> tuple[float, float]:
    return _SMOOTH * (box[0] + x * (box[2] - box[0])), _SMOOTH * (box[1] + y * (box[3] - box[1]))


def _colour(strength: float) -> tuple[int, int, int]:
    red, green, blue = (round(float(np.interp(strength, (0, 0.5, 1), band))) for band in zip(*_STRENGTHS, strict=True))
    return red, green, blue


def _write(drawn: Image, text: str, box: Box) -> None:
    """Write one line into a box; what is too long loses its beginning, because a path's end tells more."""
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(max(10, (box[3] - box[1]) * 0.45))
    margin = (box[3] - box[1]) // 4
    fitting = _fitting(drawable(text), font, box[2] - box[0] - margin)
    ImageDraw.Draw(drawn).text((box[0] + margin, (box[1] + box[3]) // 2), fitting, _INK, font, anchor="lm")


def _fitting(text: str, font: FreeTypeFont | ImageFont, room: float) -> str:
    text = text[-200:]
    if font.getlength(text) <= room:
        return text
    cut = next((i for i in range(1, len(text)) if font.getlength("..." + text[i:]) <= room), len(text))
    return "..." + text[cut:]


def drawable(text: str) -> str:
    """Spell out what the font of a picture cannot draw: all but the printable characters of ASCII."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in plain)
