"""Measure images: size, light, colour and three hashes."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from placeprint.dataset.decoding.header import times_larger
from placeprint.dataset.decoding.images import what_is_there
from placeprint.dataset.decoding.strips import strips
from placeprint.dataset.files import content_hash, locate, read_bytes
from placeprint.errors import ImageError
from placeprint.records import FailedImage

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_WORKERS = 8
"""Decoding threads at most; `placeprint.dataset.decoding.budget` limits the memory that they take together."""

_STRIP = (1 << 17) // 3
_FEW = 8
_COLOUR_SIDE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """Measurements of one image, after the EXIF turn."""

    # width, height: Pixels.
    width: int
    height: int
    bytes: int  # Size of the file.
    content_hash: str  # SHA-256 of the file's bytes, hexadecimal.
    # SHA-256 of the shape and the decoded RGB pixels, hexadecimal. Without the shape, plain images of 40x90 and 60x60
    # pixels would have the same.
    pixel_hash: str
    brightness: float  # Mean luminance (ITU-R 601-2), 0 to 1.
    contrast: float  # Standard deviation of the luminance, 0 to 0.5.
    # Largest minus smallest channel, 0 to 1: the 99th percentile over the image reduced to about 128 pixels, which
    # averages out the colour noise of JPEG.
    colour: float
    few_greys: float  # Share of the image that its eight commonest levels of grey fill.
    dhash: int  # 64-bit difference hash, the same as `imagehash.dhash`.
    # Share of the image that is there, the score of `placeprint.dataset.decoding.damage.Damage`: 1 for all but damaged
    # files, of which everything above was measured as far as they could be decoded.
    whole: float = 1.0


def measure_image(data: bytes) -> ImageFacts:
    """Decode an image at full size and measure it.

    Raises `ImageError` as `placeprint.dataset.decoding.images.decode` does.
    """
    with what_is_there(data) as (image, damage):
        grey = image.convert("L")
        brightness, contrast, few_greys = _light(grey)
        return ImageFacts(
            width=image.width,
            height=image.height,
            bytes=len(data),
            content_hash=content_hash(data),
            pixel_hash=_pixel_hash(image),
            brightness=brightness,
            contrast=contrast,
            colour=_colour(image),
            few_greys=few_greys,
            dhash=_dhash(grey),
            whole=1.0 if damage is None else damage.score,
        )


def _light(grey: Image) -> tuple[float, float, float]:
    counts = np.asarray(grey.histogram(), dtype=np.float64)
    levels = np.arange(256) / 255.0
    mean = float(counts @ levels / counts.sum())
    few = float(np.sort(counts)[-_FEW:].sum() / counts.sum())
    return mean, float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())), few


def _colour(image: Image) -> float:
    small = np.asarray(image.reduce(max(1, times_larger(image.size, _COLOUR_SIDE))))
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return float(np.percentile(most - least, 99) / 255.0)


def _dhash(grey: Image) -> int:
    """Difference hash of Krawetz ("Kind of Like That", 2013), bit for bit that of the imagehash package."""
    from PIL.Image import Resampling

    pixels = np.asarray(grey.resize((9, 8), Resampling.LANCZOS))
    return int.from_bytes(np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes(), "big")


def _pixel_hash(image: Image) -> str:
    """Hash the pixels strip by strip, without a second copy of all of them."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    for _, strip in strips(image, _STRIP):
        digest.update(strip.tobytes())
    return digest.hexdigest()


def measure_files(
    root: Path, paths: Sequence[str], *, workers: int | None = None
) -> Iterator[ImageFacts | FailedImage]:
    """Read, decode and measure each file once, on threads, in the order of `paths`.

    At most twice as many files as threads are in progress, so that memory does not grow with the dataset.

    Parameters
    ----------
    root : Path
        The dataset's folder; nothing outside it is read.
    paths : sequence of str
        Relative to `root`.
    workers : int, optional
        Threads; by default one for each core, at most `MAX_WORKERS`.

    Yields
    ------
    ImageFacts or FailedImage
        One for each path.
    """
    threads = workers or min(os.cpu_count() or 1, MAX_WORKERS)
    with ThreadPoolExecutor(threads, thread_name_prefix="measure") as pool:
        waiting: deque[Future[ImageFacts | FailedImage]] = deque()
        try:
            for path in paths:
                waiting.append(pool.submit(_measure_file, root, path))
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _measure_file(root: Path, path: str) -> ImageFacts | FailedImage:
    try:
        return measure_image(read_bytes(locate(root, path)))
    except ImageError as error:
        return FailedImage(path, error.kind, error.reason)
    except MemoryError:
        return FailedImage(path, "too-large", "there is not enough memory to measure the image")
