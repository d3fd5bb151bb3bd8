"""Positions that one camera cannot have reached in the time between two of its photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from placeprint.dataset.checks.rules import Finding, finding
from placeprint.dataset.distances import metres_apart
from placeprint.dataset.metadata.times import seconds_of
from placeprint.records import ImageRecord

FASTEST = 350.0
"""Metres a second: an airliner with the wind behind it."""
LEAST = 2000.0
"""Metres below which nothing is a jump: receivers err, and clocks have whole seconds."""


@dataclass(frozen=True, slots=True)
class _Fix:
    path: str
    seconds: float
    where: tuple[float, float]


def jump_findings(records: Sequence[ImageRecord]) -> Iterator[Finding]:
    """Yield one finding for each jump between photos of one camera, in the order of time.

    Where a photo alone is far off, and those before and after it fit together, it is the one that is named first.
    Times without a zone are compared with each other alone: a camera's clock and a phone's differ by hours.
    """
    cameras: dict[tuple[str, bool], list[_Fix]] = defaultdict(list)
    for record in records:
        seconds = None if record.taken is None else seconds_of(record.taken)
        if seconds is not None and record.camera and record.degrees and record.position_source != "track":
            zoned = record.taken is not None and record.taken[19:].lstrip(".0123456789") != ""
            cameras[record.camera, zoned].append(_Fix(record.path, seconds, record.degrees))
    for (camera, _), fixes in sorted(cameras.items()):
        yield from _of_one(camera, sorted(fixes, key=lambda fix: (fix.seconds, fix.path)))


def _of_one(camera: str, fixes: Sequence[_Fix]) -> Iterator[Finding]:
    last: _Fix | None = None
    for number, fix in enumerate(fixes):
        if last is None or not _jumps(last, fix):
            last = fix
            continue
        following = fixes[number + 1] if number + 1 < len(fixes) else None
        alone = following is not None and not _jumps(last, following)
        yield _finding(camera, fix, last)
        if not alone:  # it went on from there
            last = fix


def _jumps(one: _Fix, other: _Fix) -> bool:
    metres = metres_apart(one.where, other.where)
    return metres > LEAST and metres > FASTEST * max(abs(other.seconds - one.seconds), 1.0)


def _finding(camera: str, fix: _Fix, last: _Fix) -> Finding:
    metres, seconds = metres_apart(last.where, fix.where), fix.seconds - last.seconds
    text = f"{metres / 1000:,.0f} km in {seconds:,.0f} s between two photos of one camera ({camera})"
    return finding("position-jump", text, fix.path, last.path, score=metres)
