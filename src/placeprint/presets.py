"""The presets: how much work goes into an answer.

A gallery's head holds its preset, so that a gallery is always searched as it was built.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from placeprint.errors import GalleryFormatError, UsageError
from placeprint.spelling import choices, meant
from placeprint.storage.json_records import record_from, without_keypoints
from placeprint.storage.part_limits import MOST_PARTS

DEFAULT_PRESET = "balanced"
FIRST_LOOK = 100
"""Neighbours that a question looks at, at least; more only while they are all of one place."""
FEWEST_CELLS = 64
"""Eight rows by eight columns. With fewer no movement between two images can be measured."""
LARGEST = 1_000_000_000
"""Of any number of a preset: scores are 32-bit floats, and no weight may lead out of them."""
MOST = {"cells": MOST_PARTS, "xfeat": MOST_PARTS, "shortlist": 10_000, "verified": 1000, "matched": 1000}
"""Of what a question takes time for, whoever wrote the preset: seconds, where a hundred images take one."""
WHITENINGS = ("", "pca", "places")
"""None; by the gallery's principal components; by how images differ within its places."""
EVIDENCE = "sum"
"""How matched points tell: by the sum of their confidences, where earlier releases took its logarithm (`log`). What was
calibrated of other scores must be calibrated again."""
MOST_OF_A_PLACE = 256
"""Images that the mean of a place is of. Of one with more, as many are drawn by hashes of their contents: a sample that
hardly changes when images are added, whose mean is off by 0.06 of how far one image is from it."""
KEPT_BYTES = {"cell_bytes": (0, 8, 28, 56), "point_bytes": (0, 19)}
"""In how many bytes a cell or a point can be kept; 0 for as it is, 112 and 68."""
SQUARES = 8
"""Of `cell_bytes`: cells are kept in squares of 16 by 128 bytes, so that none can be left out."""
KEPT_SHORT = KEPT_BYTES | {"vector_bits": (0, 8)}
"""What makes a gallery smaller; in how many bits each number of a vector is kept too, 0 for as it is, 32."""
KEPT_PARTS = {"kept_cells": ("cell_bytes", 28), "kept_points": ("point_bytes", 19)}
"""Settings that need another, and what it may be: only what is kept row by row in few bytes can be thinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is kept of every image, and how neighbours are re-ranked.

    Attributes
    ----------
    name : str
    about : str
        One line for people.
    views : tuple of str
        See `placeprint.ModelSpec`.
    cells, xfeat : int
        The most cells and XFeat features that are kept of an image; 0 keeps none.
    shortlist : int
        Neighbours that are re-ranked; 0 keeps the order of the cosine similarity.
    place_weight : float
        Weight of the place's mean embedding beside that of each image.
    verified : int
        Best images of the shortlist whose parts are compared with the query's.
    place_power : float
        0 leaves the mean as short as it is, 1 makes every place's images equally long.
    matched : int
        Best images whose XFeat features are matched with the query's, until one matches without doubt.
    cell_weight, match_weight : float
        What one unit of evidence adds to the score.
    cell_bytes, point_bytes : int
        In how many bytes a new gallery keeps a cell and an XFeat feature, see `KEPT_BYTES`. How images are compared
        does not depend on it, so presets that only differ here are equal.
    kept_cells, kept_points : int
        The most cells and XFeat features that it keeps of an image in so few bytes; 0 for all.
    vector_bits : int
        In how many bits it keeps each number of an embedding: 8, or 0 for 32.
    whiten : str
        One of `WHITENINGS`: a change of the embeddings that is learned from the gallery and kept in it.
    budget_ms : float
        Milliseconds a query after which comparing stops; 0 for no limit.

    Examples
    --------
    >>> import placeprint
    >>> preset = placeprint.open_gallery("town.gallery").preset
    >>> preset.name, preset.reranks
    ('fast', False)
    """

    name: str
    about: str
    views: tuple[str, ...] = ()
    cells: int = 0
    xfeat: int = 0
    shortlist: int = 0
    place_weight: float = 0.0
    place_power: float = 1.0
    verified: int = 0
    matched: int = 0
    cell_weight: float = 0.0
    match_weight: float = 0.0
    budget_ms: float = 0.0
    whiten: str = ""
    cell_bytes: int = field(default=0, compare=False)
    point_bytes: int = field(default=0, compare=False)
    kept_cells: int = field(default=0, compare=False)
    kept_points: int = field(default=0, compare=False)
    vector_bits: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings that are out of range."""
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            most = MOST.get(each.name, LARGEST)
            if isinstance(value, int | float) and not 0 <= value <= most:
                raise UsageError(f'preset "{self.name}": {each.name} must lie between 0 and {most:,}, not {value}')
        for name in ("cells", "kept_cells"):
            if 0 < (count := getattr(self, name)) < FEWEST_CELLS:
                raise UsageError(f'preset "{self.name}": {name} must be 0, or {FEWEST_CELLS} or more, not {count}')
        for name, sizes in KEPT_SHORT.items():
            if (asked := getattr(self, name)) not in sizes:
                raise UsageError(f'preset "{self.name}": {name} must be {" or ".join(map(str, sizes))}, not {asked}')
        if self.whiten not in WHITENINGS:
            raise UsageError(f'preset "{self.name}": whiten must be one of {", ".join(WHITENINGS[1:])}')

    @property
    def reranks(self) -> bool:
        """True when neighbours are re-ranked."""
        return self.shortlist > 0

    @property
    def first_look(self) -> int:
        """How many neighbours a question looks at."""
        return max(FIRST_LOOK, self.shortlist)

    def evidence(self, parts: Container[str]) -> str:
        """Return how matched points tell in a gallery that keeps these parts: `EVIDENCE`, empty where none do."""
        return EVIDENCE if self.matched and self.match_weight and "xfeat" in parts else ""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dataclasses.asdict(self) | {"views": list(self.views)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        GalleryFormatError
            When a field is missing, unknown or of another type.
        """
        try:
            return record_from(cls, without_keypoints(row))
        except (TypeError, ValueError) as error:
            raise GalleryFormatError(f"the gallery's preset cannot be read ({error}): build it again") from error


FAST = Preset(name="fast", about="one view of the image, ranked by cosine similarity")

PRESETS = {
    preset.name: preset
    for preset in (
        FAST,
        Preset(
            name="balanced",
            about="one view of the whole image; a place's other photos count; the best 50 are compared cell by cell, "
            "the best 4 point by point",
            views=("whole",),
            cells=360,
            xfeat=512,
            shortlist=200,
            place_weight=6.0,
            place_power=0.85,
            verified=50,
            cell_weight=0.08,
            matched=4,
            match_weight=0.15,
        ),
        Preset(
            name="best",
            about="three views; the best 100 are compared cell by cell, the best 10 point by point",
            views=("crop", "squash", "flip"),
            cells=360,
            xfeat=512,
            shortlist=200,
            place_weight=6.0,
            place_power=0.85,
            verified=100,
            cell_weight=0.1,
            matched=10,
            match_weight=0.15,
        ),
    )
}


def default_preset() -> str:
    """Return the preset of a new gallery: PLACEPRINT_PRESET of the environment, else `DEFAULT_PRESET`."""
    return os.environ.get("PLACEPRINT_PRESET") or DEFAULT_PRESET


def find_preset(preset: str | Preset) -> Preset:
    """Find a preset by its name, with settings changed after colons: ``balanced:verified=20:budget_ms=100``.

    Raises `UsageError` for a name or a setting that is not known, a value that is not a number, and a setting that
    does nothing without another, in a preset that is given too: galleries may have such a one, which stays readable.
    """
    if isinstance(preset, Preset):
        return _sound(preset)
    name, *changes = preset.split(":")
    if name not in PRESETS:
        raise UsageError(f'preset "{name}" is not known: {choices(name, PRESETS)}')
    if not changes:
        return PRESETS[name]
    changed: dict[str, Any] = dict(_change(PRESETS[name], text) for text in changes)
    return _sound(dataclasses.replace(PRESETS[name], name=preset, **changed))


def _sound(found: Preset) -> Preset:
    for part, size in zip(("cells", "xfeat"), KEPT_BYTES, strict=True):
        if getattr(found, size) and not getattr(found, part):
            raise UsageError(
                f'preset "{found.name}" keeps no {part}: leave out {size}, which says how small each is kept'
            )
    for most, (size, usual) in KEPT_PARTS.items():
        if getattr(found, most) and not getattr(found, size):
            said = f"say {size}={usual} too"
            raise UsageError(f'preset "{found.name}": {most} is for what is kept in few bytes: {said}')
    if found.kept_cells and found.cell_bytes == SQUARES:
        said = "cells in 8 bytes are kept all: leave out kept_cells, or say cell_bytes=28"
        raise UsageError(f'preset "{found.name}": {said}')
    return found


def _change(preset: Preset, text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    known = [f.name for f in dataclasses.fields(preset) if f.name not in ("name", "about", "views")]
    if key not in known:
        told = meant(key, known, f"what can be changed in a preset is {', '.join(known)}, as in verified=20")
        raise UsageError(f'"{text}": {told}')
    try:
        return key, type(getattr(preset, key))(value)
    except ValueError as error:
        raise UsageError(f'"{text}": "{value}" is not a valid number for {key}') from error
