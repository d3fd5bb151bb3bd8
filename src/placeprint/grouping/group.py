"""The verb `group`: which photos of a folder without labels show the same place."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from placeprint.dataset.manifest import Manifest
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import DatasetError, UsageError
from placeprint.grouping.compared import compared
from placeprint.grouping.contradictions import contradictions
from placeprint.grouping.corrections import Corrections, read_corrections
from placeprint.grouping.groups import alone_of, edges_of, groups_of, reasoned
from placeprint.grouping.options import GroupOptions, GroupWords
from placeprint.grouping.result import NO_PLACE, Alone, Constraint, Grouping, among
from placeprint.grouping.same_place import shipped_same_place
from placeprint.grouping.table import answers_of, read_answers, refuse_table, write_groups
from placeprint.presets import find_preset
from placeprint.progress import Progress
from placeprint.recognition.dataset_embeddings import embed_split, none_usable, opened_cache
from placeprint.recognition.gallery_model import model_for
from placeprint.recognition.location.photos import read_photos
from placeprint.terminal import counted

PRESET = "balanced"
"""What is kept of each photo: `SamePlace` was learned with it."""


def group(
    photos: Manifest | Path | str | Iterable[Path | str],
    out: Path | str | None = None,
    *,
    constraints: Iterable[Constraint] = (),
    corrections: Path | str | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    **options: Unpack[GroupWords],
) -> Grouping:
    """Find out which photos show the same place; labels are not looked at.

    Parameters
    ----------
    photos : Manifest, Path, str, or iterable of paths
        A folder, with those in it; a table; or several photos.
    out : Path or str, optional
        A ``.csv`` in the photos' folder or above it: a manifest that every verb reads. One that is there already gives
        its answers and the names that a person gave, and is written anew.
    constraints : iterable of Constraint
        Beside those in the table.
    corrections : Path or str, optional
        A file that the page of ``--report`` saved; what it says holds against what the table says.
    replace : bool
        Whether a file that placeprint did not write may be replaced.
    progress : Progress, optional
    **options
        ``false_merge_rate``: the share of photos that may be in the group of another place; ``model``, ``runner``,
        ``cache``, ``workers``. With the cache, a run that was killed continues where it stopped.

    Raises
    ------
    UsageError, DatasetError, ModelError

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.group("photos", "photos/places.csv")
    >>> len(placeprint.read_dataset("photos/places.csv").records) == found.images
    True
    """
    asked = GroupOptions(**options)
    shipped_same_place().least(asked.false_merge_rate)  # refused before any work is done
    manifest = read_photos(photos)
    told = Corrections(*answers_of(manifest))
    if out is not None:
        refuse_table(Path(out), manifest.root, replace=replace)
        told = told.then(Corrections(*read_answers(Path(out), manifest.root)))
    told = told.then(Corrections(tuple(constraints)))
    if corrections is not None:
        told = told.then(_corrected(Path(corrections), manifest))
    made = _found(manifest, told, asked, progress)
    if out is not None:
        write_groups(made, Path(out))
    return made


def _corrected(file: Path, manifest: Manifest) -> Corrections:
    """Read corrections of these photos.

    Raises
    ------
    UsageError
        When none of its photos is here: then it is of others, or paths were relative to another folder.
    """
    read, here = read_corrections(file), {record.path for record in manifest.records}
    about = {path for one in read.constraints for path in (one.a, one.b)} | {*read.names}
    if about and not about & here:
        raise UsageError(
            f'"{file}" corrects {counted(len(about), "photo")}, none of them below "{manifest.root}": group what was '
            "grouped when the page was made"
        )
    return read


def _found(manifest: Manifest, told: Corrections, asked: GroupOptions, progress: Progress | None) -> Grouping:
    began, same = time.perf_counter(), shipped_same_place()
    least = same.least(asked.false_merge_rate)
    model, preset = asked.model or DEFAULT_MODEL, find_preset(PRESET)
    embedder = model_for(model, preset=preset, runner=asked.runner, workers=asked.workers)
    placeless = [record.path for record in manifest.records if record.path in told.placeless]
    shown = [record for record in manifest.records if record.path not in told.placeless]
    if not shown and manifest.failures:
        raise none_usable(manifest.failures, str(manifest.root))
    if not shown:
        raise DatasetError(f'every photo of "{manifest.root}" was said to show no place: there is nothing to group')
    with opened_cache(asked.cache) as cache:
        done = embed_split(manifest, shown, embedder=embedder, cache=cache, progress=progress)
        here = [record.path for record in done.records]
        kept = among(told.constraints, here)
        found = compared(done, kept, bound=(same, least), root=manifest.root, progress=progress)
    groups, probabilities = found.joined(kept, same, least)
    edges = edges_of(found, groups, probabilities)
    looks = ([found.paths[row] for row in look] for look in found.looks)
    answered = Corrections(among(told.constraints, [*here, *placeless]), told.names)
    alone = reasoned(alone_of(found, groups), manifest.root, progress)
    return Grouping(
        root=manifest.root,
        images=len(found.paths) + len(placeless),
        looks=len(found.looks),
        groups=groups_of(found, groups, edges, told.given_names),
        alone=(*alone, *(Alone(path, NO_PLACE) for path in placeless)),
        edges=edges,
        constraints=kept,
        contradictions=contradictions(answered, looks),
        false_merge_rate=asked.false_merge_rate,
        model=embedder.spec.name,
        matched=found.matched,
        failures=(*manifest.failures, *done.failures),
        seconds=time.perf_counter() - began,
    )
