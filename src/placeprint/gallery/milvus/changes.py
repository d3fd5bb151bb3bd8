"""Adds images to a gallery in Milvus and removes them, for the holder of its claim."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.changes import Change, compared_by_content
from placeprint.gallery.files import Content
from placeprint.gallery.index.short_vectors import as_kept
from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.claim import Claim
from placeprint.gallery.milvus.filter import of_places
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.index import Numbering
from placeprint.gallery.milvus.index_settings import choose_setting
from placeprint.gallery.milvus.rows import to_row
from placeprint.gallery.milvus.store import Store
from placeprint.gallery.milvus.writer import Writer
from placeprint.gallery.part_codes import encoded
from placeprint.gallery.record_lines import parsed_line
from placeprint.records import ImageRecord
from placeprint.storage.ragged import stored_at


def added(store: Store, claim: Claim, head: Head, numbering: Numbering, fresh: Content) -> Change:
    """Append images; one that is known by root and path is replaced when it changed.

    One that is already there under another path or root, as the same place, is left alone.

    `fresh`: Of `placeprint.gallery.changes.new_content`: its images lie under its one root.
    """
    root, records = fresh.roots[0], fresh.records
    roots, number = head.with_root(root)
    latest = {record.path: i for i, record in enumerate(records)}  # a path listed twice counts once
    writer = Writer(store, dataclasses.replace(head, roots=roots))
    store.count()  # the first reading waits for what others wrote before
    known = writer.known(root, [records[i] for i in latest.values()])
    strangers = [records[i] for path, i in latest.items() if path not in known]
    there = _places_by_content(store, strangers)
    elsewhere, contradicting = compared_by_content(strangers, there)
    same = {path for path, i in latest.items() if path in known and known[path].record == records[i]}
    new = [i for path, i in latest.items() if path not in same | elsewhere]
    replaced = np.array([known[records[i].path].row for i in new if records[i].path in known], np.int64)
    change = Change(
        added=len(new) - len(replaced),
        replaced=len(replaced),
        unchanged=len(same),
        elsewhere=len(elsewhere),
        contradicting=contradicting,
    )
    if change.nothing and not head.writing:
        return change
    end = head.end + len(new)
    file = fresh.model_file or head.model_file
    begun = dataclasses.replace(head, roots=roots, end=end, holes=numbering.holes, writing=True, model_file=file)
    claim.write(begun)
    vectors, rows = as_kept(fresh.vectors.whole(), head.preset.vector_bits), iter(range(head.end, end))
    parts = encoded(fresh.parts, head.codes)
    store.put(
        to_row(next(rows), records[i], root=number, root_name=root, vector=vectors[i], parts=stored_at(parts, i))
        for i in new
    )
    _complete(store, claim, begun, np.union1d(numbering.holes, replaced), change)
    return change


def removed(
    store: Store,
    claim: Claim,
    head: Head,
    numbering: Numbering,
    paths: frozenset[str],
    places: frozenset[str],
    root: str | None = None,
) -> Change:
    """Remove the images with one of these paths, under one root or under any, or of one of these places."""
    roots = [each for each in head.roots if root is None or each == root]
    asked = {key_of(each, path): path for each in roots for path in sorted(paths)}
    found = store.with_keys(list(asked), ["row"])
    missing = sorted(paths.difference(asked[key] for key in found))
    if places:
        shown = {row["key"]: row for row in store.query(of_places(places), ["key", "row", "places"])}
        missing += sorted(places.difference(place for row in shown.values() for place in row["places"]))
        found |= shown
    change = Change(removed=len(found), missing=tuple(missing))
    if found:
        rows = np.array([row["row"] for row in found.values()], np.int64)
        claim.write(dataclasses.replace(head, holes=numbering.holes, writing=True))
        store.delete_keys(list(found))
        _complete(store, claim, head, np.union1d(numbering.holes, rows), change)
    return change


def _places_by_content(store: Store, sought: Sequence[ImageRecord]) -> dict[str, set[tuple[str, ...]]]:
    contents = sorted({record.content_hash for record in sought if record.content_hash})
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in store.with_contents(contents, ["row", "record"]):
        record = parsed_line(row["record"].encode(), row["row"])[0]
        found[record.content_hash].add(record.places)
    return found


def _complete(store: Store, claim: Claim, head: Head, holes: NDArray[np.int64], change: Change) -> None:
    """Store a change, and say in the head that it is complete."""
    store.settle(choose_setting(head.index_name, head.end - len(holes)))
    head = head.learned_before(change.images)
    claim.write(dataclasses.replace(head, holes=holes, writing=False).changed())
