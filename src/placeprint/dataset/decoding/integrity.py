"""Find damage in image files by their structure, with one function for each format.

The structure of a JPEG does not show damage: `placeprint.dataset.decoding.jpeg` watches its decoding. In uncompressed
formats (BMP, some TIFF) the zeros of a broken copy cannot be told from black.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Mapping

from placeprint.dataset.decoding.damage import LONG_RUN, Damage, long_runs

PNG_START = b"\x89PNG\r\n\x1a\n"
_IMAGE_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
"""What the pixels are made of: a wrong checksum of a comment costs no image."""
_TAIL = 1024
"""Bytes of one value at the end of an AVIF or HEIC file; neither coded images nor padding were seen to have so many."""
_MOST_BOXES = 4096
"""Boxes of an AVIF or HEIC file that are followed; images have about ten."""


def find_damage(data: bytes, kind: str | None) -> Damage | None:
    """Return the damage that an image file's structure shows.

    `kind`: Its format, as `kind_of` returns it.
    """
    look = _LOOKS.get(kind or "")
    return None if look is None else look(data)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of each complete chunk."""
    at = len(PNG_START)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        if end + 4 > len(data):
            return
        yield data[at + 4 : at + 8], at + 8, end
        at = end + 4


def _png_damage(data: bytes) -> Damage | None:
    """Check a PNG's checksums and its end."""
    view, coded = memoryview(data), 0
    for name, start, end in png_chunks(data):
        if name == b"IEND":
            return None
        if name in _IMAGE_CHUNKS:
            if zlib.crc32(view[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
                runs = long_runs(data, start, end) if name == b"IDAT" else []
                return Damage(_share(data, coded + (runs[0][0] - start if runs else 0)))
            coded += end - start if name == b"IDAT" else 0
    return Damage(_share(data, coded), "truncated")


def ends_early(data: bytes) -> bool:
    """Return whether the container of a WebP, AVIF or HEIC should go on beyond the end of its file."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    if data[4:8] != b"ftyp":
        return False
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 16 > len(data):
            break
        size = int.from_bytes(data[at : at + 4])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        if size < 8:  # 0: up to the end of the file
            return False
        at += size
    return at > len(data)


def _share(data: bytes, coded: int) -> float:
    return min(1.0, coded / len(data))


def _webp_damage(data: bytes) -> Damage | None:
    """Look for long runs in a WebP's coded image: if its last bytes are not needed, it ended in the run.

    There are no checksums, and plain images have long runs too.
    """
    for name, start, end in _riff_chunks(data):
        if name in (b"VP8 ", b"VP8L", b"ALPH"):
            runs = long_runs(data, start, end)
            if runs and _decodes_without_end(data, name, start, end):
                return Damage((runs[0][0] - start) / (end - start))
    return None


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= stop:
        end = min(stop, at + 8 + int.from_bytes(data[at + 4 : at + 8], "little"))
        yield data[at : at + 4], at + 8, end
        at = end + (end & 1)


def _decodes_without_end(data: bytes, cut: bytes, start: int, end: int) -> bool:
    """Return whether a WebP can be decoded without the last `LONG_RUN` bytes of a chunk."""
    from PIL import Image

    body = b""
    for name, first, last in _riff_chunks(data):
        content = data[first : last - LONG_RUN] if (name, first, last) == (cut, start, end) else data[first:last]
        body += name + len(content).to_bytes(4, "little") + content + bytes(len(content) & 1)
    shorter = b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body
    try:
        Image.open(io.BytesIO(shorter), formats=("WEBP",)).load()
    except OSError:
        return False
    return True


def _tail_damage(data: bytes) -> Damage | None:
    """Look for one byte that fills the end of the file: arithmetic codes never have such runs."""
    tail = data[-_TAIL:]
    if len(tail) < _TAIL or tail.count(tail[:1]) < _TAIL:
        return None
    return Damage(len(data.rstrip(tail[:1])) / len(data))


_LOOKS: Mapping[str, Callable[[bytes], Damage | None]] = {
    "PNG": _png_damage,
    "WEBP": _webp_damage,
    "AVIF": _tail_damage,
    "HEIF": _tail_damage,
}
