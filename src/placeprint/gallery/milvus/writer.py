"""Writes images into Milvus; those already there are left alone, so that writing twice is harmless."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint.errors import GalleryMismatchError, GalleryNotFoundError
from placeprint.gallery.changes import Change
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.short_vectors import as_kept
from placeprint.gallery.keys import key_of
from placeprint.gallery.milvus.address import Address
from placeprint.gallery.milvus.claim import Claim
from placeprint.gallery.milvus.connection import Connection
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.head_store import HeadStore
from placeprint.gallery.milvus.index_settings import choose_setting
from placeprint.gallery.milvus.opened import missing_numbers
from placeprint.gallery.milvus.rows import to_row
from placeprint.gallery.milvus.store import KEYS, Row, Store
from placeprint.gallery.part_codes import encoded
from placeprint.gallery.record_lines import parsed_line
from placeprint.gallery.replacement import Wanted, others_lost, refuse
from placeprint.records import FailedImage, ImageRecord
from placeprint.storage.ragged import Ragged, stored_at
from placeprint.terminal import counted


@dataclass(frozen=True, slots=True)
class Known:
    """An image that is there already."""

    row: int
    record: ImageRecord
    root: int
    sum: str


class Writer:
    """Makes a gallery at an address hold exactly the images that it is given. Make one with `begin`.

    Images are numbered from 0 in order, without gaps. After an interruption the same call completes it.

    `head`: As it will be at the end, but for its failures and its end.
    `claim`: The claim of the writer that begins and finishes; those that join have none.
    `empty`: Nothing was there when it began that may stay as it is: nothing is looked for.
    """

    def __init__(self, store: Store, head: Head, claim: Claim | None = None, *, empty: bool = False) -> None:
        self.store, self.head, self._claim, self._empty = store, head, claim, empty
        self._keys: list[NDArray[np.int64]] = []
        self.change = Change()

    @classmethod
    def begin(cls, address: Address, head: Head, *, rows: int, wanted: Wanted | None = None) -> Self:
        """Begin, or resume, as the only writer until `finish` or the end of a ``with``.

        `rows`: About how many images it will have: that chooses the index.
        `wanted`: What it is to hold, or more: a gallery that is there and would lose something is refused. None refuses
        none.
        Raises `GalleryBusyError` when another writer is at it; `GalleryMismatchError` when another model's gallery is
        there; `UsageError` when the gallery that is there would lose something.
        """
        connection = Connection(address)
        heads, store = HeadStore(connection), Store(connection, head.spec)
        setting = choose_setting(head.index_name, rows)
        claim = Claim(heads, "index").take()
        try:
            before = _before(heads)
            end = rows
            if before is not None:
                _require(before, head, address)
                if wanted is not None:
                    _refuse_loss(address, store, before, wanted)
                end = max(rows, before.end)
                state = "" if before.writing else before.state
                head = dataclasses.replace(
                    head, calibration=before.calibration, positions=before.positions, state=state
                )
            claim.write(dataclasses.replace(head, writing=True, end=end))
            store.create(setting)
            other = before is not None and before.codes != head.codes
            return cls(store, head, claim, empty=other or store.count() == 0)
        except BaseException:
            claim.leave()
            raise

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Release the claim."""
        if self._claim is not None:
            self._claim.leave()

    @classmethod
    def join(cls, address: Address, head: Head) -> Self:
        """Join the writers of a gallery that another process began and will finish."""
        connection = Connection(address)
        store = Store(connection, head.spec)
        store.open()
        store.count()  # the first reading waits for what others wrote before
        return cls(store, head)

    def known(self, root: str, records: Sequence[ImageRecord]) -> dict[str, Known]:
        """Return which of these images were there when this began, by path.

        It does not wait for later writes: an image that seems to be missing is written once more.
        """
        keys = {key_of(root, record.path): record.path for record in records}
        if self._empty:
            return {}
        found = self.store.with_keys(list(keys), ["row", "record", "sum"], level="Eventually")
        return {keys[key]: _known(row) for key, row in found.items()}

    def put(
        self, first: int, records: Sequence[ImageRecord], vectors: Vectors, parts: Mapping[str, Ragged], *, root: str
    ) -> None:
        """Write images numbered from `first` on; equal ones that are there are left alone."""
        numbers = np.arange(first, first + len(records))
        self.put_at(numbers, records, vectors, parts, root=root)

    def put_at(
        self,
        numbers: NDArray[np.int64],
        records: Sequence[ImageRecord],
        vectors: Vectors,
        parts: Mapping[str, Ragged],
        *,
        root: str,
        known: Mapping[str, Known] | None = None,
    ) -> None:
        """Write images with these numbers; equal ones that are there are left alone.

        `numbers`: shape (len(records),).
        `vectors`, shape (len(records), dim): Unit vectors.
        `known`: What `known` said of these images; asked for when it is not given.
        """
        there = self.known(root, records) if known is None else known
        self.keep(root, records)
        made = self._rows(numbers, records, vectors, parts, root)
        rows = [(there.get(record.path), row) for record, row in zip(records, made, strict=True)]
        changed = [(old, row) for old, row in rows if old is None or (old.sum, old.row) != (row["sum"], row["row"])]
        self.store.put(row for _, row in changed)
        replaced = sum(old is not None for old, _ in changed)
        was = self.change
        self.change = dataclasses.replace(
            was,
            added=was.added + len(changed) - replaced,
            replaced=was.replaced + replaced,
            unchanged=was.unchanged + len(rows) - len(changed),
        )

    def keep(self, root: str, records: Sequence[ImageRecord], *, unchanged: int = 0) -> None:
        """Note that these images belong to the gallery; `unchanged` of them were not compared again."""
        self._keys.append(np.array([key_of(root, record.path) for record in records], np.int64))
        self.change = dataclasses.replace(self.change, unchanged=self.change.unchanged + unchanged)

    def _rows(
        self,
        numbers: NDArray[np.int64],
        records: Sequence[ImageRecord],
        vectors: Vectors,
        parts: Mapping[str, Ragged],
        root: str,
    ) -> Iterator[Row]:
        number, kept = self.head.roots.index(root), encoded(parts, self.head.codes)
        vectors = as_kept(vectors, self.head.preset.vector_bits)
        for i, (row, record) in enumerate(zip(numbers.tolist(), records, strict=True)):
            yield to_row(row, record, root=number, root_name=root, vector=vectors[i], parts=stored_at(kept, i))

    def finish(
        self, *, failures: Sequence[FailedImage] = (), end: int | None = None, keep_learned: bool = False
    ) -> Change:
        """Remove images that do not belong to the gallery, wait for the index, and mark the head as complete.

        `end`: All numbers are below it; where it is given some below may be missing.
        `keep_learned`: The head's calibration and what it keeps of positions are of these very images.
        """
        kept = self._kept()
        last = len(kept) if end is None else end
        self.store.connection.fall_behind()
        removed = self.store.count() - len(kept)
        if removed:
            self._remove_strangers(kept, last)
        self.store.settle(choose_setting(self.head.index_name, len(kept)))
        holes = np.empty(0, np.int64) if last == len(kept) else missing_numbers(self.store, last)
        self.change = dataclasses.replace(self.change, removed=max(removed, 0))
        head = self.head if keep_learned else self.head.learned_before(self.change.images)
        self.head = dataclasses.replace(head, failures=tuple(failures), end=last, holes=holes, writing=False)
        if not self.change.nothing or not self.head.state:
            self.head = self.head.changed()
        assert self._claim is not None
        self._claim.write(self.head)
        self._claim.leave()
        return self.change

    def _kept(self) -> NDArray[np.int64]:
        """Return the keys of all its images, ascending, in little more than 8 bytes each (np.unique takes 54)."""
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, np.int64)
        self._keys = [keys]
        keys.sort()
        first = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        return keys if first.all() else keys[first]

    def _remove_strangers(self, kept: NDArray[np.int64], end: int) -> None:
        self.store.delete(f"row >= {end} or row < 0")
        for block in self.store.blocks(end, ["key"], rows=KEYS):
            there = np.array([row["key"] for row in block], np.int64)
            self.store.delete_keys(there[~np.isin(there, kept)])


def _known(row: Mapping[str, Any]) -> Known:
    record, root = parsed_line(row["record"].encode(), row["row"])
    return Known(row["row"], record, root, row["sum"])


def _before(heads: HeadStore) -> Head | None:
    try:
        return heads.read(readings=1)
    except GalleryNotFoundError:
        return None


def _refuse_loss(address: Address, store: Store, before: Head, wanted: Wanted) -> None:
    """Refuse to remove images that somebody else put there."""
    lost = []
    if store.there:
        store.open()
        strange = ~np.isin(store.keys(before.end), wanted.keys)
        lost = [f"{strange.sum()} of its {counted(len(strange), 'image')}"] if strange.any() else []
    if wanted.calibration is not None:  # else the gallery keeps its own
        lost += others_lost(before.spec, before.calibration, wanted)
    refuse(f'"{address}"', lost)


def _require(before: Head, head: Head, address: Address) -> None:
    """Refuse to mix the embeddings of two models."""
    if before.spec.fingerprint() != head.spec.fingerprint():
        raise GalleryMismatchError(
            f'gallery "{address}" was built with model {before.spec} and these embeddings are of {head.spec}: write '
            "them to another name, or remove that gallery from the server first"
        )
