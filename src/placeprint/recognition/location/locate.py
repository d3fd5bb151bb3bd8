"""The verb `locate`: positions for photos that have none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np

from placeprint.arrays import Flags
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.metadata.gpx import Track
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.pipeline import Embedded, embed_records
from placeprint.errors import CalibrationError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import EmbedOptions, EmbedWords, require_rate
from placeprint.progress import Progress, Stretch
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.recognition.location.between import placed_between
from placeprint.recognition.location.estimate import Estimate
from placeprint.recognition.location.held_out import Asked, Question, ask, questions_of, sampled, spot_of
from placeprint.recognition.location.limits import PositionLimits, learn_limits
from placeprint.recognition.location.photos import opened_with_positions, photo_questions, read_photos
from placeprint.recognition.location.result import KNOWN, NONE, PICTURE, Located, LocateResult
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import ImageRecord
from placeprint.storage.ragged import parts_at

_SHOWN = 5
"""Matches that are named."""


class LocateWords(EmbedWords, total=False):
    """Keywords of `locate` that say how photos are embedded."""


def locate(
    gallery: AnyGallery | Path | str,
    photos: Manifest | Path | str | Iterable[Path | str],
    *,
    share: float = 0.9,
    false_accept_rate: float = 0.05,
    track: Track | None = None,
    progress: Progress | None = None,
    **options: Unpack[LocateWords],
) -> LocateResult:
    """Give positions to photos that have none: by what they show, then by the photos taken before and after them.

    When to give none, and how far one may be off, is learned from images whose position is known, each held out: the
    gallery's, and those of the photos. No photo is changed.

    Parameters
    ----------
    gallery : Gallery, Path or str
        Of images with positions.
    photos : Manifest, Path, str, or iterable of paths
        A folder, with those in it; a table; a photo; or several.
    share : float
        The share of positions that lie within their radius; at least 0.5, below 1.
    false_accept_rate : float
        The share of photos of elsewhere that may get a position.
    track : Track, optional
        Where the photographer was, see `placeprint.read_track`.
    progress : Progress, optional
    **options
        ``model``, ``runner``, ``cache``, ``workers``.

    Raises
    ------
    UsageError, DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.locate("town.gallery", ["town-hall.jpg"]).photos[0].path
    'town-hall.jpg'
    """
    require_rate(false_accept_rate)
    if not 0.5 <= share < 1:
        raise UsageError(f"the share that the radius covers must be at least 0.5 and below 1, not {share:g}")
    embed = EmbedOptions(**options)
    whole, recognizer = opened_with_positions(gallery, embed)
    manifest = read_photos(photos, track)
    with opened_cache(embed.cache) as cache:  # keeps what is matched
        done, known = _embedded(manifest, whole, recognizer, cache, progress)
        # Photos of the set are like those that are to be located.
        questions = [*photo_questions(known, whole), *questions_of(whole)] if done.records else []
        asked = ask(recognizer, whole, questions, progress=progress)
        limits, why = _limits(asked, share, false_accept_rate)
        there = np.isfinite(whole.records.columns.positions[:, 0])
        there[asked.rows[asked.contradicted & (asked.rows >= 0)]] = False
        found = _by_picture(recognizer, whole, done, there, limits, why, progress)
    rows = [found.get(r.path) or _known(r) for r in manifest.records if r.degrees is not None or r.path in found]
    failures, placed = (*manifest.failures, *done.failures), placed_between(rows)
    return LocateResult(root=manifest.root, photos=placed, failures=failures, limits=limits, unlearned=why)


def _embedded(
    manifest: Manifest,
    gallery: Gallery,
    recognizer: Recognizer,
    cache: EmbeddingCache | None,
    progress: Progress | None,
) -> tuple[Embedded, Embedded]:
    """Embed the photos without a position and, where there are any, a sample of those with one."""
    placed = [record for record in manifest.records if record.degrees is not None]
    bare = [record for record in manifest.records if record.degrees is None]
    taught = [placed[number] for number in sampled(np.arange(len(placed)), gallery, 0)] if bare else []
    done, known = (
        embed_records(records, manifest.root, embedder=recognizer.embedder, cache=cache, progress=progress)
        for records in (bare, taught)
    )
    return done, known


def _limits(asked: Asked, share: float, rate: float) -> tuple[PositionLimits | None, str]:
    try:
        return (learn_limits(asked, share=share, rate=rate), "") if len(asked.rows) else (None, "")
    except CalibrationError as error:
        return None, str(error)


def _known(record: ImageRecord) -> Located:
    where = {"exif": "its own metadata", "sidecar": "its sidecar", "track": "the track"}
    latitude, longitude = record.degrees or (None, None)
    return Located(
        path=record.path,
        how=KNOWN,
        latitude=latitude,
        longitude=longitude,
        radius=record.position_error,
        taken=record.taken,
        why=f"it has one, from {where.get(record.position_source or '', 'the table')}",
    )


def _by_picture(
    recognizer: Recognizer,
    gallery: Gallery,
    done: Embedded,
    there: Flags,
    limits: PositionLimits | None,
    unlearned: str,
    progress: Progress | None,
) -> dict[str, Located]:
    """Ask each photo, and give a position where the limits allow it."""
    made: dict[str, Located] = {}
    with Stretch(progress, "locating", len(done.records)) as step:
        for number, record in enumerate(done.records):
            none = Located(path=record.path, how=NONE, taken=record.taken, why=unlearned)
            if limits is not None:
                vector, parts = np.asarray(done.vectors[number]), parts_at(done.parts, number)
                spot = spot_of(recognizer, gallery, Question(vector, parts, (0.0, 0.0)), there)
                none = _told(none, spot, gallery, limits)
            made[record.path] = none
            step()
    return made


def _told(none: Located, spot: Estimate | None, gallery: Gallery, limits: PositionLimits) -> Located:
    if spot is None:
        return replace(none, why="no image of the gallery can be compared with it")
    rows = spot.support[:_SHOWN]
    paths = tuple(gallery.records[row].path for row in rows)
    seen = replace(none, confidence=spot.confidence, matches=paths, rows=rows)
    if spot.confidence < limits.confidence:
        return replace(
            seen,
            why=f"too little speaks for one spot: confidence {spot.confidence:.3f}, and {limits.confidence:.3f} is "
            f"needed to keep false positions at {100 * limits.false_accept_rate:g} %",
        )
    more = f" and {len(spot.support) - 1} more" if len(spot.support) > 1 else ""
    return replace(
        seen,
        how=PICTURE,
        latitude=spot.latitude,
        longitude=spot.longitude,
        radius=limits.radius,
        why=f"it shows what {paths[0]}{more} within the spot show",
    )
