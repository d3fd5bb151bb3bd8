"""Decode one untrusted image as a bounded job: so many pixels, so much memory and time, and no half images.

Every way in which its bytes can be unusable ends in one exception, `ImageError`, with a kind and a reason.

What a JPEG or a PNG costs, its header tells: they are decoded in this process, at a reduced size where that is wanted.
All other formats, and what is unusually large, are decoded in a process that can be stopped.
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
from placeprint.dataset.decoding.pixel_limit import check_pixels, max_pixels
from placeprint.dataset.decoding.refusals import decodable_kind, failures_told
from placeprint.dataset.decoding.worker import LOOK_BYTES
from placeprint.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "decode",
    "decode_sized",
    "format_of",
    "max_pixels",
    "memory_reused",
    "prepared",
    "size_of",
    "still_holds",
    "what_is_there",
]

_MOST_BYTES = 64 << 20
"""A larger file is decoded apart: it may hold more than its header says."""


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
        ``unreadable``, ``truncated``, ``damaged`` or ``too-large``. Half an image is refused: what a decoder makes
        up for the rest would be recognised too, as some place.
    """
    return decode_sized(data, min_side=min_side)[0]


def decode_sized(data: bytes, *, min_side: int | None = None) -> tuple[Image, tuple[int, int]]:
    """Decode as `decode`, and tell the upright image's full width and height: one look at the header serves both."""
    with _decoded(data, min_side, as_far=False) as (image, header, _):
        return image, header.size


@contextmanager
def what_is_there(data: bytes) -> Iterator[tuple[Image, Damage | None]]:
    """Decode at full size as `decode`, but of a damaged image give what there is, and how much that is.

    The image's memory counts for as long as the block lasts.

    Raises
    ------
    ImageError
        ``unreadable``, ``truncated`` or ``too-large``; ``damaged`` where nothing can be decoded.
    """
    with _decoded(data, None, as_far=True) as (image, _, damage):
        yield image, damage


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height after the EXIF turn, from the header alone.

    Raises
    ------
    ImageError
        As `decode`.
    """
    return _header(data).size


def format_of(data: bytes) -> str:
    """Return which decoder reads an image, from the header alone: ``JPEG``, ``PNG``, … as `kind_of` does.

    Raises
    ------
    ImageError
        As `decode`.
    """
    return _header(data).kind


def prepared(image: Image, *, min_side: int | None = None) -> Image:
    """Return an image of Pillow's as `decode` would return a file that holds the same pixels.

    What was prepared once stays as it is. The image itself is not changed.

    Raises
    ------
    ImageError
        As `decode`.
    """
    with failures_told():
        image.load()
        return shown(image, orientation(image), min_side)


def still_holds(data: bytes, image: Image, *, loaded: bool) -> bool:
    """Tell whether an image of Pillow's is still what its JPEG holds: its size and turn, and each pixel when loaded.

    Raises
    ------
    ImageError
        As `decode`.
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
    """Let Pillow keep up to so many blocks of freed pixels for the next image, instead of asking the system anew.

    It saves a tenth of the time of decoding many images. The setting is the process's; it is taken back.
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
    """Decode in this process or apart; what it takes counts for as long as the block lasts."""
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
    """Return whether an image's header tells what decoding takes."""
    return kind in KNOWN and len(data) <= _MOST_BYTES
