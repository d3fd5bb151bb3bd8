"""The reason why an image is refused, from its file and the decoder's error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from placeprint.dataset.decoding import heif
from placeprint.dataset.decoding.formats import HEAD_BYTES, kind_of
from placeprint.dataset.decoding.integrity import ends_early, find_damage
from placeprint.errors import ImageError, first_line


def decodable_kind(data: bytes) -> str:
    """Return the format of an image that can be decoded here, as `kind_of` calls it.

    Raises `ImageError`: ``unreadable``, or ``truncated`` where its container ends early.
    """
    kind = kind_of(data[:HEAD_BYTES])
    if kind is None or (kind == "HEIF" and not heif.is_installed()):
        raise refusal(data)
    return kind


def refusal(data: bytes, why: str = "") -> ImageError:
    """Return the error for a file that cannot be opened, with `why` unless the file itself tells more."""
    kind = kind_of(data[:HEAD_BYTES])
    if kind == "HEIF" and not heif.is_installed():
        return ImageError("unreadable", 'HEIC needs an optional package: pip install "placeprint[heic]"')
    if ends_early(data):
        return ImageError("truncated", "the file ends too early: its picture cannot be decoded")
    damage = find_damage(data, kind)
    if damage is not None:
        return damage.error
    no_image = "the content is not an image that can be read (JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF)"
    return ImageError("unreadable", why or no_image)


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn every error of decoding into an `ImageError`."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError("too-large", "there is not enough memory to decode the image") from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise ImageError(_decode_failure(error), f"the image cannot be decoded: {first_line(error)}") from error


def _decode_failure(error: Exception) -> str:
    """Return the kind of an error in decoding, after the header was read."""
    text = str(error).lower()
    cut = ("truncat", "not enough image data", "unexpected end", "premature", "unrecognized data stream contents")
    broken = ("broken data stream", "broken png file", "failed to read next frame", "failed to decode", "decoder error")
    if isinstance(error, EOFError) or any(word in text for word in cut):
        return "truncated"
    if "decoder error -9" in text:  # Pillow's number for too little memory
        return "too-large"
    return "damaged" if any(word in text for word in broken) else "unreadable"
