"""Find the EXIF and the XMP item of a HEIC or AVIF file: ISO/IEC 23008-12, boxes of ISO/IEC 14496-12.

The items are named in the box ``iinf`` and located by the box ``iloc``, both within ``meta``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_MOST_BOXES = 256
_MOST_META = 1 << 20
_MOST_ITEMS = 4096
_MOST_BYTES = 1 << 20
_XMP_TYPE = b"application/rdf+xml"


def heif_blocks(read: Callable[[int, int], bytes]) -> tuple[bytes, bytes]:
    """Return the EXIF block, from where its TIFF begins, and the XMP packet; each empty if there is none."""
    meta = next((body for kind, body in _file_boxes(read) if kind == b"meta"), b"")[4:]
    boxes = dict(_boxes(meta))
    names, places = _names(boxes.get(b"iinf", b"")), _places(boxes.get(b"iloc", b""))
    exif = _item(read, places, next((i for i, kind in names.items() if kind == b"Exif"), -1))
    xmp = _item(read, places, next((i for i, kind in names.items() if kind == _XMP_TYPE), -1))
    return exif[4 + int.from_bytes(exif[:4]) :], xmp


def _file_boxes(read: Callable[[int, int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        head = read(at, 16)
        size, start = int.from_bytes(head[:4]), 8
        if size == 1:
            size, start = int.from_bytes(head[8:16]), 16
        if len(head) < 8 or size < start:
            return
        if head[4:8] == b"meta" and size <= _MOST_META:
            yield head[4:8], read(at + start, size - start)
        at += size


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_ITEMS):
        size = int.from_bytes(data[at : at + 4])
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _names(iinf: bytes) -> dict[int, bytes]:
    """Return the kind of each item by its number: a four-letter type, of texts the MIME type."""
    found: dict[int, bytes] = {}
    for kind, body in _boxes(iinf[8 if iinf[:1] != b"\0" else 6 :]):
        version = body[:1]
        if kind != b"infe" or version not in (b"\2", b"\3"):
            continue
        wide = 4 if version == b"\3" else 2
        name = body[4 + wide + 2 : 4 + wide + 6]
        if name == b"mime":
            name = body[4 + wide + 6 :].split(b"\0")[1:2][0] if body[4 + wide + 6 :].count(b"\0") else b""
        found[int.from_bytes(body[4 : 4 + wide])] = name
    return found


def _places(iloc: bytes) -> dict[int, tuple[int, int]]:
    """Return offset and length in the file of each item that lies there in one piece."""
    version, sizes, more = iloc[:1], iloc[4:5], iloc[5:6]
    if len(iloc) < 8 or version > b"\2":
        return {}
    offset_size, length_size = divmod(sizes[0], 16)
    base_size, index_size = divmod(more[0], 16)
    wide = 4 if version == b"\2" else 2
    take = _Numbers(iloc, 6)
    found: dict[int, tuple[int, int]] = {}
    for _ in range(min(take(wide), _MOST_ITEMS)):
        number = take(wide)
        method = take(2) & 15 if version > b"\0" else 0
        take(2)  # where the data is: in this file
        base, extents = take(base_size), take(2)
        numbered = index_size if version > b"\0" else 0
        if method == 0 and extents == 1:
            take(numbered)
            found[number] = (base + take(offset_size), take(length_size))
        else:  # not one by one: numbers of no bytes would cost nothing, and there may be 65,535 of each item
            take.skip(extents * (numbered + offset_size + length_size))
        if take.ended:
            break
    return found


class _Numbers:
    """Reads big-endian numbers one after the other; zeros behind the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def __call__(self, size: int) -> int:
        """Return the next number of so many bytes."""
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at])

    def skip(self, count: int) -> None:
        """Go on so many bytes farther."""
        self._at += count

    @property
    def ended(self) -> bool:
        """Whether all of it was read."""
        return self._at >= len(self._data)


def _item(read: Callable[[int, int], bytes], places: dict[int, tuple[int, int]], number: int) -> bytes:
    at, count = places.get(number, (0, 0))
    return read(at, count) if 0 < count <= _MOST_BYTES else b""
