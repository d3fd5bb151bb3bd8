"""The verb remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing, slips
from placeprint.cli.results import size_of
from placeprint.errors import UsageError
from placeprint.storage.marker import SHOWN, named
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery

_COMPARED = 20_000
"""Images of a gallery whose paths are compared with one that it does not have."""


def remove(
    gallery: options.GalleryPath,
    paths: Annotated[list[str] | None, typer.Argument(help="Paths of images, as the gallery names them.")] = None,
    place: Annotated[list[str] | None, typer.Option("--place", help="Remove all images of a place.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Remove images from a gallery by path or by place.

    What the gallery does not have is named, the others are removed, and the exit code is 3.
    """
    from placeprint.gallery.remove import remove as take_out

    if paths or place:
        slips.expect_gallery(gallery, paths or ())
    done = take_out(gallery, paths or (), places=place or ())
    changed, change = done.gallery, done.change
    absent = f'"{gallery}" has no image or place {named(change.missing)}' if change.missing else ""
    if not change.removed:
        raise UsageError(f"{absent}: nothing was removed{_meant(changed, change.missing)}")
    old = changed.calibration.outdated(gallery) if changed.calibration else ""
    positions = changed.position_evidence.outdated(gallery) if changed.position_evidence else ""
    if as_json:
        facts = {"removed": change.removed, "images": len(changed), "places": len(changed.places)}
        outdated = {"calibration_outdated": old or None, "positions_outdated": positions or None}
        printing.show_json(facts | {"missing": list(change.missing)} | outdated)
    else:
        printing.say(f"{counted(change.removed, 'image')} removed; {gallery} holds {size_of(changed)}")
        printing.say(*filter(None, [old, positions]))
    if absent:
        printing.say(f"{absent}: the others were removed{_meant(changed, change.missing)}", err=True)
        raise typer.Exit(3)


def _meant(gallery: AnyGallery, missing: Sequence[str]) -> str:
    """Return what was probably meant by the first name that one of the gallery's is like; empty where none is."""
    from placeprint.spelling import nearest_of_many

    known = {place: f'the place, --place "{place}"' for place in gallery.places}
    if gallery.path is not None and len(gallery) <= _COMPARED:
        paths = (gallery.located(row)[1] for row in range(len(gallery)))
        known = {path: f'the image "{path}"' for path in paths} | known
    likely = ((name, nearest_of_many(name, known)) for name in missing[:SHOWN])
    name, near = next((pair for pair in likely if pair[1] is not None), ("", None))
    return "" if near is None else f'; for "{name}", did you mean {known[near]}?'
