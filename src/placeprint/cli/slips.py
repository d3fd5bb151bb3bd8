"""Arguments in the wrong order, or of the wrong kind: one line that gives the right command.

What is there tells them apart, at the cost of one look at the file system an argument.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from placeprint.errors import UsageError
from placeprint.gallery.address import is_address

Argument = Path | str


def is_gallery(argument: Argument) -> bool:
    """Return whether this is an address, or a folder with the head of a gallery."""
    if is_address(argument):
        return True
    try:
        with (Path(argument) / "gallery.json").open("rb") as file:
            head = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("kind") == "placeprint gallery"


def expect_gallery(gallery: str, others: Iterable[Argument] = ()) -> None:
    """Refuse a first argument that is no gallery, where another one is, or where it is plain what it is instead."""
    if is_address(gallery) or (Path(gallery) / "gallery.json").exists():
        return
    for other in others:
        if is_gallery(other):
            raise UsageError(f'"{other}" is the gallery, which comes first: {_swapped(gallery, other)}')
    path = Path(gallery)
    if path.is_file():
        raise UsageError(
            f'"{gallery}" is a file, but a gallery is a folder; the gallery comes first: '
            f"{_command([_verb(), 'GALLERY', gallery])}"
        )
    if path.is_dir() and any(path.iterdir()):
        made = f"{gallery.rstrip('/')}.gallery"
        checked = f"; to look at the photos: {_command(['check', gallery])}" if _verb() == "verify" else ""
        raise UsageError(
            f'"{gallery}" is a folder, not a gallery: make one of its photos with: '
            f"{_command(['index', gallery, '-o', made])}{checked}"
        )


def refuse_galleries_as_photos(photos: Sequence[Path], *, url: bool = False) -> None:
    """Refuse a gallery where a photo is expected; the images of another folder are asked about."""
    for photo in photos:
        if is_gallery(photo):
            rest = "a server has its own" if url else "only the first argument is one"
            raise UsageError(f'"{photo}" is a gallery, not a photo: {rest}; give photos')


def refuse_gallery_as_dataset(dataset: Argument, others: Iterable[Argument | None] = ()) -> None:
    """Refuse a gallery where photographs are expected, with what was meant."""
    if not is_gallery(dataset):
        return
    verb = _verb()
    beside = next((other for other in others if other is not None and not is_gallery(other)), None)
    if beside is not None and (Path(beside).is_dir() or Path(beside).is_file()):
        meant = _swapped(beside, dataset)
    elif verb in ("evaluate", "mine"):
        meant = _command([verb, "--gallery", str(dataset), *_without(dataset)])
    elif verb == "check":
        meant = _command(["verify", str(dataset)])
    elif verb == "compare":
        meant = _command(["--gallery" if word == "--on" else word for word in sys.argv[1:]])
    else:
        meant = _photos_of(dataset)
    raise UsageError(f'"{dataset}" is a gallery, but photographs are expected here: {meant}')


def refuse_more(dataset: Argument | None, more: Sequence[str]) -> None:
    """Refuse arguments behind the only one that is expected; a gallery and a dataset are told apart."""
    given = [word for word in (dataset, *more) if word is not None]
    galleries = [word for word in given if is_gallery(word)]
    if len(given) == 2 and len(galleries) == 1:
        photos = next(word for word in given if word is not galleries[0])
        words = [_verb(), str(photos), "--gallery", str(galleries[0]), *_without(*given)]
        raise UsageError(f'"{galleries[0]}" is a gallery, which is given by --gallery: {_command(words)}')
    if more:
        raise UsageError(f"one dataset is expected, but {len(given)} were given: {', '.join(map(str, given))}")


def _photos_of(gallery: Argument) -> str:
    """Return the command with the folder that a gallery was made of in its place, where that is there."""
    from placeprint.errors import PlaceprintError
    from placeprint.gallery.gallery import Gallery

    try:
        roots = () if is_address(gallery) else Gallery.open(gallery).roots
    except PlaceprintError:
        roots = ()
    once = sum(_same(word, gallery) for word in sys.argv[1:]) == 1
    if once and len(roots) == 1 and Path(roots[0]).is_dir():
        return _command([roots[0] if _same(word, gallery) else word for word in sys.argv[1:]])
    return f"give the photos that it was made of{': ' if roots else ''}{', '.join(roots)}"


def _swapped(one: Argument, other: Argument) -> str:
    """Return the command with two of its words in each other's place."""
    words = sys.argv[1:]
    at = [next((i for i, word in enumerate(words) if _same(word, argument)), -1) for argument in (one, other)]
    if -1 in at:
        return _command([_verb(), str(other), str(one)])
    words[at[0]], words[at[1]] = words[at[1]], words[at[0]]
    return _command(words)


def _without(*given: Argument) -> list[str]:
    return [word for word in sys.argv[2:] if not any(_same(word, one) for one in given)]


def _same(word: str, argument: Argument) -> bool:
    return word == str(argument) or (not word.startswith("-") and Path(word) == Path(argument))


def _verb() -> str:
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "query")


def _command(words: Iterable[str]) -> str:
    return shlex.join(["placeprint", *words])
