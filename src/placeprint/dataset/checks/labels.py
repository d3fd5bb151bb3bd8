"""Checks of names, places and splits."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from placeprint.dataset.checks.rules import Finding, finding
from placeprint.dataset.manifest import Manifest
from placeprint.records import ImageRecord, Split
from placeprint.terminal import counted

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANKS = re.compile(r"[\s_]+")
_LONE_BLANK = re.compile(r"(?<!\d) | (?!\d)")
"""A blank that does not separate two numbers."""
_POINT_ZERO = re.compile(r"(?<=\d)[.,]0+$")
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")


def label_findings(manifest: Manifest, usable: Sequence[ImageRecord]) -> Iterator[Finding]:
    """Yield findings about names, places and splits.

    `manifest`: The dataset as it is listed.
    `usable`: The records of images that can be read, with the `content_hash` of their bytes. Only these count as images
    of a place.
    """
    yield from _left_out(manifest)
    yield from _empty_places(manifest, usable)
    yield from _single_image_places(usable)
    yield from _open_set(usable)
    yield from _unlabelled(usable)
    yield from _at_zero(usable)
    yield from _listed_twice(manifest.records)
    yield from _changed(manifest.records, usable)
    names = [*(r.path for r in manifest.records), *(f.path for f in manifest.failures)]
    yield from _name_clashes(names)
    yield from _place_clashes(usable)
    yield from (finding("doubtful-table", note) for note in manifest.notes)


def spelling_key(name: str) -> str:
    """Return a name as a file system that ignores case and Unicode form compares it."""
    return unicodedata.normalize("NFC", name.casefold())


def _by_place(records: Iterable[ImageRecord]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for place in record.places:
            found[place].append(record.path)
    return found


def _left_out(manifest: Manifest) -> Iterator[Finding]:
    for name, count in manifest.left_out.items():
        if not name.startswith("in "):  # a folder that was not chosen
            yield finding("left-out", f"{count} {name}: pictures of a format that is not read")


def _empty_places(manifest: Manifest, usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    for place in manifest.empty_places:
        yield finding("empty-place", f'the place "{place}" has no photograph')
    alive = _by_place(usable)
    for place, paths in _by_place(manifest.records).items():
        if place not in alive:
            count = counted(len(paths), "photograph")
            yield finding("empty-place", f'none of the {count} of "{place}" can be used', *paths)


def _single_image_places(usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    for place, paths in _by_place(r for r in usable if r.split is not Split.QUERY).items():
        if len(paths) == 1:
            yield finding("single-photo-place", f'the gallery has one photograph of "{place}"', *paths)


def _open_set(usable: Sequence[ImageRecord]) -> Iterator[Finding]:
    queries = [r for r in usable if r.split is Split.QUERY]
    known = _by_place(r for r in usable if r.split is not Split.QUERY)
    if queries and len(queries) == len(usable):
        there = counted(len(queries), "query", "queries")
        yield finding("no-gallery", f"it has {there} and no gallery image that can be used")
        return
    unknown: dict[str, list[str]] = defaultdict(list)
    for record in queries:
        if record.places and known.keys().isdisjoint(record.places):
            unknown[str(record.place)].append(record.path)
    for place, paths in unknown.items():
        asked = counted(len(paths), "query", "queries")
        text = f'the gallery has no photograph of "{place}": the answer to {asked} is UNKNOWN'
        yield finding("open-set-place", text, *paths)


def _unlabelled(usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    for record in usable:
        if not record.places and record.degrees is None and record.metres is None:
            yield finding("unlabelled", "it has neither a place nor a position", record.path)


def _at_zero(usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    for record in usable:
        if record.at_zero:
            known = record.latitude is not None
            where = (
                "latitude 0, longitude 0 is in the sea off Africa" if known else "easting 0, northing 0 is in no zone"
            )
            text = f"{where}: that counts as no position"
            yield finding("position-zero", text, record.path)


def _listed_twice(records: Iterable[ImageRecord]) -> Iterator[Finding]:
    for path, count in Counter(r.path for r in records).items():
        if count > 1:
            yield finding("listed-twice", f"the manifest lists it {counted(count, 'time')}", path)


def _changed(listed: Iterable[ImageRecord], usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    found = {r.path: r.content_hash for r in usable}
    for record in listed:
        read = found.get(record.path, "")
        if record.content_hash and read and record.content_hash.lower() != read:
            text = f"its SHA-256 is {read[:12]}…, the manifest says {record.content_hash[:12]}…"
            yield finding("changed-file", text, record.path)


def _name_clashes(paths: Iterable[str]) -> Iterator[Finding]:
    """Compare names within each folder, so that two clashing folders are one finding, not one for every file."""
    below: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for path in dict.fromkeys(paths):
        parts = PurePosixPath(path).parts
        for depth, name in enumerate(parts):
            folder = "/".join(parts[:depth])
            below[folder, spelling_key(name)].setdefault(name, path)
    for (folder, _), examples in below.items():
        if len(examples) > 1:
            spelled = ", ".join(f'"{name}"' for name in sorted(examples))
            where = f'in "{folder}"' if folder else "in the dataset's folder"
            text = f"{where} these names differ by case or Unicode form only: {spelled}"
            yield finding("name-clash", text, *(examples[name] for name in sorted(examples)))


def _place_clashes(usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    spelled: dict[str, dict[str, str]] = defaultdict(dict)
    for record in usable:
        for place in record.places:
            spelled[label_key(place)].setdefault(place, record.path)
    for examples in spelled.values():
        if len(examples) > 1:
            names = ", ".join(f'"{_visible(place)}"' for place in sorted(examples))
            text = f"these labels may be one place, each spelled in its own way: {names}"
            yield finding("place-clash", text, *(examples[place] for place in sorted(examples)))


def label_key(label: str) -> str:
    """Return a label without the differences in which people and programs spell it.

    Those are case, Unicode form, blanks (also ``_``) but between two digits, quotation marks around it, leading zeros
    and ``.0``.
    """
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()))
    key = _LONE_BLANK.sub("", _BLANKS.sub(" ", folded).strip("\"' "))
    return _LEADING_ZEROS.sub("", _POINT_ZERO.sub("", key)) or label


def _visible(label: str) -> str:
    """Escape what cannot be told apart on paper: blanks other than the space, invisible and combining characters."""
    return "".join(
        c if c == " " or unicodedata.category(c) not in ("Zs", "Cf", "Mn") else f"\\u{ord(c):04x}" for c in label
    )
