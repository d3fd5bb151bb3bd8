"""Calibrate a gallery and keep what was learned: what ``placeprint calibrate`` and ``placeprint.calibrate`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.errors import CalibrationError, UsageError
from placeprint.gallery.calibration import FALSE_ACCEPT_RATE
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.progress import Progress
from placeprint.recognition.calibration.fit import learn_calibration
from placeprint.recognition.dataset_embeddings import embed_split, imported_queries, opened_cache
from placeprint.recognition.gallery_model import embedder_for
from placeprint.records import ImageRecord, SetAside
from placeprint.storage.ragged import Ragged


def calibrate(
    gallery: AnyGallery | Path | str,
    *,
    queries: Path | str | Manifest | None = None,
    embeddings: Path | str | None = None,
    records: Path | str | None = None,
    false_accept_rate: float = FALSE_ACCEPT_RATE,
    seed: int = 0,
    model: str | None = None,
    runner: str = "openvino",
    cache: bool = True,
    progress: Progress | None = None,
) -> AnyGallery:
    """Learn when to accept a place, and keep it in the gallery, which decides by it from then on.

    Parameters
    ----------
    gallery : Gallery, Path or str
    queries : Path, str or Manifest, optional
        Labelled photographs: their query split, or all of them where there is none. Without queries the
        gallery's own images and places are held out.
    embeddings, records : Path or str, optional
        Query vectors that someone already has, and their manifest, instead of `queries`.
    false_accept_rate : float
        Of the photos of places that the gallery lacks, the share that may get a place.
    seed : int
        The same seed gives the same calibration.
    model, runner : str
        As in `placeprint.index`; only queries need them.
    cache : bool
        False neither reads nor writes the user's cache.

    Returns
    -------
    Gallery
        With its `calibration`.

    Raises
    ------
    UsageError, CalibrationError, DatasetError, GalleryError, ModelError
    """
    opened = open_gallery(gallery)
    opened.require_undamaged()
    asked: Sequence[ImageRecord] | None = None
    vectors: NDArray[np.float32] | None = None
    parts: Mapping[str, Ragged] = {}
    aside: tuple[SetAside, ...] = ()
    if embeddings is not None or records is not None:
        if queries is not None or embeddings is None or records is None:
            raise UsageError("give either --queries, or both --embeddings and --records")
        done = imported_queries(opened.download(), embeddings, records)
        asked, vectors, aside = done.records, done.vectors, done.set_aside
    elif queries is not None:
        manifest = queries if isinstance(queries, Manifest) else read_dataset(queries)
        embedder = embedder_for(opened, model=model, runner=runner)
        with opened_cache(cache) as store:
            embedded = embed_split(manifest, manifest.asked(), embedder=embedder, cache=store, progress=progress)
        asked, vectors, parts = embedded.records, embedded.vectors, embedded.parts
    if asked is not None and not any(record.places for record in asked):
        raise CalibrationError("none of these queries has a place: calibration needs labelled ones")
    return opened.with_calibration(
        learn_calibration(
            opened.download(),
            queries=asked,
            query_vectors=vectors,
            query_parts=parts,
            false_accept_rate=false_accept_rate,
            seed=seed,
            set_aside=aside,
            progress=progress,
        )
    )
