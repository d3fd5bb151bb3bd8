"""The format of an image file, from its first bytes alone."""

from __future__ import annotations

HEAD_BYTES = 64
"""Bytes at the start of a file that tell its format."""

_HEIF = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    *((start, "TIFF") for start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)


def kind_of(head: bytes) -> str | None:
    """Return ``JPEG``, ``PNG``, ``WEBP``, ``AVIF``, ``HEIF``, ``TIFF``, ``BMP`` or ``GIF``; None for anything else.

    `head`: The first `HEAD_BYTES` of the file, or more.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brands = head[8 : min(int.from_bytes(head[:4]), HEAD_BYTES)]
        # AVIF names the general brands of HEIF too.
        return "AVIF" if any(b in brands for b in _AVIF) else "HEIF" if any(b in brands for b in _HEIF) else None
    return next((kind for start, kind in _STARTS if head.startswith(start)), None)
