"""The verb remembered."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing
from placeprint.cli.option_records import given
from placeprint.errors import UsageError
from placeprint.grouping.options import GroupOptions
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.grouping.remembered import Remembered
    from placeprint.grouping.result import Grouping
    from placeprint.records import Answer


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a person says of the photos that are kept."""

    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="PHOTO", help="Add the new place that this photo shows to the gallery."),
    ] = None
    name: Annotated[str | None, typer.Option("--name", help="What the accepted place is called.")] = None
    refuse: Annotated[
        list[str] | None,
        typer.Option("--refuse", metavar="PHOTO", help="The photos grouped with this one show no place."),
    ] = None
    forget: Annotated[
        list[str] | None, typer.Option("--forget", metavar="PHOTO", help="Delete this photo; repeatable.")
    ] = None
    forget_all: Annotated[bool, typer.Option("--forget-all", help="Delete all photos that were not accepted.")] = False
    corrections: Annotated[
        Path | None, typer.Option("--corrections", help="Keep what was corrected on the page: the file it saved.")
    ] = None


def remembered(
    folder: Annotated[Path, typer.Argument(help="The folder of `query --remember`.")],
    gallery: Annotated[
        str | None, typer.Argument(help="The gallery that accepted places are added to; it may have some already.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page (.html) to look through the groups and correct them.")
    ] = None,
    *,
    decided: Decided,
    asked: GroupOptions,
    output: options.Output,
) -> None:
    """Show which unknown photos show one new place, and add it to a gallery."""
    from placeprint.grouping.corrections import Corrections, read_corrections
    from placeprint.grouping.gallery_places import in_gallery
    from placeprint.grouping.remembered import remembered as opened

    if decided.accept is not None and gallery is None:
        raise UsageError("--accept adds a place to a gallery: name it after the folder")
    kept = opened(folder)
    gone = kept.forget([*(decided.forget or ()), *(kept.photos if decided.forget_all else ())])
    if decided.corrections is not None:
        kept.correct(read_corrections(decided.corrections))
    found = kept.groups(progress=output.progress, **given(asked))
    added = None
    if refused := _refused(found, decided):
        kept.correct(Corrections((), dict.fromkeys(refused, "")))
    if decided.accept is not None:
        assert gallery is not None
        added = _accept(kept, found, decided, gallery, output)
    if refused or added:
        found = kept.groups(progress=output.progress, **given(asked))
    places = _asked(gallery, found)
    if report is not None and found is not None:
        from placeprint.report.groups_page import write_groups_page

        again = shlex.join(("placeprint", "remembered", str(folder)))
        write_groups_page(found, report, again=again, progress=output.progress)
    if output.as_json:
        told = {"forgotten": list(gone), "added": added, "accepted": dict(kept.accepted)}
        asked_of = {"gallery": {photo: in_gallery(answer) for photo, answer in places.items()}}
        printing.show_json({"groups": found.to_dict() if found else None} | told | asked_of)
    else:
        if gone:
            printing.say(f"{counted(len(gone), 'photo')} deleted")
        if added:
            printing.say(f"{added['place']}: {counted(int(added['photos']), 'photo')} in the gallery now")
        _show(kept, gallery, found, places)


def _refused(found: Grouping | None, decided: Decided) -> list[str]:
    """Return the photos that show no place. Raises `UsageError` where one of them is accepted too."""
    from placeprint.grouping.remembered import group_of

    refused = [photo for one in decided.refuse or () for photo in group_of(found, one).photos]
    if decided.accept in refused:
        raise UsageError(f"{decided.accept} is accepted and refused: the photos grouped with it show a place, or none")
    return refused


def _asked(gallery: str | None, found: Grouping | None) -> dict[str, Answer]:
    """Ask the gallery about the groups."""
    if gallery is None or not found or not found.groups:
        return {}
    from placeprint.gallery.opening import open_gallery
    from placeprint.grouping.gallery_places import gallery_places
    from placeprint.recognition.recognizer import Recognizer

    return gallery_places(found, Recognizer(open_gallery(gallery)).recognize)


def _accept(
    kept: Remembered, found: Grouping | None, decided: Decided, gallery: str, output: options.Output
) -> dict[str, int | str]:
    from placeprint.gallery.opening import open_gallery
    from placeprint.grouping.remembered import group_of
    from placeprint.indexing import folder as indexing
    from placeprint.indexing.sources import open_source

    assert decided.accept is not None
    group = group_of(found, decided.accept)
    name = decided.name or (group.place if group.named_by == "you" else "")
    if not name:
        raise UsageError(f"{counted(len(group.photos), 'photo')} show one place: --name says what it is called")
    opened = open_gallery(gallery)
    table = kept.accept(group.photos, name)
    done = indexing.add(opened, open_source(table), progress=output.progress)
    return {"place": name, "photos": len(group.photos), "images": done.change.added}


def _show(kept: Remembered, gallery: str | None, found: Grouping | None, places: Mapping[str, Answer]) -> None:
    told = {photo: answer.said() for photo, answer in places.items()}
    rows = [
        (f"{counted(len(one.photos), 'photo')}", one.place, one.photos[0], told.get(one.photos[0], ""))
        for one in (found.groups if found else ())
    ]
    if rows:
        columns = ("show one place", "called", "most typical", "the gallery says")
        shown = len(columns) if places else 3
        printing.table(columns[:shown], [row[:shown] for row in rows], right=(0,))
        own = shlex.join(("placeprint", "remembered", str(kept.folder)))
        where = "GALLERY" if gallery is None else shlex.quote(gallery)
        printing.say(
            f"to add the first: {own} {where} --accept {shlex.quote(rows[0][2])} --name NAME",
            f"to look at them: {own} --report unknown.html",
        )
    printing.say(*(found.contradictions if found else ()))
    printing.say(f"{counted(len(kept.photos), 'unknown photo')} kept in {kept.folder}, {len(kept.accepted)} accepted")
