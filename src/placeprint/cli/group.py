"""The verb group."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import options, printing
from placeprint.cli.option_records import given
from placeprint.grouping.options import GroupOptions
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.grouping.result import Grouping

_SHOWN = 20


def group(
    photos: Annotated[list[Path], typer.Argument(help="A folder of photos, a manifest, or several photos.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a manifest (.csv) in the photos' folder or above it.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that placeprint did not write.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a page (.html) to look through the groups and correct them.")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option("--corrections", help="Respect what was corrected on the page: the file it saved.")
    ] = None,
    *,
    asked: GroupOptions,
    output: options.TableOutput,
) -> None:
    """Find out which photos show the same place, without labels."""
    from placeprint.grouping.group import group as find

    if report is not None:
        from placeprint.report.groups_page import refuse_groups_page

        refuse_groups_page(report)
    found = find(photos, out, corrections=corrections, replace=replace, progress=output.progress, **given(asked))
    if report is not None:
        from placeprint.report.groups_page import write_groups_page

        write_groups_page(found, report, again=_again(photos, out), progress=output.progress)
    if output.as_json:
        printing.show_json(found.to_dict())
    elif output.as_csv:
        printing.show_csv(found.table())
        printing.say(*found.contradictions, err=True)
        printing.show_failures(found.failures)
    else:
        show_groups(found)
        if out is not None and found.groups:
            printing.say(f"{out}: look through it, then: placeprint index {out} -o places.gallery")


def _again(photos: Sequence[Path], out: Path | None) -> str:
    """Return the command that groups the same photos, of many the folder that they are probably in."""
    told = [str(one) for one in photos] if len(photos) == 1 else ["PHOTOS"]
    return shlex.join(("placeprint", "group", *told, "-o", "places.csv" if out is None else str(out)))


def show_groups(found: Grouping) -> None:
    """Print the groups, the largest first, and how many photos are alone."""
    rows = [(g.place, str(len(g.photos)), str(len(g.looks)), g.photos[0]) for g in found.groups[:_SHOWN]]
    printing.table(("place", "photos", "looks", "most typical"), rows, right=(1, 2))
    if len(found.groups) > _SHOWN:
        printing.say(f"… and {len(found.groups) - _SHOWN} more: --json or --out has all")
    printing.say(
        f"{counted(found.images, 'photo')}, {counted(found.looks, 'look')} without copies and bursts: "
        f"{counted(len(found.groups), 'place')}, {counted(len(found.alone), 'photo')} alone",
        f"asked: at most {100 * found.false_merge_rate:g} % of photos in the group of another place",
    )
    printing.say(*found.contradictions)
    printing.show_failures(found.failures)
