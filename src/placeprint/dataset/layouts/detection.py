"""Find the layout of a dataset's folders. If several fit, the error names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from placeprint.dataset.layouts.folder_tree import Tree
from placeprint.dataset.layouts.layout import FLAT, PLACE_FIRST, PLACES, SPLIT_FIRST, Choice, Layout, some
from placeprint.dataset.layouts.split_names import FILLERS, SplitName, read_split, require_one_each
from placeprint.dataset.walk import Names
from placeprint.errors import DatasetError
from placeprint.records import Split

MOST_SPLITS = 4
"""At most this many folders of unknown names may be splits; more are places."""


class Reading:
    """How to read the folders of a dataset.

    `where`: The dataset, for messages.
    `choice`: What the user said.
    `stage`: Which of train, val and test to read when each has its own gallery and queries.
    Raises `DatasetError` when several layouts fit, or none.
    """

    def __init__(self, where: str, files: Sequence[Names], choice: Choice, stage: str = "test") -> None:
        self._where, self._choice = where, choice
        self._tree = tree = Tree(where, files, choice)
        tree.unwrap()
        if choice.layout is None and tree.enter_stage(stage):
            tree.unwrap()
        self.layout = choice.layout or (self._fitting() if any(tree.paths) else FLAT)
        self._require_one_reading()
        if self.layout is SPLIT_FIRST:
            tree.unwrap_places()

    def reads(self, folders: Names) -> bool:
        """Return whether images in a folder belong to the dataset."""
        bare = self._tree.meaning(folders)
        if bare[: len(self._tree.inside)] != self._tree.inside:
            return False
        return not self._choice.named or self._split_at(self._tree.bare(folders)) is not None

    def place(self, folders: Names) -> str | None:
        """Return the place of the images in a folder, or None."""
        bare, at = self._tree.bare(folders), self.layout.place
        return bare[at] if at is not None and len(bare) > at else None

    def split(self, folders: Names) -> Split | None:
        """Return the split of the images in a folder; None when it is not understood."""
        bare = self._tree.bare(folders)
        if self.layout.split is None or (self.layout is FLAT and not any(self._tree.marks)):
            return Split.NONE
        if self.layout is PLACE_FIRST and len(bare) == 1:  # chosen by the user, or it would be ambiguous
            return Split.NONE
        at = self._split_at(bare)
        return None if at is None else self._tree.marks[at][bare[at]].split

    def empty_places(self, folders: Iterable[Names]) -> tuple[str, ...]:
        """Return the places among `folders` that have no image."""
        at = self.layout.place
        if at is None:
            return ()
        full = {self.place(folders) for folders in self._tree.counts}
        around = self._tree.around()
        found = set()
        for folder in folders:
            bare = self._tree.bare(folder)
            if folder[: len(around)] != around or len(bare) != at + 1 or not self.reads(folder):
                continue
            if read_split(bare[at]) is None and (at == 0 or self._tree.mark(bare, 0)):
                found.add(bare[at])
        return tuple(sorted(found - full - FILLERS))

    def left_out(self) -> dict[str, int]:
        """Return the numbers of images in folders that are not read."""
        found: Counter[str] = Counter()
        depth = len(self._tree.around()) + 1
        for folders, count in self._tree.counts.items():
            if not self.reads(folders):
                found["in " + ("/".join(folders[:depth]) or ".")] += count
        return dict(sorted(found.items()))

    def _split_at(self, path: Names) -> int | None:
        """Return the depth of the folder that names the split."""
        depths = range(len(path)) if self.layout is FLAT else [self.layout.split or 0]
        return next((depth for depth in depths if self._tree.mark(path, depth)), None)

    def _fitting(self) -> Layout:
        """Return the layout that fits every folder but a few strays, whose images become failures."""
        marked = {
            path: at
            for path in self._tree.paths
            if (at := tuple(d for d in range(len(path)) if self._tree.mark(path, d)))
        }
        found = set(marked.values())
        if not found:
            return PLACES
        strays = {path[:2] for path in self._tree.paths if path and path not in marked}
        for depth, layout in ((0, SPLIT_FIRST), (1, PLACE_FIRST)):
            odd, splits = ({p[: depth + 1] for p in paths} for paths in (strays, marked))
            few = len(odd) < len(splits) and all(len(p) > depth for p in strays)
            if found == {(depth,)} and (few or self._choice.named):
                return layout
        raise self._unclear(min((-len(at), path[: at[-1] + 1]) for path, at in marked.items())[1], strays)

    def _require_one_reading(self) -> None:
        choice = self._choice
        if choice.named:
            there = {name.lower() for level in self._tree.marks for name in level}
            for name in (*choice.gallery, *choice.query):
                if name not in there:
                    raise DatasetError(f'"{self._where}" has no folder "{name}" with photographs to take for a split')
        elif self.layout.split is None:
            if choice.layout is None:
                self._refuse_unknown_splits()
        else:
            marks = dict(self._used_marks())
            if choice.layout is None and marks and not any(mark.sure for mark in marks.values()):
                raise self._unclear((min(marks),), ())
            require_one_each(self._where, marks, spelled=self._spelled_twice())
            if self.layout is PLACE_FIRST and choice.layout is None:
                self._refuse_several_datasets()

    def _used_marks(self) -> Iterator[tuple[str, SplitName]]:
        for path in self._tree.paths:
            if (at := self._split_at(path)) is not None:
                yield path[at], self._tree.marks[at][path[at]]

    def _spelled_twice(self) -> bool:
        """Return whether ``query`` and ``queries`` are beside each other, so that they are two splits."""
        beside: dict[tuple[Names, tuple[str, ...]], set[str]] = {}
        for path in self._tree.paths:
            if (at := self._split_at(path)) is not None:
                beside.setdefault((path[:at], self._tree.marks[at][path[at]].kind), set()).add(path[at].lower())
        return any(len(names) > 1 for names in beside.values())

    def _unclear(self, split: Names, strays: Iterable[Names]) -> DatasetError:
        aside = min(("/".join(p) for p in strays), default="")
        beside = f', and "{aside}" is not' if aside else ""
        ways = ", ".join(f"{way.name} ({way.says})" for way in (SPLIT_FIRST, PLACE_FIRST, PLACES))
        return DatasetError(
            f'"{self._where}" can be read in two ways: in "{"/".join(split)}" the name of a split stands where a place '
            f"may stand too{beside}. Say by --layout which it is: {ways}; or name the folders of gallery and queries, "
            "as in --layout train/val"
        )

    def _refuse_unknown_splits(self) -> None:
        """Refuse folders of unknown names with the same places in them, as in day/<place>/* and night/<place>/*."""
        tops: dict[str, set[str]] = {}
        for path in self._tree.paths:
            tops.setdefault(path[0] if path else "", set()).add(path[1] if len(path) > 1 else "")
        if not 1 < len(tops) <= MOST_SPLITS or any("" in below for below in tops.values()):
            return
        shared = [name for name, count in Counter(n for below in tops.values() for n in below).items() if count > 1]
        if len(shared) < max(2, len(tops)):
            return
        first, second = sorted(tops)[:2]
        raise DatasetError(
            f'"{self._where}" can be read in two ways: its places are {some(tops)} (--layout places), or these are '
            f"splits of the places {some(shared)} (--layout {first}/{second}, the gallery first)"
        )

    def _refuse_several_datasets(self) -> None:
        """Refuse several datasets in one folder, as in <city>/gallery/<place>/*."""
        below: dict[str, dict[Split | None, set[str]]] = {}
        for path in self._tree.paths:
            mark = self._tree.mark(path, 1)
            if mark is not None and len(path) > 2:
                below.setdefault(path[0], {}).setdefault(mark.split, set()).add(path[2])
        for top, sides in sorted(below.items()):
            shared = sides.get(Split.GALLERY, set()) & sides.get(Split.QUERY, set())
            if len(shared) > 1:
                raise DatasetError(
                    f'"{self._where}" can be read in two ways: its places are {some(below)} (--layout place-first), or '
                    f"each of these is a dataset, with places such as {some(shared)}: give one of them, as "
                    f'"{self._where}/{"".join(f"{name}/" for name in self._tree.around())}{top}"'
                )
