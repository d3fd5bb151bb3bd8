"""The verb info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing, slips

if TYPE_CHECKING:
    from placeprint.recognition.gallery_info import GalleryInfo


def info(
    gallery: options.GalleryPath,
    places: Annotated[bool, typer.Option("--places", help="List each place with its images.")] = False,
    *,
    form: options.Form,
) -> None:
    """Say what a gallery holds: places, images, model, preset, calibration, sizes and health.

    It reads little; `placeprint verify` reads every byte.
    """
    from placeprint.recognition.gallery_info import info as look

    slips.expect_gallery(gallery)
    found = look(gallery, places=places or form.as_csv)
    if form.as_json:
        printing.show_json(found.to_dict())
    elif form.as_csv:
        printing.show_csv(found.table())
    else:
        _show(found)


def _show(found: GalleryInfo) -> None:
    printing.table((found.gallery, ""), found.rows)
    printing.say(*(f"note: {note}" for note in found.notes))
    if found.place_rows:
        rows = [
            (row.place, str(row.images), _where(row.latitude, row.longitude), row.title or "")
            for row in found.place_rows
        ]
        printing.say("")
        titled = any(row.title for row in found.place_rows)
        columns = ("place", "images", "position", *(("title",) if titled else ()))
        printing.table(columns, [row[: len(columns)] for row in rows], right=(1,))


def _where(latitude: float | None, longitude: float | None) -> str:
    return "" if latitude is None or longitude is None else f"{latitude:.5f}, {longitude:.5f}"
