"""A process that decodes images one after another, within limits of memory and time that end only this process.

It reads requests from standard input and answers on standard output: a line of JSON, then bytes if the line says how
many. `placeprint.dataset.decoding.workers` checks every answer.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from placeprint.dataset.decoding import decoder, heif
from placeprint.dataset.decoding.formats import HEAD_BYTES, kind_of
from placeprint.dataset.decoding.pixel_limit import MAX_PIXELS_VARIABLE, max_pixels
from placeprint.dataset.decoding.strips import strips
from placeprint.errors import ImageError, PlaceprintError

CPU_SECONDS = 8
"""CPU time for one image; the system ends a process that takes more."""
LOOK_BYTES = 16 << 20
"""Memory for reading a header, besides the file and what the header asks for."""
SPARE_BYTES = 48 << 20
"""Memory beyond the estimate: libraries that are loaded late, and fragmentation."""
STRIP_PIXELS = (1 << 20) // 3
"""Pixels that are sent at once."""
READY = {"ready": True}
_STATM = Path("/proc/self/statm")


def main() -> None:
    """Answer requests until there are no more."""
    _prepare()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that a library prints may get between the answers
    opened: decoder.Opened | None = None
    _say(answers, READY)
    with suppress(BrokenPipeError):
        while line := asked.readline():
            question = json.loads(line)
            try:
                if "bytes" in question:
                    opened, os.environ[MAX_PIXELS_VARIABLE] = None, str(question["most_pixels"])
                    opened = _looked(asked.read(question["bytes"]))
                    _say(answers, dataclasses.asdict(opened.header))
                elif "min_side" in question:
                    last, opened = opened, None
                    _decode(answers, last, question)
                    last = None
                else:
                    opened = None
                    _say(answers, READY)
            except MemoryError:
                _refuse(answers, "too-large", "there is not enough memory to decode the image")
            except ImageError as error:
                _refuse(answers, error.kind, error.reason)
            except PlaceprintError as error:
                _refuse(answers, "unreadable", str(error))


def _prepare() -> None:
    """Load all decoders before any limit is set, and use one thread."""
    from PIL import (  # noqa: F401
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Image,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    Image.preinit()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    if _resource is not None:
        _resource.setrlimit(_resource.RLIMIT_CORE, (0, 0))


def _looked(data: bytes) -> decoder.Opened:
    kind = kind_of(data[:HEAD_BYTES])
    if kind == "HEIF" and heif.is_installed():
        heif.register()
    canvas = math.prod(decoder.canvas_of(data)) if kind == "WEBP" else 0
    _limit_seconds()
    _limit_memory(LOOK_BYTES + 2 * len(data) + 8 * min(canvas, max_pixels()))
    return decoder.open_image(data)


def _decode(answers: BinaryIO, opened: decoder.Opened | None, question: dict[str, Any]) -> None:
    if opened is None:
        raise ImageError("unreadable", "there is no image to decode")
    min_side = question["min_side"]
    _limit_memory(opened.header.memory(min_side))
    image, damage = decoder.decode_opened(opened, min_side, as_far=question["as_far"])
    del opened
    told = None if damage is None else [damage.share, damage.kind]
    _say(answers, {"width": image.width, "height": image.height, "damage": told})
    for _, strip in strips(image, STRIP_PIXELS):
        answers.write(strip.tobytes())
    answers.flush()


def _refuse(answers: BinaryIO, kind: str, reason: str) -> None:
    _limit_memory(None)
    _say(answers, {"error": kind, "reason": reason})


def _say(answers: BinaryIO, what: object) -> None:
    answers.write(json.dumps(what).encode("ascii") + b"\n")
    answers.flush()


def _limit_seconds() -> None:
    if _resource is not None:
        hard = _resource.getrlimit(_resource.RLIMIT_CPU)[1]
        most = math.ceil(time.process_time()) + CPU_SECONDS
        _resource.setrlimit(_resource.RLIMIT_CPU, (_within(most, hard), hard))


def _limit_memory(more: int | None) -> None:
    """Limit this process to `more` bytes beyond what it has, if the system tells how much that is."""
    if _resource is None or not _STATM.exists():
        return
    hard = _resource.getrlimit(_resource.RLIMIT_AS)[1]
    if more is None:
        _resource.setrlimit(_resource.RLIMIT_AS, (hard, hard))
        return
    has = int(_STATM.read_text(encoding="ascii").split()[0]) * _resource.getpagesize()
    _resource.setrlimit(_resource.RLIMIT_AS, (_within(has + more + SPARE_BYTES, hard), hard))


def _within(value: int, hard: int) -> int:
    return value if _resource is None or hard == _resource.RLIM_INFINITY else min(value, hard)


try:
    import resource as _resource
except ImportError:  # Windows has no such limits: there only time is limited, from outside
    _resource = None  # type: ignore[assignment]

if __name__ == "__main__":
    main()
