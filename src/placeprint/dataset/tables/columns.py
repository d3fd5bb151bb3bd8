"""The meaning of a table's columns, by their names and by what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from placeprint.dataset.files import SUFFIXES
from placeprint.dataset.layouts.split_names import SPLITS, read_split
from placeprint.records import Split

Cells = Mapping[str, str]
"""The cells of a row by column."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "relpath", "image_path", "filepath", "file_path", "filename", "file_name", "file", "image"),
        *("img_path", "photo_path", "rel_path", "relative_path", "image_file", "img_file", "image_filename", "imgpath"),
        *("image_name", "img_name", "photo_name", "img", "photo", "picture", "impath", "local_path"),
    ),
    "place": (
        *("place", "place_id", "class_dir", "class_name", "class", "label", "landmark", "landmark_id", "location"),
        *("place_name", "places", "labels", "label_name", "label_id", "class_id", "classname", "landmark_name"),
        *("location_name", "location_id", "scene", "scene_name", "scene_id", "site", "site_name", "site_id"),
        *("building", "building_name", "building_id", "monument", "venue", "poi", "category", "category_name"),
        *("category_id", "identity", "ground_truth", "gt"),
    ),
    "title": ("title", "display_name", "place_title", "display_title", "full_name"),
    "split": ("split", "subset", "set", "role", "partition", "split_name", "data_split"),
    "latitude": ("latitude", "lat", "gps_latitude", "gps_lat"),
    "longitude": ("longitude", "lon", "lng", "long", "gps_longitude", "gps_lon", "gps_lng", "gps_long"),
    "easting": ("easting", "utm_east", "utm_easting"),
    "northing": ("northing", "utm_north", "utm_northing"),
    "zone": ("utm_zone", "utm_zone_number", "zone_number", "zone"),
    "zone_letter": ("utm_letter", "utm_zone_letter", "zone_letter", "utm_band", "letter"),
    "hemisphere": ("hemisphere", "utm_hemisphere"),
    "sequence": ("sequence", "sequence_id", "traverse", "seq", "sequence_key"),
    "frame": ("frame", "frame_id", "frame_number", "frame_index"),
    "address": ("address", "url", "source_url", "image_url"),
    "licence": ("licence", "license"),
    "content_hash": ("content_hash", "sha256"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
}
"""Column names for each field of a record, the best first. Case, blanks and ``_ - .`` are ignored."""

GUESSES: Mapping[str, tuple[str, ...]] = {
    "path": ("name", "image_id", "img_id", "photo_id", "id", "key", "keyframe", "uri", "source"),
    "place": ("name", "target", "y"),
    "split": ("phase", "fold", "usage", "part", "stage", "mode", "type", "kind", "side", "group", "dataset", "purpose"),
}
"""Ambiguous names, used if there is no better column and the values fit."""

_COUNTED = ("path", "place", "split", "latitude", "longitude", "easting", "northing", "zone")
"""Fields for which a wrong column would make wrong numbers."""
_SAMPLE, _SHOWN, _SHOWN_LETTERS = 50, 30, 40
_MOST_CLAIMS = 16
"""Columns that are compared for a field, at most."""
_IGNORED = re.compile(r"\s*\(\d+\)$|[\s_.\-\ufeff\u200b]+")
_ENDINGS = tuple(SUFFIXES)
_YES_OR_NO = frozenset(("true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "1.0", "0.0"))


@dataclass(frozen=True, slots=True)
class Columns:
    """The meaning of a table's columns."""

    claims: Mapping[str, tuple[str, ...]]  # Columns of each field, the best first; the first that a row has is used.
    guessed: tuple[str, ...] = ()  # Columns that were chosen by their values, for people.
    notes: tuple[str, ...] = ()  # Doubts, for people.
    clash: str = ""  # Why a column cannot be chosen; otherwise empty.

    def of(self, row: Cells) -> dict[str, str]:
        """Return the column of each field that the row has."""
        found = ((field, next((c for c in columns if c in row), None)) for field, columns in self.claims.items())
        return {field: column for field, column in found if column is not None}


def known_columns(names: Iterable[str]) -> int:
    """Return how many columns have a known name; 0 when none of them can be the path."""
    normal = {_normal(name) for name in names}
    return len(normal & _MEANT) if normal & _PATHS else 0


def choose_columns(names: Sequence[str], rows: Sequence[Cells]) -> Columns:
    """Choose a column for each field, by names and values."""
    claims = {field: _claims(field, names, rows) for field in ALIASES}
    guessed = []
    for field in GUESSES:
        taken = {column for columns in claims.values() for column in columns}
        if not claims[field] and (found := _guess(field, [n for n in names if n not in taken], rows)):
            claims[field] = [found]
            guessed.append(f"the {field} from {quoted(found)}")
    claims["title"] = _title(claims, names, rows)
    notes, clash = [], ""
    for field in _COUNTED:
        for other in claims[field][1:]:
            best = claims[field][0]
            if _normal(best) == _normal(other):
                if not clash and not _equal(best, other, rows):
                    clash = f"two columns are called {quoted(best)} and differ: rename or remove one"
            elif not _agree(field, best, other, rows):
                notes.append(f"{quoted(best)} is read as the {field}, and {quoted(other)} says something else")
    if not claims["split"]:
        taken = {column for columns in claims.values() for column in columns}
        odd = quoted(*_both_sides(set(names) - taken, rows))
        notes += [f"{odd} holds names of splits and is not read: call it split"] if odd else []
        flags = quoted(*_flags([n for n in names if n not in taken], rows))
        notes += [f"{flags} is not read: for a split call it split, and write gallery or query in it"] if flags else []
    return Columns({f: tuple(c) for f, c in claims.items() if c}, tuple(guessed), tuple(notes), clash)


def looks_like_image(cell: str) -> bool:
    """Return whether a cell ends like the name of an image file."""
    return cell.strip().strip("\"'").lower().endswith(_ENDINGS)


def names_of(field: str) -> str:
    """Return all names of a field, for a message."""
    return ", ".join(ALIASES[field])


def without_path(table: str, columns: str) -> str:
    """Return the message for a table in which no column can be the path."""
    return f'"{table}" is not a manifest: it has no column for the path: {columns}; call one of them {names_of("path")}'


def quoted(*names: str) -> str:
    """Return names for a message, shortened if there are many or they are long."""
    short = (n if len(n) <= _SHOWN_LETTERS else n[:_SHOWN_LETTERS] + "…" for n in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(json.dumps(n, ensure_ascii=False) for n in short) + more


def _normal(name: str) -> str:
    return _IGNORED.sub("", name).casefold()


_PATHS = {_normal(alias) for alias in (*ALIASES["path"], *GUESSES["path"])}
_MEANT = {_normal(alias) for names in (*ALIASES.values(), *GUESSES.values()) for alias in names}


def _claims(field: str, names: Sequence[str], rows: Sequence[Cells]) -> list[str]:
    """Return the columns with a name of a field: those with fitting values first, then by the better name."""
    order = {_normal(alias): place for place, alias in reversed(list(enumerate(ALIASES[field])))}
    found = sorted((n for n in names if _normal(n) in order), key=lambda n: order[_normal(n)])[:_MOST_CLAIMS]
    if len(found) < 2:
        return found
    fits = _holds_images if field == "path" else _holds_something
    return sorted(found, key=lambda n: not fits(n, rows))


def _guess(field: str, names: Sequence[str], rows: Sequence[Cells]) -> str | None:
    fits = {"path": _holds_images, "place": _repeats, "split": _only_splits}[field]
    by_name = {_normal(n): n for n in reversed(names)}
    if "x" in by_name:  # then y is a coordinate
        by_name.pop("y", None)
    return next((by_name[g] for g in map(_normal, GUESSES[field]) if g in by_name and fits(by_name[g], rows)), None)


def _title(claims: Mapping[str, Sequence[str]], names: Sequence[str], rows: Sequence[Cells]) -> list[str]:
    """Return the column with the names by which people know the places: each place has one, and it is another one.

    Without a column that says so, one that could name the places as well, as ``class_name`` beside ``class_dir``.
    """
    taken = {column for columns in claims.values() for column in columns}
    if not (places := claims["place"]):
        return []
    could = [n for n in places[1:] if _normal(n).endswith("name")]
    could += [n for n in names if n not in taken and _normal(n) == "name"]
    for name in claims["title"] or could:
        pairs = _pairs(places[0], name, rows)
        if len(pairs) == len({place for place, _ in pairs}) and any(place != title for place, title in pairs):
            return [name]
    return []


def _filled(name: str, rows: Sequence[Cells]) -> Iterator[str]:
    return (cell for row in rows if (cell := row.get(name, "").strip()))


def _holds_something(name: str, rows: Sequence[Cells]) -> bool:
    return next(_filled(name, rows), None) is not None


def _holds_images(name: str, rows: Sequence[Cells]) -> bool:
    sample = list(islice(_filled(name, rows), _SAMPLE))
    return 2 * sum(map(looks_like_image, sample)) > len(sample)


def _repeats(name: str, rows: Sequence[Cells]) -> bool:
    cells = list(_filled(name, rows))
    return len(set(cells)) < len(cells)


def _only_splits(name: str, rows: Sequence[Cells]) -> bool:
    return _holds_something(name, rows) and all(cell.lower() in SPLITS for cell in _filled(name, rows))


def _both_sides(names: set[str], rows: Sequence[Cells]) -> list[str]:
    """Return the columns that hold both gallery and query, and nothing but splits."""
    found: dict[str, set[Split]] = {name: set() for name in names}
    for row in rows:
        for name in row.keys() & found.keys():
            split = SPLITS.get(row[name].strip().lower())
            if split is None:
                del found[name]
            else:
                found[name].add(split)
        if not found:
            break
    return [name for name, splits in found.items() if splits >= {Split.GALLERY, Split.QUERY}]


def _flags(names: Sequence[str], rows: Sequence[Cells]) -> list[str]:
    """Return the columns named like a split, as ``is_query``, with only yes and no in them."""
    return [
        name
        for name in names
        if read_split(name) and len(said := {cell.lower() for cell in _filled(name, rows)}) == 2 and said <= _YES_OR_NO
    ]


def _pairs(one: str, other: str, rows: Sequence[Cells]) -> set[tuple[str, str]]:
    return {(a, b) for row in rows if (a := row.get(one, "").strip()) and (b := row.get(other, "").strip())}


def _equal(one: str, other: str, rows: Sequence[Cells]) -> bool:
    return all(a == b for a, b in _pairs(one, other, rows))


def _agree(field: str, one: str, other: str, rows: Sequence[Cells]) -> bool:
    """Return whether two columns give the same results; labels may differ if they make the same groups."""
    pairs = _pairs(one, other, rows)
    if field == "place":
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    if field == "path":
        return all(a.endswith(b) or b.endswith(a) or not looks_like_image(b) for a, b in pairs)
    return _equal(one, other, rows)
