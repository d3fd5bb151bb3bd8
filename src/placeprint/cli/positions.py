"""Lines and JSON about the positions that a gallery gives: when, how far off, or why none."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from placeprint.cli import printing

if TYPE_CHECKING:
    from placeprint.gallery.protocol import AnyGallery


def told(gallery: AnyGallery) -> dict[str, Any] | None:
    """Return when the gallery gives positions, as JSON; None where nothing was learned, as without positions."""
    from placeprint.recognition.spots.limits import limits_or_why

    evidence = gallery.position_evidence
    if evidence is None:
        return None
    limits, why = limits_or_why(evidence)
    given = None if limits is None else asdict(limits)
    return {"limits": given, "why": why or None, "outdated": evidence.outdated(gallery.where) or None}


def show_positions(gallery: AnyGallery) -> None:
    """Print when photos get a position; nothing of a gallery without positions."""
    from placeprint.recognition.spots.estimate import SPOT
    from placeprint.recognition.spots.limits import LEAST, limits_or_why

    evidence = gallery.position_evidence
    if evidence is None:
        return
    limits, why = limits_or_why(evidence)
    if limits is None and not evidence.asked:
        printing.say(f"no photo gets a position: fewer than {LEAST} images have another within {SPOT:g} m")
    elif limits is None:
        printing.say(f"no photo gets a position: {why}")
    else:
        printing.say(
            f"photos get a position: {100 * limits.given:.0f} % of those whose spot is here, {100 * limits.share:g} % "
            f"of them within {limits.radius:.0f} m; of photos of elsewhere at most {100 * limits.false_accept_rate:g} %"
        )
    printing.say(*filter(None, [evidence.outdated(gallery.where)]))
