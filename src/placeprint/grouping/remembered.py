"""Unknown photos that were asked, kept in a folder until they are found to show new places.

The folder has ``photos/`` with copies of the photos, ``corrections.json`` with what a person said of them, and
``accepted.csv``, a manifest of those that a person took for a place: a gallery gets them by `placeprint.add`. Every
file is written in one step, so a kill loses nothing that was answered.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from placeprint.dataset.file_types import is_image
from placeprint.dataset.manifest import read_manifest
from placeprint.embedding.models import DEFAULT_MODEL
from placeprint.errors import UsageError
from placeprint.grouping.corrections import Corrections, checked_name, read_corrections, write_corrections
from placeprint.grouping.group import group
from placeprint.grouping.options import GroupOptions, GroupWords
from placeprint.grouping.result import NO_PLACE, Alone, Group, Grouping
from placeprint.progress import Progress
from placeprint.recognition.location.photos import read_photos
from placeprint.storage.atomic import require_way, write_atomic

LIMIT = 1000
"""Photos that are kept by default: some gigabytes."""
PHOTO_BYTES = 8 << 20
"""Of each of them on average: whoever may ask a server may send it photos that are as large as they can be."""
PHOTOS, CORRECTIONS, ACCEPTED = "photos", "corrections.json", "accepted.csv"
_HEADER = "path,place\n"
_MARK = "remembered.txt"
_SAYS = b"placeprint keeps unknown photos in this folder: `placeprint remembered FOLDER` shows what they show.\n"
_STEM_BYTES = 120
"""Of a name that is kept: a file system takes 255 in all."""
_KEPT = re.compile(r".+-[0-9a-f]{16}\.\w+", re.DOTALL)
"""Names that `Remembered.keep` gives: other files in the folder are somebody else's, and never deleted."""
_ODD = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Remembered:
    """A folder of unknown photos.

    Attributes
    ----------
    folder : Path
    limit : int
        Photos that are kept, those that were accepted not counted; together they take `PHOTO_BYTES` times that.

    Examples
    --------
    >>> from pathlib import Path
    >>> import placeprint
    >>> kept = placeprint.remembered("unknown", make=True)
    >>> name = kept.keep(Path("town-hall.jpg").read_bytes(), "town-hall.jpg")
    >>> kept.photos == (name,), kept.forget([name]) == (name,)
    (True, True)
    """

    folder: Path
    limit: int = LIMIT

    @property
    def photos(self) -> tuple[str, ...]:
        """The names of all photos that are kept and were not accepted."""
        return tuple(sorted(set(self._sizes()) - set(self.accepted)))

    def _sizes(self) -> dict[str, int]:
        """Return the bytes of each photo, those of accepted ones too."""
        with os.scandir(self.folder / PHOTOS) as entries:
            ours = [one for one in entries if _KEPT.fullmatch(one.name) and one.is_file(follow_symlinks=False)]
        sizes = dict[str, int]()
        for one in ours:
            with suppress(FileNotFoundError):  # forgotten meanwhile
                sizes[one.name] = one.stat(follow_symlinks=False).st_size
        return sizes

    @property
    def accepted(self) -> Mapping[str, str]:
        """The place of each photo that was taken for one."""
        table, bare = self.folder / ACCEPTED, _HEADER.encode()
        there = table.is_file() and not (table.stat().st_size == len(bare) and table.read_bytes() == bare)
        records = read_manifest(table).records if there else ()
        return {Path(record.path).name: record.places[0] for record in records if record.places}

    def keep(self, data: bytes, name: str) -> str | None:
        """Keep a photo under a name of its own; None when the folder is full.

        One that is kept already stays as it is.
        """
        digest = _digest(data)
        here = self._sizes()
        if same := next((one for one in here if Path(one).stem.endswith(f"-{digest}")), None):
            return same
        accepted = self.accepted
        left = [size for one, size in here.items() if one not in accepted]
        if len(left) >= self.limit or sum(left) >= self.limit * PHOTO_BYTES:
            return None
        suffix = Path(name).suffix.lower() if is_image(Path(name).name) else ".jpg"
        stem = _ODD.sub("-", Path(name).stem.encode(errors="replace").decode()).strip("-.").encode()[:_STEM_BYTES]
        kept = f"{stem.decode(errors='ignore') or 'photo'}-{digest}{suffix}"
        write_atomic(self.folder / PHOTOS / kept, data)
        return kept

    def forget(self, names: Iterable[str]) -> tuple[str, ...]:
        """Delete photos, and return which there were; those that were accepted belong to a gallery and stay."""
        there = set(self.photos)
        gone = tuple(name for name in dict.fromkeys(_several(names)) if name in there)
        for name in gone:
            (self.folder / PHOTOS / name).unlink(missing_ok=True)
        return gone

    def forget_contents(self, contents: Iterable[bytes]) -> tuple[str, ...]:
        """Delete the photos that are these files, as `forget` does: a gallery has them now."""
        gone = {_digest(data) for data in contents}
        return self.forget(name for name in self.photos if Path(name).stem.rpartition("-")[2] in gone)

    def corrections(self) -> Corrections:
        """Return what a person said so far."""
        file = self.folder / CORRECTIONS
        return read_corrections(file) if file.is_file() else Corrections()

    def correct(self, later: Corrections) -> None:
        """Keep what a person said; it holds against what was said before."""
        with self._alone():
            write_corrections(self.corrections().then(later), self.folder / CORRECTIONS)

    @property
    def version(self) -> str:
        """A text that is another one when what was said was corrected."""
        file = self.folder / CORRECTIONS
        return hashlib.sha256(file.read_bytes() if file.is_file() else b"").hexdigest()[:16]

    def replace(self, said: Corrections, *, seen: str | None = None) -> str | None:
        """Keep what a person said instead of all that was said before, and return its version.

        With `seen`, the version that the person saw: None, and nothing is kept, when somebody corrected it since.
        """
        with self._alone():
            if seen is not None and seen != self.version:
                return None
            write_corrections(said, self.folder / CORRECTIONS)
            return self.version

    def files(self, photos: Iterable[str]) -> dict[str, Path]:
        """Return the file of each photo, accepted or not.

        Raises
        ------
        UsageError
            When one of them is not here.
        """
        chosen = dict.fromkeys(_several(photos))
        if absent := chosen.keys() - self._sizes().keys():
            raise UsageError(f'"{self.folder}" keeps no photo "{min(map(str, absent))}"')
        return {name: self.folder / PHOTOS / name for name in chosen}

    def accept(self, photos: Iterable[str], place: str) -> Path:
        """Take photos for a place, and return the manifest of all that were.

        Raises
        ------
        UsageError
            When there is none, one of them is not here, or the name cannot be one.
        """
        try:
            place = checked_name(place)
        except ValueError as error:
            raise UsageError(str(error)) from error
        with self._alone():
            chosen = self.files(photos)
            if not chosen:
                raise UsageError("give at least one photo")
            places = {**self.accepted, **dict.fromkeys(chosen, place)}
            text = io.StringIO(newline="")
            text.write(_HEADER)
            rows = csv.writer(text, lineterminator="\n")
            rows.writerows((f"{PHOTOS}/{name}", where) for name, where in sorted(places.items()))
            write_atomic(self.folder / ACCEPTED, text.getvalue().encode())
        return self.folder / ACCEPTED

    def groups(self, *, progress: Progress | None = None, **options: Unpack[GroupWords]) -> Grouping | None:
        """Find out which of the photos that are left show one place; None where there is none.

        See `placeprint.group`.
        """
        left = set(self.photos)
        if not left:
            return None
        manifest = read_photos(self.folder / PHOTOS)
        records = tuple(record for record in manifest.records if record.path in left)
        file = self.folder / CORRECTIONS
        said = self.corrections()
        if left <= said.placeless:  # they are shown all the same, so that a person can take it back
            return _placeless(manifest.root, left, GroupOptions(**options))
        about = {path for one in said.constraints for path in (one.a, one.b)} | {*said.names}
        return group(
            dataclasses.replace(manifest, records=records),
            corrections=file if about & left else None,
            progress=progress,
            **options,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process or thread at a time read, change and write a file."""
        from filelock import FileLock

        with FileLock(self.folder / ".lock"):
            yield


def _several(photos: Iterable[str]) -> Iterable[str]:
    """Refuse one name: the letters of a text would be taken for photos."""
    if isinstance(photos, str | bytes | os.PathLike):
        raise UsageError(f'give a list of photos, not one: "{photos!s}"')
    return photos


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _placeless(root: Path, photos: Iterable[str], asked: GroupOptions) -> Grouping:
    """Return what is found among photos that were all said to show no place."""
    alone = tuple(Alone(path, NO_PLACE) for path in sorted(photos))
    return Grouping(
        root=root,
        images=len(alone),
        looks=0,
        groups=(),
        alone=alone,
        edges=(),
        constraints=(),
        false_merge_rate=asked.false_merge_rate,
        model=str(asked.model or DEFAULT_MODEL),
        matched=0,
        failures=(),
        seconds=0.0,
    )


def group_of(found: Grouping | None, photo: str) -> Group:
    """Return the group that holds a photo. Raises `UsageError` when none does."""
    for one in found.groups if found else ():
        if photo in one.photos:
            return one
    raise UsageError(f"no photos are found to show one place together with {photo}: name one of a place that is listed")


def remembered(folder: Path | str, *, make: bool = False, limit: int = LIMIT) -> Remembered:
    """Return the folder in which unknown photos are kept.

    Parameters
    ----------
    folder : Path or str
    make : bool
        Make one where there is none.
    limit : int
        Photos that are kept at most.

    Raises
    ------
    UsageError
        When there is none, the folder holds something else, or the limit is below 1.
    OSError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.remembered("unknown-photos", make=True).photos
    ()
    """
    folder = Path(folder)
    if limit < 1:
        raise UsageError(f"the limit of photos to keep must be at least 1, not {limit}")
    if not (folder / _MARK).is_file():
        if not make:
            raise UsageError(f'"{folder}" keeps no unknown photos: query GALLERY PHOTO... --remember "{folder}" does')
        require_way(folder / _MARK)
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f'"{folder}" holds other files: name a new folder to keep unknown photos in')
        write_atomic(folder / _MARK, _SAYS)
    photos = folder / PHOTOS
    if photos.is_symlink() or (photos.exists() and not photos.is_dir()):
        raise UsageError(f'"{photos}" is no folder of its own, and nothing is kept or deleted there: name a new folder')
    photos.mkdir(exist_ok=True)
    return Remembered(folder, limit)
