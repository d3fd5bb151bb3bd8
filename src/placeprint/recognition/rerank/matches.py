"""Matches the local features of two images with LighterGlue: whether they show the same things, from whatever side.

LightGlue (Lindenberger et al. 2023) in the size of XFeat (Potje et al. 2024): attention within and between both sets
of features gives each its partner in the other image and how sure that is. Unlike cells (`cells`) it needs no common
viewpoint, and unlike counting nearest neighbours it seldom finds anything where there is nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint import forks
from placeprint.arrays import Floats, Packed
from placeprint.cores import available_cores
from placeprint.embedding.runners.bundled_graph import HASHES, BundledGraph, bundled_graph
from placeprint.embedding.xfeat import unpack
from placeprint.recognition.rerank.cells import Lines
from placeprint.recognition.rerank.known_pairs import KNOWN_PAIRS

SURE = 0.1
"""Confidence from which a match counts."""
ENOUGH = 100.0
"""Summed confidence that other places hardly give, however alike they look: no other image is compared then."""
ONSET = 6.0
"""Summed confidence at which evidence begins."""
_UNIT = 15.0
"""Of what is beyond chance, for one unit of evidence that a place is there."""
_STEP = 1e-4
"""Between the scores of two images that rank the other way."""
_LEVEL = 0.05
"""Of a score: how far above 1 its logarithm begins to tell less."""
_MATCHER = "lighterglue"


def begin() -> None:
    """Load the matcher beside what the caller does next."""
    _graph().begin()


def confidences(query: Packed, candidates: Iterable[Packed], *, until: float, at_once: int = 1) -> NDArray[np.float64]:
    """Return the summed confidence of each candidate's matches, until one has enough or there is no time.

    `query`, shape (n, 1, 68): See `placeprint.embedding.xfeat.extract`.
    `candidates`: The likeliest first.
    `until`: The moment, by `time.perf_counter`, from which no other candidate is begun.
    `at_once`: Candidates compared at the same time.
    Returns shape (m,): Of the first m candidates.
    """
    found: list[float] = []
    waiting = iter(candidates)
    with ThreadPoolExecutor(at_once, initializer=forks.helping()) as pool:
        while (few := list(islice(waiting, at_once))) and time.perf_counter() <= until:
            found += pool.map(partial(_confidence, query), few)
            if max(found) >= ENOUGH:
                break
    return up_to_enough(np.array(found, np.float64))


def up_to_enough(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the confidences up to the first that is enough, which does not depend on how many were found at once."""
    enough = np.flatnonzero(confidence >= ENOUGH)
    return confidence[: enough[0] + 1] if len(enough) else confidence


def beyond_chance(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the evidence of summed confidences: 0 up to `ONSET`, then growing with the logarithm."""
    return np.log1p(np.maximum(confidence - ONSET, 0.0))


def matched_scores(scores: Floats, confidence: NDArray[np.float64], weight: float) -> Floats:
    """Return scores with the evidence of matches: they rank by its logarithm, and are as high as the sum makes them.

    Of two images that both match well the one that was the likelier before is right more often, but how well the best
    one matches tells a place that is there from one that only looks like it: 50 and 100 are not nearly alike.

    `scores`, shape (n,): Without matches.
    `confidence`: shape (n,).
    `weight`: Of one unit of evidence.
    """
    order = np.argsort(-(scores + weight * beyond_chance(confidence)), kind="stable")
    sure, steps = scores + weight * np.maximum(confidence - ONSET, 0.0) / _UNIT, _STEP * np.arange(len(scores))
    sure[order] = np.minimum.accumulate(sure[order] + steps) - steps
    return sure


def levelled(scores: Floats) -> Floats:
    """Return scores with what lies above 1 by its logarithm, in the same order.

    Hardly anything but matches leads there, and how far depends on the images: two of one place match with 15 in one
    gallery, and with 100 in another. So what was learned from other galleries holds in each.
    """
    return np.minimum(scores, 1 + _LEVEL * np.log1p(np.maximum(scores - 1, 0) / _LEVEL))


def lines(query: Packed, candidate: Packed, *, aspects: tuple[float, float]) -> Lines:
    """Return the matches of two images, surest first, for a picture.

    `query`, `candidate`: shape (n, 1, 68).
    `aspects`: Width over height of both images.
    """
    feature, partner, sure = _matched(query, candidate)
    order = np.argsort(-sure, kind="stable")
    order = order[sure[order] > SURE]
    here, there = unpack(query[feature[order], 0])[0], unpack(candidate[partner[order], 0])[0]
    ends = np.hstack([_shares(here, aspects[0]), _shares(there, aspects[1])])
    return Lines(ends.astype(np.float32), sure[order].astype(np.float32))


def _confidence(query: Packed, candidate: Packed) -> float:
    """Return the summed confidence of a pair, the same whichever of the two is asked for.

    The one of fewer features comes first: the runtime prepares anew for every other shape.
    """
    first, second = sorted(((len(e), _digest(e), e) for e in (query, candidate)), key=itemgetter(0, 1))

    def match() -> float:
        sure = _matched(first[2], second[2])[2]
        return float(sure[sure > SURE].sum(dtype=np.float64))

    return KNOWN_PAIRS.of(_digest(first[1], second[1], HASHES[_MATCHER].encode(), str(SURE).encode()), match)


def _digest(*data: Packed | bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for each in data:
        digest.update(each.tobytes() if isinstance(each, np.ndarray) else each)
    return digest.digest()


def _matched(query: Packed, candidate: Packed) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
    """Return features of the query, the partner of each in the candidate, and how sure it is.

    None where even all together would be no more than chance. Of a single feature OpenVINO's attention now and then
    gives no numbers, and wrong ones of the images that follow.
    """
    if min(len(query), len(candidate)) <= ONSET:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    (here, ours), (there, theirs) = unpack(query[:, 0]), unpack(candidate[:, 0])
    feature, partner, sure = _graph().run(here[None], there[None], ours[None], theirs[None])
    return feature, partner, sure


def _graph() -> BundledGraph:
    return bundled_graph(_MATCHER, threads=available_cores())


def _shares(points: NDArray[np.float32], aspect: float) -> NDArray[np.float32]:
    """Return points from the middle, by the longer side, as shares of width and height."""
    return np.asarray(0.5 + points * np.array([max(1, 1 / aspect), max(1, aspect)], np.float32) / 2, np.float32)
