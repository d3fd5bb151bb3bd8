"""RootSIFT: small upright local features of an image, for geometric verification (extra ``sift``).

Lowe 2004 ("Distinctive image features from scale-invariant keypoints") with the square root of Arandjelovic
and Zisserman 2012 ("Three things everyone should know to improve object retrieval"). Every descriptor is
taken upright, without an orientation of its own (Perdoch et al. 2009): images of places are upright, up to the
hand that held the camera, and what stands is then told from what lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Floats, Packed, Pixels
from placeprint.errors import VectorError
from placeprint.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

ROW_BYTES = 136
DESCRIPTOR = 128
KEYPOINTS = 300
"""At most so many an image, 40 KB; more gave more chance matches and no better ranking."""

LONG_SIDE = 640
"""Pixels to which the longer side of a larger image is reduced."""

SHORT_OF, ENLARGED = 320, 3.0
"""A longer side below the first is enlarged to it, at most so many times."""

_CANDIDATES = 3 * KEYPOINTS
_CONTRAST, _EDGE = 0.01, 15.0
_QUANTUM = 512.0
"""Steps per unit of a descriptor's component; the components are at most 0.5 but for blank patches."""

_POSITION = 65535.0
_SMALLEST = 16
"""Working images with a shorter side hold no keypoint."""


@dataclass(frozen=True, slots=True)
class Keypoints:
    """What `unpack` reads.

    Attributes
    ----------
    points : ndarray of float32, shape (n, 2)
        x over the width and y over the height of the upright image, 0 to 1.
    frame : tuple of 2 floats
        Width and height, in pixels, of the image that was looked at; (1, 1) without keypoints.
    descriptors : ndarray of float32, shape (n, 128)
        Unit norm.
    """

    points: NDArray[np.float32]
    frame: tuple[float, float]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of keypoints."""
        return len(self.points)


def opencv() -> Any:
    """Import OpenCV."""
    return require("cv2", extra="sift", what="RootSIFT")


def extract(image: Image) -> Packed:
    """Find the strongest keypoints of an upright image and describe them.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB or grey, upright. Not changed.

    Returns
    -------
    ndarray of uint8, shape (n, 136), n <= 300
        Strongest first. A row is 128 bytes of descriptor (512 times the square root of the SIFT descriptor
        of sum 1) and four little-endian uint16: x and y (0 to 65535 over width and height), and the width and
        height in pixels of the reduced or enlarged image. n is 0 where nothing can be found.

    Raises
    ------
    MissingExtraError
    """
    cv2 = opencv()
    grey = _working(image)
    if min(grey.shape) < _SMALLEST:
        return np.zeros((0, ROW_BYTES), np.uint8)
    # A detector for each call: one costs microseconds, and no thread shares another's.
    sift = cv2.SIFT_create(nfeatures=_CANDIDATES, contrastThreshold=_CONTRAST, edgeThreshold=_EDGE)
    chosen = _strongest(sift.detect(grey, None))
    for keypoint in chosen:
        keypoint.angle = 0.0
    if not chosen:
        return np.zeros((0, ROW_BYTES), np.uint8)
    kept, histograms = sift.compute(grey, chosen)
    points = np.array([keypoint.pt for keypoint in kept], np.float64)
    return _pack(points, np.asarray(histograms, np.float32), grey.shape)


def unpack(rows: Packed) -> Keypoints:
    """Read what `extract` packed.

    Raises
    ------
    VectorError
        When `rows` are not such an array.
    """
    if rows.ndim != 2 or rows.shape[1] != ROW_BYTES or rows.dtype != np.uint8:
        raise VectorError(f"packed keypoints are uint8 of shape (n, {ROW_BYTES}), not {rows.dtype} {rows.shape}")
    descriptors = rows[:, :DESCRIPTOR].astype(np.float32)
    descriptors /= np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-9)
    numbers = np.ascontiguousarray(rows[:, DESCRIPTOR:]).view("<u2")
    frame = (float(max(numbers[0, 2], 1)), float(max(numbers[0, 3], 1))) if len(rows) else (1.0, 1.0)
    return Keypoints((numbers[:, :2] / _POSITION).astype(np.float32), frame, descriptors)


def _working(image: Image) -> Pixels:
    """Return the grey image in the size in which keypoints are looked for."""
    from PIL.Image import Resampling

    longer, scale = max(image.size), 1.0
    if longer > LONG_SIDE:
        scale = LONG_SIDE / longer
    elif longer < SHORT_OF:
        scale = min(ENLARGED, SHORT_OF / longer)
    grey = image.convert("L")
    if scale != 1:
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(grey)


def _strongest(found: Any) -> list[Any]:
    """Return the keypoints with the strongest response, each place and size once, in a fixed order."""
    # The detector gives one keypoint for each orientation of a patch: upright, they would be the same.
    once = {(k.pt[0], k.pt[1], k.octave): k for k in found}
    return sorted(once.values(), key=lambda k: (-k.response, k.pt[0], k.pt[1], k.octave))[:KEYPOINTS]


def _pack(points: Floats, histograms: NDArray[np.float32], shape: tuple[int, ...]) -> Packed:
    """Quantise; `points` in pixels of the working image of `shape` (height, width)."""
    frame = np.array([shape[1], shape[0]], np.float64)
    roots = np.sqrt(histograms / np.maximum(histograms.sum(axis=1, keepdims=True), 1e-9))
    numbers = np.empty((len(points), 4), "<u2")
    # OpenCV's coordinates are those of pixel centres; edges run from -0.5.
    numbers[:, :2] = np.round(((points + 0.5) / frame).clip(0, 1) * _POSITION)
    numbers[:, 2:] = frame
    descriptors = np.round(roots * _QUANTUM).clip(0, 255).astype(np.uint8)
    return np.hstack([descriptors, numbers.view(np.uint8).reshape(len(points), 8)])
