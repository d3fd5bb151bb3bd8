"""The folders of a dataset without those that only wrap it, and which of them are named like splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from placeprint.dataset.layouts.layout import NO_CHOICE, PLACES, Choice, some
from placeprint.dataset.layouts.split_names import FILLERS, STAGES, SplitName, read_split
from placeprint.dataset.walk import Names
from placeprint.errors import DatasetError
from placeprint.records import Split


class Tree:
    """The folders of a dataset that have a meaning.

    `where`: The dataset, for messages.
    `choice`: What the user said of the layout.
    `counts`: Numbers of images by folder, as it is on disk.
    `inside`: The folders that only wrap the dataset.
    `paths`: The folders below them, without those that have no meaning.
    `marks`: The folders that are splits, for each depth.
    """

    def __init__(self, where: str, files: Sequence[Names], choice: Choice) -> None:
        self._where, self._choice = where, choice
        self.counts = Counter(file[:-1] for file in files)
        self._silent = _fillers(self.counts)
        self._positional = bool(files) and all(file[-1].startswith("@") for file in files)
        self.inside: Names = ()
        self.paths = [self.bare(folders) for folders in self.counts]
        self.marks = self._read_names()

    def around(self) -> Names:
        """Return the folders, as they are on disk, that wrap the whole dataset."""
        common: Names = next(iter(self.counts), ())
        for folders in self.counts:
            common = tuple(a for depth, a in enumerate(common) if folders[: depth + 1] == common[: depth + 1])
        depth = 0
        while depth < len(common) and (common[: depth + 1] in self._silent or common[depth] in self.inside):
            depth += 1
        return common[:depth]

    def meaning(self, folders: Names) -> Names:
        """Return the folders that have a meaning: ``images`` has none if no place is beside it."""
        return tuple(n for depth, n in enumerate(folders) if folders[: depth + 1] not in self._silent)

    def bare(self, folders: Names) -> Names:
        """Return the same below `inside`; nothing for a folder outside it."""
        whole = self.meaning(folders)
        return whole[len(self.inside) :] if whole[: len(self.inside)] == self.inside else ()

    def _read_names(self) -> list[dict[str, SplitName]]:
        """Return the folders that are splits, for each depth.

        ``queries_night`` is a split if all folders beside it are; ``train station`` has places beside it.
        """
        levels = []
        for depth in range(max(map(len, self.paths), default=0)):
            names = {p[depth] for p in self.paths if len(p) > depth}
            read = {name: found for name in names if (found := self._read_name(name))}
            both = len({f.split for f in read.values()}) > 1
            among_splits = len(read) == len(names) and (both or any(f.sure for f in read.values()))
            levels.append({name: found for name, found in read.items() if found.sure or among_splits})
        return levels

    def _read_name(self, name: str) -> SplitName | None:
        choice = self._choice
        if not choice.named:
            return None if choice.layout is PLACES else read_split(name)
        if name.lower() in choice.gallery:
            return SplitName(Split.GALLERY, (name,), True)
        return SplitName(Split.QUERY, (name,), True) if name.lower() in choice.query else None

    def mark(self, path: Names, depth: int) -> SplitName | None:
        """Return the split that the folder of `path` at a depth is, or None."""
        return self.marks[depth].get(path[depth]) if depth < min(len(path), len(self.marks)) else None

    def unwrap(self) -> None:
        """Enter folders that only wrap the dataset, such as ``paris/`` around ``paris/<place>/*``."""
        while len(tops := {p[:1] for p in self.paths}) == 1 and tops != {()}:
            (top,) = tops
            if self.mark(top, 0):
                return
            direct = any(len(p) == 1 for p in self.paths)  # a place, unless names carry positions
            splits = any(len(p) == 2 and self.mark(p, 1) for p in self.paths)  # the splits of one place
            if (direct or splits) and not self._positional:
                if direct and len({p[1:2] for p in self.paths}) > 1 and self._choice == NO_CHOICE:
                    self._refuse_wrapper_or_place(top[0])
                return
            self._enter(top[0])

    def _refuse_wrapper_or_place(self, top: str) -> None:
        if not any(self.mark(p, 1) for p in self.paths):
            below = some({p[1] for p in self.paths if len(p) > 1})
            folder = "/".join((*self.around(), top))
            raise DatasetError(
                f'"{self._where}" can be read in two ways: photographs lie in "{folder}" and in folders of it. So '
                f'it is one place (--layout places), or its folders are places ({below}): give "{folder}" then'
            )

    def _enter(self, name: str) -> None:
        self.inside = (*self.inside, name)
        self.paths = [p[1:] for p in self.paths if p[:1] == (name,)]
        self.marks = self._read_names()

    def unwrap_places(self) -> None:
        """Skip the folder in gallery/<folder>/<place>/* if it is the same and only one in all splits."""
        while len(below := {p[1:2] for p in self.paths}) == 1 and below != {()}:
            if any(len(p) == 2 for p in self.paths) and not self._positional:
                return
            ((name,),) = below
            depths = {f: next(i for i, n in enumerate(f) if n == name and i) for f in self.counts if name in f[1:]}
            self._silent |= {f[: depth + 1] for f, depth in depths.items()}
            self.paths = [(p[0], *p[2:]) for p in self.paths]
            self.marks = self._read_names()

    def enter_stage(self, stage: str) -> bool:
        """Enter one of train/, val/ and test/ if each has its own gallery and queries, as is usual in the field."""
        kinds = {p[0] if p else "": read_split(p[0] if p else "") for p in self.paths}
        if not all(found and found.kind[0] in STAGES and found.sure for found in kinds.values()):
            return False
        whole = [top for top in kinds if self._holds_both_splits(top)]
        chosen = whole if len(whole) < 2 else [t for t in whole if stage in getattr(kinds[t], "kind", ())]
        if whole and len(chosen) != 1:
            folders = " and ".join("/".join((*self.around(), name)) for name in sorted(whole))
            raise DatasetError(
                f'"{self._where}" is several datasets: {folders} each have a gallery and queries: give one of them'
            )
        for name in chosen:
            self._enter(name)
        return bool(chosen)

    def _holds_both_splits(self, top: str) -> bool:
        marks = [self.mark(p, 1) for p in self.paths if p[0] == top]
        whole = self._choice.named or all(marks)
        return whole and {mark.split for mark in marks if mark} == {Split.GALLERY, Split.QUERY}


def _fillers(counts: Iterable[Names]) -> set[Names]:
    """Return the folders such as ``images`` that have no other kind of folder beside them."""
    beside: dict[Names, set[str]] = {}
    for folders in counts:
        for depth, name in enumerate(folders):
            beside.setdefault(folders[:depth], set()).add(name)
    return {
        (*above, name) for above, names in beside.items() if {n.lower() for n in names} <= FILLERS for name in names
    }
