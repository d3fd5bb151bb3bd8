"""The verb `locate`: positions for photos that have none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.metadata.gpx import Track
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.pipeline import Embedded, embed_records
from placeprint.errors import UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import EmbedOptions, EmbedWords, require_rate
from placeprint.progress import Progress, Stretch
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.recognition.location.between import placed_between
from placeprint.recognition.location.evidence import evidence_of
from placeprint.recognition.location.held_out import ask, sampled
from placeprint.recognition.location.photos import opened_with_positions, photo_questions, read_photos
from placeprint.recognition.location.result import KNOWN, NONE, PICTURE, Located, LocateResult
from placeprint.recognition.recognizer import Recognizer
from placeprint.recognition.spots.estimate import Estimate
from placeprint.recognition.spots.limits import FALSE_ACCEPT_RATE, SHARE, PositionLimits, limits_or_why
from placeprint.recognition.spots.spots import SHOWN, Spots, distrusted_rows
from placeprint.records import ImageRecord
from placeprint.storage.ragged import parts_at


class LocateWords(EmbedWords, total=False):
    """Keywords of `locate` that say how photos are embedded."""


def locate(
    gallery: AnyGallery | Path | str,
    photos: Manifest | Path | str | Iterable[Path | str],
    *,
    share: float = SHARE,
    false_accept_rate: float = FALSE_ACCEPT_RATE,
    track: Track | None = None,
    progress: Progress | None = None,
    **options: Unpack[LocateWords],
) -> LocateResult:
    """Give positions to photos that have none: by what they show, then by the photos taken before and after them.

    When to give none, and how far one may be off, is learned from images whose position is known, each held out: the
    gallery's, which is done once and kept in the gallery, and those of the photos. No photo is changed.

    Parameters
    ----------
    gallery : Gallery, Path or str
        Of images with positions.
    photos : Manifest, Path, str, or iterable of paths
        A folder, with those in it; a table; a photo; or several.
    share : float
        The share of positions that lie within their radius; at least 0.5, below 1.
    false_accept_rate : float
        The share of photos taken elsewhere that may get a position.
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
    require_sureness(share, false_accept_rate)
    embed = EmbedOptions(**options)
    opened, whole, recognizer = opened_with_positions(gallery, embed)
    manifest = read_photos(photos, track)
    with opened_cache(embed.cache) as cache:  # keeps what is matched
        done, known = _embedded(manifest, whole, recognizer, cache, progress)
        limits, why, found = None, "", dict[str, Located]()
        if done.records:
            questions = photo_questions(known, whole)
            evidence = evidence_of(opened, recognizer, always=bool(questions), progress=progress)
            wrong = distrusted_rows(whole, evidence)
            # Photos of the set are like those that are to be located.
            asked = ask(recognizer, whole, questions, distrusted=wrong, progress=progress)
            joined = evidence.joined(asked.known_kept, asked.unknown_kept)
            limits, why = limits_or_why(joined, share=share, rate=false_accept_rate)
            found = _by_picture(recognizer, Spots(whole, wrong), done, limits, why, progress)
    rows = [found.get(r.path) or _known(r) for r in manifest.records if r.degrees is not None or r.path in found]
    failures, placed = (*manifest.failures, *done.failures), placed_between(rows)
    return LocateResult(root=manifest.root, photos=placed, failures=failures, limits=limits, unlearned=why)


def require_sureness(share: float, rate: float) -> None:
    """Refuse a share or a rate that is none. Raises `UsageError`."""
    require_rate(rate)
    if not 0.5 <= share < 1:
        raise UsageError(f"the share that the radius covers must be at least 0.5 and below 1, not {share:g}")


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
    spots: Spots,
    done: Embedded,
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
                none = _told(none, spots, spots.of(recognizer.matches(vector, parts=parts)), limits)
            made[record.path] = none
            step()
    return made


def _told(none: Located, spots: Spots, spot: Estimate | None, limits: PositionLimits) -> Located:
    found = spots.told(spot, limits)
    return replace(
        none,
        how=PICTURE if found.located else NONE,
        latitude=found.latitude,
        longitude=found.longitude,
        radius=found.radius,
        confidence=found.confidence,
        matches=found.images,
        rows=() if spot is None else spot.support[:SHOWN],
        why=found.why,
    )
