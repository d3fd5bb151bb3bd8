"""Small files that ask for much memory or time; `benchmarks/hostile.py` measures what they get."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG's chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(size: tuple[int, int], depth: int, colour: int, *, row: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG whose rows are all alike."""
    packer = zlib.compressobj(9)
    coded = b"".join(packer.compress(b"\0" + row) for _ in range(size[1])) + packer.flush()
    return png_of(size, depth, colour, coded, extra)


def png_of(size: tuple[int, int], depth: int, colour: int, coded: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG of coded data, with other chunks before it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", coded) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """Return so many packed zeros."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    return (
        b"".join(packer.compress(block[: min(1 << 20, size - at)]) for at in range(0, size, 1 << 20)) + packer.flush()
    )


def small_png(extra: bytes) -> bytes:
    """Return a PNG of 10x10 pixels with other chunks."""
    return png((10, 10), 8, 2, row=bytes(30), extra=extra)


def exif_bomb(entries: int = 5400, count: int = 65_000) -> bytes:
    """Return an EXIF block whose entries all point at the same bytes; the first says that it is turned by 6."""
    rows = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    rows += b"".join(struct.pack("<HHII", 0x8000 + n, 7, count, 8) for n in range(entries - 1))
    return (b"II*\0" + struct.pack("<IH", 8, entries) + rows + bytes(4)).ljust(count + 8, b"\0")


def profile(block: bytes) -> bytes:
    """Return the chunk in which ImageMagick keeps an EXIF block in a PNG."""
    text = b"\nexif\n%8d\n" % len(block) + block.hex().encode()
    return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text, 9))


def segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG's segment."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(extra: bytes, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a JPEG with bytes put in behind its first marker."""
    plain = encoded(Image.new("RGB", size, (90, 120, 60)), "JPEG")
    return plain[:2] + extra + plain[2:]


def many_scans(size: tuple[int, int], scans: int, between: bytes = b"") -> bytes:
    """Return a progressive JPEG that goes over the same plain picture again and again."""
    width, height = size
    blocks = -(-width // 8) * -(-height // 8)
    bits = ("0" + "1" * 14) * -(-blocks // 32767)
    bits += "1" * (-len(bits) % 8)
    run = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    tables = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    tables += segment(0xC4, b"\0\1" + bytes(15) + b"\0") + segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(-(-blocks // 8))
    return b"\xff\xd8" + tables + first + (between + segment(0xDA, b"\1\1\0\1\x3f\0") + run) * scans + b"\xff\xd9"


def restarts(size: tuple[int, int]) -> bytes:
    """Return a JPEG with a restart behind every block, and a long run of zeros in each."""
    width, height = size
    blocks = -(-width // 8) * -(-height // 8)
    tables = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    tables += segment(0xC4, b"\0\1" + bytes(15) + b"\0") + segment(0xC4, b"\x10\1" + bytes(15) + b"\x0a")
    tables += segment(0xDD, b"\0\1") + segment(0xDA, b"\1\1\0\0\x3f\0")
    block = bytes(86) + b"\3"  # 1 + 63 * 11 bits
    return (
        b"\xff\xd8"
        + tables
        + b"".join(block + b"\xff" + bytes([0xD0 + n % 8]) for n in range(blocks))[:-2]
        + b"\xff\xd9"
    )


def tiff(tags: dict[int, tuple[int, int, int | bytes]]) -> bytes:
    """Return a TIFF of tags: for each its type, its count and its value, or the bytes that it points at."""
    at = 8 + 2 + 12 * len(tags) + 4
    entries, behind = b"", b""
    for tag, (kind, count, value) in sorted(tags.items()):
        if isinstance(value, bytes):
            value, behind = at + len(behind), behind + value
        short = kind == 3 and count == 1
        entries += struct.pack("<HHI", tag, kind, count) + (
            struct.pack("<HH", value, 0) if short else struct.pack("<I", value)
        )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + behind


def tiff_of(coded: bytes, layout: dict[int, tuple[int, int, int | bytes]], compression: int = 8) -> bytes:
    """Return a grey TIFF of 100x100 pixels in strips or tiles of any size."""
    plain = {
        256: (4, 1, 100),
        257: (4, 1, 100),
        258: (3, 1, 8),
        259: (3, 1, compression),
        262: (3, 1, 1),
        277: (3, 1, 1),
    }
    where, size = (324, 325) if 322 in layout else (273, 279)
    return tiff({**plain, **layout, where: (4, 1, coded), size: (4, 1, len(coded))})


def tiff_tags(entries: int, count: int) -> bytes:
    """Return a TIFF whose tags all point at the same bytes."""
    tags = {
        256: (4, 1, 100),
        257: (4, 1, 100),
        258: (3, 1, 8),
        262: (3, 1, 1),
        273: (4, 1, bytes(count)),
        279: (4, 1, 10_000),
    }
    more: dict[int, tuple[int, int, int | bytes]] = {40_000 + n: (7, count, 8) for n in range(entries)}
    return tiff({**tags, **more})


def webp(size: tuple[int, int], frame: bytes = b"") -> bytes:
    """Return a WebP of a large canvas, and of a frame of one pixel where none is given."""
    frame = frame or encoded(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    canvas = (size[0] - 1).to_bytes(3, "little") + (size[1] - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + canvas
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    inner = bytes(6) + bytes(6) + bytes(4) + frame
    body += b"ANMF" + struct.pack("<I", len(inner)) + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lying_avif(size: tuple[int, int]) -> bytes:
    """Return an AVIF that says it has 100x100 pixels."""
    data = encoded(Image.new("L", size, 90), "AVIF", speed=10)
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", 100, 100) + data[at + 8 :]


def gif_comments(blocks: int) -> bytes:
    """Return a GIF with a comment in many pieces."""
    plain = encoded(Image.new("P", (8, 8)), "GIF")
    at = plain.index(b"\x2c")
    return plain[:at] + b"\x21\xfe" + (b"\xff" + b"c" * 255) * blocks + b"\0" + plain[at:]


def gif_frame(canvas: tuple[int, int], frame: tuple[int, int]) -> bytes:
    """Return a GIF whose frame is larger than its canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x4c\x01\0\x3b"


def bmp_runs(size: tuple[int, int], runs: int) -> bytes:
    """Return a BMP of runs of one pixel."""
    head = struct.pack("<IiiHHIIIIII", 40, *size, 1, 8, 1, 2 * runs, 0, 0, 2, 0) + bytes(8)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + 2 * runs, 0, 0, 14 + len(head)) + head + b"\1\0" * runs


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a file as Pillow writes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(size: tuple[int, int]) -> Image.Image:
    """Return a picture that no coder makes small."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def stripes(size: tuple[int, int]) -> np.ndarray:
    """Return a picture of thin bright lines, which looks like lettering."""
    rows = np.full((size[1], size[0], 3), 16, np.uint8)
    rows[::8] = rows[1::8] = 240
    return rows


LARGE: dict[str, Callable[[], bytes]] = {
    "PNG, 16 bits grey, 79 MP": lambda: png((8900, 8900), 16, 0, row=b"\x12\x34" * 8900),
    "PNG, RGBA, 79 MP": lambda: png((8900, 8900), 8, 6, row=b"\x11\x22\x33\x80" * 8900),
    "PNG, RGBA of 16 bits, 79 MP": lambda: png((8900, 8900), 16, 6, row=b"\x11\x22" * 35600),
    "PNG, RGBA, 50 MP": lambda: png((7070, 7070), 8, 6, row=b"\x11\x22\x33\x80" * 7070),
    "PNG, palette with transparency, 50 MP": lambda: png(
        (7070, 7070), 8, 3, row=bytes(7070), extra=chunk(b"PLTE", b"\1\2\3") + chunk(b"tRNS", b"\x80")
    ),
    "PNG, 16 bits grey, 50 MP": lambda: png((7070, 7070), 16, 0, row=b"\x12\x34" * 7070),
    "PNG, palette, 39 MP": lambda: png(
        (6250, 6250), 8, 3, row=b"\0\1" * 3125, extra=chunk(b"PLTE", b"\1\2\3\xf0\xf0\xf0")
    ),
    "PNG, black and white, 79 MP": lambda: png((8896, 8896), 1, 0, row=b"\x0f" * 1112),
    "PNG, 480x104000": lambda: png((480, 104_000), 8, 2, row=(b"\x10" * 12 + b"\xf0" * 12) * 60),
    "PNG, 305x262000, grey": lambda: png((305, 262_000), 8, 0, row=b"\x10\xf0" * 152 + b"\x10"),
    "PNG, 190000x262, RGBA": lambda: png(
        (190_000, 262), 8, 6, row=(b"\x10\x10\x10\x80" + b"\xf0\xf0\xf0\xff") * 95_000
    ),
    "PNG, 1x49000000": lambda: png((1, 49_000_000), 8, 2, row=b"\x10\x20\x30"),
    "JPEG, 700x65000": lambda: encoded(Image.fromarray(stripes((700, 65_000))), "JPEG", quality=30),
    "PNG, 65500x65500": lambda: png_of((65_500, 65_500), 1, 0, zeros(100)),
    "PNG, a text of 900 MB": lambda: small_png(chunk(b"zTXt", b"k\0\0" + zeros(900 << 20))),
    "PNG, a profile of 900 MB": lambda: small_png(chunk(b"iCCP", b"k\0\0" + zeros(900 << 20))),
    "PNG, 2,000 texts": lambda: small_png(chunk(b"iTXt", b"k\0\1\0\0\0" + zeros(900_000)) * 2000),
    "PNG, 2,000,000 chunks": lambda: small_png(chunk(b"abCd", b"") * 2_000_000),
    "PNG, 1 GB behind its pixels": lambda: png_of((10, 10), 8, 2, zeros(1 << 30)),
    "PNG, EXIF entries that overlap": lambda: small_png(profile(exif_bomb())),
    "PNG, 5,000 of them": lambda: small_png(profile(exif_bomb()) * 5000),
    "JPEG, 20,000 scans of 25 MP": lambda: many_scans((5000, 5000), 20_000),
    "JPEG, 120 scans of 16 MP": lambda: many_scans((4000, 4000), 120),
    "JPEG, progressive, 79 MP": lambda: many_scans((8900, 8900), 10),
    "JPEG, 333,000 segments": lambda: jpeg_with(segment(0xE5, b"") * 333_000),
    "JPEG, 28 MB of fill bytes": lambda: jpeg_with(b"\xff" * (28 << 20)),
    "JPEG, 28 MB of junk": lambda: jpeg_with(b"\xff\0" * (14 << 20)),
    "JPEG, EXIF entries that overlap": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + exif_bomb(count=64_990)[:65_000])),
    "JPEG, 7,000,000 segments between scans": lambda: many_scans((64, 64), 2, segment(0xE5, b"") * 3_500_000),
    "JPEG, a restart behind each block": lambda: restarts((4700, 4700)),
    "TIFF, a tile of 2 GB": lambda: tiff_of(zeros(1 << 30), {322: (4, 1, 46_336), 323: (4, 1, 46_336)}),
    "TIFF, a tile of 1 GB": lambda: tiff_of(zeros(1 << 30), {322: (4, 1, 32_768), 323: (4, 1, 32_768)}),
    "TIFF, a strip of 1 GB": lambda: tiff_of(zeros(1 << 30), {278: (4, 1, 0xFFFFFFFF)}),
    "TIFF, 20,000 tags of the same 8 MB": lambda: tiff_tags(20_000, 8 << 20),
    "WebP, a canvas of 16383x16383": lambda: webp((16_383, 16_383)),
    "WebP, a canvas of 79 MP": lambda: webp((8900, 8900)),
    "WebP, 50 MP": lambda: encoded(Image.new("RGB", (7070, 7070), (9, 90, 60)), "WEBP", method=0),
    "WebP, 16 MP": lambda: encoded(Image.new("RGB", (4000, 4000), (9, 90, 60)), "WEBP", method=0),
    "AVIF that lies, 64 MP": lambda: lying_avif((8000, 8000)),
    "AVIF, 64 MP": lambda: encoded(Image.new("L", (8000, 8000), 90), "AVIF", speed=10),
    "GIF, a comment of 24 MB": lambda: gif_comments(98_000),
    "GIF, a frame of 4 GP": lambda: gif_frame((10, 10), (65_000, 65_000)),
    "BMP, 14,000,000 runs": lambda: bmp_runs((8000, 9000), 14_000_000),
}
