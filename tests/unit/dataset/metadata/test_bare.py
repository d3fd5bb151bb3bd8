"""Files without their metadata."""

import io

import numpy as np
import pytest

from exif_writer import exif_block, gps_of, jpeg_with, picture
from placeprint.dataset.decoding import images
from placeprint.dataset.metadata.bare import without_metadata
from placeprint.dataset.metadata.blocks import blocks_of
from placeprint.dataset.metadata.exif import exif_facts
from placeprint.dataset.metadata.facts import Facts
from placeprint.errors import ImageError

SECRETS = [b"SECRET", b"http://ns.adobe.com/xap", b"\x88\x25"]


def with_everything(kind: str, **options: object) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts, made = PngInfo(), io.BytesIO()
    texts.add_text("Comment", "SECRET")
    more = {"pnginfo": texts} if kind == "PNG" else {"comment": b"SECRET"} if kind in ("JPEG", "GIF") else {}
    exif = exif_block({0x0112: (3, [6]), 0x010F: (2, "SECRET")}, gps=gps_of(48, 11))
    with Image.open(io.BytesIO(picture())) as image:
        image.save(made, kind, **(more | ({} if kind in ("GIF", "BMP") else {"exif": exif})), **options)
    return made.getvalue() + (b"" if kind in ("WEBP", "TIFF", "AVIF") else b"SECRET tail")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "restart_marker_rows": 1}),
        ("PNG", {}),
        ("WEBP", {}),
        ("TIFF", {}),
        ("AVIF", {}),
        ("GIF", {}),
    ],
)
def test_nothing_but_the_picture_stays(kind: str, options: dict[str, object]) -> None:
    data = with_everything(kind, **options)
    bare = without_metadata(data)
    assert not any(secret in bare for secret in SECRETS)
    assert exif_facts(blocks_of(io.BytesIO(bare)).exif)[0] == Facts()
    before, after = (np.asarray(images.decode(one), np.int16) for one in (data, bare))
    assert before.shape == after.shape  # the turn is kept, or was applied
    assert np.abs(before - after).max() <= (0 if kind in ("JPEG", "PNG") else 12)
    assert without_metadata(bare) == bare


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"EXIF", b"SECRET" * 200_000),  # too long to be read as metadata, and stored all the same
        chunk(b"EXIF", b"SECRET") + chunk(b"EXIF", b""),
        chunk(b"JUNK", b"SECRET"),
    ],
)
@pytest.mark.parametrize("counted", [True, False])
def test_a_webp_with_anything_but_its_picture_is_written_again(more: bytes, counted: bool) -> None:
    data = picture("WEBP") + more
    if counted:  # as a part of the file, or behind its end
        data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    bare = without_metadata(data)
    assert b"SECRET" not in bare
    assert np.asarray(images.decode(bare)).shape == (32, 48, 3)


@pytest.mark.parametrize("kind", ["AVIF", "BMP"])
def test_where_nobody_knows_what_else_a_file_holds_it_is_written_again(kind: str) -> None:
    hidden = b"\0\0\0\x0efreeSECRET" if kind == "AVIF" else b"SECRET"
    assert b"SECRET" not in without_metadata(picture(kind) + hidden)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_without_metadata_stays_as_it_is(kind: str) -> None:
    assert without_metadata(picture(kind)) == picture(kind)


def test_a_second_picture_behind_the_first_goes() -> None:
    data = jpeg_with(exif_block(gps=gps_of(48, 11)))
    assert without_metadata(data + data) == without_metadata(data)


@pytest.mark.parametrize("cut", [-1, -2])
def test_a_jpeg_without_its_last_marker_is_stored_with_it(cut: int) -> None:
    whole = picture()
    assert without_metadata(whole[:cut]) in (whole, whole[:-2] + b"\xff\xff\xd9")


@pytest.mark.parametrize("cut", [10, 60, -40])
def test_half_a_file_is_refused(cut: int) -> None:
    for kind in ("JPEG", "PNG"):
        with pytest.raises(ImageError):
            without_metadata(picture(kind)[:cut])
