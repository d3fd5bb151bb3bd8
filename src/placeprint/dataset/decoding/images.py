"""Decode one untrusted image within limits of pixels, memory and time.

Whatever makes its bytes unusable raises one exception, `ImageError`, with a kind and a reason.

The header of a JPEG or PNG tells the cost of decoding, so they are decoded in this process, at a reduced size if asked.
All other formats and unusually large files are decoded in a process that can be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from placeprint.dataset.decoding import workers
from placeprint.dataset.decoding.budget import DECODING
from placeprint.dataset.decoding.damage import Damage
from placeprint.dataset.decoding.decoder import KNOWN, decode_opened, known_header, open_known, shown
from placeprint.dataset.decoding.header import Header
from placeprint.dataset.decoding.jpeg import decode_jpeg
from placeprint.dataset.decoding.orientation import orientation
from placeprint.dataset.decoding.pixel_limit import check_pixels
from placeprint.dataset.decoding.refusals import decodable_kind, failures_told
from placeprint.dataset.decoding.worker import LOOK_BYTES
from placeprint.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_BYTES = 64 << 20
"""A larger file is decoded in a process of its own: it may hold more than its header says."""


def decode(data: bytes, *, min_side: int | None = None) -> Image:
    """Decode to an upright RGB image.

    The EXIF orientation is applied, 16-bit samples are scaled to 8, transparency becomes white, and the first frame of
    an animation is taken.

    `min_side`: The image may be reduced, a JPEG by 2, 4 or 8 and others by any whole number, as long as both sides keep
    at least this many pixels, or the longer one eight times as many; None decodes at full size.
    Returns an image of mode RGB, fully loaded.
    Raises `ImageError`: ``unreadable``, ``truncated``, ``damaged`` or ``too-large``. Half an image is refused: what
    decoders fill in for the rest would be recognised too, as some place.
    """
    return decode_sized(data, min_side=min_side)[0]


def decode_sized(data: bytes, *, min_side: int | None = None) -> tuple[Image, tuple[int, int]]:
    """Decode as `decode`, and also return the full width and height of the upright image."""
    with _decoded(data, min_side, as_far=False) as (image, header, _):
        return image, header.size


@contextmanager
def what_is_there(data: bytes) -> Iterator[tuple[Image, Damage | None]]:
    """Decode at full size as `decode`, but return what there is of a damaged image, and how much that is.

    The image's memory counts in the budget while the block runs.

    Raises `ImageError`: ``unreadable``, ``truncated`` or ``too-large``; ``damaged`` when nothing can be decoded.
    """
    with _decoded(data, None, as_far=True) as (image, _, damage):
        yield image, damage


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height after the EXIF turn, from the header alone. Raises `ImageError` as `decode` does."""
    return _header(data).size


def format_of(data: bytes) -> str:
    """Return the format of an image, as `kind_of` does, after a look at its header.

    Raises `ImageError` as `decode` does.
    """
    return _header(data).kind


def prepared(image: Image, *, min_side: int | None = None) -> Image:
    """Prepare a Pillow image as `decode` would a file with the same pixels.

    Preparing an image again changes nothing. The given image is not modified.

    Raises `ImageError` as `decode` does.
    """
    with failures_told():
        image.load()
        return shown(image, orientation(image), min_side)


def still_holds(data: bytes, image: Image, *, loaded: bool) -> bool:
    """Return whether a Pillow image still has its JPEG's size and turn and, when loaded, its pixels.

    Raises `ImageError` as `decode` does.
    """
    if decodable_kind(data) != "JPEG":
        return False
    header, bare_file = known_header(data, "JPEG")
    if (header.width, header.height, header.mode, header.turn) != (*image.size, image.mode, orientation(image)):
        return False
    with DECODING.holding(header.memory(None)), failures_told():
        return (
            not loaded or decode_jpeg(open_known(data, header, bare_file).image, data)[0].tobytes() == image.tobytes()
        )


@contextmanager
def memory_reused(blocks: int) -> Iterator[None]:
    """Let Pillow keep up to `blocks` blocks of freed pixels for the next image.

    This saves a tenth of the time of decoding many images. The setting is global; it is restored afterwards.
    """
    from PIL.Image import core  # type: ignore[attr-defined]  # Pillow documents it under "Block Allocator"

    before = core.get_blocks_max()
    core.set_blocks_max(max(blocks, before))
    try:
        yield
    finally:
        core.set_blocks_max(before)


_Decoded = Iterator[tuple["Image", Header, Damage | None]]


def _header(data: bytes) -> Header:
    kind = decodable_kind(data)
    if _is_bounded(data, kind):
        return known_header(data, kind)[0]
    with workers.borrowed() as worker:
        header = _looked(worker, data)
        worker.forget()
    return header


@contextmanager
def _decoded(data: bytes, min_side: int | None, *, as_far: bool) -> _Decoded:
    """Decode in this process or in a worker; the memory counts in the budget while the block runs."""
    kind = decodable_kind(data)
    if _is_bounded(data, kind):
        header, bare_file = known_header(data, kind)
        with DECODING.holding(header.memory(min_side)):
            image, damage = decode_opened(open_known(data, header, bare_file), min_side, as_far=as_far)
            yield image, header, damage
        return
    with ExitStack() as held:
        with workers.borrowed() as worker:
            header = _looked(worker, data)
            try:
                held.enter_context(DECODING.holding(header.memory(min_side, apart=True)))
            except ImageError:
                worker.forget()
                raise
            image, damage = worker.decoded(min_side, as_far=as_far)
        yield image, header, damage


def _looked(worker: workers.Worker, data: bytes) -> Header:
    with DECODING.holding(LOOK_BYTES + 2 * len(data)):
        header = worker.header(data)
    check_pixels(header.width, header.height)
    return header


def _is_bounded(data: bytes, kind: str) -> bool:
    """Return whether an image's header tells the cost of decoding."""
    return kind in KNOWN and len(data) <= _MOST_BYTES
