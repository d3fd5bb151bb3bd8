"""Decode one untrusted image safely: EXIF turn, reduced-size JPEG decode, a limit of pixels.

Every way in which its bytes can be unusable ends in one exception, `ImageError`, with a kind and a reason.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placeprint.dataset.files import short
from placeprint.dataset.formats import HEAD_BYTES, kind_of
from placeprint.errors import ImageError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

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
        ``unreadable``, ``truncated`` or ``too-large``.
    """
    return decode_sized(data, min_side=min_side)[0]


def decode_sized(data: bytes, *, min_side: int | None = None) -> tuple[Image, tuple[int, int]]:
    """Decode as `decode`, and tell the upright image's full width and height: one look at the header serves both."""
    image = _open(data)
    size = _upright_size(image)
    if min_side is not None:
        image.draft(None, (min_side, min_side))
    return prepared(image, min_side=min_side), size


def prepared(image: Image, *, min_side: int | None = None) -> Image:
    """Return an image of Pillow's as `decode` would return a file that holds the same pixels.

    What was prepared once stays as it is. The image itself is not changed.

    Raises
    ------
    ImageError
        As `decode`.
    """
    try:
        image.load()
        orientation = _orientation(image)  # of the image itself: what is made of it forgets a change
        return _to_rgb(_upright(_reduced(image, min_side), orientation))
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("too-large", "there is not enough memory to decode the image") from error
    except Exception as error:  # decoders raise all sorts on hostile bytes: any of them is this row's reason
        raise ImageError(_decode_failure(error), f"the image cannot be decoded: {short(error)}") from error


def _reduced(image: Image, min_side: int | None) -> Image:
    """Return the mean of squares of pixels where an image is at least twice as large as it must be.

    By 8, 4 or 2 first: libjpeg's reduced decode gives the same means of a JPEG's brightness.
    """
    if not min_side or image.mode not in ("RGB", "RGBA", "L", "LA"):
        return image
    fits = min(image.size) // min_side
    octave = next((factor for factor in (8, 4, 2) if factor <= fits), 1)
    image = image.reduce(octave) if octave > 1 else image
    left = min(image.size) // min_side
    return image.reduce(left) if left > 1 else image


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
    return _upright_size(_open(data))


def still_holds(data: bytes, image: Image, *, loaded: bool) -> bool:
    """Tell whether an image of Pillow's is still what its file holds: its size and turn, and each pixel when loaded.

    Raises
    ------
    ImageError
        As `decode`.
    """
    file = _open(data)
    same = (file.size, file.mode, _orientation(file)) == (image.size, image.mode, _orientation(image))
    return same and (not loaded or file.tobytes() == image.tobytes())


def format_of(data: bytes) -> str:
    """Return which decoder reads an image, from the header alone: ``JPEG``, ``PNG``, … as Pillow calls it.

    Raises
    ------
    ImageError
        As `decode`.
    """
    return str(_open(data).format)


def _upright_size(image: Image) -> tuple[int, int]:
    turned = _orientation(image) >= 5 and image.format != "TIFF"  # Pillow turns a TIFF itself, its size too
    return (image.height, image.width) if turned else (image.width, image.height)


def _open(data: bytes) -> Image:
    from PIL import Image, UnidentifiedImageError

    formats = list(FORMATS)
    if _is_heif(data) and _register_heif():  # asked for only then: its import takes 20 ms
        formats.append("HEIF")
    limit = max_pixels()
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # the user raised the limit: Pillow's own must not stand in the way
    try:
        with _quietly():  # odd EXIF and bomb warnings: our own limit decides
            image = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        raise ImageError("unreadable", _unidentified(data)) from error
    except Image.DecompressionBombError as error:
        raise ImageError("too-large", f"{short(error)} If you trust the file, set PLACEPRINT_MAX_PIXELS") from error
    except Exception as error:  # as in decode
        raise ImageError("unreadable", f"the image's header cannot be read: {short(error)}") from error
    if image.width * image.height > limit:
        raise ImageError(
            "too-large",
            f"{image.width}x{image.height} pixels are more than {limit}: "
            "if you trust the file, set PLACEPRINT_MAX_PIXELS",
        )
    return image


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence warnings; one thread at a time, because the filters belong to the whole process."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_WARNINGS = threading.Lock()


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


def _unidentified(data: bytes) -> str:
    if _is_heif(data):
        return 'HEIC needs an optional package: pip install "placeprint[heic]"'
    return "the content is not an image that can be read (JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF)"


def _is_heif(data: bytes) -> bool:
    return kind_of(data[:HEAD_BYTES]) == "HEIF"


def _orientation(image: Image) -> int:
    try:
        with _quietly():
            return int(image.getexif().get(0x0112, 1))
    except Exception:  # a damaged EXIF block must not cost the image
        return 1


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation)
    if turn is None:
        return image
    turned = image.transpose(turn)
    for told in _TELL_ORIENTATION:  # what was turned must not be turned again
        turned.info.pop(told, None)
    return turned


_TELL_ORIENTATION = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")


def _to_rgb(image: Image) -> Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bit(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        from PIL import Image as pillow

        layer = image.convert("RGBA")
        return pillow.alpha_composite(pillow.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")
    return image.convert("RGB")


def _eight_bit(image: Image) -> Image:
    """Scale integer samples of 16 bits by 1/257, and floating-point samples by their own range."""
    import numpy as np
    from PIL import Image as pillow

    samples = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode == "F":
        low, high = float(samples.min()), float(samples.max())
        samples = (samples - low) * (255.0 / (high - low) if high > low else 0.0)
    else:
        samples = samples / 257.0
    return pillow.fromarray(np.clip(np.rint(samples), 0, 255).astype(np.uint8))


def _decode_failure(error: Exception) -> str:
    text = str(error).lower()
    cut = ("truncat", "not enough image data", "unexpected end", "premature", "unrecognized data stream contents")
    return "truncated" if any(word in text for word in cut) or isinstance(error, EOFError) else "unreadable"
