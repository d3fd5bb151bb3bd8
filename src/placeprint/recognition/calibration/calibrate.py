"""Calibrates a gallery and stores the result: ``placeprint calibrate`` and ``placeprint.calibrate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.embedding.cache import EmbeddingCache
from placeprint.errors import CalibrationError, UsageError
from placeprint.gallery.calibration import FALSE_ACCEPT_RATE, Calibration
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.options import EmbedOptions, EmbedWords, Imported, ImportedWords, records_of
from placeprint.progress import Progress
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.dataset_embeddings import embed_split, imported_queries, opened_cache
from placeprint.recognition.gallery_model import embedder_for
from placeprint.recognition.location.evidence import with_positions_learned
from placeprint.recognition.queries import Queries


class CalibrateWords(EmbedWords, ImportedWords, total=False):
    """Keywords of `calibrate`."""


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """What `calibrate` learned.

    Attributes
    ----------
    gallery : Gallery, or one that a server keeps
        As it is now: it decides by the calibration.
    calibration : Calibration

    Examples
    --------
    >>> import placeprint
    >>> learned = placeprint.calibrate("town.gallery", false_accept_rate=0.2)
    >>> learned.calibration.source, learned.gallery.where
    ('gallery', 'town.gallery')
    """

    gallery: AnyGallery
    calibration: Calibration

    def __repr__(self) -> str:
        """Name the gallery and the limit."""
        limit = self.calibration.threshold
        return f"<CalibrationResult of {self.gallery.where}: accepted from probability {limit:.3f}>"


def calibrate(
    gallery: AnyGallery | Path | str,
    *,
    queries: Path | str | Manifest | None = None,
    false_accept_rate: float = FALSE_ACCEPT_RATE,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Unpack[CalibrateWords],
) -> CalibrationResult:
    """Learn when to accept a place, and store that in the gallery, which decides by it from then on.

    From images with positions it also learns when to give a photo a position, and how far off that may be: see
    `placeprint.PositionEvidence`.

    Parameters
    ----------
    gallery : Gallery, Path or str
    queries : Path, str or Manifest, optional
        Labelled images: their query split, or all of them where there is none. Without queries the gallery's own
        images and places are held out.
    false_accept_rate : float
        Of the images of places that the gallery lacks, the share that may get a place.
    seed : int
        The same seed gives the same calibration.
    progress : Progress, optional
    **options
        ``embeddings``, ``records``: a ``.npy`` file and the manifest that names its rows, instead of `queries`;
        ``model``, ``runner``, ``cache``, ``workers``, which only `queries` need.
        Without ``cache`` pairs of images are matched anew too.

    Raises
    ------
    UsageError, CalibrationError, DatasetError, GalleryError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.calibrate("town.gallery", false_accept_rate=0.1).calibration.false_accept_rate
    0.1
    """
    embed, imported = records_of(options, EmbedOptions, Imported)
    opened = open_gallery(gallery)
    opened.require_undamaged()
    asked: Queries | None = None
    with opened_cache(embed.cache) as cache:
        if imported.given:
            if queries is not None or imported.embeddings is None or imported.records is None:
                raise UsageError("give either --queries, or both --embeddings and --records")
            asked = imported_queries(opened.download(), imported)
        elif queries is not None:
            asked = _embedded(opened, queries, embed, cache, progress)
        if asked is not None and not any(record.places for record in asked.records):
            raise CalibrationError("none of these queries has a place: calibration needs labelled ones")
        learned = learn_calibration(
            opened.download(), queries=asked, false_accept_rate=false_accept_rate, seed=seed, progress=progress
        )
        calibrated = with_positions_learned(opened.with_calibration(learned), progress=progress)
    return CalibrationResult(calibrated, learned)


def _embedded(
    gallery: AnyGallery,
    queries: Path | str | Manifest,
    embed: EmbedOptions,
    cache: EmbeddingCache | None,
    progress: Progress | None,
) -> Queries:
    manifest = queries if isinstance(queries, Manifest) else read_dataset(queries)
    embedder = embedder_for(gallery, model=embed.model, runner=embed.runner, workers=embed.workers)
    done = embed_split(manifest, manifest.asked(), embedder=embedder, cache=cache, progress=progress)
    return Queries(done.records, done.vectors, done.parts)
