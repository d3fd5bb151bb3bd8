"""What decoding may cost: hostile files are refused or decoded within limits; what is decoded apart can be stopped."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from PIL import __version__ as pillow

import hostile_files as hostile
from placeprint.dataset.checks.measurements import measure_image
from placeprint.dataset.decoding import budget, decoder, images, jpeg, jpeg_header, png_header, worker, workers
from placeprint.dataset.decoding.budget import MEBIBYTE, Budget
from placeprint.dataset.decoding.header import Header
from placeprint.dataset.decoding.orientation import turn_of
from placeprint.dataset.decoding.pixel_limit import max_pixels
from placeprint.errors import ImageError, UsageError

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "PNG of more pixels than the limit": (
        lambda: hostile.png_of((65_500, 65_500), 1, 0, hostile.zeros(100)), "65500x65500 pixels"),
    "PNG of 79 MP in four channels of 16 bits": (
        lambda: hostile.png_of((8900, 8900), 16, 6, hostile.zeros(100)), "PLACEPRINT_DECODE_MB"),
    "PNG that is a line": (lambda: hostile.png((1, 300_000), 8, 0, row=b"\0"), "a side of 300000 pixels"),
    "TIFF that is a line": (
        lambda: hostile.encoded(Image.new("L", (300_000, 1)), "TIFF"), "a side of 300000 pixels"),
    "PNG of many chunks": (lambda: hostile.small_png(hostile.chunk(b"abCd", b"") * 70_000), "65536 chunks"),
    "JPEG of many segments": (lambda: hostile.jpeg_with(hostile.segment(0xE5, b"") * 9000), "8192 segments"),
    "JPEG of fill bytes": (lambda: hostile.jpeg_with(b"\xff" * 9000), "8192 segments"),
    "JPEG of junk": (lambda: hostile.jpeg_with(b"\xff\0" * 9000), "8192 segments"),
    "JPEG of many scans": (lambda: hostile.many_scans((64, 64), 140), "passes over 64x64"),
    "JPEG of too many pixels in its scans": (lambda: hostile.many_scans((6000, 6000), 60), "passes over 6000x6000"),
    "JPEG of segments between scans": (
        lambda: hostile.many_scans((64, 64), 130, hostile.segment(0xE5, b"") * 100), "8192 segments"),
    "TIFF of a large tile": (
        lambda: hostile.tiff_of(hostile.zeros(1000), {322: (4, 1, 46_336), 323: (4, 1, 46_336)}),
        "PLACEPRINT_DECODE_MB",
    ),
    "WebP of a large canvas": (lambda: hostile.webp((16_383, 16_383)), "16383x16383 pixels"),
    "WebP of 79 MP": (lambda: hostile.webp((8900, 8900)), "PLACEPRINT_DECODE_MB"),
    "GIF of a large frame": (lambda: hostile.gif_frame((10, 10), (65_000, 65_000)), "PLACEPRINT_MAX_PIXELS"),
    "BMP of many runs": (lambda: hostile.bmp_runs((8000, 9999), 10), "PLACEPRINT_DECODE_MB"),
}  # fmt: skip

TIFF = hostile.encoded(hostile.noise((40, 30)), "TIFF")
HUNDRED = hostile.zeros(100 << 20)

DECODED: dict[str, Callable[[], bytes]] = {
    "a text of 100 MB": lambda: hostile.small_png(hostile.chunk(b"zTXt", b"k\0\0" + HUNDRED)),
    "a profile of 100 MB": lambda: hostile.small_png(hostile.chunk(b"iCCP", b"k\0\0" + HUNDRED)),
    "many texts": lambda: hostile.small_png(hostile.chunk(b"iTXt", b"k\0\1\0\0\0" + hostile.zeros(900_000)) * 200),
    "100 MB behind its pixels": lambda: hostile.png_of((10, 10), 8, 2, HUNDRED),
    "EXIF of a PNG": lambda: hostile.small_png(hostile.profile(hostile.exif_bomb())),
    "a strip of 100 MB": lambda: hostile.tiff_of(HUNDRED, {278: (4, 1, 0xFFFFFFFF)}),
    "tags of the same bytes": lambda: hostile.tiff_tags(1000, 1 << 20),
    "a comment in pieces": lambda: hostile.gif_comments(10_000),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_costs_too_much_is_refused_in_one_line(name: str) -> None:
    make, said = REFUSED[name]
    for min_side in (None, 10_000):
        with pytest.raises(ImageError, match=re.escape(said)) as caught:
            images.decode(make(), min_side=min_side)
        assert caught.value.kind == "too-large"
        assert "\n" not in caught.value.reason


DEAR_BEFORE_PILLOW_13 = ("tags of the same bytes", "a comment in pieces")
"""Older ones copy the bytes for each tag, and join a comment anew at each piece: the limits may refuse both."""


@pytest.mark.parametrize("name", DECODED)
def test_what_only_seems_to_cost_much_is_decoded_in_little_memory(name: str) -> None:
    if name in DEAR_BEFORE_PILLOW_13 and int(pillow.split(".")[0]) < 13:
        pytest.skip(f"Pillow {pillow} takes much for it")
    data = DECODED[name]()
    assert images.decode(data).size == images.size_of(data)
    assert max(peaks_of(data)) < 80 * MEBIBYTE


def peaks_of(data: bytes) -> tuple[int, int]:
    """Return the memory that decoding added to a process of its own, and that its worker took in all."""
    program = (
        "import resource,sys;from placeprint.dataset.decoding import images;data=sys.stdin.buffer.read();"
        "images.decode(open(sys.argv[1],'rb').read());first=images.decode(open(sys.argv[2],'rb').read());"
        "peak=lambda n:int([l for l in open(f'/proc/{n}/status') if l.startswith('VmHWM')][0].split()[1])*1024;"
        "before=peak('self');images.decode(data);[w]=images.workers._all;print(peak('self')-before,peak(w._process.pid))"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not tell how much memory a process took")
    png = Path(__file__).parents[4] / "docs" / "report.png"
    with tempfile.NamedTemporaryFile() as tiff:
        tiff.write(TIFF)
        tiff.flush()
        command = [sys.executable, "-c", program, str(png), tiff.name]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
    here, apart = map(int, done.stdout.split())
    return here, apart


def test_the_memory_of_a_header_is_no_less_than_what_decoding_takes() -> None:
    """Of the modes that Pillow holds in different ways; the figures are Pillow's bytes of a pixel and our copies."""
    shape = {"kind": "PNG", "width": 1000, "height": 500, "turn": 1, "file_bytes": 10}
    pixels = 500_000
    wanted = {"RGB": 4, "RGBA": 8, "L": 5, "P": 5, "1": 5, "LA": 8, "I;16": 8, "F": 10}
    got = {mode: (Header(mode=mode, **shape).memory(None) - 10) / pixels for mode in wanted}
    assert got == wanted
    turned = Header(mode="RGB", **{**shape, "turn": 6})
    assert turned.memory(None) - 10 == 8 * pixels
    assert turned.memory(100) - 10 == (4 + 8 / 16) * pixels  # reduced by 4 first
    jpeg = Header(mode="RGB", **{**shape, "kind": "JPEG"})
    assert jpeg.memory(100) - 10 == 4 / 16 * pixels
    palette = Header(mode="P", **shape)
    assert palette.memory(100) - 10 == (1 + 4 / 16) * pixels
    long = Header(mode="L", **{**shape, "width": 50_000, "height": 10})
    assert long.memory(1000) - 10 == pixels + 4 * 12_500 * 3  # as if it were 6,250 high
    assert jpeg.memory(None, apart=True) == jpeg.memory(None) + 10 + 4 * pixels


def test_a_progressive_jpeg_counts_its_coefficients() -> None:
    image = Image.new("RGB", (160, 96))
    plain, progressive = (
        jpeg_header.jpeg_header(hostile.encoded(image, "JPEG", progressive=p, subsampling=2))[0] for p in (False, True)
    )
    assert plain.loading == 0
    assert progressive.loading == 128 * (10 * 6 * 6)  # units of six blocks of 64 coefficients of two bytes


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_turn_of_an_exif_block(order: str, turn: int) -> None:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    other = struct.pack(order + "HHII", 0x010F, 2, 3, 0x41424300)
    for entry in (struct.pack(order + "HHIHH", 0x0112, 3, 1, turn, 0), struct.pack(order + "HHII", 0x0112, 4, 1, turn)):
        block = head + struct.pack(order + "H", 2) + other + entry + bytes(4)
        for prefix in (b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"):
            assert turn_of(prefix + block, b'tiff:Orientation="2"') == turn
        assert turn_of(block[:20], b"") == 1
        assert turn_of(head + b"\xff" * 60, b'<a tiff:Orientation="3">') == 3
    odd, later = struct.pack(order + "HHII", 0x0112, 99, 1, 5), struct.pack(order + "HHII", 0x0112, 4, 1, 9 - turn)
    thrice = head + struct.pack(order + "H", 3) + odd + entry + later + bytes(4)
    assert turn_of(thrice, b"") == turn, "the first that can be read"
    assert turn_of(b"", b"<tiff:Orientation>%d<" % turn) == turn
    assert turn_of(b"", b'tiff:Orientation="9"') == 1


@given(
    st.binary(max_size=120),
    st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0"]),
)
def test_any_exif_block_gives_a_turn(data: bytes, start: bytes) -> None:
    assert turn_of(start + data, data) in range(1, 9)


def test_a_hostile_exif_block_still_tells_the_turn() -> None:
    block = hostile.exif_bomb(5000, 60_000)
    picture = Image.new("RGB", (20, 10))
    for data in (
        hostile.encoded(picture, "JPEG")[:2]
        + hostile.segment(0xE1, b"Exif\0\0" + block[:65_000])
        + hostile.encoded(picture, "JPEG")[2:],
        hostile.png((20, 10), 8, 2, row=bytes(60), extra=hostile.profile(block)),
        hostile.png((20, 10), 8, 2, row=bytes(60), extra=hostile.chunk(b"eXIf", block)),
    ):
        assert images.size_of(data) == (10, 20)
        assert images.decode(data).size == (10, 20)


@pytest.mark.parametrize("packed", [False, True])
def test_the_turn_of_an_xmp_text_in_a_png(packed: bool) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="8"/>', lang="en", tkey="k", zip=packed)
    data = hostile.encoded(Image.new("RGB", (20, 10)), "PNG", pnginfo=texts)
    assert images.decode(data).size == images.size_of(data) == (10, 20)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_what_is_decoded_apart_is_what_is_decoded_here(kind: str) -> None:
    data = hostile.encoded(hostile.noise((301, 203)), kind)
    here, _ = decoder.decode_opened(decoder.open_image(data), 50, as_far=False)
    np.testing.assert_array_equal(np.asarray(images.decode(data, min_side=50)), np.asarray(here))


def test_a_large_file_is_decoded_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    data = hostile.encoded(hostile.noise((120, 90)), "JPEG")
    here = np.asarray(images.decode(data))
    monkeypatch.setattr(images, "_MOST_BYTES", 100)
    monkeypatch.setattr(images, "known_header", None)
    np.testing.assert_array_equal(np.asarray(images.decode(data)), here)


def test_a_worker_that_is_killed_is_replaced() -> None:
    images.decode(TIFF)
    for one in list(workers._all):
        one._process.send_signal(signal.SIGKILL)
        one._process.wait()
    assert images.decode(TIFF).size == (40, 30)


def test_a_worker_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    images.decode(TIFF)
    with workers.borrowed() as one:
        process = one._process
        process.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(workers, "WALL_SECONDS", 0.05)
        with pytest.raises(ImageError, match="longer than 8 seconds") as caught:
            one.header(TIFF)
    assert caught.value.kind == "too-large"
    assert process.wait(10) is not None
    monkeypatch.undo()
    assert images.decode(TIFF).size == (40, 30)


@pytest.mark.parametrize("name", ["SIGXCPU", "SIGKILL", "SIGSEGV"])
def test_a_worker_that_dies_of_a_file_tells_how(name: str) -> None:
    kind, said = {
        "SIGXCPU": ("too-large", "longer than 8 seconds"),
        "SIGKILL": ("too-large", "memory"),
        "SIGSEGV": ("unreadable", "broke down"),
    }[name]
    with workers.borrowed() as one:
        one._process.send_signal(signal.SIGSTOP)
        one._process.send_signal(getattr(signal, name))
        one._process.send_signal(signal.SIGCONT)
        with pytest.raises(ImageError, match=said) as caught:
            one.header(TIFF)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\n",
        b"[1]\n",
        b'{"width": 1}\n',
        b'{"kind": "TIFF", "mode": "RGB", "width": -4, "height": 3, "turn": 1, "file_bytes": 1, "loading": 0}\n',
        b'{"kind": "TIFF", "mode": "RGB", "width": 4, "height": 3, "turn": 9, "file_bytes": 1, "loading": 0}\n',
        b"x" * 10_000 + b"\n",
    ],
)
def test_a_wrong_answer_ends_a_worker(answer: bytes) -> None:
    with workers.borrowed() as one:
        one._answers.close()
        one._answers = io.BufferedReader(io.BytesIO(answer))
        with pytest.raises(ImageError, match="broke down"):
            one.header(TIFF)
    assert not one.usable
    assert images.decode(TIFF).size == (40, 30)


def test_a_worker_that_cannot_be_started_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    workers.end_all()
    for program in ("/no/such/program", "/bin/false"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(ImageError, match="cannot be started") as caught:
            images.decode(TIFF)
        assert "\n" not in caught.value.reason
        assert images.decode(hostile.encoded(Image.new("RGB", (8, 8)), "JPEG")).size == (8, 8)


def test_a_worker_ends_with_the_program_that_started_it() -> None:
    program = (
        "import sys,os;from placeprint.dataset.decoding import images,workers;images.size_of(sys.stdin.buffer.read());"
        "print(next(iter(workers._all))._process.pid,flush=True);os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=TIFF, capture_output=True, check=True)
    pid = int(done.stdout)
    for _ in range(200):
        if not _runs(pid):
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its program")


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork beside threads
def test_a_forked_process_has_workers_of_its_own() -> None:
    images.decode(TIFF)
    with workers.borrowed() as one:
        used = one._process.pid
    child = os.fork()
    if child == 0:
        same = images.decode(TIFF).size == (40, 30) and used not in {w._process.pid for w in workers._all}
        workers.end_all()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert images.decode(TIFF).size == (40, 30)
    assert used in {w._process.pid for w in workers._all}


def test_a_budget_lets_large_images_wait_for_each_other() -> None:
    most = Budget(100 * MEBIBYTE)
    order: list[str] = []
    first, second = threading.Event(), threading.Event()

    def other() -> None:
        first.wait()
        with most.holding(60 * MEBIBYTE):
            order.append("second")
        second.set()

    thread = threading.Thread(target=other)
    thread.start()
    with most.holding(60 * MEBIBYTE):
        first.set()
        assert not second.wait(0.1)
        with most.holding(budget.SMALL_BYTES):  # a small one never waits
            order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_what_is_more_than_the_whole_budget_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    most = Budget(100 * MEBIBYTE)
    with pytest.raises(ImageError, match=r"150 MB of memory, more than 100: .* PLACEPRINT_DECODE_MB=150"):
        most.holding(150 * MEBIBYTE).__enter__()
    monkeypatch.setenv("PLACEPRINT_DECODE_MB", "150")
    with most.holding(150 * MEBIBYTE):
        pass
    for wrong in ("0", "much", "-3"):
        monkeypatch.setenv("PLACEPRINT_DECODE_MB", wrong)
        with pytest.raises(UsageError, match="PLACEPRINT_DECODE_MB"):
            _ = most.bytes


@pytest.mark.parametrize("text", ["1", "80000000", "9" * 5000])
def test_any_whole_number_is_a_limit(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PLACEPRINT_MAX_PIXELS", text)
    monkeypatch.setenv("PLACEPRINT_DECODE_MB", text)
    number = int(text[:12])
    assert (max_pixels(), Budget(1).bytes) == (number, number * MEBIBYTE)


def test_an_image_that_is_measured_counts_until_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []
    monkeypatch.setattr(budget, "SMALL_BYTES", 0)
    monkeypatch.setattr(
        "placeprint.dataset.checks.measurements._dhash", lambda _: held.append(budget.DECODING._held) or 0
    )
    measure_image(hostile.encoded(Image.new("RGB", (30, 20)), "PNG"))
    assert held[0] > 30 * 20 * 4
    assert budget.DECODING._held == 0


def test_the_limits_of_a_worker() -> None:
    resource = pytest.importorskip("resource", reason="the system has no limits for a process")
    program = (
        "import resource;from placeprint.dataset.decoding import worker;worker._prepare();worker._limit_seconds();"
        "worker._limit_memory(10 << 20);print(resource.getrlimit(resource.RLIMIT_CPU)[0],"
        "resource.getrlimit(resource.RLIMIT_CORE)[0]);bytearray(200 << 20)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    seconds, core = map(int, done.stdout.split())
    assert worker.CPU_SECONDS <= seconds <= worker.CPU_SECONDS + 5
    assert core == 0
    assert "MemoryError" in done.stderr
    assert resource.RLIMIT_AS is not None


def test_few_intervals_between_restarts_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[int] = []
    reaches = jpeg._Watch._reaches
    monkeypatch.setattr(
        jpeg._Watch, "_reaches", lambda self, feed, near, end: watched.append(end) or reaches(self, feed, near, end)
    )
    monkeypatch.setattr(jpeg, "_MOST_DOUBTFUL", 5)
    with images.what_is_there(hostile.restarts((400, 320))) as (image, _):
        assert image.size == (400, 320)
    assert len(watched) == 6


def test_png_of_many_pieces_is_shown_as_one() -> None:
    picture = hostile.noise((40, 30))
    plain = hostile.encoded(picture, "PNG")
    at = plain.index(b"IDAT") - 4
    coded = plain[at + 8 : at + 8 + int.from_bytes(plain[at : at + 4])]
    pieces = b"".join(hostile.chunk(b"IDAT", coded[i : i + 7]) for i in range(0, len(coded), 7))
    data = plain[:at] + pieces + hostile.chunk(b"IEND", b"")
    _, shown = png_header.png_header(data)
    assert shown().count(b"IDAT") == 1
    np.testing.assert_array_equal(np.asarray(images.decode(data)), np.asarray(picture))


@pytest.mark.parametrize("size", [(20, 10), (8900, 8900), (24, 5_308_610)])
def test_a_png_that_says_its_size_twice_is_refused(size: tuple[int, int]) -> None:
    """Pillow believes the last one, and the memory was reckoned by the first."""
    again = hostile.chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    data = hostile.small_png(again)
    for ask in (images.size_of, images.decode, lambda each: images.what_is_there(each).__enter__()):
        with pytest.raises(ImageError, match="has two sizes"):
            ask(data)


def test_a_picture_of_another_size_than_its_header_is_refused() -> None:
    data = hostile.encoded(hostile.noise((12, 10)), "PNG")
    header, picture = decoder.known_header(data, "PNG")
    assert decoder.open_known(data, header, picture).image.size == (12, 10)
    for wrong in ({"width": 13}, {"height": 9}, {"mode": "L"}):
        with pytest.raises(ImageError, match="read in two ways"):
            decoder.open_known(data, dataclasses.replace(header, **wrong), picture)
