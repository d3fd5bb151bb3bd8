"""One line about how a dataset was understood, so that people notice a wrong reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from placeprint.dataset.file_types import says_left_out
from placeprint.dataset.layouts.layout import some
from placeprint.dataset.manifest import Manifest
from placeprint.dataset.metadata.described import counted_sources
from placeprint.dataset.walk import why_not_walked
from placeprint.records import Split
from placeprint.terminal import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How a dataset was read."""

    layout: str  # ``manifest`` or the name of a layout.
    source: str  # How it was understood, for people.
    images: Mapping[str, int]  # Images of each split: ``gallery``, ``query``, ``none``.
    places: Mapping[str, int]  # Places of each split.
    first_places: tuple[str, ...] = ()  # Their first names in alphabetical order.
    unlabelled: int = 0  # Images without a place.
    # Numbers of images whose position was read, by where it was read; see `ImageRecord.position_source`.
    positions: Mapping[str, int] = field(default_factory=dict)
    # Numbers of images that are not read, by folder or suffix.
    left_out: Mapping[str, int] = field(default_factory=dict)
    not_walked: tuple[str, ...] = ()  # Folders that could not be read, each with the reason.
    advice: str = ""  # What to do when no place was found; otherwise empty.

    @classmethod
    def of(cls, manifest: Manifest) -> Overview:
        """Return the overview of a manifest."""
        split = {s.value: manifest.split(s) for s in Split}
        names = {key: {place for record in records for place in record.places} for key, records in split.items()}
        return cls(
            layout=manifest.layout,
            source=manifest.source,
            images={key: len(records) for key, records in split.items()},
            places={key: len(found) for key, found in names.items()},
            first_places=tuple(sorted(set().union(*names.values()))[:4]),
            unlabelled=sum(not record.places for record in manifest.records),
            positions=dict(counted_sources(manifest.records)),
            left_out=dict(manifest.left_out),
            not_walked=why_not_walked(manifest.failures),
            advice=_one_place(manifest),
        )

    @property
    def how(self) -> str:
        """The layout, the first places, and what is not read."""
        name = "" if self.layout == "manifest" else f" (layout {self.layout})"
        parts = [f"{self.source}{name}", f"places {some(self.first_places)}" if self.first_places else "no places"]
        parts += [self.advice] if self.advice else []
        parts += (
            [f"positions of {', '.join(f'{n} from {s}' for s, n in self.positions.items())}"] if self.positions else []
        )
        bare = counted(self.unlabelled, "image")
        parts += [f"{bare} without a place"] if self.unlabelled and self.first_places else []
        parts += [says_left_out(self.left_out)] if self.left_out else []
        parts += [*self.not_walked[:2], *(["…"] if len(self.not_walked) > 2 else [])]
        return "; ".join(parts)

    @property
    def says(self) -> str:
        """One line with the numbers of images and places in each split."""
        labels = {"gallery": "gallery image{}", "query": "query image{}", "none": "image{} without a split"}
        counts = [
            f"{counted(count, labels[key].format(''), labels[key].format('s'))} of {counted(self.places[key], 'place')}"
            for key, count in self.images.items()
            if count
        ]
        return f"read as {', '.join(counts) or 'no images'}: {self.how}"

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return asdict(self)


def _one_place(manifest: Manifest) -> str:
    """Return advice for a dataset that may be the folder of one place: nothing in it names the place."""
    if manifest.layout in ("manifest", "protocol") or any(r.places or r.degrees or r.metres for r in manifest.records):
        return ""
    above = f' ("{manifest.root.resolve().parent}")' if manifest.root.is_dir() else ""
    return f"if this folder is one place, give the folder above it{above}"
