"""Learns when to accept a place, from a gallery alone or from labelled queries, at a stated false-accept rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import CalibrationError, UsageError
from placeprint.gallery.calibration import FALSE_ACCEPT_RATE, Calibration
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.table import RecordTable
from placeprint.progress import Progress
from placeprint.recognition.calibration.estimators import Mixture, Sample, conformal_threshold, fit_logistic
from placeprint.recognition.calibration.held_out import Questions, from_gallery, from_queries
from placeprint.recognition.calibration.prior import Prior, prior_for, shipped_priors
from placeprint.recognition.decision.rules import Probability
from placeprint.recognition.rerank.reranker import Reranker
from placeprint.records import ImageRecord, SetAside
from placeprint.storage.ragged import Ragged
from placeprint.terminal import counted

PRIOR_PLACES = 5.0
"""How many places of one's own the shipped prior is worth. Chosen on poznan_bovw, the town and landmarks."""
STRENGTH = 0.3
"""Pull of the fitted coefficients towards the shipped ones. Chosen on the same."""
SOFTENING = 0.7
"""Factor on the log odds (temperature scaling, Guo et al. 2017): photos that are asked later are farther from
the gallery than its own photos are from each other. It changes no decision. Chosen on the same."""
_SPLIT = 4.0
"""A guarantee takes this many times ``1 / rate`` places, half of them to learn from and half for the threshold:
with fewer it would accept hardly anything."""
_SPLIT_PLACES = 40
_MIN_GAP = 1e-3
_ADVICE = "set a threshold yourself with --unknown-threshold"
_LABELLED = "calibrate it with labelled photos that are not in it (placeprint calibrate GALLERY --queries PHOTOS)"
_LOOSER = (0.1, 0.2, 0.3, 0.5)
"""False-accept rates that are proposed where the stated one keeps nothing."""


@dataclass(frozen=True, slots=True)
class _Learned:
    """A probability, and the unknown questions that are left to choose its threshold with."""

    probability: Probability
    checked: Sample
    note: str
    promised: bool


def learn_calibration(
    gallery: Gallery,
    *,
    queries: Sequence[ImageRecord] | None = None,
    query_vectors: NDArray[np.float32] | None = None,
    query_parts: Mapping[str, Ragged] | None = None,
    false_accept_rate: float = FALSE_ACCEPT_RATE,
    seed: int = 0,
    automatic: bool = False,
    priors: Sequence[Prior] | None = None,
    set_aside: Sequence[SetAside] = (),
    progress: Progress | None = None,
) -> Calibration:
    """Learn the decision; nothing is stored, see `Gallery.with_calibration`.

    Parameters
    ----------
    gallery : Gallery
    queries, query_vectors : sequence of ImageRecord, ndarray of float32 of shape (n, dim), optional
        Labelled queries, unit vectors. Without them images and places of the gallery are held out.
    query_parts : mapping of str to Ragged, optional
        What is kept of each query besides its vector, for ranking again.
    false_accept_rate : float
        Of the photos of places that the gallery lacks, the share that may get a place; above 0, below 1.
    seed : int
        Of the sample that is held out of a large gallery, of the split, and of the intervals.
    automatic : bool
        Kept in the record. A threshold that keeps no known photo is no error then: `Calibration.doubts` tell it.
    priors : sequence of Prior, optional
        Others than the shipped ones.
    set_aside : sequence of SetAside, optional
        What was not asked before, to be told with what is not asked here.
    progress : Progress, optional

    Raises
    ------
    UsageError
        For a false-accept rate that is not between 0 and 1.
    CalibrationError
        When there is nothing to learn from; it says what to do.
    """
    if not 0 < false_accept_rate < 1:
        raise UsageError(f"a false-accept rate must be above 0 and below 1, not {false_accept_rate:g}")
    vectors = rows_from_file(gallery.vectors)  # all are looked at: mapped, they would count as this process's memory
    again = Reranker(gallery, vectors=vectors) if gallery.preset.reranks else None
    if queries is None or query_vectors is None:
        known, unknown = from_gallery(gallery.records, vectors, seed=seed, again=again, progress=progress)
    else:
        known, unknown = from_queries(
            gallery.records,
            vectors,
            queries=queries,
            query_vectors=query_vectors,
            query_parts=query_parts,
            seed=seed,
            again=again,
            progress=progress,
        )
    asked = gallery.records if queries is None else RecordTable.of(queries)
    bare = tuple(asked[row].path for row in np.flatnonzero(asked.columns.places < 0).tolist())
    if len(bare) == len(asked) > 1:
        raise CalibrationError(f"none of {counted(len(asked), 'image')} has a place: label some, or {_ADVICE}")
    aside = (*set_aside, SetAside("without a label", bare)) if bare else set_aside
    prior = prior_for(len(gallery.places), shipped_priors() if priors is None else priors)
    if not len(known):
        raise CalibrationError(_no_company(len(gallery), queries is not None))
    learned = _learn(known, unknown, prior, rate=false_accept_rate, seed=seed)
    mixture = Mixture(learned.checked, prior.sample(learned.probability.coefficients), worth=PRIOR_PLACES)
    limit = _limit(learned, mixture, false_accept_rate)
    threshold = float(np.nextafter(limit, np.inf))
    sure = learned.probability(known.evidence)
    if not automatic and not (sure >= threshold).any():  # what nobody asked for says it in its doubts
        keeps = {rate: _share(sure > _limit(learned, mixture, rate)) for rate in _LOOSER if rate > false_accept_rate}
        raise CalibrationError(_keeps_nothing(false_accept_rate, len(known), keeps))
    low, high = mixture.threshold_interval(false_accept_rate, seed=seed)
    places = len(np.unique(unknown.groups))
    return Calibration(
        coefficients=learned.probability.coefficients,
        low=learned.probability.low,
        high=learned.probability.high,
        usual_agreement=prior.usual_agreement,
        threshold=threshold,
        interval=(min(low, threshold), max(high, threshold)),
        false_accept_rate=false_accept_rate,
        rate_interval=mixture.rate_interval(limit, seed=seed),
        accepted_share=_share(sure >= threshold),
        source="gallery" if queries is None else "queries",
        automatic=automatic,
        learned=_story(known, unknown, places, learned.note, aside),
        guarantee=_guarantee(false_accept_rate, len(np.unique(learned.checked.groups))) if learned.promised else "",
        n_known=len(known),
        n_unknown=len(unknown),
        n_places=places,
        seed=seed,
        images=len(gallery),
    )


def _learn(known: Questions, unknown: Questions, prior: Prior, *, rate: float, seed: int) -> _Learned:
    """Fit the probability; with many places, on half of them, so that the other half can promise something."""
    places = np.unique(unknown.groups)
    promised = len(places) >= max(_SPLIT / rate, _SPLIT_PLACES)
    taught = np.random.default_rng(seed).permutation(places)[: len(places) // 2] if promised else places
    seen = unknown.only(np.isin(unknown.groups, taught))
    probability, note = _fitted(known.only(np.isin(known.groups, taught)) if promised else known, seen, prior)
    checked = unknown.only(~np.isin(unknown.groups, taught)) if promised else unknown
    return _Learned(probability, Sample(probability(checked.evidence), checked.groups), note, promised)


def _fitted(known: Questions, unknown: Questions, prior: Prior) -> tuple[Probability, str]:
    """Fit the coefficients where both sides were seen, known and unknown counting alike."""
    low, high, note = _scale(known, unknown, prior)
    start = Probability(prior.coefficients, low, high, prior.usual_agreement)
    b0, b1, b2 = prior.coefficients
    if len(known) and len(unknown):
        features = np.concatenate([start.features(q.evidence) for q in (known, unknown)])
        right = np.concatenate([known.right, np.zeros(len(unknown), np.bool_)])
        count = min(len(known), len(unknown))
        weights = np.concatenate([np.full(len(q), count / len(q)) for q in (known, unknown)])
        b0, b1, b2 = fit_logistic(features, right, weights=weights, centre=prior.coefficients, strength=STRENGTH)
    soft = (SOFTENING * b0, SOFTENING * b1, SOFTENING * b2)
    return Probability(soft, low, high, prior.usual_agreement), note


def _scale(known: Questions, unknown: Questions, prior: Prior) -> tuple[float, float, str]:
    """Return the usual score of another place and of the same place; the first is guessed where there is no other."""
    low, high = (float(q.evidence.top.mean()) if len(q) else np.nan for q in (unknown, known))
    note = ""
    if np.isnan(low):
        low = (high - prior.gap) / (1 - prior.gap)
        note = "there is one place only, so how far the two lie apart was taken from other galleries"
    if not high - low > _MIN_GAP:
        raise CalibrationError(
            "photos of one place score no higher than photos of other places here, so nothing can tell them apart: "
            f"check the labels (placeprint check), or {_ADVICE}"
        )
    return low, high, note


def _limit(learned: _Learned, mixture: Mixture, rate: float) -> float:
    """Return the probability that a photo has to be above to get a place."""
    limit = conformal_threshold(learned.checked, rate) if learned.promised else np.inf
    return mixture.threshold(rate) if np.isinf(limit) else limit


def _no_company(images: int, asked: bool) -> str:
    if images < 2:
        return f"nothing can be learned from a gallery of one image or none: add photos of several places, or {_ADVICE}"
    if asked:
        return (
            "none of these queries shows a place of the gallery, so nothing tells how alike two photos of a place are: "
            f"give photos whose labels are the gallery's, or {_ADVICE}"
        )
    return (
        "no place of the gallery has two different images, so nothing tells how alike two photos of a place are, and "
        f"right answers would be turned away: {_LABELLED}, add a second photo of each place, or {_ADVICE}"
    )


def _keeps_nothing(rate: float, known: int, keeps: Mapping[float, float]) -> str:
    enough = next(((other, share) for other, share in keeps.items() if share > 0), None)
    says = f"at {100 * rate:g} % false accepts none of {counted(known, 'photo')} of places here would get a place: "
    if enough:
        other, share = enough
        says += f"at {100 * other:g} % {100 * share:.0f} % of them would (--false-accept-rate {other:g}); or "
    return f"{says}{_LABELLED}, or {_ADVICE}"


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _story(known: Questions, unknown: Questions, places: int, note: str, aside: Sequence[SetAside]) -> str:
    asked, held = counted(len(known), "question"), counted(places, "place")
    text = f"{asked} with their place in the gallery, {len(unknown)} with it held out ({held})"
    left = f"not asked: {', '.join(one.says for one in aside)}" if aside else ""
    return "; ".join(part for part in (text, note, left) if part)


def _guarantee(rate: float, places: int) -> str:
    return (
        f"of photos of a new place at most {100 * rate:g} % get a place, on average over calibrations, when that place "
        f"and its photos could as well have been among the {counted(places, 'place')} that set the threshold "
        "(hierarchical split-conformal)"
    )
