"""XMP sidecars that `locate` writes beside photos, and takes away again; never another's, and never the photo."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from placeprint.dataset.files import locate
from placeprint.dataset.metadata.sidecars import LARGEST, Sidecars
from placeprint.errors import ImageError
from placeprint.recognition.location.result import Located, LocateResult
from placeprint.records import FailedImage
from placeprint.storage.regular_files import read_regular

MARK = b'x:xmptk="placeprint locate'
"""What only our own sidecars have in their head, before the checksum of their body."""


def write_sidecars(result: LocateResult) -> tuple[tuple[str, ...], tuple[FailedImage, ...]]:
    """Write ``IMG.jpg.xmp`` beside each photo that got a position.

    Returns the sidecars that were written, relative to the result's root, and the photos that have one already, or
    whose folder cannot be written to.
    """
    beside, written, left = Sidecars(result.root), list[str](), list[FailedImage]()
    for photo in result.new:
        name = f"{photo.path}.xmp"
        try:
            path = locate(result.root, photo.path)
            if there := beside.name_of(photo.path):
                left.append(FailedImage(photo.path, "has-sidecar", f'it has the sidecar "{there}", which stays'))
                continue
            _write_new(path.with_name(path.name + ".xmp"), _packet(photo))
            written.append(name)
        except ImageError as error:
            left.append(FailedImage(photo.path, error.kind, error.reason))
        except OSError as error:
            left.append(FailedImage(photo.path, "unwritable", f"the sidecar cannot be written: {error.strerror}"))
    return tuple(written), tuple(left)


def remove_sidecars(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Take away the sidecars of photos that `write_sidecars` wrote and nobody changed; return them."""
    gone = []
    for path in paths:
        try:
            sidecar = locate(root, f"{path}.xmp")
            data = read_regular(sidecar, LARGEST)
            if MARK in data and data == _signed(data[len(_HEAD) + _CHECKSUM : len(data) - len(_TAIL)]):
                sidecar.unlink()
                gone.append(f"{path}.xmp")
        except (ImageError, OSError):
            continue
    return tuple(gone)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet: whoever makes one at the same time keeps it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError:  # a part of one would be nobody's, and stay for ever
        path.unlink(missing_ok=True)
        raise


def _packet(photo: Located) -> bytes:
    assert photo.latitude is not None
    assert photo.longitude is not None
    body = (
        f'    exif:GPSLatitude="{_angle(photo.latitude, "NS")}"\n'
        f'    exif:GPSLongitude="{_angle(photo.longitude, "EW")}"\n'
        '    exif:GPSMapDatum="WGS-84"\n'
        f'    exif:GPSHPositioningError="{round(100 * (photo.radius or 0))}/100"\n'
        f'    exif:GPSProcessingMethod="placeprint, by {photo.how}"/>'
    )
    return _signed(body.encode())


def _signed(body: bytes) -> bytes:
    """Return the packet of a body: its head tells whether anybody changed it since."""
    return _HEAD.replace(MARK, MARK + b" %08x" % zlib.crc32(body)) + body + _TAIL


def _angle(degrees: float, sides: str) -> str:
    """Write degrees and decimal minutes, as XMP has them."""
    units = round(abs(degrees) * 60 * 10**6)
    return f"{units // (60 * 10**6)},{units % (60 * 10**6) / 10**6:.6f}{sides[degrees < 0]}"


_HEAD = (
    b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>\n"
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" ' + MARK + b'">\n'
    b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'  <rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"\n'
)
_CHECKSUM = len(" 00000000")
_TAIL = b"\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end='w'?>\n"
