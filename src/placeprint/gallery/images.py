"""The images of a gallery that is here: their records, embeddings and parts, and the index that searches them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from placeprint import forks
from placeprint.arrays import Flags
from placeprint.errors import GalleryCorruptError, PlaceprintError
from placeprint.gallery.chunked_vectors import ChunkedVectors
from placeprint.gallery.files import FAILURES, Content, failures_of
from placeprint.gallery.filters import Filter, flags_where
from placeprint.gallery.index.base import VectorIndex, Vectors
from placeprint.gallery.index.choice import INDEX_FILES, make_index
from placeprint.gallery.index.segmented import Piece, SegmentedIndex
from placeprint.gallery.index.short_vectors import as_kept
from placeprint.gallery.inventory import Inventory, inventory_of
from placeprint.gallery.same_model import require_same_model
from placeprint.gallery.segments import Segment
from placeprint.gallery.summary import Summary
from placeprint.records import FailedImage, ModelSpec, Neighbours
from placeprint.storage.arrays import HELD
from placeprint.storage.data_folder import ADVICE

LARGEST_SCORE = 1.01
"""Of unit vectors no two score more, but for rounding; NaN is not below it either."""


class GalleryImages:
    """What can be read and searched of a gallery in a folder or in memory; `placeprint.Gallery` makes and changes it.

    Attributes
    ----------
    records : RecordTable
        A sequence of ImageRecord that equals their tuple; from disk, each is read when it is asked for. Row i of
        everything else belongs to record i.
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors; memory-mapped and read-only when opened from disk. Of several segments,
        or in 8 bits, what reads like an array: `numpy.asarray` makes one of it.
    spec : ModelSpec
    index_name : str
        What was asked for: ``auto``, ``exact`` or ``faiss``.
    roots : tuple of str
        Folders that the records' paths are relative to; `root_of[i]` numbers the one of record i.
    calibration : Calibration or None
        When to accept a place; None when it was not learned.
    position_evidence : PositionEvidence or None
        What its own images tell of positions by picture; None when it was not learned.
    preset : Preset
        What is kept of every image, and how neighbours are re-ranked.
    parts : mapping of str to Ragged
        What is kept of each image besides its vector: ``cells``, ``xfeat``.
    codes : mapping of str to str
        The code of each kind of parts that is not kept as it is; see `placeprint.gallery.part_codes`.
    learned : mapping of str to ndarray
        What the model learned from this gallery; see `placeprint.embedding.learned`.
    model_file : Path or None
        Where the file of a model of one's own was; it may be gone or another one, see
        `placeprint.recognition.model_lookup`.
    path : Path or None
        None when only in memory.
    calibrated_for : str
        Of the preset that its calibration is for, where it is asked by another one and therefore without; else empty.
    where : str
        Where it is kept, for people.
    """

    calibrated_for: str = ""

    _mapped, _version = True, ""

    def __init__(self, content: Content, *, path: Path | None = None, segments: Sequence[Segment] = ()) -> None:
        self.path, self.where = path, str(path)
        if not segments:
            whole = as_kept(content.vectors.whole(), content.preset.vector_bits)
            content = dataclasses.replace(content, vectors=ChunkedVectors.of(whole))
        only, self.spec = content.vectors.only(), content.spec
        self._content, self.records = content, content.records
        self.vectors = cast(Vectors, content.vectors) if only is None else only
        self._segments, self._indexes = tuple(segments), dict[int, VectorIndex]()
        self._index = None if segments else make_index(content.index_name, self.vectors)
        self.index_name, self.roots, self.calibration = content.index_name, content.roots, content.calibration
        self.preset, self.parts, self.learned = content.preset, content.parts, content.learned
        self.codes = content.codes
        self.model_file, self.position_evidence = content.model_file, content.position_evidence

    def __repr__(self) -> str:
        """Return where it is, how much it holds, and how it is asked, in one line."""
        return self._summary.line()

    def _repr_html_(self) -> str:
        """Return the same as a table, for notebooks."""
        return self._summary.html()

    @property
    def _summary(self) -> Summary:
        try:
            return Summary(self, len(self.places))
        except (PlaceprintError, OSError):  # a gallery with a damaged file is shown all the same
            return Summary(self)

    @cached_property
    def failures(self) -> tuple[FailedImage, ...]:
        """Images that could not be used when the gallery was built; read when they are first asked for."""
        if self._segments:
            self._segments[0].data.require([FAILURES])
        return failures_of(self._content.failures)

    def held(self) -> Self:
        """Return the gallery with the parts of its images in memory, kinds of up to `HELD` bytes.

        With ``mapped=False`` of `placeprint.Gallery.open`, it answers the same whatever happens to its files.
        """
        return self._with(parts={name: kept.held(HELD) for name, kept in self.parts.items()})

    def _with(self, **values: Any) -> Self:
        """Return the gallery with another content of the same files."""
        made = type(self)(dataclasses.replace(self._content, **values), path=self.path, segments=self._segments)
        made._mapped, made._version = self._mapped, self._version
        return made

    def detached(self, where: str) -> Self:
        """Read what else is read only when it is asked for: the folder may go away, it is but a copy of `where`."""
        _ = self.index, self.failures, self.records.places
        self._segments, self.path, self.where = (), None, where
        return self

    @property
    def root_of(self) -> NDArray[np.int32]:
        """For each row, which of `roots` its path is relative to."""
        return self.records.columns.roots

    @property
    def index(self) -> VectorIndex:
        """The index, read from disk when it is first asked for."""
        if self._index is None:
            kept = [segment.kept for segment in self._segments]
            pieces = [Piece.of(self.index_of(number), rows) for number, rows in enumerate(kept)]
            self._index = pieces[0].index if self._is_one else SegmentedIndex(pieces)
        return self._index

    @property
    def _is_one(self) -> bool:
        return len(self._segments) == 1 and self._segments[0].kept is None

    @property
    def reach(self) -> int | None:
        """The most neighbours that the index finds without comparing all images; None where nothing tells.

        Of a gallery that has grown since nothing does, and nothing is read.
        """
        return getattr(self.index, "reach", None) if self._is_one else None

    def index_of(self, number: int) -> VectorIndex:
        """Return the index of what lies in the files of a segment, removed or not, read when it is first asked for."""
        if number not in self._indexes:
            data = self._segments[number].data
            data.require(INDEX_FILES)  # FAISS believes what it reads
            array = self._content.vectors.arrays[number]
            self._indexes[number] = make_index(self.index_name, array, data=data.path)
        return self._indexes[number]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.records)

    @property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once."""
        return self.records.places

    def inventory(self) -> Inventory:
        """Return what it holds, place by place."""
        return inventory_of(self.records)

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
            raise GalleryCorruptError(f"{self.where} holds invalid vectors: {ADVICE}")
        return found

    def download(self) -> Self:
        """Return the gallery itself: it is here. One that a server keeps is copied by this."""
        return self

    def around(self, vector: NDArray[np.float32], *, look: int, only: Any = None) -> None:  # noqa: ARG002
        """Return no part: the whole is here, and is asked; see `placeprint.gallery.protocol.AnyGallery.around`."""
        return

    def where_images(self, asked: Filter) -> Flags:
        """Return a flag for each image, as `search` takes it; see `placeprint.gallery.filters.flags_where`."""
        return flags_where(self.records, asked)

    def require(self, spec: ModelSpec) -> None:
        """Refuse a model that is not the gallery's.

        Raises
        ------
        GalleryMismatchError
            It names both models.
        """
        require_same_model(self.where, self.spec, spec)
