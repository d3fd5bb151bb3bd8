"""The verb calibrate: learn when to accept a place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placeprint.cli import datasets, options, positions, printing, slips
from placeprint.cli.option_records import Without, given
from placeprint.options import EmbedOptions, Imported

if TYPE_CHECKING:
    from placeprint.gallery.calibration import Calibration

UNTIL = (
    "the gallery is calibrated with labelled photos that are not in it (placeprint calibrate GALLERY --queries PHOTOS) "
    "or --unknown-threshold is given"
)
"""What makes UNKNOWN an answer, whatever the gallery lacks."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a calibration is learned for, and from which draws."""

    false_accept_rate: Annotated[
        float, typer.Option("--false-accept-rate", help="Share of photos of unknown places that may be given a place.")
    ] = 0.05
    seed: Annotated[int, typer.Option(help="The same seed gives the same calibration.")] = 0


def calibrate(
    gallery: options.GalleryPath,
    queries: Annotated[
        Path | None, typer.Option("--queries", help="Labelled photos to learn from, instead of the gallery's own.")
    ] = None,
    layout: options.LayoutName = None,
    *,
    imported: Imported,
    learned: Learned,
    embed: Annotated[EmbedOptions, Without("workers")],
    output: options.Output,
) -> None:
    """Learn when to answer UNKNOWN, and keep it in the gallery.

    Without queries the gallery's own images and places are held out in turn. From images with positions it also
    learns when to give a photo a position, and how far off that may be.
    """
    from placeprint.recognition.calibration.calibrate import calibrate as learn

    slips.expect_gallery(gallery, [queries] if queries else ())
    done = learn(
        gallery,
        queries=datasets.manifest(queries, layout),
        progress=output.progress,
        **given(imported, learned, embed),
    )
    if output.as_json:
        facts = {"gallery": done.gallery.where, "positions": positions.told(done.gallery)}
        printing.show_json(facts | done.calibration.told(done.gallery.where))
    else:
        show_calibration(done.calibration, done.gallery.where)
        positions.show_positions(done.gallery)


def show_calibration(learned: Calibration | None, gallery: str, why: str = "") -> None:
    """Print what a calibration decides, what it promises, and what speaks against it; or why there is none."""
    if learned is None:
        reason = f": {why.rstrip('.')}" if why else ""
        printing.say(f"not calibrated{reason}", f"  every photo gets a place, until {UNTIL}")
        return
    low, high = learned.interval
    least, most = learned.rate_interval
    printing.say(
        f"calibrated from the {learned.source}: accepted from probability {learned.threshold:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}), for {100 * learned.false_accept_rate:g} % false accepts "
        f"({100 * least:.1f} to {100 * most:.1f} %)",
        f"  expected to get a place: {_expected(learned.accepted_share)}",
        f"  {learned.learned}",
        f"  guaranteed: {learned.guarantee or 'nothing, which takes more places'}",
    )
    if learned.trade_off:
        show_trade_off(learned)
    for doubt in learned.doubts:
        printing.say(f"  beware: {doubt}")
    if old := learned.outdated(gallery):
        printing.say(f"  {old}")
    elif not learned.automatic:
        printing.say(f"  it stays as it is when images are added; {learned.command(gallery)} renews it")


def show_trade_off(learned: Calibration) -> None:
    """Print what a few false-accept rates keep and let in."""
    from placeprint.gallery.trade_off import shown_points

    rows = [
        (
            f"{100 * point.false_accept_rate:g} %",
            "–" if point.accepted_share is None else _percent(point.accepted_share),
            f"{100 * point.expected_rate:.1f} %",
            f"{100 * point.rate_interval[0]:.1f} to {100 * point.rate_interval[1]:.1f} %",
            f"{point.threshold:.3f}",
            "decides" if point.false_accept_rate == learned.false_accept_rate else "",
        )
        for point in shown_points(learned.trade_off, learned.false_accept_rate)
    ]
    columns = ("false accepts", "known photos kept", "unknown let in", "95 % interval", "threshold", "")
    printing.table(columns, rows, title="What other rates would do: query --false-accept-rate", right=(0, 1, 2, 4))


def _expected(share: float) -> str:
    if math.isnan(share):
        return "unknown: no photo shows a place that another one in the gallery shows too"
    return f"{_percent(share)} of photos of places that are here"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
