"""Learns when to accept a place, from a gallery alone or from labelled queries, at a stated false-accept rate."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import CalibrationError
from placeprint.gallery.calibration import ENOUGH_KNOWN, FALSE_ACCEPT_RATE, Calibration
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.file_rows import rows_from_file
from placeprint.gallery.table import RecordTable
from placeprint.gallery.trade_off import OperatingPoint
from placeprint.options import require_rate
from placeprint.progress import Progress
from placeprint.recognition.calibration.estimators import Mixture, Sample, conformal_threshold, fit_logistic
from placeprint.recognition.calibration.held_out import Questions, from_gallery, from_queries
from placeprint.recognition.calibration.operating_points import operating_points
from placeprint.recognition.calibration.prior import Prior, prior_for, shipped_priors
from placeprint.recognition.decision.rules import Probability
from placeprint.recognition.queries import Queries
from placeprint.recognition.rerank.reranker import Reranker, matches_points
from placeprint.records import SetAside
from placeprint.terminal import counted

PRIOR_PLACES = 5.0
"""How many places of one's own the shipped prior is worth in a gallery of as many places as those it was learned from,
for what is expected of new places and for how high they score. Chosen on poznan_bovw, the town and landmarks."""
STRENGTH = 0.3
"""Pull of the fitted coefficients towards the shipped ones. Chosen on the same."""
SOFTENING = 0.7
"""Factor on the log odds (temperature scaling, Guo et al. 2017): images that are asked later are farther from
the gallery than its own images are from each other. It changes no decision. Chosen on the same."""
_SPLIT = 4.0
"""A guarantee takes this many times ``1 / rate`` places, half of them to learn from and half for the threshold:
with fewer it would accept hardly anything."""
_SPLIT_PLACES = 40
_SCALE_ONLY = 5
"""One in so many of those places learns where nothing but the scale is learned, because no place has two images."""
_MIN_GAP = 1e-3
_LEAST_GAP = 0.25
"""Of how far the two usual scores lie apart elsewhere: so much stays where `low` leans on other galleries, for the
photos of a gallery may all match worse than those of others."""
_ADVICE = "ask with a threshold of your own (placeprint query GALLERY PHOTO --unknown-threshold SCORE)"
_LABELLED = "calibrate it with labelled photos that are not in it (placeprint calibrate GALLERY --queries PHOTOS)"
_LOOSER = (0.1, 0.2, 0.3, 0.5)
"""False-accept rates that are proposed where the stated one keeps nothing."""


@dataclass(frozen=True, slots=True)
class _Learned:
    """A fitted probability, the unknown questions that choose its threshold, and what they predict for new places."""

    probability: Probability
    checked: Sample
    mixture: Mixture
    note: str
    promised: bool


def learn_calibration(
    gallery: Gallery,
    *,
    queries: Queries | None = None,
    false_accept_rate: float = FALSE_ACCEPT_RATE,
    seed: int = 0,
    automatic: bool = False,
    priors: Sequence[Prior] | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Learn when to accept a place; `Gallery.with_calibration` stores the result.

    `queries`: Without them images and places of the gallery are held out.
    `false_accept_rate`: Of the images of places that the gallery lacks, the share that may get a place; above 0, below
    1.
    `seed`: Of the sample that is held out of a large gallery, of the split, and of the intervals.
    `automatic`: A threshold that keeps no known image is no error then: `Calibration.doubts` tell it.
    `priors`: Others than the shipped ones.
    Raises `UsageError` or `CalibrationError` for a rate that is not between 0 and 1; when there is nothing to learn
    from, with what to do about it.
    """
    require_rate(false_accept_rate)
    (known, unknown), aside = _questions(gallery, queries, seed, progress), _set_aside(gallery, queries)
    prior = _nearest(gallery, known, unknown, priors or shipped_priors())
    learned = _learn(known, unknown, prior, rate=false_accept_rate, seed=seed)
    limit = _limit(learned, false_accept_rate)
    threshold = float(np.nextafter(limit, np.inf))
    low, high = learned.mixture.threshold_interval(false_accept_rate, seed=seed)
    accepted = _share(learned.probability(known.evidence) >= threshold)
    if not automatic and accepted == 0:  # what nobody asked for says it in its doubts
        raise CalibrationError(_keeps_nothing(learned, known, false_accept_rate))
    return Calibration(
        **dataclasses.asdict(learned.probability),
        threshold=threshold,
        interval=(min(low, threshold), max(high, threshold)),
        false_accept_rate=false_accept_rate,
        rate_interval=learned.mixture.rate_interval(limit, seed=seed),
        accepted_share=accepted,
        source="gallery" if queries is None else "queries",
        automatic=automatic,
        learned=_story(known, unknown, learned.note, aside),
        guarantee=_guarantee(learned, false_accept_rate),
        n_known=len(known),
        n_unknown=len(unknown),
        n_places=unknown.n_places,
        seed=seed,
        images=len(gallery),
        trade_off=_trade_off(learned, known, false_accept_rate, seed),
        evidence=gallery.preset.evidence(gallery.parts),
    )


def _nearest(gallery: Gallery, known: Questions, unknown: Questions, priors: Sequence[Prior]) -> Prior:
    """Return the prior of galleries like this one, without its level where that is of other scores.

    Raises `CalibrationError` when there is no question and no level.
    """
    single = 2 * len(known) < max(len(unknown), 1)
    matched = matches_points(gallery)
    prior = prior_for(len(gallery.places), priors, matched=matched, single=single)
    if (prior.model, prior.matched) != (gallery.spec.name, matched) or gallery.preset.reranks != matched:
        prior = dataclasses.replace(prior, low=np.nan)
    if not len(gallery) or (np.isnan(prior.low) and not len(known) + len(unknown)):
        few = "nothing can be learned from a gallery of one image or none"
        raise CalibrationError(f"{few}: add photos of several places, or {_ADVICE}")
    return prior


def _trade_off(learned: _Learned, known: Questions, rate: float, seed: int) -> tuple[OperatingPoint, ...]:
    sure = learned.probability(known.evidence)
    return operating_points(partial(_limit, learned), learned.mixture, sure, rate=rate, seed=seed)


def _questions(
    gallery: Gallery, queries: Queries | None, seed: int, progress: Progress | None
) -> tuple[Questions, Questions]:
    vectors = rows_from_file(gallery.vectors)  # all are read: mapped, they would count as this process
    again = Reranker(gallery, vectors=vectors, at_once=1) if gallery.preset.reranks else None
    if queries is None:
        return from_gallery(gallery.records, vectors, seed=seed, again=again, progress=progress)
    known, unknown = from_queries(gallery.records, vectors, queries, seed=seed, again=again, progress=progress)
    if not len(known):
        raise CalibrationError(
            "none of these queries shows a place of the gallery, so nothing tells how alike two photos of a place are: "
            f"give photos whose labels are the gallery's, or {_ADVICE}"
        )
    return known, unknown


def _set_aside(gallery: Gallery, queries: Queries | None) -> tuple[SetAside, ...]:
    """Return the images that cannot be asked, and why."""
    asked = gallery.records if queries is None else RecordTable.of(queries.records)
    aside = () if queries is None else queries.set_aside
    bare = tuple(asked[row].path for row in np.flatnonzero(asked.columns.places < 0).tolist())
    if len(bare) == len(asked) > 1:
        raise CalibrationError(f"none of {counted(len(asked), 'image')} has a place: label some, or {_ADVICE}")
    return (*aside, SetAside("without a label", bare)) if bare else aside


def _learn(known: Questions, unknown: Questions, prior: Prior, *, rate: float, seed: int) -> _Learned:
    """Fit the probability; with many places only on some of them, so that the others can back a guarantee."""
    places = np.unique(unknown.groups)
    part = 2 if len(known) else _SCALE_ONLY
    promised = len(places) >= max(_SPLIT / rate, _SPLIT_PLACES)
    taught = np.random.default_rng(seed).permutation(places)[: len(places) // part] if promised else places
    seen = unknown.only(np.isin(unknown.groups, taught))
    probability, note = _fitted(known.only(np.isin(known.groups, taught)) if promised else known, seen, prior)
    checked = unknown.only(~np.isin(unknown.groups, taught)) if promised else unknown
    sample = Sample(probability(checked.evidence), checked.groups)
    worth = PRIOR_PLACES * prior.likeness(unknown.n_places)
    mixture = Mixture(sample, prior.sample(probability.coefficients), worth=worth)
    return _Learned(probability, sample, mixture, note, promised)


def _fitted(known: Questions, unknown: Questions, prior: Prior) -> tuple[Probability, str]:
    """Fit the coefficients where there are both known and unknown questions, giving both the same weight."""
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
    """Return the usual score between different places and within one place.

    The gallery's own questions tell both; for how far they lie apart the prior stands in for the known questions that
    lack to `ENOUGH_KNOWN`. So it decides where no place has two images, and fades with a few.
    """
    tops, notes = known.evidence.top, []
    high = float(tops.mean()) if len(known) else np.nan
    if len(unknown):
        low = float(unknown.evidence.top.mean())
    else:
        low = prior.below(high) if len(known) else prior.low
        notes.append("there is one place only, so how alike photos of other places are was taken from other galleries")
    if not len(known):
        notes.append("no place has two different photos, so how alike those are was taken from other galleries")
    if not (prior.above(low) if np.isnan(high) else min(prior.above(low), high)) - low > _MIN_GAP:
        raise CalibrationError(
            "photos of one place score no higher than photos of other places here, so nothing can tell them apart: "
            f"check the labels (placeprint check), or {_ADVICE}"
        )
    low = _leaning(low, high, unknown.n_places, prior)
    lacking = max(ENOUGH_KNOWN - len(known), 0)
    return low, (float(tops.sum()) + lacking * prior.above(low)) / (len(known) + lacking), "; ".join(notes)


def _leaning(low: float, high: float, places: int, prior: Prior) -> float:
    """Return the usual score between different places: that of few places leans on the level of other galleries.

    Two places may be less alike than most, or more, and tell nothing of a third.
    """
    if np.isnan(prior.low):
        return low
    worth = PRIOR_PLACES * prior.likeness(places)
    leaning = (places * low + worth * prior.low) / (places + worth)
    most = high - _LEAST_GAP * (prior.above(prior.low) - prior.low)
    return leaning if np.isnan(high) else min(leaning, max(low, most))


def _limit(learned: _Learned, rate: float) -> float:
    """Return the probability above which an image gets a place."""
    limit = conformal_threshold(learned.checked, rate) if learned.promised else np.inf
    return learned.mixture.threshold(rate) if np.isinf(limit) else limit


def _keeps_nothing(learned: _Learned, known: Questions, rate: float) -> str:
    """Explain that this rate accepts no known image, and name a looser one that would."""
    sure = learned.probability(known.evidence)
    keeps = ((other, _share(sure > _limit(learned, other))) for other in _LOOSER if other > rate)
    enough = next(((other, share) for other, share in keeps if share > 0), None)
    says = (
        f"at {100 * rate:g} % false accepts none of {counted(len(known), 'photo')} of places here would get a place: "
    )
    if enough:
        other, share = enough
        says += f"at {100 * other:g} % {100 * share:.0f} % of them would (--false-accept-rate {other:g}); or "
    return f"{says}{_LABELLED}, or {_ADVICE}"


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _story(known: Questions, unknown: Questions, note: str, aside: Sequence[SetAside]) -> str:
    asked, held = counted(len(known), "question"), counted(unknown.n_places, "place")
    text = f"{asked} with their place in the gallery, {len(unknown)} with it held out ({held})"
    left = f"not asked: {', '.join(one.says for one in aside)}" if aside else ""
    return "; ".join(part for part in (text, note, left) if part)


def _guarantee(learned: _Learned, rate: float) -> str:
    if not learned.promised:
        return ""
    places = len(np.unique(learned.checked.groups))
    return (
        f"of photos of a new place at most {100 * rate:g} % get a place, on average over calibrations, when that place "
        f"and its photos could as well have been among the {counted(places, 'place')} that set the threshold "
        "(hierarchical split-conformal)"
    )
