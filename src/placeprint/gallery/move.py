"""Moves a gallery from a folder to a server or back: in blocks, resumable, and compared row by row at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np

from placeprint.errors import GalleryCorruptError, UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.changes import Change
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.copy import copied
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.index_settings import STORE_INDEXES
from placeprint.gallery.milvus.rows import to_row
from placeprint.gallery.milvus.writer import Writer
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.replacement import Wanted, keys_of, refuse_loss, refuse_strangers
from placeprint.progress import Progress, Stretch
from placeprint.storage.ragged import stored_at
from placeprint.terminal import counted

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Moved:
    """What `move` did.

    Attributes
    ----------
    gallery : Gallery
        The copy; the source is still there.
    change : Change
        Images written, and images already there.
    compared : int
        Rows whose checksums were compared.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.move("town.gallery", "milvus://localhost:19530/town").compared  # doctest: +SKIP
    """

    gallery: AnyGallery
    change: Change
    compared: int


def move(
    source: AnyGallery | Path | str, target: Path | str, *, replace: bool = False, progress: Progress | None = None
) -> Moved:
    """Copy a gallery to another place, one of them a folder and the other an address of a server.

    The source stays as it is. After an interruption the same call goes on where it stopped.

    Parameters
    ----------
    source : Gallery, Path or str
        A gallery in a folder, or one that a server keeps; or where that is.
    target : Path or str
        An address for a folder, and a folder for a gallery on a server. What is there is made the same.
    replace : bool
        Whether a gallery at the target may lose something.

    Raises
    ------
    UsageError
        For two folders or two addresses, a folder that holds something else, or a target that would lose something.
    GalleryCorruptError
        When the copy does not equal the source.
    GalleryError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.move("town.gallery", "milvus://localhost:19530/town").compared  # doctest: +SKIP
    """
    source = source if isinstance(source, str | Path) else source.where
    if is_address(source) == is_address(target):
        raise UsageError("move a gallery from a folder to an address, or from an address to a folder")
    if is_address(target):
        gallery = Gallery.open(source)
        gallery.require_undamaged()  # on the server it gets new checksums
        return _to_server(gallery, str(target), replace, progress)
    return _to_folder(MilvusGallery.at(source), Path(target), replace, progress)


def _to_server(gallery: Gallery, target: str, replace: bool, progress: Progress | None) -> Moved:
    index = gallery.index_name if gallery.index_name in STORE_INDEXES else "auto"
    head = Head(
        spec=gallery.spec,
        preset=gallery.preset,
        index_name=index,
        roots=gallery.roots,
        learned=gallery.learned,
        calibration=gallery.calibration,
        positions=gallery.position_evidence,
        model_file=gallery.model_file,
        codes=gallery.codes,
    )
    wanted = None
    if not replace:
        wanted = Wanted(keys_of(gallery.records, gallery.roots), gallery.spec, gallery.calibration)
    with Writer.begin(parse_address(target), head, rows=len(gallery), wanted=wanted) as writer:
        roots = gallery.root_of
        with Stretch(progress, "moving", len(gallery)) as step:
            for first, last in _stretches(gallery, writer.store.block_rows):
                rows = np.arange(first, last)
                writer.put_at(
                    rows,
                    [gallery.records[i] for i in rows.tolist()],
                    np.asarray(gallery.vectors[first:last]),
                    {name: parts.kept(rows) for name, parts in gallery.parts.items()},
                    root=gallery.roots[int(roots[first])],
                )
                step(last - first)
        learned, positions = gallery.calibration, gallery.position_evidence
        writer.head = dataclasses.replace(writer.head, calibration=learned, positions=positions)
        change = writer.finish(failures=gallery.failures, keep_learned=True)
    moved = MilvusGallery.at(target)
    return Moved(moved, change, _compared(gallery, moved, progress))


def _stretches(gallery: Gallery, most: int) -> Iterator[tuple[int, int]]:
    """Yield stretches of rows under one root."""
    roots = np.asarray(gallery.root_of)
    edges = [0, *(np.flatnonzero(np.diff(roots)) + 1).tolist(), len(roots)] if len(roots) else [0]
    for begin, end in pairwise(edges):
        for first in range(begin, end, most):
            yield first, min(first + most, end)


def _to_folder(gallery: MilvusGallery, target: Path, replace: bool, progress: Progress | None) -> Moved:
    refuse_strangers(target)
    if not replace:
        o = gallery.opened
        refuse_loss(target, lambda: Wanted(o.store.keys(o.head.end), gallery.spec, gallery.calibration))
    index = gallery.index_name if gallery.index_name in ("auto", "exact") else "auto"
    moved = copied(gallery.opened.store, gallery.opened.head, target, index=index, progress=progress)
    return Moved(moved, Change(added=len(moved)), _compared(moved, gallery, progress))


def _compared(here: Gallery, there: MilvusGallery, progress: Progress | None) -> int:
    """Compare the checksum of every row in the folder with that on the server.

    Raises `GalleryCorruptError`: it names the first that differ.
    """
    opened, wrong, rows = there.opened, list[str](), 0
    roots = here.root_of
    kept = (row for block in opened.store.blocks(opened.head.end, ["sum"], rows=5000) for row in block)
    with Stretch(progress, "comparing", len(here)) as step:
        for i, row in enumerate(zip_longest(range(len(here)), kept)):
            if row[0] is None or row[1] is None:
                wrong.append(f"there are {counted(len(here), 'image')} in the folder and {len(there)} on the server")
                break
            root = int(roots[i])
            ours = to_row(
                i,
                here.records[i],
                root=root,
                root_name=here.roots[root],
                vector=here.vectors[i],
                parts=stored_at(here.parts, i),
            )
            if ours["sum"] != row[1]["sum"]:
                wrong.append(f"{here.records[i].path} differs")
            rows += 1
            step()
    if wrong:
        raise GalleryCorruptError(
            f"{there.where} and {here.where} are not the same ({'; '.join(wrong[:SHOWN])}): was one of them changed "
            "meanwhile? run the same command again"
        )
    return rows
