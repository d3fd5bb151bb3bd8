"""The face of a gallery that is here: build, open, add, remove, verify, search."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, Unpack

from placeprint.errors import UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change, Settings, applied, new_content, with_added, with_removed
from placeprint.gallery.files import read_gallery
from placeprint.gallery.folder_writes import Rewriting, compact, rewrite, store_audit, store_learned
from placeprint.gallery.head import read_head
from placeprint.gallery.images import GalleryImages
from placeprint.gallery.index.audit import Audit, audit_of
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.replacement import Wanted, refuse_loss, refuse_strangers
from placeprint.gallery.segment_writes import write_gallery
from placeprint.gallery.verification import VerifyReport, verified
from placeprint.presets import Preset
from placeprint.progress import Progress
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage import published
from placeprint.storage.ragged import Ragged


class Gallery(GalleryImages):
    """Reference images in a folder or in memory. Make one with `build`, `open` or `in_memory`.

    A gallery object never changes: `add` and `remove` return the gallery afterwards. One that a server keeps is another
    kind, with what both can be asked (`placeprint.gallery.protocol`): `placeprint.open_gallery` opens either.

    The attributes are those of `placeprint.gallery.images.GalleryImages`.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.Gallery.open("town.gallery")
    Gallery('town.gallery', 11 images, 5 places, model 'efficientnet-lite0', preset 'fast')

    Of vectors that are there already:

    >>> import numpy as np
    >>> records = [placeprint.ImageRecord(path="a.jpg", places=("Old Mill",))]
    >>> spec = placeprint.imported_spec("mine", 2)
    >>> gallery = placeprint.Gallery.in_memory(records, np.array([[1, 0]], np.float32), spec=spec)
    >>> gallery.search(np.array([[3, 4]], np.float32), k=1).scores
    array([[0.6]], dtype=float32)
    """

    @classmethod
    def in_memory(
        cls, records: Sequence[ImageRecord], vectors: Vectors, *, spec: ModelSpec, **settings: Unpack[Settings]
    ) -> Self:
        """Make a gallery without a folder; vectors are normalised.

        Parameters
        ----------
        records : sequence of ImageRecord
        vectors : ndarray of float32, shape (len(records), dim)
        spec : ModelSpec
        index : str
            ``auto``, ``exact`` or ``faiss``.
        root : str
            The folder that the records' paths are relative to.
        failures : sequence of FailedImage
            Kept, so that one can see later what was left out.
        preset : Preset
            How it is asked; kept in the gallery.
        parts : mapping of str to Ragged, optional
            ``cells`` and ``xfeat`` of every image, where the spec says that there are some.
        learned : mapping of str to ndarray, optional
            What the model learned from these images.
        model_file : Path, optional
            Where the model's file is, when its name does not find it.

        Raises
        ------
        VectorError
            When vectors are not finite float32 of shape (n, dim), or do not fit the records or the model.
        UsageError
            For an index that is not known.
        """
        return cls(new_content(records, vectors, spec=spec, **settings))

    @classmethod
    def build(
        cls,
        path: Path | str,
        *,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        spec: ModelSpec,
        replace: bool = False,
        progress: Progress | None = None,
        **settings: Unpack[Settings],
    ) -> Self:
        """Write a gallery to a folder and open it.

        Parameters
        ----------
        path : Path or str
            The gallery's folder.
        records, vectors, spec
            As in `in_memory`.
        replace : bool
            Whether the gallery that is there may lose something by it: images, the embeddings of another model, the
            calibration that a person made.
        progress : Progress, optional
        **settings
            ``index``, ``root``, ``failures``, ``preset``, ``parts``, ``learned``, ``model_file`` as in `in_memory`.

        Raises
        ------
        UsageError
            When the folder holds something else than a gallery, or a gallery that would lose something.
        GalleryBusyError
            When another process writes to it.
        """
        path = Path(path)
        refuse_strangers(path)
        content = new_content(records, vectors, spec=spec, **settings)
        with published.locked(path):
            if not replace:
                refuse_loss(path, lambda: Wanted.by(content))
            write_gallery(path, content, progress=progress)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str, *, spec: ModelSpec | None = None, mapped: bool = True) -> Self:
        """Open a gallery in a folder; `placeprint.open_gallery` opens one on a server too.

        Parameters
        ----------
        path : Path or str
        spec : ModelSpec, optional
            The model that queries will use; another one than the gallery's is refused.
        mapped : bool
            Map the files into memory, so that opening takes as long whatever their size; the system ends the process
            when a mapped file is shortened in place (SIGBUS). Else they are read, as a server does it.

        Raises
        ------
        GalleryNotFoundError, GalleryFormatError, GalleryCorruptError, GalleryMismatchError
        UsageError
            For an address.
        """
        if is_address(path):
            raise UsageError(f'a server keeps "{path}": open it with placeprint.open_gallery')
        content, head = read_gallery(Path(path), mapped=mapped)
        gallery = cls(content, path=Path(path), segments=head.segments)
        gallery._mapped, gallery._version = mapped, head.state
        if spec is not None:
            gallery.require(spec)
        return gallery

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle its address: another process opens what is there then, of the same model.

        Raises
        ------
        UsageError
            For a gallery in memory.
        """
        if self.path is None:
            raise UsageError("another process cannot open a gallery in memory: write it with Gallery.build")
        return partial(type(self).open, spec=self.spec), (self.path.absolute(),)

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
        """Add images, without touching the embeddings that are there.

        An image that is known by its root and path is replaced when it changed, and left alone
        otherwise: adding twice changes nothing. `model_file` is kept where something was added.

        Raises
        ------
        GalleryMismatchError, GalleryBusyError, VectorError
        """
        self.require(spec)
        fresh = new_content(records, vectors, spec=spec, root=root, parts=parts, model_file=model_file)
        return self._rewrite(lambda content: with_added(content, fresh))

    def remove(
        self, paths: Iterable[str] = (), *, places: Iterable[str] = (), root: str | None = None
    ) -> tuple[Self, Change]:
        """Remove images by path, under one root or under any, and by place.

        Its head notes what is removed; `compact`, and a change that finds much of it, writes the files without it.
        What the gallery does not have is named in `Change.missing`, and the others are removed.

        Raises
        ------
        GalleryBusyError
        """
        return self._rewrite(partial(with_removed, paths=frozenset(paths), places=frozenset(places), root=root))

    def compact(self, *, progress: Progress | None = None) -> Self:
        """Write all segments as one, without what was removed; see `placeprint.compact`."""
        if self.path is None:
            return self
        compact(self.path, self.spec, mapped=self._mapped, progress=progress)
        return type(self).open(self.path, mapped=self._mapped)

    def asked_as(self, preset: Preset) -> Self:
        """Return the gallery as it is asked by another preset, without its calibration; the disk stays as it is.

        The views of the embeddings are those that it was built with.
        """
        if preset == self.preset:
            return self
        preset = dataclasses.replace(preset, vector_bits=self.preset.vector_bits)
        made = self._with(preset=preset, calibration=None, position_evidence=None)
        made.calibrated_for = self.preset.name if self.calibration else self.calibrated_for
        return made

    def with_calibration(self, calibration: Calibration) -> Self:
        """Return the gallery with a calibration, stored in one step when the gallery is on disk.

        Raises
        ------
        GalleryBusyError
        GalleryMismatchError
            When the gallery on disk is not the one that was calibrated.
        """
        return self._learned(calibration=calibration)

    def with_positions(self, evidence: PositionEvidence) -> Self:
        """Return the gallery with what its images tell of positions, stored and refused as a calibration is."""
        return self._learned(position_evidence=evidence)

    def _learned(self, **values: Any) -> Self:
        if self.path is None:
            return type(self)(dataclasses.replace(self._content, **values))
        store_learned(self.path, self, **values)
        return type(self).open(self.path)

    def verify(self) -> VerifyReport:
        """Read every byte on disk and compare it with its checksum."""
        return VerifyReport(len(self), (), ()) if self.path is None else verified(self.path)

    def require_undamaged(self) -> None:
        """Read every byte on disk and compare it with its checksum, before anything is made of it that is kept.

        Raises
        ------
        GalleryCorruptError
            It names the files.
        """
        for segment in self._segments:
            segment.data.require(segment.data.files)

    @cached_property
    def audit(self) -> Audit | None:
        """What `audited` measured of these very images; None when it did not."""
        found = None if self.path is None else read_head(self.path).audit
        return found if found is not None and found.data == self._version else None

    def audited(self, *, k: int = 10, queries: int = 200) -> Audit:
        """Measure the index against the exact one on the gallery's own vectors, and store what was found.

        Parameters
        ----------
        k : int
            Neighbours that are compared.
        queries : int
            Slightly altered vectors of its own that are searched for.

        Raises
        ------
        GalleryBusyError
        GalleryMismatchError
            When the gallery was changed meanwhile.
        """
        found = audit_of(self.index, self.vectors, self.records, k=k, queries=queries, data=self._version)
        if self.path is not None:
            store_audit(self.path, found)
        return found

    def _rewrite(self, change: Rewriting) -> tuple[Self, Change]:
        """Apply `change` to the newest state: on disk under the lock, else to this object's."""
        if self.path is None:
            content, counts = applied(self._content, change)
            return type(self)(content), counts
        counts = rewrite(self.path, self.spec, change, mapped=self._mapped)
        return type(self).open(self.path, mapped=self._mapped), counts
