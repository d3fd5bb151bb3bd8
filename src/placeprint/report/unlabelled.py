"""What `run` makes of photos without labels: groups with their page, a gallery of them, and a map of positions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from placeprint.dataset.manifest import Manifest
from placeprint.gallery.protocol import AnyGallery
from placeprint.grouping.group import group
from placeprint.grouping.result import Grouping
from placeprint.indexing.folder import index_source
from placeprint.indexing.sources import open_source
from placeprint.options import BuildOptions
from placeprint.progress import Progress
from placeprint.recognition.location.forms import refuse_form, write_positions
from placeprint.recognition.location.result import KNOWN, Located, LocateResult
from placeprint.report.groups_page import refuse_groups_page, write_groups_page

PAGE, MAP = "groups.html", "photos.kml"
"""Files of a run."""


def to_group(manifest: Manifest, radius: float | None = None) -> bool:
    """Return whether no photo has a place, and none is to be judged by its position alone."""
    return radius is None and not any(record.places for record in manifest.records)


def refuse_unlabelled(out: Path) -> None:
    """Refuse a folder where somebody else's file is in the way, before anything is compared. Raises `UsageError`."""
    refuse_groups_page(out / PAGE)
    refuse_form(out / MAP)


def grouped(
    manifest: Manifest, out: Path, build: BuildOptions, progress: Progress | None
) -> tuple[Grouping, Path | None]:
    """Find the places among photos, and write their page and, where there are positions, a map.

    Raises `DatasetError` or `ModelError`.
    """
    found = group(
        manifest,
        model=build.model,
        runner=build.runner,
        cache=build.cache,
        workers=build.workers,
        progress=progress,
    )
    write_groups_page(found, out / PAGE, progress=progress)
    places = {path: one.place for one in found.groups for path in one.photos}
    photos = tuple(
        Located(path=r.path, how=KNOWN, latitude=at[0], longitude=at[1], taken=r.taken, why=places.get(r.path, ""))
        for r in manifest.records
        if (at := r.degrees) is not None
    )
    if not photos:
        return found, None
    write_positions(LocateResult(root=manifest.root, photos=photos), out / MAP)
    return found, out / MAP


def gallery_of(
    found: Grouping, manifest: Manifest, folder: Path, build: BuildOptions, *, replace: bool, progress: Progress | None
) -> AnyGallery | None:
    """Index the photos of all groups; None where there is no group."""
    places = {path: one.place for one in found.groups for path in one.photos}
    if not places:
        return None
    named = (
        dataclasses.replace(record, places=(places[record.path],))
        for record in manifest.records
        if record.path in places
    )
    labelled = dataclasses.replace(manifest, records=tuple(named))
    return index_source(open_source(labelled), folder, build, replace=replace, progress=progress).gallery
