"""What adding and removing images does to a gallery's content: pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from placeprint.gallery.base import Vectors
from placeprint.gallery.files import Content
from placeprint.ragged import Ragged
from placeprint.records import ImageRecord


@dataclass(frozen=True, slots=True)
class Change:
    """What an `add` or a `remove` did, in images."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def images(self) -> int:
        """How many images are not as they were."""
        return self.added + self.replaced + self.removed

    @property
    def nothing(self) -> bool:
        """True when the gallery is as it was."""
        return not self.images


def keep_rows(content: Content, rows: Sequence[int]) -> Content:
    """Return the content with only these rows, in this order."""
    return dataclasses.replace(
        content,
        records=tuple(content.records[i] for i in rows),
        vectors=np.ascontiguousarray(content.vectors[list(rows)]),
        root_of=tuple(content.root_of[i] for i in rows),
        parts={name: parts.kept(rows) for name, parts in content.parts.items()},
    )


def with_removed(content: Content, *, paths: frozenset[str], places: frozenset[str]) -> tuple[Content, Change]:
    """Remove the images with one of these paths, or of one of these places."""
    keep = [i for i, r in enumerate(content.records) if r.path not in paths and places.isdisjoint(r.places)]
    return keep_rows(content, keep), Change(removed=len(content.records) - len(keep))


def with_added(
    content: Content,
    records: Sequence[ImageRecord],
    vectors: Vectors,
    *,
    root: str,
    parts: Mapping[str, Ragged] | None = None,
) -> tuple[Content, Change]:
    """Add images; one that is known by its root and path is replaced when it changed, else left alone.

    Parameters
    ----------
    content : Content
    records : sequence of ImageRecord
    vectors : ndarray of float32, shape (len(records), dim)
        Unit vectors.
    root : str
        The folder that the new records' paths are relative to.
    parts : mapping of str to Ragged, optional
        Of the new images: of every kind that the gallery keeps.
    """
    roots = content.roots if root in content.roots else (*content.roots, root)
    number = roots.index(root)
    rows = {(r, record.path): i for i, (r, record) in enumerate(zip(content.root_of, content.records, strict=True))}
    latest = {record.path: j for j, record in enumerate(records)}  # a path listed twice counts once
    old = {j: rows.get((number, path)) for path, j in latest.items()}
    same = {j for j, i in old.items() if i is not None and content.records[i] == records[j]}
    replaced = {i for j, i in old.items() if i is not None and j not in same}
    new = [j for j in latest.values() if j not in same]
    kept = keep_rows(content, [i for i in range(len(content.records)) if i not in replaced])
    changed = dataclasses.replace(
        kept,
        records=(*kept.records, *(records[j] for j in new)),
        vectors=np.concatenate([kept.vectors, vectors[new]]),
        roots=roots,
        root_of=(*kept.root_of, *(number for _ in new)),
        parts={name: old_parts.joined((parts or {})[name].kept(new)) for name, old_parts in kept.parts.items()},
    )
    return changed, Change(added=len(new) - len(replaced), replaced=len(replaced), unchanged=len(same))
