"""The face of a gallery: build, open, add, remove, verify, search."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from placeprint import forks, published
from placeprint.arrays import HELD
from placeprint.data_folder import ADVICE, DataFolder
from placeprint.errors import GalleryCorruptError, GalleryMismatchError, UsageError
from placeprint.gallery.base import VectorIndex, Vectors
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.changes import Change, new_content, with_added, with_removed
from placeprint.gallery.files import (
    FAILURES,
    Content,
    calibration_entry,
    failures_of,
    read_gallery,
    write_gallery,
)
from placeprint.gallery.head import FORMAT, HEAD, SHORTENED, read_head
from placeprint.gallery.indexes import INDEX_FILES, Before, make_index
from placeprint.gallery.milvus_address import is_address
from placeprint.gallery.pieces import Pieces
from placeprint.gallery.replacement import Wanted, refuse_loss, refuse_strangers
from placeprint.gallery.table import RecordTable
from placeprint.gallery.verification import VerifyReport, verified
from placeprint.presets import FAST, Preset
from placeprint.ragged import Ragged
from placeprint.records import FailedImage, ImageRecord, ModelSpec, Neighbours
from placeprint.storage import FULL
from placeprint.terminal import tell

if TYPE_CHECKING:
    from placeprint.gallery.audit import Audit
    from placeprint.gallery.milvus_looking import Nearby


LARGEST_SCORE = 1.01
"""Of unit vectors no two score more, but for rounding; NaN is not below it either."""


class Gallery:
    """Reference images that can be searched. Make one with `build`, `open` or `in_memory`.

    A gallery object never changes: `add` and `remove` return the gallery afterwards.

    Attributes
    ----------
    records : RecordTable
        A sequence of ImageRecord that equals their tuple; from disk, each is read when it is asked for. Row i of
        everything else belongs to record i.
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors; memory-mapped and read-only when opened from disk.
    spec : ModelSpec
    index_name : str
        What was asked for: ``auto``, ``exact`` or ``faiss``.
    roots : tuple of str
        Folders that the records' paths are relative to; `root_of[i]` numbers the one of record i.
    calibration : Calibration or None
        When to accept a place; None when it was not learned.
    preset : Preset
        What is kept of every image, and how neighbours are re-ranked.
    parts : mapping of str to Ragged
        What is kept of each image besides its vector: ``cells``, ``keypoints``.
    learned : mapping of str to ndarray
        What the model learned from this gallery; see `placeprint.embedding.learned`.
    model_file : Path or None
        Where the file of a model of one's own was; it may be gone or another one, see `placeprint.recognition.finding`.
    path : Path or None
        None when only in memory.
    calibrated_for : str
        Of the preset that its calibration is for, where it is asked by another one and therefore without; else empty.
    """

    calibrated_for: str = ""

    _mapped, _version = True, ""

    def __init__(self, content: Content, *, path: Path | None = None, data: DataFolder | None = None) -> None:
        self.path = path
        self.records: RecordTable = content.records
        self.vectors, self.spec = content.vectors.whole(), content.spec
        self._content = dataclasses.replace(content, vectors=Pieces.of(self.vectors))
        self._stored = content.vectors
        self._data, self._index = data, None if data else make_index(content.index_name, self.vectors)
        self.index_name, self.roots, self.calibration = content.index_name, content.roots, content.calibration
        self.preset, self.parts, self.learned = content.preset, content.parts, content.learned
        self.model_file = content.model_file

    @cached_property
    def failures(self) -> tuple[FailedImage, ...]:
        """Images that could not be used when the gallery was built; read when they are first asked for."""
        if self._data is not None:
            self._data.require([FAILURES])
        return failures_of(self._content.failures)

    def held(self) -> Self:
        """Return the gallery with the parts of its images in memory, kinds of up to `HELD` bytes.

        With ``mapped=False`` of `open`, it answers the same whatever happens to its files.
        """
        return self._with(parts={name: kept.held(HELD) for name, kept in self.parts.items()})

    def _with(self, **values: Any) -> Self:
        """Return the gallery with another content of the same files."""
        made = type(self)(dataclasses.replace(self._content, **values), path=self.path, data=self._data)
        made._stored, made._mapped, made._version = self._stored, self._mapped, self._version
        return made

    def detached(self) -> Self:
        """Read what else is read only when it is asked for: the gallery's folder may go away afterwards."""
        _ = self.index, self.failures, self.records.places
        self._data = None
        return self

    @property
    def root_of(self) -> NDArray[np.int32]:
        """For each row, which of `roots` its path is relative to."""
        return self.records.columns.roots

    @property
    def index(self) -> VectorIndex:
        """The index, read from disk when it is first asked for."""
        if self._index is None:
            folder = None
            if self._data is not None:
                self._data.require(INDEX_FILES)  # FAISS believes what it reads
                folder = self._data.path
            vectors, kept = self._stored.first()
            self._index = make_index(self.index_name, vectors, data=folder)
            if kept is not None:  # the index has rows that were removed since
                self._index = make_index(self.index_name, self.vectors, before=Before(self._index, kept))
        return self._index

    @classmethod
    def in_memory(
        cls,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        *,
        spec: ModelSpec,
        index: str = "auto",
        root: str = ".",
        failures: Sequence[FailedImage] = (),
        preset: Preset = FAST,
        parts: Mapping[str, Ragged] | None = None,
        learned: Mapping[str, NDArray[Any]] | None = None,
        model_file: Path | None = None,
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
            ``cells`` and ``keypoints`` of every image, where the spec says that there are some.
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
        return cls(
            new_content(
                records,
                vectors,
                spec=spec,
                index=index,
                root=root,
                failures=failures,
                preset=preset,
                parts=parts,
                learned=learned,
                model_file=model_file,
            )
        )

    @classmethod
    def build(
        cls,
        path: Path | str,
        *,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        spec: ModelSpec,
        replace: bool = False,
        **settings: Any,
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
            write_gallery(path, content)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str, *, spec: ModelSpec | None = None, mapped: bool = True) -> Self:
        """Open a gallery.

        Parameters
        ----------
        path : Path or str
            A folder, or an address of a server: ``milvus://host:19530/name``.
        spec : ModelSpec, optional
            The model that queries will use; another one than the gallery's is refused.
        mapped : bool
            Map the files of a folder into memory, so that opening takes as long whatever its size; the system ends the
            process when a mapped file is shortened in place (SIGBUS). Else they are read, as a server does it.

        Raises
        ------
        GalleryNotFoundError, GalleryFormatError, GalleryCorruptError, GalleryMismatchError, GalleryEngineError
        """
        gallery: Any
        if is_address(path):
            from placeprint.gallery.milvus_gallery import MilvusGallery

            gallery = MilvusGallery.at(path)
        else:
            content, head = read_gallery(Path(path), mapped=mapped)
            gallery = cls(content, path=Path(path), data=head.data)
            gallery._mapped, gallery._version = mapped, head.state
        if spec is not None:
            gallery.require(spec)
        return cast(Self, gallery)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle its address: another process opens what is there then, of the same model.

        Raises
        ------
        UsageError
            For a gallery in memory.
        """
        if self.path is None:
            raise UsageError(
                "a gallery in memory has no address that another process could open: write it with Gallery.build"
            )
        return partial(type(self).open, spec=self.spec), (self.path.absolute(),)

    @property
    def where(self) -> str:
        """Where it is kept, for people."""
        return str(self.path)

    def whole(self) -> Gallery:
        """Return the gallery in a folder or in memory: itself, but for one that a server keeps."""
        return self

    def around(self, vector: NDArray[np.float32], *, look: int, only: Any = None) -> Nearby | None:  # noqa: ARG002
        """Return a part that answers one question as the whole would; None where the whole is here and is asked.

        Parameters
        ----------
        vector : ndarray of float32, shape (dim,)
        look : int
            Neighbours that are looked at.
        only : optional
            What `placeprint.gallery.filters.rows_where` returned.
        """
        return None

    def require(self, spec: ModelSpec) -> None:
        """Refuse a model that is not the gallery's.

        Raises
        ------
        GalleryMismatchError
            It names both models.
        """
        if spec.fingerprint() != self.spec.fingerprint():
            where = "the gallery" if self.where == "None" else f'gallery "{self.where}"'
            raise GalleryMismatchError(
                f"{where} was built with model {self.spec} but the query model is {spec}. "
                f"Rebuild it with: placeprint index DATASET -o GALLERY --model {spec.name}"
            )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.records)

    @property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once."""
        return self.records.places

    def located(self, row: int) -> tuple[Path, str]:
        """Return the root of the image of a row, and its path there."""
        return Path(self.roots[self.root_of[row]]), self.records[row].path

    def image_file(self, row: int) -> Path:
        """Return where the image of a row was when it was indexed; it may be gone."""
        return Path(*self.located(row))

    def search(self, vectors: Vectors, *, k: int = 20, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the nearest images of each query vector; see `VectorIndex.search`.

        Raises
        ------
        GalleryCorruptError
            When vectors that are looked at are none.
        """
        with forks.busy(), np.errstate(over="ignore", invalid="ignore"):
            found = self.index.search(vectors, k, only=only)
        there = min(k, len(self) if only is None else int(np.count_nonzero(only)))
        if not (np.abs(found.scores[:, :there]) < LARGEST_SCORE).all():
            raise GalleryCorruptError(f"{self.where} holds vectors that are none: {ADVICE}")
        return found

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

        On a full disk the head notes what is removed, and the next change that has room writes the files anew.
        What the gallery does not have is named in `Change.missing`, and the others are removed.

        Raises
        ------
        GalleryBusyError
        """
        change = partial(with_removed, paths=frozenset(paths), places=frozenset(places), root=root)
        try:
            return self._rewrite(change)
        except OSError as error:
            if self.path is None or error.errno not in FULL or read_head(self.path).format < FORMAT:
                raise
            return self._shortened(self.path, change)

    def _shortened(self, path: Path, change: Callable[[Content], tuple[Content, Change]]) -> tuple[Self, Change]:
        """Note in the head which rows a change removes; the next change that has room writes the files anew."""
        with published.locked(path):
            newest = type(self).open(path, spec=self.spec, mapped=self._mapped)
            content, counts = _changed(newest._content, change)
            (array, there), kept = newest._stored.first(), content.vectors.first()[1]
            if kept is not None:
                rows = np.arange(len(array))
                removed = np.setdiff1d(rows, (rows if there is None else there)[kept]).tolist()
                values = {"format": SHORTENED, "removed": removed, **calibration_entry(content.calibration)}
                published.update_head(path, HEAD, values)
        tell(f'the disk is full: "{path}" only notes what was removed, the next change that has room writes it anew')
        return type(self).open(path, mapped=self._mapped), counts

    def asked_as(self, preset: Preset) -> Self:
        """Return the gallery as it is asked by another preset, without its calibration; the disk stays as it is.

        The views of the embeddings are those that it was built with.
        """
        if preset == self.preset:
            return self
        made = self._with(preset=preset, calibration=None)
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
        if self.path is None:
            return type(self)(dataclasses.replace(self._content, calibration=calibration))
        with published.locked(self.path):
            newest = type(self).open(self.path, spec=self.spec)
            if newest.preset != self.preset:
                raise GalleryMismatchError(
                    f'"{self.path}" is asked by preset {newest.preset.name} and the calibration was learned with '
                    f"{self.preset.name}: build a gallery with that preset, or calibrate this one as it is"
                )
            if newest.records != self.records:
                raise GalleryMismatchError(f'"{self.path}" was changed while it was calibrated: calibrate it again')
            published.update_head(self.path, HEAD, calibration_entry(calibration))
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
        if self._data is not None:
            self._data.require(self._data.files)

    @cached_property
    def audit(self) -> Audit | None:
        """What `audited` measured of these very images; None when it did not."""
        if self.path is None or self._data is None:
            return None
        found = read_head(self.path).audit
        return found if found is not None and found.data == self._version else None

    def audited(self, *, k: int = 10, queries: int = 200) -> Audit:
        """Measure the index against the exact one on the gallery's own vectors, and store what was found.

        Parameters
        ----------
        k : int
            Neighbours that are compared.
        queries : int
            Own vectors that are asked, disturbed.

        Raises
        ------
        GalleryBusyError
        GalleryMismatchError
            When the gallery was changed meanwhile.
        """
        from placeprint.gallery.audit import audit_of

        data = self._version
        found = audit_of(self.index, self.vectors, self.records, k=k, queries=queries, data=data)
        if self.path is None:
            return found
        with published.locked(self.path):
            if read_head(self.path).state != data:
                raise GalleryMismatchError(f'"{self.path}" was changed while it was measured: measure it again')
            published.update_head(self.path, HEAD, {"audit": found.to_dict()})
        return found

    def _rewrite(self, change: Callable[[Content], tuple[Content, Change]]) -> tuple[Self, Change]:
        """Apply `change` to the newest state: on disk under the lock, else to this object's."""
        if self.path is None:
            content, counts = _changed(self._content, change)
            return type(self)(content), counts
        with published.locked(self.path):
            newest = type(self).open(self.path, spec=self.spec, mapped=self._mapped)
            newest.require_undamaged()  # what is copied gets new checksums
            content, counts = _changed(newest._content, change)
            if counts.nothing:  # a kill between the new head and the end of the old data leaves the old data
                published.clear_leftovers(self.path, HEAD)
            else:
                kept = content.vectors.first_of(newest.vectors)
                write_gallery(self.path, content, before=None if kept is None else Before(newest.index, kept))
        return type(self).open(self.path, mapped=self._mapped), counts


def _changed(content: Content, change: Callable[[Content], tuple[Content, Change]]) -> tuple[Content, Change]:
    """Apply a change; a calibration stays, and remembers how many images changed."""
    made, counts = change(content)
    if made.calibration is not None:
        made = dataclasses.replace(made, calibration=made.calibration.after(counts.images))
    return made, counts
