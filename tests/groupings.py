"""Groups of photos made by hand."""

from pathlib import Path
from typing import Any

from placeprint.grouping.result import Group, Grouping


def group_of(place: str, *photos: str, weakest: float = 1.0) -> Group:
    """A group of which each photo is a look of its own."""
    return Group(place=place, named_by="number", photos=photos, looks=tuple((p,) for p in photos), weakest=weakest)


def grouping_of(root: Path, groups: tuple[Group, ...], images: int, **told: Any) -> Grouping:
    """Groups of so many images that are so many looks, where nothing else is told."""
    known = {"looks": images, "alone": (), "edges": (), "constraints": (), "matched": 0, "failures": (), "seconds": 0.0}
    said = known | {"false_merge_rate": 0.02, "model": "hand"} | told
    return Grouping(root=root, groups=groups, images=images, **said)
