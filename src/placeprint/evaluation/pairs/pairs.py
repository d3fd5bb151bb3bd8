"""Which pairs of a set's images to match, for hloc, COLMAP and OpenMVG: few of all, and most of those that overlap.

Each image asks for its nearest ones as the preset ranks them; a pair is kept once, whichever of the two asked. Places
are not looked at: what is found does not depend on labels.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.scan import read_dataset
from placeprint.errors import DatasetError
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.evaluation.pairs.pair_list import (
    cannot_be_listed,
    find_form,
    numbered,
    refuse_to_overwrite,
    text_of,
    views_of,
    write_list,
)
from placeprint.evaluation.pairs.result import PairList
from placeprint.evaluation.pairs.selection import Pairing, PairOptions, Selected
from placeprint.options import BuildOptions, BuildWords, Imported, records_of
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import opened_cache
from placeprint.records import FailedImage, ImageRecord, Split


class PairWords(BuildWords, total=False):
    """Keywords of `pairs`."""

    top: int
    mutual: bool
    verify: bool | None
    max_distance: float | None
    window: int


def pairs(
    dataset: Path | str | Manifest,
    out: Path | str | None = None,
    *,
    form: str = "hloc",
    views: Path | str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    **options: Unpack[PairWords],
) -> PairList:
    """Choose the pairs of images to match, and write them as a list.

    Parameters
    ----------
    dataset : Path, str or Manifest
        All of its images take part, of every split; places are not looked at.
    out : Path or str, optional
        The list.
    form : str
        ``hloc``, ``colmap`` (names) or ``openmvg`` (numbers of views).
    views : Path or str, optional
        OpenMVG's ``sfm_data.json``; without it views are numbered in the order of names.
    replace : bool
        Whether `out` may be there already.
    progress : Progress, optional
    **options
        ``top``: how many of its nearest each image is paired with; ``mutual``: only where both chose the other;
        ``verify``: only where local features agree, by default where the preset matches them; ``max_distance``:
        metres, where positions are known; ``window``: the set is sequences, each image is paired with this many that
        follow it, others are loops. ``model``, ``runner``, ``cache``, ``workers``, ``preset``, ``index``: how images
        are embedded and ranked.

    Raises
    ------
    UsageError, DatasetError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.pairs("town", "pairs.txt", preset="fast", top=1)
    >>> len(found.text.splitlines()) == len(found.pairs)
    True
    """
    began, form = time.perf_counter(), find_form(form)
    asked, build, _ = records_of(options, PairOptions, BuildOptions, Imported)
    if out is not None:
        refuse_to_overwrite(Path(out), replace=replace)
    known = None if views is None else views_of(Path(views))
    manifest = dataset if isinstance(dataset, Manifest) else read_dataset(dataset)
    kept, odd = _listable(manifest, form)
    with opened_cache(build.cache):  # keeps what is matched
        inputs = gather(dataclasses.replace(manifest, records=kept), options=build, progress=progress)
        found = Pairing(inputs.gallery, asked).pairs(progress)
    made = _made(inputs, found, form, known)
    if out is not None:
        write_list(Path(out), made.text)
    return dataclasses.replace(made, unusable=(*made.unusable, *odd), seconds=time.perf_counter() - began)


def _made(inputs: Inputs, found: Selected, form: str, views: Mapping[str, int] | None) -> PairList:
    """Put together what was found, and the list of it."""
    names = [record.path for record in inputs.gallery.records]
    numbers = numbered(names, views) if form == "openmvg" else {}
    paired = {name for pair in found.pairs for name in (pair.first, pair.second)}
    return PairList(
        dataset=inputs.name,
        model=inputs.gallery.spec.name,
        preset=inputs.gallery.preset.name,
        images=len(names),
        verified=found.verified,
        pairs=found.pairs,
        dropped=found.dropped,
        alone=tuple(sorted(set(names) - paired)),
        unusable=inputs.unusable,
        text=text_of(((pair.first, pair.second) for pair in found.pairs), form, numbers),
        seconds=0.0,
    )


def _listable(manifest: Manifest, form: str) -> tuple[tuple[ImageRecord, ...], tuple[FailedImage, ...]]:
    """Return the images without places and splits, and those whose names no list can hold."""
    why = {record.path: cannot_be_listed(record.path, form) for record in manifest.records}
    listable = (record for record in manifest.records if not why[record.path])
    kept = tuple(dataclasses.replace(record, places=(), titles=(), split=Split.NONE) for record in listable)
    odd = tuple(FailedImage(path, "bad-name", reason) for path, reason in why.items() if reason)
    if not kept:
        reason = next(iter(why.values()), "there is none")
        raise DatasetError(f'no image of "{manifest.root}" can stand in a list of pairs: {reason}')
    return kept, odd
