"""A gallery in Milvus, with the protocol of every gallery (`placeprint.gallery.protocol`).

For a query its neighbours and the other images of their places are fetched, and answered by the code that answers from
a folder. Verbs that rank every image (evaluate, calibrate, mine) ask for a copy, which is fetched in blocks into a
temporary folder.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from placeprint.errors import GalleryMismatchError, UsageError
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change, new_content
from placeprint.gallery.filters import Filter
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.index.audit import Audit, audit_of
from placeprint.gallery.index.base import Vectors, unit_queries
from placeprint.gallery.inventory import Inventory
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.changes import added, removed
from placeprint.gallery.milvus.claim import Claim
from placeprint.gallery.milvus.connection import Connection
from placeprint.gallery.milvus.copy import copied
from placeprint.gallery.milvus.filter import EngineFilter, engine_filter
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.index import MilvusIndex
from placeprint.gallery.milvus.inventory import inventory_of
from placeprint.gallery.milvus.neighbourhood import look_around
from placeprint.gallery.milvus.opened import Opened, opened, problems_of
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.protocol import Nearby
from placeprint.gallery.same_model import require_same_model
from placeprint.gallery.summary import Summary
from placeprint.gallery.verification import VerifyReport
from placeprint.presets import Preset
from placeprint.records import FailedImage, ImageRecord, ModelSpec, Neighbours
from placeprint.storage.ragged import Ragged


class MilvusGallery:
    """A gallery in Milvus; `placeprint.open_gallery` makes it of an address.

    The attributes are those of `placeprint.gallery.protocol.AnyGallery`; records, embeddings and parts of all images
    are those of the copy that `download` makes.
    """

    path = None
    calibrated_for: str = ""

    def __init__(self, opened: Opened) -> None:
        self.opened, head = opened, opened.head
        self.spec, self.index_name, self.roots = head.spec, head.index_name, head.roots
        self.calibration, self.preset, self.learned = head.calibration, head.preset, head.learned
        self.model_file, self.position_evidence = head.model_file, head.positions

    @classmethod
    def at(cls, address: str | Path, *, spec: ModelSpec | None = None) -> Self:
        """Open the gallery at an address; see `placeprint.open_gallery`.

        Raises `UsageError`, `GalleryEngineError`, `GalleryNotFoundError`, `GalleryFormatError`, `GalleryCorruptError`
        or `GalleryMismatchError`.
        """
        made = cls.over(Connection(parse_address(address)))
        if spec is not None:
            made.require(spec)
        return made

    @classmethod
    def over(cls, connection: Connection, *, numbered: bool = True) -> Self:
        """Open the gallery that a connection is for, as it is now.

        `numbered`: False lets rows be counted wrong while an interrupted change is there: to find out takes a reading
        of all.
        Raises `GalleryEngineError`, `GalleryNotFoundError`, `GalleryFormatError` or `GalleryCorruptError`.
        """
        return cls(opened(connection, numbered=numbered))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address: another process connects with its own credentials and requires the same model."""
        return partial(type(self).at, spec=self.spec), (self.where,)

    @property
    def where(self) -> str:
        """The address."""
        return str(self.opened.connection.address)

    @property
    def failures(self) -> tuple[FailedImage, ...]:
        """Images that could not be used when the gallery was built."""
        return self.opened.head.failures

    @property
    def engine(self) -> MilvusIndex:
        """The index that `search` asks."""
        return MilvusIndex(self.opened.store, self.opened.numbering)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.opened.numbering)

    def __repr__(self) -> str:
        """Return the address, how much it holds, and how it is asked, in one line."""
        return Summary(self).line()

    def _repr_html_(self) -> str:
        """Return the same as a table, for notebooks."""
        return Summary(self).html()

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once; they are read from the server."""
        store, end = self.opened.store, self.opened.head.end
        blocks = store.blocks(end, ["places"], rows=10_000)
        return tuple(sorted({place for block in blocks for row in block for place in row["places"]}))

    def inventory(self) -> Inventory:
        """Return what it holds, place by place; every row is read for it."""
        return inventory_of(self.opened)

    def located(self, row: int) -> tuple[Path, str]:
        """Return the root of the image of a row, and its path there; one image is fetched for it."""
        number = int(self.opened.numbering.numbers(np.array([row]))[0])
        found = next(self.opened.store.images(number + 1, first=number))[0]
        return Path(self.roots[found.root]), found.record.path

    def image_file(self, row: int) -> Path:
        """Return where the image of a row was when it was indexed; it may be gone."""
        return Path(*self.located(row))

    def search(self, vectors: Vectors, *, k: int = 20, only: Any = None) -> Neighbours:
        """Return the nearest images of each query vector; see `VectorIndex.search`."""
        return self.engine.search(vectors, k, only=only)

    def where_images(self, asked: Filter) -> EngineFilter:
        """Return the filter that Milvus applies."""
        return engine_filter(self.opened.store, len(self), self.opened.head.end, asked)

    def around(self, vector: Vectors, *, look: int, only: Any = None) -> Nearby | None:
        """Fetch what a query needs; see `placeprint.gallery.protocol.AnyGallery.around`."""
        if only is not None and not isinstance(only, EngineFilter):
            raise UsageError("a gallery in Milvus takes what its where_images returns, not an array of flags")
        unit = unit_queries(vector[None], self.spec.dim).astype(np.float32)[0]
        o = self.opened
        near = look_around(o.store, self._asked_head, o.numbering, unit, look=look, only=only)
        near.gallery.calibrated_for = self.calibrated_for
        return near

    @property
    def _asked_head(self) -> Head:
        return dataclasses.replace(
            self.opened.head, preset=self.preset, calibration=self.calibration, positions=self.position_evidence
        )

    def download(self) -> Gallery:
        """Return a copy of all images, made once, in unlinked files that live as long as it does."""
        return self._copy

    @cached_property
    def _copy(self) -> Gallery:
        folder = Path(tempfile.mkdtemp(prefix="placeprint-"))
        try:
            made = copied(self.opened.store, self._asked_head, folder / "copy.gallery").detached(self.where)
            made.calibrated_for = self.calibrated_for
            return made
        finally:  # files that are open stay until they are let go of; a program may end without tidying up
            shutil.rmtree(folder, ignore_errors=True)

    def require(self, spec: ModelSpec) -> None:
        """Refuse a model that is not the gallery's; see `placeprint.gallery.same_model.require_same_model`."""
        require_same_model(self.where, self.spec, spec)

    def _again(self) -> Self:
        """Return the gallery as it is now."""
        return type(self).over(self.opened.connection)

    def add(
        self,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        *,
        spec: ModelSpec,
        root: str = ".",
        parts: Mapping[str, Ragged] | None = None,
        model_file: Path | None = None,
    ) -> tuple[Self, Change]:
        """Add images; see `placeprint.Gallery.add`.

        After an interruption the same call completes it: images already there are left alone.
        """
        self.require(spec)
        fresh = new_content(records, vectors, spec=spec, root=root, parts=parts, model_file=model_file)
        with Claim(self.opened.heads, "add") as claim:
            newest = self._again()
            newest.require(spec)
            o = newest.opened
            change = added(o.store, claim, o.head, o.numbering, fresh)
        return self._again(), change

    def remove(
        self, paths: Iterable[str] = (), *, places: Iterable[str] = (), root: str | None = None
    ) -> tuple[Self, Change]:
        """Remove images by path, under one root or under any, and by place."""
        with Claim(self.opened.heads, "remove") as claim:
            o = self._again().opened
            change = removed(o.store, claim, o.head, o.numbering, frozenset(paths), frozenset(places), root)
        return self._again(), change

    def asked_as(self, preset: Preset) -> Self:
        """Return the gallery as it is asked by another preset, without its calibration; the server's stays as it is."""
        if preset == self.preset:
            return self
        made = type(self)(self.opened)
        made.preset, made.calibration, made.position_evidence = preset, None, None
        made.calibrated_for = self.preset.name if self.calibration else self.calibrated_for
        return made

    def with_calibration(self, calibration: Calibration) -> Self:
        """Keep a calibration, in one step.

        Raises `GalleryMismatchError` when the gallery on the server is not the one that was calibrated.
        """
        return self._with_learned(calibration=calibration)

    def with_positions(self, evidence: PositionEvidence) -> Self:
        """Keep what its images tell of positions, as `with_calibration` keeps a calibration."""
        return self._with_learned(positions=evidence)

    def _with_learned(self, **learned: Any) -> Self:
        with Claim(self.opened.heads, "calibrate") as claim:
            newest = self._again()
            newest.require(self.spec)
            if newest.preset != self.preset:
                raise GalleryMismatchError(
                    f'"{self.where}" uses preset {newest.preset.name}, but the calibration was learned with '
                    f"{self.preset.name}: index it with that preset, or calibrate this one as it is"
                )
            if newest._state != self._state:
                raise GalleryMismatchError(f'"{self.where}" was changed while it was calibrated: calibrate it again')
            claim.write(dataclasses.replace(newest.opened.head, **learned))
        return self._again()

    def require_undamaged(self) -> None:
        """Do nothing: each row is compared with its checksum when it is fetched."""

    def verify(self) -> VerifyReport:
        """Read every row and compare it with its checksum, and see that each is there once."""
        found = self._again().opened
        return VerifyReport(len(found.numbering), problems_of(found.store, found.head), ())

    @property
    def audit(self) -> Audit | None:
        """What `audited` measured of these very images; None when it did not."""
        entry = self.opened.head.audit
        return Audit.from_dict(entry) if entry and entry["data"] == self._state else None

    @property
    def _state(self) -> str:
        head, kind = self.opened.head, self.opened.store.setting.kind
        return f"{kind}-{head.state}" if head.state else f"{kind}-{head.end}-{len(self)}"

    def audited(self, *, k: int = 10, queries: int = 200) -> Audit:
        """Measure the engine's index against the exact one over a copy, and store what was found."""
        copy = self.download()
        found = audit_of(self.engine, copy.vectors, copy.records, k=k, queries=queries, data=self._state)
        with Claim(self.opened.heads, "verify") as claim:
            newest = self._again()
            if newest._state != self._state:
                raise GalleryMismatchError(f'"{self.where}" was changed while it was measured: measure it again')
            claim.write(dataclasses.replace(newest.opened.head, audit=found.to_dict()))
        return found
