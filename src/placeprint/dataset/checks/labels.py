"""Checks of names, places and splits: what a dataset says about its images, not what they look like."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from placeprint.dataset.checks.rules import Finding, finding
from placeprint.dataset.manifest import Manifest
from placeprint.records import ImageRecord, Split
from placeprint.terminal import counted

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANKS = re.compile(r"[\s_]+")
_LONE_BLANK = re.compile(r"(?<!\d) | (?!\d)")
"""One that does not part two numbers."""
_POINT_ZERO = re.compile(r"(?<=\d)[.,]0+$")
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")


def label_findings(manifest: Manifest, usable: Sequence[ImageRecord]) -> Iterator[Finding]:
    """Yield what is odd about names, places and splits.

    Parameters
    ----------
    manifest : Manifest
        The dataset as it is listed.
    usable : sequence of ImageRecord
        The records whose image can be read, with the `content_hash` of the bytes that were read. A place
        counts as having an image only when it is among these.
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
    """Return what a file system that ignores case and Unicode form makes of a name."""
    return unicodedata.normalize("NFC", name.casefold())


def _left_out(manifest: Manifest) -> Iterator[Finding]:
    for name, count in manifest.left_out.items():
        if not name.startswith("in "):  # a folder that was not chosen
            yield finding("left-out", f"{count} {name}: pictures of a format that is not read")


def _empty_places(manifest: Manifest, usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    for place in manifest.empty_places:
        yield finding("empty-place", f'the place "{place}" has no photograph')
    alive = {place for r in usable for place in r.places}
    lost: dict[str, list[str]] = defaultdict(list)
    for record in manifest.records:
        for place in record.places:
            if place not in alive:
                lost[place].append(record.path)
    for place, paths in lost.items():
        count = counted(len(paths), "photograph")
        yield finding("empty-place", f'none of the {count} of "{place}" can be used', *paths)


def _single_image_places(usable: Iterable[ImageRecord]) -> Iterator[Finding]:
    images: dict[str, list[str]] = defaultdict(list)
    for record in usable:
        if record.split is not Split.QUERY:
            for place in record.places:
                images[place].append(record.path)
    for place, paths in images.items():
        if len(paths) == 1:
            yield finding("single-photo-place", f'the gallery has one photograph of "{place}"', *paths)


def _open_set(usable: Sequence[ImageRecord]) -> Iterator[Finding]:
    queries = [r for r in usable if r.split is Split.QUERY]
    known = {place for r in usable if r.split is not Split.QUERY for place in r.places}
    if queries and len(queries) == len(usable):
        there = counted(len(queries), "query", "queries")
        yield finding("no-gallery", f"it has {there} and no gallery image that can be used")
        return
    unknown: dict[str, list[str]] = defaultdict(list)
    for record in queries:
        if record.places and not known.intersection(record.places):
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
    """Compare names inside one folder, so that two clashing folders are told once, not for every file."""
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
    """Return what is left of a label without what people and programs write differently.

    Case, Unicode form, blanks (also ``_``), quotation marks around it, leading zeros and ``.0`` do not count; a blank
    between two digits does.
    """
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()))
    key = _LONE_BLANK.sub("", _BLANKS.sub(" ", folded).strip("\"' "))
    return _LEADING_ZEROS.sub("", _POINT_ZERO.sub("", key)) or label


def _visible(label: str) -> str:
    """Write out what cannot be told apart on paper: blanks that are no space, invisible and combining characters."""
    return "".join(
        c if c == " " or unicodedata.category(c) not in ("Zs", "Cf", "Mn") else f"\\u{ord(c):04x}" for c in label
    )
