"""Results that several verbs print: a gallery as it is now, and what became of the images that it was given."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from placeprint.cli import positions, printing
from placeprint.cli.calibrate import show_calibration
from placeprint.dataset.walk import why_not_walked
from placeprint.errors import GalleryError
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.indexing.result import IndexResult
    from placeprint.indexing.sources import Source

SHOWN_FAILURES = 5


def size_of(gallery: AnyGallery) -> str:
    """Return how many images of how many places a gallery has."""
    return f"{counted(len(gallery), 'image')} of {counted(len(gallery.places), 'place')}"


def show_reach(gallery: AnyGallery) -> None:
    """Say on stderr where the lists of an index serve fewer neighbours than a question looks at."""
    reach, look = None, gallery.preset.first_look
    with suppress(GalleryError):  # what is damaged is told where it is asked
        reach = getattr(gallery, "reach", None)  # not of one on a server
    if reach is not None and reach < look:
        few = f"more than {reach} neighbours are" if reach else "all neighbours are"
        printing.say(
            f"note: {few} found by comparing all {counted(len(gallery), 'image')}, as the {look} are that a question "
            "looks at: no number of lists finds enough of them",
            err=True,
        )


def _show_gallery(done: IndexResult, facts: dict[str, Any], *, as_json: bool) -> None:
    """Print what the gallery is now and how it was calibrated, or why not; `facts` are added to the JSON."""
    gallery = done.gallery
    show_reach(gallery)
    if as_json:
        row = {
            "gallery": gallery.where,
            "images": len(gallery),
            "places": len(gallery.places),
            "model": gallery.spec.name,
            "fingerprint": gallery.spec.fingerprint(),
            "preset": gallery.preset.name,
            "index": gallery.index_name,
            "calibration": gallery.calibration.told(gallery.where) if gallery.calibration else None,
            "not_calibrated": done.not_calibrated or None,
            "positions": positions.told(gallery),
        }
        printing.show_json(row | facts)
        return
    lost = f"; {counted(len(done.failures), 'image')} could not be used" if done.failures else ""
    printing.say(f"{gallery.where}: {size_of(gallery)}, model {gallery.spec}, preset {gallery.preset.name}{lost}")
    show_calibration(gallery.calibration, gallery.where, done.not_calibrated)
    positions.show_positions(gallery)


def _shares(done: IndexResult) -> str:
    return ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in done.shares.items())


def show_import(done: IndexResult, records: str, *, as_json: bool) -> None:
    """Print what became of the rows of a table of embeddings, then the gallery."""
    for note in done.notes:
        printing.say(f"{records}: {note}", err=True)
    if done.set_aside and not as_json:
        printing.say(f"left out, for evaluate to ask: {', '.join(one.says for one in done.set_aside)}")
    facts = {
        "set_aside": [one.to_dict() for one in done.set_aside],
        "notes": list(done.notes),
        "no_photos": done.no_photos or None,
    }
    _show_gallery(done, facts, as_json=as_json)
    if done.no_photos and not as_json:
        printing.say(f"{done.gallery.where}: {done.no_photos}", err=True)


def _show_unlabelled(done: IndexResult, source: Source) -> None:
    """Say how many of the images that were given have no place; of a gallery without any its calibration says it."""
    lost = {failure.path for failure in done.failures}
    bare = sum(not record.places and record.path not in lost for record in source.manifest.gallery())
    if bare and done.change.added and done.gallery.places:
        printing.say(
            f"{counted(bare, 'image that was given has', 'images that were given have')} no place: an answer calls "
            "such an image by its path; label them in a manifest, or have a folder for each place"
        )


def show_index(done: IndexResult, source: Source, *, as_json: bool) -> None:
    """Print what became of the images that were given, then the gallery."""
    from placeprint.dataset.overview import Overview

    facts = {
        "understood": Overview.of(source.manifest).to_dict(),
        "change": asdict(done.change),
        "computed": done.computed,
        "cached": done.cached,
        "seconds": done.seconds,
        "shares": dict(done.shares),
        "failures": [asdict(f) for f in done.failures],
    }
    if not as_json:
        printing.show_failures(done.failures)
        counts = asdict(done.change)
        elsewhere, contradicting = counts.pop("elsewhere"), counts.pop("contradicting")
        del counts["missing"]  # of remove
        change = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        rate = (done.computed + done.cached) / max(done.seconds, 1e-9)
        printing.say(
            f"{change or 'nothing changed'}; embedded {done.computed}, from the cache {done.cached} "
            f"({done.seconds:.1f} s, {rate:.0f} images/s: {_shares(done)})"
        )
        if elsewhere:
            given = sum(counts.values()) - counts["removed"] + elsewhere
            printing.say(f"{elsewhere} of {given} are there already, under another path: they were not added again")
        if contradicting:
            printing.say(f"{contradicting} of those added are there as another place too: look at their labels")
        _show_unlabelled(done, source)
    _show_gallery(done, facts, as_json=as_json)
    if lost := why_not_walked(done.failures):
        printing.say(f"not in the gallery: {'; '.join(lost[:SHOWN_FAILURES])}", err=True)
