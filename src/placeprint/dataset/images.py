"""Decode one untrusted image safely: a limit of pixels, reduced-size JPEG decode, EXIF turn, no half photographs.

Every way in which its bytes can be unusable ends in one exception, `ImageError`, with a kind and a reason.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placeprint.dataset.damage import Damage
from placeprint.dataset.files import short
from placeprint.dataset.formats import HEAD_BYTES, kind_of
from placeprint.dataset.integrity import ends_early, find_damage
from placeprint.dataset.jpeg import decode_jpeg
from placeprint.dataset.orientation import header_orientation, is_turned, orientation, quietly, upright
from placeprint.dataset.tones import eight_bits, reduced, to_rgb
from placeprint.errors import ImageError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
"""Decoders that may run; nothing else that Pillow knows is ever tried on an untrusted file."""

MAX_PIXELS = 80_000_000
"""More than this many pixels in the header is refused as a possible decompression bomb."""


def max_pixels() -> int:
    """Return the pixel limit: `MAX_PIXELS`, or the environment's PLACEPRINT_MAX_PIXELS.

    Raises
    ------
    UsageError
        When the variable is not a whole number above 0.
    """
    text = os.environ.get("PLACEPRINT_MAX_PIXELS", "")
    if not text:
        return MAX_PIXELS
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f'PLACEPRINT_MAX_PIXELS is "{text}": give a whole number of pixels')
    return int(text)


def decode(data: bytes, *, min_side: int | None = None) -> Image:
    """Decode to an upright RGB image.

    Orientation is applied, 16-bit samples are scaled to 8, transparency is laid on white, and of an
    animation the first frame is taken.

    Parameters
    ----------
    data : bytes
        The file's content.
    min_side : int, optional
        A JPEG may be decoded at 1/2, 1/4 or 1/8, and another image reduced by a whole number, as long as both sides
        keep at least this many pixels; None decodes at full size.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, fully loaded.

    Raises
    ------
    ImageError
        ``unreadable``, ``truncated``, ``damaged`` or ``too-large``. Half a photograph is refused: what a decoder makes
        up for the rest would be recognised too, as some place.
    """
    return decode_sized(data, min_side=min_side)[0]


def decode_sized(data: bytes, *, min_side: int | None = None) -> tuple[Image, tuple[int, int]]:
    """Decode as `decode`, and tell the upright image's full width and height: one look at the header serves both."""
    image, size, _ = _decoded(data, min_side, as_far=False)
    return image, size


def decode_what_is_there(data: bytes) -> tuple[Image, Damage | None]:
    """Decode at full size as `decode`, but of a damaged image return what there is, and how much that is.

    Raises
    ------
    ImageError
        ``unreadable``, ``truncated`` or ``too-large``; ``damaged`` where nothing can be decoded.
    """
    image, _, damage = _decoded(data, None, as_far=True)
    return image, damage


def _decoded(data: bytes, min_side: int | None, *, as_far: bool) -> tuple[Image, tuple[int, int], Damage | None]:
    image = _open(data)
    size = image.size
    if min_side is not None:
        image.draft(None, (min_side, min_side))
    with _failures_told():
        loaded, damage = _loaded(image, data, as_far=as_far)
        turn = orientation(image)
        shown = _shown(loaded, turn, min_side)
    return shown, size[::-1] if is_turned(image, turn) else size, damage


def prepared(image: Image, *, min_side: int | None = None) -> Image:
    """Return an image of Pillow's as `decode` would return a file that holds the same pixels.

    What was prepared once stays as it is. The image itself is not changed.

    Raises
    ------
    ImageError
        As `decode`.
    """
    with _failures_told():
        image.load()
        return _shown(image, orientation(image), min_side)


def _shown(loaded: Image, turn: int, min_side: int | None) -> Image:
    return to_rgb(upright(_reduced(eight_bits(loaded), min_side), turn))


@contextmanager
def _failures_told() -> Iterator[None]:
    """Make an `ImageError` of everything that decoding may end with."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("too-large", "there is not enough memory to decode the image") from error
    except Exception as error:  # decoders raise all sorts on hostile bytes: any of them is this row's reason
        raise ImageError(_decode_failure(error), f"the image cannot be decoded: {short(error)}") from error


def _loaded(image: ImageFile, data: bytes, *, as_far: bool) -> tuple[Image, Damage | None]:
    """Decode the pixels; of a damaged image, where that is wanted, what the decoder makes of it."""
    loaded: Image = image
    if image.format in ("JPEG", "MPO"):
        loaded, damage = decode_jpeg(image, data)
        if damage is None:
            return loaded, None
    else:
        damage = find_damage(data, image.format)
    if damage is not None and (damage.kind == "truncated" or not as_far):
        raise damage.error
    try:
        image.load()
    except (OSError, SyntaxError):  # the latter is Pillow's word for a broken PNG
        if damage is None:
            raise
        image.tile = []  # what was decoded before it broke off
    return image, damage


def _reduced(image: Image, min_side: int | None) -> Image:
    """Return the mean of squares of pixels where an image is at least twice as large as it must be.

    By 8, 4 or 2 first: libjpeg's reduced decode gives the same means of a JPEG's brightness.
    """
    if not min_side or image.mode not in ("RGB", "RGBA", "L", "LA"):
        return image
    fits = min(image.size) // min_side
    octave = next((factor for factor in (8, 4, 2) if factor <= fits), 1)
    image = reduced(image, octave) if octave > 1 else image
    left = min(image.size) // min_side
    return reduced(image, left) if left > 1 else image


@contextmanager
def memory_reused(blocks: int) -> Iterator[None]:
    """Let Pillow keep up to so many blocks of freed pixels for the next image, instead of asking the system anew.

    It saves a tenth of the time of decoding many photographs. The setting is the process's; it is taken back.
    """
    from PIL.Image import core  # type: ignore[attr-defined]  # Pillow documents it under "Block Allocator"

    before = core.get_blocks_max()
    core.set_blocks_max(max(blocks, before))
    try:
        yield
    finally:
        core.set_blocks_max(before)


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height after the EXIF turn, from the header alone.

    Raises
    ------
    ImageError
        As `decode`.
    """
    image = _open(data)
    return image.size[::-1] if is_turned(image, header_orientation(image, data)) else image.size


def still_holds(data: bytes, image: Image, *, loaded: bool) -> bool:
    """Tell whether an image of Pillow's is still what its file holds: its size and turn, and each pixel when loaded.

    Raises
    ------
    ImageError
        As `decode`.
    """
    file = _open(data)
    same = (file.size, file.mode, orientation(file)) == (image.size, image.mode, orientation(image))
    return same and (not loaded or file.tobytes() == image.tobytes())


def format_of(data: bytes) -> str:
    """Return which decoder reads an image, from the header alone: ``JPEG``, ``PNG``, … as Pillow calls it.

    Raises
    ------
    ImageError
        As `decode`.
    """
    return str(_open(data).format)


def _open(data: bytes) -> ImageFile:
    from PIL import Image, UnidentifiedImageError

    formats = list(FORMATS)
    if _is_heif(data) and _register_heif():  # asked for only then: its import takes 20 ms
        formats.append("HEIF")
    limit = max_pixels()
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # the user raised the limit: Pillow's own must not stand in the way
    try:
        with quietly():  # odd EXIF and bomb warnings: our own limit decides
            image = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except Image.DecompressionBombError as error:
        raise ImageError("too-large", f"{short(error)} If you trust the file, set PLACEPRINT_MAX_PIXELS") from error
    except Exception as error:  # as in decode
        raise _unidentified(data, f"the image's header cannot be read: {short(error)}") from error
    if image.width * image.height > limit:
        raise ImageError(
            "too-large",
            f"{image.width}x{image.height} pixels are more than {limit}: "
            "if you trust the file, set PLACEPRINT_MAX_PIXELS",
        )
    return image


def _register_heif() -> bool:
    """Register the HEIC decoder where its extra is installed."""
    global _heif
    if _heif is None:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            _heif = False
        else:
            register_heif_opener()
            _heif = True
    return _heif


_heif: bool | None = None


def _unidentified(data: bytes, why: str = "") -> ImageError:
    """Return why Pillow did not open a file: `why`, unless the file itself tells more."""
    if _is_heif(data) and not _register_heif():
        return ImageError("unreadable", 'HEIC needs an optional package: pip install "placeprint[heic]"')
    if ends_early(data):
        return ImageError("truncated", "the file ends too early: its picture cannot be decoded")
    damage = find_damage(data, kind_of(data[:HEAD_BYTES]))
    if damage is not None:
        return damage.error
    no_image = "the content is not an image that can be read (JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF)"
    return ImageError("unreadable", why or no_image)


def _is_heif(data: bytes) -> bool:
    return kind_of(data[:HEAD_BYTES]) == "HEIF"


def _decode_failure(error: Exception) -> str:
    """Return the kind of an error that decoding ended with, once the header was read."""
    text = str(error).lower()
    cut = ("truncat", "not enough image data", "unexpected end", "premature", "unrecognized data stream contents")
    broken = ("broken data stream", "broken png file", "failed to read next frame", "failed to decode", "decoder error")
    if isinstance(error, EOFError) or any(word in text for word in cut):
        return "truncated"
    return "damaged" if any(word in text for word in broken) else "unreadable"
