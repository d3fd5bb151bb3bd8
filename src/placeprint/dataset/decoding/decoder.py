"""Decode an image in this process: what the header says, then its pixels as an upright RGB image.

`placeprint.dataset.decoding.images` decides which files may be decoded in the main process, and which only in one that
can be stopped.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from placeprint.dataset.decoding.damage import Damage
from placeprint.dataset.decoding.header import Header, octave, times_larger
from placeprint.dataset.decoding.integrity import find_damage
from placeprint.dataset.decoding.jpeg import decode_damaged, decode_jpeg
from placeprint.dataset.decoding.jpeg_header import jpeg_header
from placeprint.dataset.decoding.orientation import quietly, turn_of, upright
from placeprint.dataset.decoding.pixel_limit import MAX_PIXELS_VARIABLE, check_pixels, max_pixels
from placeprint.dataset.decoding.png_header import png_header
from placeprint.dataset.decoding.refusals import decodable_kind, failures_told, refusal
from placeprint.dataset.decoding.tones import eight_bits, reduced, to_rgb
from placeprint.errors import ImageError, first_line

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

KNOWN: Mapping[str, Callable[[bytes], tuple[Header, Callable[[], bytes]]]] = {"JPEG": jpeg_header, "PNG": png_header}
"""Formats whose header tells the cost of decoding, with the function that reads it."""

_LOADING = {"WEBP": 12, "AVIF": 10, "HEIF": 8, "GIF": 2, "BMP": 1}
"""Measured bytes a pixel that other decoders hold besides the result; the tags of a TIFF tell its own."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose header has been read."""

    data: bytes
    header: Header
    image: ImageFile  # Not loaded yet.


def known_header(data: bytes, kind: str) -> tuple[Header, Callable[[], bytes]]:
    """Read the header of a JPEG or PNG; also return a function that makes a file of its image alone.

    Raises `ImageError`: ``unreadable``, ``truncated``, ``damaged`` or ``too-large``.
    """
    try:
        header, bare_file = KNOWN[kind](data)
    except ImageError as error:
        if error.kind != "unreadable":
            raise
        raise refusal(data, error.reason) from error
    check_pixels(header.width, header.height)
    return header, bare_file


def open_known(data: bytes, header: Header, bare_file: Callable[[], bytes]) -> Opened:
    """Open a file with what `known_header` returned. Raises `ImageError` as `known_header` does."""
    try:
        image = _opened(bare_file(), header.kind)
        if (*image.size, image.mode) != (
            header.width,
            header.height,
            header.mode,
        ):  # its memory was computed from these
            raise ImageError("unreadable", "the image's header can be read in two ways")
        return Opened(data, header, image)
    except ImageError as error:
        raise refusal(data, error.reason) if error.kind == "unreadable" else error from error


def open_image(data: bytes) -> Opened:
    """Read an image's header. Raises `ImageError` as `known_header` does."""
    kind = decodable_kind(data)
    if kind in KNOWN:
        return open_known(data, *known_header(data, kind))
    if kind == "WEBP":
        check_pixels(*canvas_of(data))  # older versions of Pillow reserve memory for it unseen
    with quietly():  # odd EXIF
        image = _opened(data, kind)
    check_pixels(*image.size)
    turn = 1 if kind == "TIFF" else turn_of(_bytes(image, "exif"), _bytes(image, "xmp"))
    loading = _tiff_loading(image) if kind == "TIFF" else _LOADING[kind] * image.width * image.height
    width, height = image.size
    header = Header(
        kind=kind, mode=image.mode, width=width, height=height, turn=turn, file_bytes=len(data), loading=loading
    )
    return Opened(data, header, image)


def canvas_of(data: bytes) -> tuple[int, int]:
    """Return the width and height in the header of a WebP; zeros if it has none."""
    name, body = data[12:16], data[20:30]
    if name == b"VP8X" and len(body) == 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return 0, 0


def decode_opened(opened: Opened, min_side: int | None, *, as_far: bool) -> tuple[Image, Damage | None]:
    """Decode the pixels to an upright RGB image, reduced as long as they are enough.

    `min_side`: See `placeprint.dataset.decoding.header.times_larger`; None decodes at full size.
    `as_far`: Return what there is of a damaged image, instead of refusing it.
    Raises `ImageError`: ``unreadable``, ``truncated``, ``damaged`` or ``too-large``.
    """
    with failures_told():
        if min_side is not None:
            factor = octave(opened.image.size, min_side)
            width, height = (max(1, side // factor) for side in opened.image.size)
            opened.image.draft(None, (width, height))
        loaded, damage = _loaded(opened, as_far=as_far)
        return shown(loaded, opened.header.turn, min_side), damage


def shown(loaded: Image, turn: int, min_side: int | None) -> Image:
    """Return an upright RGB image of decoded pixels."""
    return to_rgb(upright(_reduced(eight_bits(loaded), min_side), turn))


def _loaded(opened: Opened, *, as_far: bool) -> tuple[Image, Damage | None]:
    """Decode the pixels, also of a damaged image if `as_far` says so."""
    image, data = opened.image, opened.data
    loaded: Image = image
    if opened.header.kind == "JPEG":
        loaded, damage = decode_jpeg(image, data)
    else:
        damage = find_damage(data, opened.header.kind)
    if damage is not None and (damage.kind == "truncated" or not as_far):
        raise damage.error
    if damage is not None and opened.header.kind == "JPEG":
        del loaded
        return decode_damaged(image, data), damage
    if loaded is image:
        try:
            image.load()
        except (OSError, SyntaxError):  # the latter is Pillow's error for a broken PNG
            if damage is None:
                raise
            image.tile = []  # what was decoded before it broke off
    return loaded, damage


def _reduced(image: Image, min_side: int | None) -> Image:
    """Reduce an image that is at least twice as large as it must be, by the mean of squares of pixels.

    It is reduced by 8, 4 or 2 first: libjpeg's reduced decoding gives the same means of a JPEG's brightness.
    """
    if not min_side:
        return image
    factor = octave(image.size, min_side)
    image = reduced(image, factor) if factor > 1 else image
    left = times_larger(image.size, min_side)
    return reduced(image, left) if left > 1 else image


def _opened(data: bytes, kind: str) -> ImageFile:
    from PIL import Image, UnidentifiedImageError

    limit = max_pixels()
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # the user raised the limit: Pillow's own must not stand in the way
    try:
        return Image.open(io.BytesIO(data), formats=[kind])
    except UnidentifiedImageError as error:
        raise refusal(data) from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            "too-large", f"{first_line(error)} If you trust the file, set {MAX_PIXELS_VARIABLE}"
        ) from error
    except MemoryError as error:
        raise ImageError("too-large", "there is not enough memory to read the image's header") from error
    except Exception as error:  # as in decode_opened
        raise refusal(data, f"the image's header cannot be read: {first_line(error)}") from error


def _bytes(image: ImageFile, name: str) -> bytes:
    found = image.info.get(name)
    return found if isinstance(found, bytes) else b""


def _tiff_loading(image: ImageFile) -> int:
    """Return the bytes of a TIFF's largest strip or tile, which is unpacked as a whole."""
    tags: Mapping[int, object] = getattr(image, "tag_v2", {})

    def number(tag: int, default: int) -> int:
        value = tags.get(tag, default)
        return value if isinstance(value, int) else default

    bits = tags.get(258, (8,))
    depth = max(bits) if isinstance(bits, tuple) and bits else 8
    width = number(322, image.width)
    rows = number(323, min(number(278, image.height), max(image.size)))
    turned = 4 * image.width * image.height if number(274, 1) != 1 else 0
    return turned + (width * rows * number(277, 1) * -(-depth // 8) if number(259, 1) != 1 else 0)
