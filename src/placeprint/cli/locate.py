"""The verb locate: positions for photos that have none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placeprint.cli import datasets, options, printing, slips
from placeprint.cli.option_records import Without, given
from placeprint.errors import UsageError
from placeprint.options import EmbedOptions

if TYPE_CHECKING:
    from placeprint.recognition.location.result import Located, LocateResult

SHOWN = 40


@dataclass(frozen=True, kw_only=True)
class Sureness:
    """How sure positions are to be."""

    share: Annotated[
        float, typer.Option("--share", help="The share of positions that lie within their error radius.")
    ] = 0.9
    false_accept_rate: Annotated[
        float, typer.Option("--false-accept-rate", help="The share of photos taken elsewhere that may get a position.")
    ] = 0.05


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where positions go; the photos themselves are never changed."""

    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a table (.csv), .geojson or .kml of the positions.")
    ] = None
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="Write an XMP sidecar beside each photo that got a position.")
    ] = False
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write a page (.html): each photo beside the image that it was located by."),
    ] = None
    undo: Annotated[
        bool, typer.Option("--undo", help="Remove the sidecars that --sidecars wrote, and locate nothing.")
    ] = False


def locate(
    gallery: options.GalleryPath,
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Photos, folders of photos, or a table of them.")
    ],
    *,
    reading: Annotated[options.Reading, Without("layout")],
    wanted: Sureness,
    written: Written,
    embed: EmbedOptions,
    output: options.TableOutput,
) -> None:
    """Give positions to photos that have none, by what they show and when they were taken.

    Each position has an error radius that is learned from the gallery's own images. Where too little points to one
    spot, the photo gets no position, and the table says why.
    """
    from placeprint.recognition.location.forms import refuse_form, write_positions
    from placeprint.recognition.location.locate import locate as find
    from placeprint.recognition.location.written_sidecars import write_sidecars

    slips.expect_gallery(gallery, photos)
    if written.undo:
        _undo(photos, as_json=output.as_json)
        return
    if written.out is not None:
        refuse_form(written.out)
    if written.report is not None and written.report.suffix.lower() != ".html":
        raise UsageError(f'--report writes a page: "{written.report}" must end in .html')
    asked: Any = photos[0] if len(photos) == 1 else photos
    track = datasets.track_of(reading)
    found = find(gallery, asked, track=track, progress=output.progress, **given(wanted, embed))
    made, left = write_sidecars(found) if written.sidecars else ((), ())
    if written.out is not None:
        write_positions(found, written.out)
    if written.report is not None:
        from placeprint.report.positions_page import write_positions_page

        write_positions_page(found, gallery, written.report)
    if output.as_json:
        told = [{"path": one.path, "kind": one.kind, "reason": one.reason} for one in left]
        printing.show_json(found.to_dict() | {"sidecars": list(made), "no_sidecar": told})
    elif output.as_csv:
        printing.show_csv(found.table())
    else:
        _show(found)
        if written.sidecars:
            printing.say(f"{len(made)} sidecars written; --undo takes them away again")
            printing.say(*(f"  {one.path}: {one.reason}" for one in left))
        printing.show_failures(found.failures)
    if found.failures:
        raise typer.Exit(3)


def _undo(photos: list[Path], *, as_json: bool) -> None:
    from placeprint.recognition.location.photos import read_photos
    from placeprint.recognition.location.written_sidecars import remove_sidecars

    manifest = read_photos(photos)
    gone = remove_sidecars(manifest.root, [record.path for record in manifest.records])
    if as_json:
        printing.show_json({"root": str(manifest.root), "removed": list(gone)})
    else:
        printing.say(f"{len(gone)} sidecars taken away; those of other programs, and changed ones, stay")


def _show(found: LocateResult) -> None:
    counts = found.counts()
    general = found.unlearned and "not located"  # the reason is the same for all, and stands below
    rows = [(p.path, *_where(p), general if p.why == found.unlearned else p.why) for p in found.photos[:SHOWN]]
    printing.table(("photo", "latitude", "longitude", "± m", "how"), rows, right=(1, 2, 3))
    if len(found.photos) > SHOWN:
        printing.say(f"… and {len(found.photos) - SHOWN} more: --json or --out has all")
    printing.say(
        f"{counts['picture']} located by what they show, {counts['time']} by time, {counts['none']} not located, "
        f"{counts['known']} had a position"
    )
    if found.limits is not None:
        limits = found.limits
        printing.say(
            f"of positions {100 * limits.share:g} % lie within {limits.radius:.0f} m, of photos of elsewhere at most "
            f"{100 * limits.false_accept_rate:g} % get one: learned from {limits.n_known} held-out images whose spot "
            f"is there, of which {100 * limits.given:.0f} % got one, and {limits.n_unknown} whose spot was left out"
        )
    elif found.unlearned:
        printing.say(f"no photo is located by what it shows: {found.unlearned}")


def _where(one: Located) -> tuple[str, str, str]:
    if one.latitude is None or one.longitude is None:
        return "–", "–", "–"
    return f"{one.latitude:.6f}", f"{one.longitude:.6f}", "–" if one.radius is None else f"{one.radius:.0f}"
