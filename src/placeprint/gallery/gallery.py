"""The face of a gallery: build, open, add, remove, verify, search.

On disk a gallery is a folder: ``gallery.json`` (format, ModelSpec, roots, checksums) points to one data
folder with ``records.jsonl``, ``failures.jsonl``, ``vectors.npy`` and, for some indexes, their file.
See `placeprint.storage` for why a kill at any moment leaves the old gallery or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from placeprint import storage
from placeprint.errors import GalleryCorruptError, GalleryFormatError, GalleryMismatchError, UsageError, VectorError
from placeprint.gallery.base import Vectors, VectorIndex, unit_vectors
from placeprint.gallery.exact import ExactIndex
from placeprint.gallery.faiss_index import HNSW_ROWS, FaissIndex
from placeprint.records import FailedImage, ImageRecord, ModelSpec, Neighbours

FORMAT = 1
HEAD = "gallery.json"
INDEXES = ("auto", "exact", "faiss")


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `Gallery.verify` found.

    Attributes
    ----------
    rows : int
    problems : tuple of str
        Empty when every file is as it was written.
    leftovers : tuple of str
        Folders of interrupted writes: harmless, removed by the next write.
    """

    rows: int
    problems: tuple[str, ...]
    leftovers: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when nothing is damaged."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Change:
    """What `Gallery.add` or `Gallery.remove` did, in images."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0


class Gallery:
    """Reference images that can be searched. Make one with `build`, `open` or `in_memory`.

    Attributes
    ----------
    records : tuple of ImageRecord
        Row i of everything else belongs to record i.
    vectors : ndarray of float32, shape (n, dim)
        Unit vectors, read-only; memory-mapped when opened from disk.
    spec : ModelSpec
    roots : tuple of str
        Folders that the records' paths are relative to; `root_of[i]` numbers the one of record i.
    failures : tuple of FailedImage
        Images that could not be used when the gallery was built.
    path : Path or None
        None when only in memory.
    """

    def __init__(
        self,
        *,
        records: Sequence[ImageRecord],
        vectors: Vectors,
        spec: ModelSpec,
        index: str = "auto",
        roots: Sequence[str] = (".",),
        root_of: Sequence[int] | None = None,
        failures: Sequence[FailedImage] = (),
        path: Path | None = None,
        data: Path | None = None,
    ) -> None:
        if index not in INDEXES:
            raise UsageError(f'index "{index}" is not known: choose one of {", ".join(INDEXES)}')
        if len(records) != len(vectors):
            raise VectorError(f"there are {len(records)} records and {len(vectors)} vectors: they must be one to one")
        if vectors.shape[1:] != (spec.dim,):
            raise VectorError(f"vectors have the shape {vectors.shape} and model {spec} has {spec.dim} dimensions")
        self.records, self.vectors, self.spec = tuple(records), vectors, spec
        self.roots, self.failures, self.path = tuple(roots), tuple(failures), path
        self.root_of = tuple(root_of) if root_of is not None else (0,) * len(records)
        self.index_name = index
        self._data, self._index = data, None if data else _make_index(index, vectors, None)

    @property
    def index(self) -> VectorIndex:
        """The index, read or built when it is first asked for."""
        if self._index is None:
            self._index = _make_index(self.index_name, self.vectors, self._data)
        return self._index

    @classmethod
    def in_memory(cls, records: Sequence[ImageRecord], vectors: Vectors, *, spec: ModelSpec, **settings: Any) -> Self:
        """Make a gallery without a folder; vectors are normalised.

        Raises
        ------
        VectorError
            When vectors are not finite float32 of shape (n, dim), or do not fit the records or the model.
        """
        return cls(records=records, vectors=unit_vectors(vectors, dim=spec.dim), spec=spec, **settings)

    @classmethod
    def build(
        cls, path: Path | str, *, records: Sequence[ImageRecord], vectors: Vectors, spec: ModelSpec, **settings: Any
    ) -> Self:
        """Write a gallery to a folder, replacing the gallery that is there, and open it.

        Parameters
        ----------
        path : Path or str
            The gallery's folder.
        records : sequence of ImageRecord
        vectors : ndarray of float32, shape (len(records), dim)
        spec : ModelSpec
        **settings
            ``index``, ``roots``, ``root_of``, ``failures`` as in the class.

        Raises
        ------
        UsageError
            When the folder holds something else than a gallery.
        GalleryBusyError
            When another process writes to it.
        """
        path = Path(path)
        if path.exists() and not _is_ours(path):
            raise UsageError(f'"{path}" exists and is not a gallery: choose another path, or remove it first')
        gallery = cls.in_memory(records, vectors, spec=spec, **settings)
        with storage.locked(path):
            gallery._publish(path)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str, *, spec: ModelSpec | None = None) -> Self:
        """Open a gallery; vectors are memory-mapped.

        Parameters
        ----------
        path : Path or str
        spec : ModelSpec, optional
            The model that queries will use; another one than the gallery's is refused.

        Raises
        ------
        GalleryNotFoundError, GalleryFormatError, GalleryCorruptError, GalleryMismatchError
        """
        path = Path(path)
        for _ in range(3):  # a writer may have replaced the data between the head and the files
            head = storage.read_head(path, HEAD)
            try:
                gallery = cls._read(path, head)
                break
            except FileNotFoundError:
                continue
        else:
            raise GalleryCorruptError(f'files of "{path}" are missing: run placeprint verify, or build it again')
        if spec is not None:
            gallery.require(spec)
        return gallery

    @classmethod
    def _read(cls, path: Path, head: dict[str, Any]) -> Self:
        if head.get("format") != FORMAT:
            newer = isinstance(head.get("format"), int) and head["format"] > FORMAT
            advice = "upgrade placeprint" if newer else "build the gallery again"
            raise GalleryFormatError(f'"{path}" has format {head.get("format")}, this release reads {FORMAT}: {advice}')
        data = path / head["data"]
        rows = _read_lines(data / "records.jsonl")
        root_of = [row.pop("root", 0) for row in rows]
        failures = [FailedImage(**row) for row in _read_lines(data / "failures.jsonl")]
        try:
            vectors = np.load(data / "vectors.npy", mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise GalleryCorruptError(f'"{data / "vectors.npy"}" cannot be read ({error}): build it again') from error
        if vectors.dtype != np.float32 or len(vectors) != len(rows):
            raise GalleryCorruptError(f'vectors and records of "{path}" do not belong together: build it again')
        return cls(
            records=[ImageRecord.from_dict(row) for row in rows],
            vectors=vectors,
            spec=ModelSpec.from_dict(head["model"]),
            index=head["index"],
            roots=head["roots"],
            root_of=root_of,
            failures=failures,
            path=path,
            data=data,
        )

    def require(self, spec: ModelSpec) -> None:
        """Refuse a model that is not the gallery's.

        Raises
        ------
        GalleryMismatchError
            It names both models.
        """
        if spec.fingerprint() != self.spec.fingerprint():
            where = f'gallery "{self.path}"' if self.path else "the gallery"
            raise GalleryMismatchError(
                f"{where} was built with model {self.spec} but the query model is {spec}. "
                f"Rebuild it with: placeprint index DATASET --model {spec.name}"
            )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.records)

    @property
    def places(self) -> tuple[str, ...]:
        """The places, sorted, each once."""
        return tuple(sorted({place for record in self.records for place in record.places}))

    def image_file(self, row: int) -> Path:
        """Return where the image of a row was when it was indexed; it may be gone."""
        return Path(self.roots[self.root_of[row]], self.records[row].path)

    def search(self, vectors: Vectors, *, k: int = 20, only: NDArray[np.bool_] | None = None) -> Neighbours:
        """Return the nearest images of each query vector; see `VectorIndex.search`."""
        return self.index.search(vectors, k, only=only)

    def add(
        self, records: Sequence[ImageRecord], vectors: Vectors, *, spec: ModelSpec, root: str = "."
    ) -> tuple[Self, Change]:
        """Add images, without touching the embeddings that are there.

        An image that is known by its root and path is replaced when its content changed, and left
        alone otherwise: adding twice changes nothing.

        Returns
        -------
        Gallery, Change
            The gallery afterwards; this object keeps showing the state before.
        """
        fresh = unit_vectors(vectors, dim=self.spec.dim)
        if len(records) != len(fresh):
            raise VectorError(f"there are {len(records)} records and {len(fresh)} vectors: they must be one to one")

        def change(now: Gallery) -> tuple[Gallery, Change]:
            now.require(spec)
            return _with_added(now, records, fresh, root)

        return self._rewrite(change)

    def remove(self, paths: Iterable[str] = (), *, places: Iterable[str] = ()) -> tuple[Self, Change]:
        """Remove images by path and by place.

        Returns
        -------
        Gallery, Change
            The gallery afterwards; this object keeps showing the state before.
        """
        paths, places = frozenset(paths), frozenset(places)

        def change(now: Gallery) -> tuple[Gallery, Change]:
            keep = [i for i, r in enumerate(now.records) if r.path not in paths and not places & set(r.places)]
            return _subset(now, keep), Change(removed=len(now) - len(keep))

        return self._rewrite(change)

    def verify(self) -> VerifyReport:
        """Read every byte on disk and compare it with its checksum."""
        if self.path is None:
            return VerifyReport(len(self), (), ())
        head = storage.read_head(self.path, HEAD)
        problems = storage.damaged_files(self.path, head)
        left = [p.name for p in storage.leftovers(self.path, head["data"])]
        return VerifyReport(len(self), tuple(problems), tuple(left))

    def _rewrite(self, change: Callable[[Gallery], tuple[Gallery, Change]]) -> tuple[Self, Change]:
        """Apply `change` to the newest state: on disk under the lock, else to this object."""
        if self.path is None:
            changed, counts = change(self)
            return type(self)(**_parts(changed)), counts
        with storage.locked(self.path):
            changed, counts = change(type(self).open(self.path))
            if counts.added or counts.replaced or counts.removed:
                changed._publish(self.path)
        return type(self).open(self.path), counts

    def _publish(self, path: Path) -> None:
        head = {
            "kind": "placeprint gallery",
            "format": FORMAT,
            "model": self.spec.to_dict(),
            "fingerprint": self.spec.fingerprint(),
            "index": self.index_name,
            "rows": len(self),
            "roots": list(self.roots),
        }
        storage.publish(path, HEAD, head, write=self._write)

    def _write(self, folder: Path) -> None:
        rows = ({**r.to_dict(), "root": root} for r, root in zip(self.records, self.root_of, strict=True))
        _write_lines(folder / "records.jsonl", rows)
        _write_lines(folder / "failures.jsonl", (asdict(f) for f in self.failures))
        np.save(folder / "vectors.npy", np.asarray(self.vectors, dtype=np.float32), allow_pickle=False)
        self.index.save(folder)


def _make_index(name: str, vectors: Vectors, data: Path | None) -> VectorIndex:
    large = len(vectors) >= HNSW_ROWS
    if name == "faiss" or (name == "auto" and large):
        return FaissIndex(vectors, approximate=large, folder=data)
    return ExactIndex(vectors)


def _is_ours(path: Path) -> bool:
    """Return whether the folder holds a gallery, an interrupted one, or nothing."""
    if not path.is_dir():
        return False
    names = {p.name for p in path.iterdir()}
    return HEAD in names or all(n.startswith(("data-", f".{HEAD}")) or n == ".lock" for n in names)


def _parts(gallery: Gallery) -> dict[str, Any]:
    return {
        "spec": gallery.spec,
        "index": gallery.index_name,
        "records": gallery.records,
        "vectors": gallery.vectors,
        "roots": gallery.roots,
        "root_of": gallery.root_of,
        "failures": gallery.failures,
    }


def _subset(gallery: Gallery, keep: Sequence[int]) -> Gallery:
    parts = _parts(gallery) | {
        "records": [gallery.records[i] for i in keep],
        "vectors": np.ascontiguousarray(gallery.vectors[list(keep)]),
        "root_of": [gallery.root_of[i] for i in keep],
    }
    return Gallery(**parts)


def _with_added(now: Gallery, records: Sequence[ImageRecord], vectors: Vectors, root: str) -> tuple[Gallery, Change]:
    roots = now.roots if root in now.roots else (*now.roots, root)
    number = roots.index(root)
    known = {(r, record.path): i for i, (r, record) in enumerate(zip(now.root_of, now.records, strict=True))}
    same: Collection[int]
    old = [known.get((number, record.path)) for record in records]
    same = [j for j, i in enumerate(old) if i is not None and now.records[i] == records[j]]
    replaced = {i for j, i in enumerate(old) if i is not None and j not in set(same)}
    kept = _subset(now, [i for i in range(len(now)) if i not in replaced])
    new = [j for j in range(len(records)) if j not in set(same)]
    parts = _parts(kept) | {
        "records": [*kept.records, *(records[j] for j in new)],
        "vectors": np.concatenate([kept.vectors, vectors[new]]),
        "roots": roots,
        "root_of": [*kept.root_of, *(number for _ in new)],
    }
    return Gallery(**parts), Change(added=len(new) - len(replaced), replaced=len(replaced), unchanged=len(same))


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="ascii") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="ascii") as file:
            return [json.loads(line) for line in file]
    except ValueError as error:
        raise GalleryCorruptError(f'"{path}" cannot be read ({error}): build the gallery again') from error
