"""Files of somebody else, with names as close to the program's own as can be."""

import json
from pathlib import Path

from program import run

NAMES = (
    "data-london/eiffel/0.jpg",
    "data-0123456789ab/records.jsonl",
    "data-0123456789ab/vectors.npy",
    "data-fedcba987654/.placeprint",
    "data-fedcba987654/vectors.npy",
    "data-0123456789abc/records.jsonl",
    "data-notes/notes.txt",
    ".data-0123456789ab/records.jsonl",
    ".gallery.json.xyz",
    ".gallery.json.new/new",
    ".gallery.json.new-01234567/.placeprint",
    ".report.html.new/new",
    ".report.html.new/.placeprint",
    "photos/holiday.jpg",
    f"photos/{'0' * 64}.jpg",
    "records.jsonl",
    "vectors.npy",
    "places.json",
    "column-places.npy",
    "index.faiss",
    "gallery/notes.txt",
    "query/notes.txt",
    "data-empty.txt",
)
"""Names that are safe everywhere; those below are names that some verb writes."""
WRITTEN = ("gallery.json", "manifest.csv", "town.json", "report.html", "report.json", "explain.html")


def strangers(folder: Path, *more: str) -> dict[str, bytes]:
    """Put files of somebody else into a folder; return them."""
    for name in (*NAMES, *more):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {"kind": f"mine: {name}", "files": ["vectors.npy"], "process": 1}
        path.write_bytes(json.dumps(said).encode())
    return {name: (folder / name).read_bytes() for name in (*NAMES, *more)}


def found(folder: Path) -> dict[str, bytes]:
    """Return every file that is in a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def kept(folder: Path, before: dict[str, bytes]) -> bool:
    """Return whether every byte that was there is there."""
    return before.items() <= found(folder).items()


def refused(*arguments: object) -> str:
    """Run a verb that must refuse with one line and 2; return the line."""
    said = run(*arguments, expect=2)
    *before, line = said.stderr.splitlines()
    assert line.startswith("UsageError: ")
    assert all(": read as " in each for each in before)  # how the dataset was understood
    assert said.stdout == ""
    return line
