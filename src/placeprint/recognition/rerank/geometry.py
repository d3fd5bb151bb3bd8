"""Geometric verification: whether two images show the same surfaces, or could by chance.

Keypoints of `placeprint.embedding.rootsift` are matched and a homography is fitted. What counts is not the
number of inliers but how improbable they are by chance: the a-contrario number of false alarms (NFA) of
Moisan and Stival 2004, "A probabilistic criterion to detect rigid point matches between two images and
estimate the fundamental matrix". It takes no parameter that would be learned from images, so it means
the same on every dataset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Packed
from placeprint.embedding.rootsift import Keypoints, opencv, unpack

_RATIO = 0.9
"""Distance to the nearest over that to the second nearest descriptor, at most (Lowe 2004 took 0.8)."""

_TOLERANCE = 4.0
"""Pixels of the candidate's working image (at most 640 wide or high) between a point and where it should be."""

_SAMPLE = 4
"""Matches that fix a homography."""

_ITERATIONS, _CONFIDENCE = 1000, 0.999
_LARGEST_ZOOM = 4.0
_THINNEST = 3.0
"""Pixels: matches that lie closer to one line or point than this fix no homography."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What geometry says about a pair of images.

    Attributes
    ----------
    score : float
        How many digits the expected number of such coincidences has behind the point: ``-log10(NFA)``, and 0
        where chance explains the matches. 3 means one in a thousand unrelated pairs.
    tentative : int
        Mutual nearest neighbours that passed the ratio test.
    inliers : int
        Those that one homography explains; 0 when it was refused.
    lines : ndarray of float32, shape (inliers, 4)
        x and y in the query, x and y in the candidate, over width and height, 0 to 1.
    """

    score: float
    tentative: int
    inliers: int
    lines: NDArray[np.float32]


def verify(query: Packed, candidate: Packed) -> Verified:
    """Compare the keypoints of two images.

    Parameters
    ----------
    query, candidate : ndarray of uint8, shape (n, 136)
        From `placeprint.embedding.rootsift.extract`; any may be empty.

    Returns
    -------
    Verified
        The same for the same arrays, in any thread.

    Raises
    ------
    MissingExtraError, VectorError
    """
    ours, theirs = unpack(query), unpack(candidate)
    rows, columns = _tentative(ours.descriptors, theirs.descriptors)
    nothing = Verified(0.0, len(rows), 0, np.zeros((0, 4), np.float32))
    if len(rows) <= _SAMPLE:
        return nothing
    start, end = _pixels(ours)[rows], _pixels(theirs)[columns]
    inliers = _explained(start, end)
    if inliers is None:
        return nothing
    count = int(inliers.sum())
    chance = math.pi * _TOLERANCE**2 / (theirs.frame[0] * theirs.frame[1])
    lines = np.hstack([ours.points[rows[inliers]], theirs.points[columns[inliers]]])
    return Verified(surprise(len(rows), count, chance), len(rows), count, lines.astype(np.float32))


def surprise(tentative: int, inliers: int, chance: float) -> float:
    """Return ``-log10`` of the number of false alarms, at least 0.

    Parameters
    ----------
    tentative, inliers : int
    chance : float
        That one wrong match agrees with a given homography: the share of the image that counts as right.
    """
    if inliers <= _SAMPLE or chance >= 1:
        return 0.0
    tests = math.log(tentative - _SAMPLE) + _log_choose(tentative, inliers) + _log_choose(inliers, _SAMPLE)
    return max(0.0, -(tests + (inliers - _SAMPLE) * math.log(chance)) / math.log(10))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _pixels(keypoints: Keypoints) -> NDArray[np.float64]:
    return np.asarray(keypoints.points.astype(np.float64) * keypoints.frame)


def _tentative(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows of both sides that are each other's nearest, and clearly nearer than the second."""
    if not len(ours) or not len(theirs):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    cosines = ours @ theirs.T
    every = np.arange(len(ours))
    nearest = cosines.argmax(axis=1)
    mutual = cosines.argmax(axis=0)[nearest] == every
    best = cosines[every, nearest]
    cosines[every, nearest] = -1.0
    second = cosines.max(axis=1)
    # Squared distances of unit vectors are 2 - 2 cosine. Two alike descriptors make no match: strictly below.
    clear = 1 - best < _RATIO**2 * (1 - second)
    rows = np.flatnonzero(mutual & clear)
    return rows, nearest[rows]


def _explained(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which matches one plausible homography explains (MAGSAC++, Barath et al. 2020); None without one."""
    cv2: Any = opencv()
    try:
        # USAC seeds its own generator the same for each call: nothing to set, and threads do not disturb it.
        matrix, mask = cv2.findHomography(
            start, end, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=_ITERATIONS, confidence=_CONFIDENCE
        )
    except cv2.error:  # raised for some degenerate samples
        return None
    if matrix is None or mask is None or matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        return None
    inliers = np.asarray(mask, bool).ravel()
    if inliers.sum() <= _SAMPLE or not _plausible(matrix, start[inliers], end[inliers]):
        return None
    return inliers


def _plausible(matrix: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> bool:
    """Return whether a camera could have made this homography: no mirror, no horizon, no extreme zoom, no line."""
    depth = start @ matrix[2, :2] + matrix[2, 2]
    if not ((depth > 0).all() or (depth < 0).all()):
        return False
    # The determinant of a projective map's derivative is det(H) / depth^3: how much an area grows there.
    # With all depths of one sign it has one sign everywhere; below 0 is a mirror.
    growth = float(np.median(np.linalg.det(matrix) / depth**3))
    if not _LARGEST_ZOOM**-2 < growth < _LARGEST_ZOOM**2:
        return False
    return min(_thickness(start), _thickness(end)) > _THINNEST


def _thickness(points: NDArray[np.float64]) -> float:
    """Return the standard deviation across the direction in which points spread least, pixels."""
    return float(np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] / math.sqrt(len(points)))
