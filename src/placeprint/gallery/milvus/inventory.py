"""What a gallery in Milvus holds, place by place: a reading of every row."""

from __future__ import annotations

from collections.abc import Mapping

from placeprint.gallery.inventory import Inventory, PlaceRow, title_of
from placeprint.gallery.milvus.opened import Opened
from placeprint.gallery.milvus.rows import NOWHERE
from placeprint.gallery.record_lines import parsed_line

_ROWS = 10_000


def inventory_of(opened: Opened) -> Inventory:
    """Count the images of each place."""
    images, covers, located = dict[str, int](), dict[str, int](), 0
    sums: dict[str, tuple[int, float, float]] = {}
    for block in opened.store.blocks(opened.head.end, ["key", "places", "latitude", "longitude"], rows=_ROWS):
        for row in block:
            somewhere = row["latitude"] != NOWHERE
            located += somewhere
            for name in row["places"]:
                images[name] = images.get(name, 0) + 1
                covers.setdefault(name, row["key"])
                if somewhere:
                    known, south, west = sums.get(name, (0, 0.0, 0.0))
                    sums[name] = (known + 1, south + row["latitude"], west + row["longitude"])
    titles = _titles(opened, covers)
    rows = []
    for name in sorted(images):
        known, south, west = sums.get(name, (0, 0.0, 0.0))
        latitude, longitude = (south / known, west / known) if known else (None, None)
        rows.append(PlaceRow(name, images[name], covers[name], latitude, longitude, titles.get(name)))
    return Inventory(rows, located)


def _titles(opened: Opened, covers: Mapping[str, int]) -> dict[str, str | None]:
    """Return the titles of places: those that their first images name, as for a gallery in a folder."""
    titles: dict[str, str | None] = {}
    named = list(covers)
    for names in (named[i : i + _ROWS] for i in range(0, len(named), _ROWS)):
        shown = opened.store.with_keys([*{covers[name] for name in names}], ["row", "record"])
        records = {key: parsed_line(row["record"].encode(), row["row"])[0] for key, row in shown.items()}
        titles |= {name: title_of(records[key], name) for name in names if (key := covers[name]) in records}
    return titles
