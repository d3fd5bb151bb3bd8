"""The verb pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, printing
from placeprint.cli.option_records import Without, given
from placeprint.options import BuildOptions
from placeprint.terminal import counted

if TYPE_CHECKING:
    from placeprint.evaluation.pairs.result import PairList

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Which pairs are kept."""

    top: Annotated[int, typer.Option("--top", help="Pair each photo with this many of its nearest.")] = 20
    mutual: Annotated[bool, typer.Option("--mutual", help="Only pairs in which each photo chose the other.")] = False
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify", help="Only pairs whose local features agree; by default where the preset has them."
        ),
    ] = None
    max_distance: Annotated[
        float | None,
        typer.Option("--max-distance", help="Leave out pairs known to be farther apart than this, in metres."),
    ] = None
    window: Annotated[
        int,
        typer.Option(
            "--window", help="The photos are sequences: pair each with this many that follow, and find loops beyond."
        ),
    ] = 0


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The list that is written."""

    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the list to this file.")] = None
    form: Annotated[str, typer.Option("--form", help="Who reads it: hloc, colmap or openmvg.")] = "hloc"
    views: Annotated[
        Path | None, typer.Option("--views", help="OpenMVG's sfm_data.json, for the numbers of its views.")
    ] = None
    replace: Annotated[bool, typer.Option("--replace", help="Replace a list that is there.")] = False


def pairs(
    dataset: options.Dataset,
    *,
    reading: options.Reading,
    selected: Selected,
    listed: Listed,
    build: Annotated[BuildOptions, Without("workers", "index")],
    output: options.Output,
) -> None:
    """Choose the pairs of photos to match for a reconstruction: hloc, COLMAP, OpenMVG."""
    from placeprint.evaluation.pairs.pairs import pairs as choose

    found = choose(
        datasets.manifest(dataset, reading.layout, track=datasets.track_of(reading)) or dataset,
        progress=output.progress,
        **given(listed, selected, build),
    )
    if output.as_json:
        printing.show_json(found.to_dict())
        return
    _show(found)
    if listed.out is not None:
        printing.say(f"{listed.out}: {counted(len(found.text.splitlines()), 'pair')}")


def _show(found: PairList) -> None:
    printing.show_failures(found.unusable)
    every = found.images * (found.images - 1) // 2
    share = 100 * len(found.pairs) / every if every else 0.0
    verified = "local features agree" if found.verified else "not verified by local features"
    printing.say(
        f"{found.dataset}: {counted(len(found.pairs), 'pair')} of {counted(found.images, 'image')} "
        f"({share:.1f} % of all); model {found.model}, preset {found.preset}; {verified}"
    )
    for why, count in found.dropped.items():
        printing.say(f"left out: {counted(count, 'pair')}, {why}")
    if found.alone:
        names = ", ".join(found.alone[:_SHOWN]) + (", …" if len(found.alone) > _SHOWN else "")
        printing.say(f"without a pair: {counted(len(found.alone), 'image')}: {names}")
