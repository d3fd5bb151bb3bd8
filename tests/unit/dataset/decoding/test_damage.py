"""Files of which only a part is there: refused, with the share that is; and whole ones that look odd are not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hostile_files import chunk, encoded
from placeprint.dataset.checks.check import check
from placeprint.dataset.checks.rules import Severity
from placeprint.dataset.decoding import jpeg
from placeprint.dataset.decoding.damage import LONG_RUN, Damage, long_runs
from placeprint.dataset.decoding.images import decode, what_is_there
from placeprint.dataset.decoding.integrity import png_chunks
from placeprint.errors import ImageError

OPTIONS: dict[str, dict[str, object]] = {
    "baseline": {"quality": 85},
    "fine": {"quality": 95, "subsampling": 0, "optimize": True},
    "progressive": {"quality": 85, "progressive": True},
    "restarts": {"quality": 85, "restart_marker_rows": 1},
    "progressive restarts": {"quality": 85, "progressive": True, "restart_marker_blocks": 7},
}


def scene(width: int = 640, height: int = 480, *, seed: int = 0) -> Image.Image:
    """Houses of noise below a smooth sky: coded data that is not all alike."""
    rng = np.random.default_rng(seed)
    rough = np.asarray(
        Image.fromarray(rng.integers(0, 255, (height // 4, width // 4, 3), dtype=np.uint8)).resize((width, height))
    )
    sky = np.linspace(90, 220, height)[:, None, None] * np.ones((1, width, 3))
    share = np.clip(np.arange(height) / height * 3 - 0.5, 0, 1)[:, None, None]
    return Image.fromarray((sky * (1 - share) + rough * share).astype(np.uint8))


def decode_what_is_there(data: bytes) -> tuple[Image.Image, Damage | None]:
    with what_is_there(data) as found:
        return found


def zeros(data: bytes, cut: int) -> bytes:
    return data[:cut] + bytes(len(data) - cut)


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "zeros to the end": zeros,
    "ones to the end": lambda data, cut: data[:cut] + b"\xff" * (len(data) - cut),
    "U to the end": lambda data, cut: data[:cut] + b"U" * (len(data) - cut),
    "old bytes to the end": lambda data, cut: data[:cut] + random.Random(1).randbytes(len(data) - cut),
    "zeros, then the end marker": lambda data, cut: zeros(data[:-2], cut) + b"\xff\xd9",
    "cut and closed": lambda data, cut: data[:cut] + b"\xff\xd9",
    "a hole": lambda data, cut: data[:cut] + bytes(4096) + data[cut + 4096 :],
    "the same file again": lambda data, cut: data[:cut] + data[2 * cut - len(data) : cut],
    "another photograph's end": lambda data, cut: (
        data[:cut] + encoded(scene(seed=9), "JPEG", quality=70)[-(len(data) - cut) :]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("options", OPTIONS)
def test_a_jpeg_of_which_a_part_is_there_is_refused(options: str, damage: str) -> None:
    data = encoded(scene(), "JPEG", **OPTIONS[options])
    broken = DAMAGES[damage](data, int(len(data) * 0.7))
    for min_side in (None, 100):
        decode(data, min_side=min_side)
        with pytest.raises(ImageError) as caught:
            decode(broken, min_side=min_side)
        assert caught.value.kind in ("damaged", "truncated")


def test_a_hole_that_makes_as_many_blocks_as_it_took_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(70, 186, (480, 640), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG", quality=68)  # about 191 bits a block, as zeros make
    holes = [data[:cut] + bytes(4096) + data[cut + 4096 :] for cut in range(len(data) // 3, len(data) // 3 + 1500, 37)]
    with monkeypatch.context() as patched:
        patched.setattr(jpeg._Watch, "_hole", lambda *_: None)
        hidden = [hole for hole in holes if is_taken(hole)]
    assert hidden
    assert not any(is_taken(hole) for hole in hidden)


def is_taken(data: bytes) -> bool:
    try:
        decode(data, min_side=60)
    except ImageError:
        return False
    return True


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("damage", ["zeros to the end", "cut and closed", "ones to the end"])
def test_the_score_is_the_share_of_rows(damage: str, share: float) -> None:
    data = encoded(Image.effect_noise((640, 480), 60), "JPEG", quality=90)  # as many bytes in each row
    image, found = decode_what_is_there(DAMAGES[damage](data, int(len(data) * share)))
    assert found is not None
    assert (found.kind, image.size) == ("damaged", (640, 480))
    assert found.score == pytest.approx(share, abs=0.04)


def test_of_a_progressive_jpeg_the_share_is_of_coefficients() -> None:
    data = encoded(scene(), "JPEG", quality=85, progressive=True)
    _, late = decode_what_is_there(data[:-200] + b"\xff\xd9")
    _, early = decode_what_is_there(data[: len(data) // 3] + b"\xff\xd9")
    assert late is not None
    assert early is not None
    assert late.score == pytest.approx(1 - 63 / 192 / 2)  # the last scan: the lowest bits of one component of three
    assert early.score < late.score


def whole_jpegs() -> Iterator[tuple[str, bytes]]:
    for name, image in plain_pictures():
        for option, options in OPTIONS.items():
            yield f"{name}, {option}", encoded(image, "JPEG", **options)


def plain_pictures() -> Iterator[tuple[str, Image.Image]]:
    for width, height in ((1, 1), (33, 17), (640, 480)):
        black = Image.new("RGB", (width, height))
        yield f"black {width}", black
        yield f"grey {width}", Image.new("L", (width, height), 127)
        yield f"cmyk {width}", scene().resize((width, height)).convert("CMYK")
        box = black.copy()
        box.paste(scene(max(8, width), max(8, height)).crop((0, 0, width, height // 2)), (0, height // 4))
        yield f"letterbox {width}", box
        noise = np.zeros((height, width, 3), np.uint8)
        noise[: height // 3] = np.random.default_rng(0).integers(0, 255, (height // 3, width, 3))
        yield f"night {width}", Image.fromarray(noise)


def test_plain_jpegs_are_whole() -> None:
    for name, data in whole_jpegs():
        image, found = decode_what_is_there(data)
        assert found is None, name
        assert image.mode == "RGB"


@pytest.mark.parametrize("options", OPTIONS)
def test_what_lies_behind_a_jpeg_is_no_damage(options: str) -> None:
    data = encoded(scene(), "JPEG", **OPTIONS[options])
    wanted = np.asarray(decode(data))
    odd = {
        "padding": data + bytes(9000),
        "a film": data + random.Random(1).randbytes(9000),
        "a second picture": data + data,
        "no end marker": data[:-2],
        "two stray bytes": data[:-2] + b"\x00\x00\xff\xd9",
        "fill bytes": data[:-2] + b"\xff" * 9 + b"\xff\xd9",
        "zeros before the end marker": data[:-2] + bytes(700) + b"\xff\xd9",
    }
    for name, content in odd.items():
        np.testing.assert_array_equal(np.asarray(decode(content)), wanted, err_msg=name)


def test_padding_that_is_like_the_last_byte_of_a_plain_corner_is_no_damage() -> None:
    picture = scene(400, 200)
    for width in range(168, 400, 8):
        plain = picture.resize((width, 200))
        plain.paste((255, 255, 255), (width // 2, 60, width, 200))
        data = encoded(plain, "JPEG", quality=85)
        assert is_taken(data[:-2] + bytes(512) + b"\xff\xd9"), width


def test_watching_changes_no_pixel() -> None:
    for options in OPTIONS.values():
        data = encoded(scene(), "JPEG", **options)
        for side in (None, 300, 100):
            plain = Image.open(io.BytesIO(data))
            if side:
                plain.draft(None, (side, side))
            np.testing.assert_array_equal(np.asarray(decode(data, min_side=side)), np.asarray(plain.convert("RGB")))


def test_a_missing_restart_marker_is_damage() -> None:
    data = encoded(scene(), "JPEG", quality=85, restart_marker_rows=1)
    second = data.index(b"\xff\xd1")
    third = data.index(b"\xff\xd2")
    with pytest.raises(ImageError, match="damaged"):
        decode(data[:second] + data[third:])


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_a_wrong_checksum_of_a_png_is_damage(name: bytes) -> None:
    data = encoded(scene().quantize(64), "PNG")
    end = next(end for kind, _, end in png_chunks(data) if kind == name)
    decode(data)
    with pytest.raises(ImageError, match="damaged") as caught:
        decode(data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :])
    assert caught.value.kind == "damaged"


def test_a_wrong_checksum_of_a_comment_costs_no_photograph() -> None:
    data = encoded(scene(), "PNG")
    comment = chunk(b"tEXt", b"Comment\0words")
    decode(data[:-12] + comment[:-1] + bytes([comment[-1] ^ 1]) + data[-12:])


def test_a_png_without_its_end_is_truncated() -> None:
    data = encoded(scene(), "PNG")
    with pytest.raises(ImageError) as caught:
        decode(data[:-12])
    assert caught.value.kind == "truncated"


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"compress_level": 1}),
        ("WEBP", {"quality": 85}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"speed": 10}),
    ],
)
def test_zeros_at_the_end_are_damage(kind: str, options: dict[str, object], share: float) -> None:
    data = encoded(scene(), kind, **options)
    broken = zeros(data, int(len(data) * share))
    with pytest.raises(ImageError) as caught:
        decode(broken)
    assert caught.value.kind == "damaged"
    _, found = decode_what_is_there(broken)
    assert found is not None
    assert found.score == pytest.approx(share, abs=0.06)


def test_zeros_at_the_end_of_a_webp_with_transparency_are_damage() -> None:
    image = scene()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = encoded(image, "WEBP", quality=85)
    decode(data)
    for cut in (int(len(data) * 0.7), int(len(data) * 0.95)):
        with pytest.raises(ImageError, match="damaged"):
            decode(zeros(data, cut))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_a_cut_container_is_truncated(kind: str) -> None:
    data = encoded(scene(), kind)
    with pytest.raises(ImageError) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.kind == "truncated"


@pytest.mark.parametrize("options", [{"quality": 0, "method": 0}, {"lossless": True, "method": 0, "quality": 0}])
def test_long_runs_of_a_plain_webp_are_no_damage(options: dict[str, object]) -> None:
    noise = np.zeros((900, 1200, 3), np.uint8)
    noise[:300] = np.random.default_rng(0).integers(0, 255, (300, 1200, 3))
    data = encoded(Image.fromarray(noise), "WEBP", **options)
    assert long_runs(data, 12, len(data))
    assert decode_what_is_there(data)[1] is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF"])
def test_plain_pictures_of_other_formats_are_whole(kind: str) -> None:
    for name, image in plain_pictures():
        assert decode_what_is_there(encoded(image.convert("RGB"), kind))[1] is None, name


@given(
    parts=st.lists(st.tuples(st.integers(0, 255), st.integers(1, 200)), max_size=12),
    before=st.integers(0, 9),
    behind=st.integers(0, 9),
)
def test_long_runs_are_those_that_a_plain_walk_finds(parts: list[tuple[int, int]], before: int, behind: int) -> None:
    data = b"".join(bytes([value]) * count for value, count in parts)
    start, end = min(before, len(data)), max(min(before, len(data)), len(data) - behind)
    wanted, at = [], start
    while at < end:
        stop = at
        while stop < end and data[stop] == data[at]:
            stop += 1
        if stop - at >= LONG_RUN:
            wanted.append((at, stop))
        at = stop
    assert long_runs(data, start, end) == wanted


def test_check_has_a_score_and_a_verdict_of_each_image(tmp_path: Path) -> None:
    data = encoded(scene(), "JPEG", quality=85)
    for place, content in {"A": data, "B": zeros(data, int(len(data) * 0.7))}.items():
        (tmp_path / place).mkdir()
        (tmp_path / place / "1.jpg").write_bytes(content)
    report = check(tmp_path)
    share = report.images.scores["damaged"][1]
    assert report.images.scores["damaged"][0] == 1
    assert 0.4 < share < 1
    assert report.images.verdicts["damaged"].tolist() == [False, True]
    (found,) = (f for f in report.findings if f.check == "damaged")
    assert (found.severity, found.paths, found.score) == (Severity.ERROR, ("B/1.jpg",), share)
    assert found.message == f"the picture is damaged: about {share:.0%} of it is there"
    assert not report.ok
    assert "empty-place" in {f.check for f in report.findings}  # index will not take it


def test_no_photograph_is_called_damaged(shared_data: Path) -> None:
    paths = [*sorted((shared_data / "landmarks" / "landmarks").rglob("*"))[::3]]
    paths += sorted((shared_data / "poznan_bovw").rglob("*"))[::9]
    photographs = [p for p in paths if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp", ".avif")]
    assert len(photographs) > 40
    for path in photographs:
        decode(path.read_bytes(), min_side=64)
