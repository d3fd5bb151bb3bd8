"""A query image in any form: a path, the bytes of a file, an open file, a Pillow image, or an array.

In every form the same image gets the same answer: where there is a file, its bytes are decoded by
`placeprint.dataset.decoding.images`; otherwise the pixels are prepared in the same way. See "The same photo gets the
same answer" in docs/accuracy.md for the differences that remain.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Pixels
from placeprint.dataset.decoding import images
from placeprint.dataset.decoding.header import times_larger
from placeprint.dataset.decoding.pixel_limit import max_pixels
from placeprint.dataset.files import MAX_BYTES, read_bytes, require_content
from placeprint.errors import ImageError, UsageError, first_line

if TYPE_CHECKING:
    from PIL.Image import Image

    ImageInput: TypeAlias = os.PathLike[str] | str | bytes | bytearray | memoryview | BinaryIO | Image | NDArray[Any]

_KINDS = "a path, the bytes of a file, a file opened to read bytes, a PIL image, or an array"
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_OVERSHOOT = 1e-3
"""Resizing may leave floats this far outside 0 to 1."""


def several(images: object) -> bool:
    """Return whether these are several images: what can be gone through and is no image itself, as a list."""
    one = isinstance(images, str | bytes | bytearray | memoryview | os.PathLike)
    return isinstance(images, Iterable) and not (one or hasattr(images, "read") or hasattr(images, "__array__"))


def image_name(image: object, number: int) -> str:
    """Return what an image is called: its path, or its number among several where it has none."""
    return str(image) if isinstance(image, str | os.PathLike) else f"image {number}"


def prepare_image(image: ImageInput, *, min_side: int | None = None) -> Image:
    """Return an image upright and in RGB, ready for a model.

    `image`: See `array_image` for arrays. The EXIF orientation is applied.
    `min_side`: As in `placeprint.dataset.decoding.images.decode`.
    Raises `ImageError` when it cannot be read; `UsageError` when it cannot be understood as an image.
    """
    with _named(image):
        content = _content(image, min_side)
        if isinstance(content, bytes):
            return images.decode(content, min_side=min_side)
        return images.prepared(content, min_side=min_side)


def image_bytes(image: ImageInput) -> bytes:
    """Return the bytes of an image's file, or of a PNG with its pixels when there is no file.

    Raises `ImageError` or `UsageError` as `prepare_image` does.
    """
    with _named(image):
        content = _content(image, 1)
    if isinstance(content, bytes):
        return content
    buffer = io.BytesIO()
    images.prepared(content).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def array_image(pixels: NDArray[Any]) -> Image:
    """Make an image of an array with rows from the top and channels in the order RGB.

    `pixels`, ndarray, shape (height, width) or (height, width, channels): Grey, grey and opacity, RGB, or RGB and
    opacity. Whole numbers from 0 to 255, uint16 from 0 to 65535, floats from 0 to 1, or bool.
    Raises `UsageError` for any other array; the message says what to give.
    """
    from PIL import Image

    grey = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    channels = 1 if grey.ndim == 2 else grey.shape[2] if grey.ndim == 3 else 0
    if channels not in _MODES or not grey.size:
        advice = "give (height, width) or (height, width, channels) with 1 to 4 channels"
        if pixels.ndim == 3 and pixels.shape[0] in _MODES:
            advice = "channels come last: give array.transpose(1, 2, 0)"
        elif pixels.ndim == 4:
            advice = "give one photo at a time"
        raise UsageError(f"an array of shape {pixels.shape} is not a photo: {advice}")
    return Image.fromarray(np.ascontiguousarray(_eight_bits(grey)), _MODES[channels])


def _eight_bits(pixels: NDArray[Any]) -> Pixels:
    kind = pixels.dtype.kind
    if pixels.dtype == np.uint8:
        return pixels
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if kind not in "uif":
        raise UsageError(f"an array of {pixels.dtype} is not a photo: give uint8, uint16, or floats from 0 to 1")
    if kind == "u" and pixels.itemsize == 2:
        return np.rint(pixels / 257.0).astype(np.uint8)
    low, high = float(pixels.min()), float(pixels.max())  # NaN fails all comparisons
    if kind == "f" and low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT:
        return np.rint(pixels.clip(0, 1).astype(np.float64) * 255).astype(np.uint8)
    if kind != "f" and low >= 0 and high <= 255:
        return pixels.astype(np.uint8)
    range_ = "floats from 0 to 1" if kind == "f" else "whole numbers from 0 to 255"
    raise UsageError(
        f"an array of {pixels.dtype} from {low:g} to {high:g} can mean several things: give {range_}, or uint8"
    )


@contextmanager
def _named(image: ImageInput) -> Iterator[None]:
    """Let an error name the file that a path was given of."""
    try:
        yield
    except ImageError as error:
        if not isinstance(image, str | os.PathLike):
            raise
        raise ImageError(error.kind, error.reason, str(image) or '""') from error


def _content(image: ImageInput, min_side: int | None) -> bytes | Image:
    """Return the bytes of an image's file, or its pixels when there is no file."""
    from PIL.Image import Image

    if isinstance(image, bytes | bytearray | memoryview):
        return require_content(bytes(image))
    if isinstance(image, str | os.PathLike):
        return read_bytes(Path(image))
    if isinstance(image, Image):
        return _file_behind(image, min_side) or _fitting(image)
    if hasattr(image, "read"):
        return _read(image)
    if hasattr(image, "__array__"):
        return _fitting(array_image(np.asarray(image)))
    raise UsageError(f"{type(image).__name__} is not a photo: give {_KINDS}")


def _fitting(image: Image) -> Image:
    """Refuse pixels that would be refused in a file too."""
    most = max_pixels()
    if not image.width * image.height:
        raise ImageError("empty", f"the image has no pixels: {image.width}x{image.height}")
    if image.width * image.height > most:
        raise ImageError(
            "too-large",
            f"{image.width}x{image.height} pixels are more than {most}: give a smaller photo, or set "
            "PLACEPRINT_MAX_PIXELS",
        )
    return image


def _read(file: Any) -> bytes:
    """Read an open file from its start, as Pillow does, and restore its position."""
    try:
        back = file.tell() if not hasattr(file, "seekable") or file.seekable() else None
        if back is not None:
            file.seek(0)
        data = file.read(MAX_BYTES + 1)
        if back is not None:
            file.seek(back)
    except (OSError, ValueError) as error:  # the second: it is closed
        raise ImageError("unreadable", f"the open file cannot be read: {first_line(error)}") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UsageError(f'a photo is read as bytes, not as {type(data).__name__}: open its file with "rb"')
    return require_content(bytes(data))


def _file_behind(image: Image, min_side: int | None) -> bytes | None:
    """Return the bytes of a Pillow image's file, if it is available and still holds the image's pixels.

    Only a JPEG is decoded differently from its file, and only when it is reduced.
    """
    if getattr(image, "format", None) not in ("JPEG", "MPO") or not min_side or times_larger(image.size, min_side) < 2:
        return None
    if getattr(image, "tell", int)():
        return None  # not the first frame
    file, name = getattr(image, "fp", None), getattr(image, "filename", "")
    loaded = not getattr(image, "tile", None) or file is None
    try:
        if loaded and not (name and Path(os.fsdecode(name)).is_file()):
            return None
        data = read_bytes(Path(os.fsdecode(name))) if loaded else _read(file)
        return data if images.still_holds(data, image, loaded=loaded) else None
    except (ImageError, OSError, ValueError):  # the file is gone or was replaced: the pixels are used
        return None
