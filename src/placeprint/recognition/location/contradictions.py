"""Positions that the picture contradicts: photos that are said to be far from what they show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.pipeline import embed_records
from placeprint.errors import CalibrationError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import EmbedOptions, EmbedWords, require_rate
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.recognition.location.evidence import evidence_of
from placeprint.recognition.location.held_out import Asked, Question, ask
from placeprint.recognition.location.photos import opened_with_positions, photo_questions, read_photos
from placeprint.recognition.spots.limits import upper_quantile
from placeprint.recognition.spots.spots import distrusted_rows
from placeprint.records import FailedImage
from placeprint.storage.marker import named
from placeprint.terminal import counted

_SHOWN = 5
"""Gallery images that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A photo, where it is said to be, and where what it shows is.

    Attributes
    ----------
    path : str
    latitude, longitude : float
        What the photo says, degrees.
    shown_latitude, shown_longitude : float
        Of what it shows.
    metres : float
        Between the two.
    confidence : float
        Score of the best gallery image that shows the same.
    matches : tuple of str
        Paths of the gallery's images that show the same, best first.
    rows : tuple of int
        Their rows.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.find_contradictions("town.gallery", "town", false_alarm_rate=0.3)
    >>> all(one.metres > 240 and len(one.matches) > 1 for one in found.contradictions)
    True
    """

    path: str
    latitude: float
    longitude: float
    shown_latitude: float
    shown_longitude: float
    metres: float
    confidence: float
    matches: tuple[str, ...]
    rows: tuple[int, ...] = ()

    @property
    def says(self) -> str:
        """One line for people."""
        away = f"{self.metres / 1000:.1f} km" if self.metres >= 2000 else f"{self.metres:.0f} m"
        return f"it shows what {self.matches[0]} shows, {away} from where it is said to be"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionResult:
    """The result of `placeprint.find_contradictions`.

    Attributes
    ----------
    root : Path
        The folder that the photos' paths are relative to.
    contradictions : tuple of Contradiction
        The surest first.
    asked : int
        Photos with a position that were compared.
    false_alarm_rate : float
        Of photos whose position is right, that may be among them.
    confidence : float
        From which a photo is among them.
    failures : tuple of FailedImage

    Examples
    --------
    >>> import placeprint
    >>> placeprint.find_contradictions("town.gallery", "town", false_alarm_rate=0.3).false_alarm_rate
    0.3
    """

    root: Path
    contradictions: tuple[Contradiction, ...]
    asked: int
    false_alarm_rate: float
    confidence: float
    failures: tuple[FailedImage, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return asdict(self) | {"root": str(self.root)}


def find_contradictions(
    gallery: AnyGallery | Path | str,
    photos: Manifest | Path | str | Iterable[Path | str],
    *,
    false_alarm_rate: float = 0.05,
    progress: Progress | None = None,
    **options: Unpack[EmbedWords],
) -> ContradictionResult:
    """Find photos whose position is far from the place they show, judged by a gallery with positions.

    A photo of the gallery itself is compared with the others. How alike two spots can look is learned from the
    gallery's own images, each asked with all that is near it left out; two images must show what the photo shows.

    Parameters
    ----------
    gallery, photos
        As in `placeprint.locate`.
    false_alarm_rate : float
        The share of right positions that may be found by mistake.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``.

    Raises
    ------
    UsageError
        Where gallery or photos have no positions.
    CalibrationError
        Where the gallery is too small to keep the rate.
    DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.find_contradictions("town.gallery", "town", false_alarm_rate=0.3).asked > 10
    True
    """
    require_rate(false_alarm_rate)
    embed = EmbedOptions(**options)
    opened, whole, recognizer = opened_with_positions(gallery, embed)
    manifest = read_photos(photos)
    placed = [record for record in manifest.records if record.degrees is not None]
    if not placed:
        raise UsageError(f"no photo has a position to compare: {named([r.path for r in manifest.records])} have none")
    with opened_cache(embed.cache) as cache:  # keeps what is matched
        done = embed_records(placed, manifest.root, embedder=recognizer.embedder, cache=cache, progress=progress)
        evidence = evidence_of(opened, recognizer, always=True, progress=progress)
        threshold = _threshold(evidence, false_alarm_rate)
        questions, wrong = photo_questions(done, whole), distrusted_rows(whole, evidence)
        asked = ask(recognizer, whole, questions, elsewhere=False, distrusted=wrong, progress=progress)
    sure = np.flatnonzero(asked.elsewhere & (asked.known > threshold))
    found = [_contradiction(done.records[n].path, questions[n], asked, n, whole) for n in sure.tolist()]
    return ContradictionResult(
        root=manifest.root,
        contradictions=tuple(sorted(found, key=lambda one: (-one.confidence, one.path))),
        asked=len(questions),
        false_alarm_rate=false_alarm_rate,
        confidence=threshold,
        failures=(*manifest.failures, *done.failures),
    )


def _threshold(evidence: PositionEvidence, rate: float) -> float:
    """Return the confidence above which another spot is believed."""
    threshold = upper_quantile(np.array(evidence.unknown, np.float64), 1 - rate)
    if threshold == math.inf:
        raise CalibrationError(
            f"{counted(len(evidence.unknown), 'image')} of the gallery with a position cannot tell how alike two spots "
            f"look at a false-alarm rate of {100 * rate:g} %: allow a higher one, or add photos"
        )
    return threshold


def _contradiction(path: str, question: Question, asked: Asked, number: int, gallery: Gallery) -> Contradiction:
    spot, error = asked.spots[number], float(asked.errors[number])
    assert spot is not None
    rows = spot.support[:_SHOWN]
    return Contradiction(
        path=path,
        latitude=question.here[0],
        longitude=question.here[1],
        shown_latitude=spot.latitude,
        shown_longitude=spot.longitude,
        metres=error,
        confidence=spot.confidence,
        matches=tuple(gallery.records[row].path for row in rows),
        rows=rows,
    )
