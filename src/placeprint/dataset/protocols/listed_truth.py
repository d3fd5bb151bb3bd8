"""Sets whose truth is lists of images: revisited Oxford and Paris, and Google Landmarks v2."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from placeprint.dataset.cropped import Box
from placeprint.dataset.protocols.found import Found, Listed, below, images_in, read_file, read_table
from placeprint.dataset.protocols.mat_file import load_mat
from placeprint.dataset.protocols.protocol import Form, Protocol
from placeprint.errors import DatasetError
from placeprint.records import FailedImage, ImageRecord, Split

_LISTS = ("easy", "hard", "junk")


def read_revisited(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:
    """Read ``gnd``: `imlist`, `qimlist`, and of each query its box and the numbers of its right and junk images."""
    path = root / inside / form.table
    try:
        gallery, queries, truth, boxes = _gnd_json(path) if path.suffix == ".json" else _gnd_mat(path)
        images = [below(inside, form.gallery, f"{name}.jpg") for name in gallery]
        asked = [below(inside, form.queries or form.gallery, f"{name}.jpg") for name in queries]
        right, junk = protocol.right.listed, protocol.right.junk
        lists = {
            query: Listed(_named(images, one, right), _named(images, one, junk))
            for query, one in zip(asked, truth, strict=True)
        }
        cut = {} if form.queries else dict(zip(asked, map(_box, boxes), strict=True))
    except DatasetError:
        raise
    except Exception as error:  # whatever a strange structure makes of being asked
        raise DatasetError(
            f'"{path}" is no gnd of revisited Oxford or Paris: imlist, qimlist, and bbx, easy, hard, junk of each query'
        ) from error
    records = [
        *(ImageRecord(path=one, split=Split.GALLERY) for one in images),
        *(ImageRecord(path=one, split=Split.QUERY) for one in asked),
    ]
    return Found(tuple(records), lists=lists, boxes=cut)


_Gnd = tuple[list[str], list[str], list[dict[str, list[int]]], list[Any]]
"""Names of gallery and queries, and of each query its lists and its box."""


def _gnd_json(path: Path) -> _Gnd:
    """Read JSON of the authors' pickle: numbers begin at 0."""
    gnd = json.loads(read_file(path))
    truth = [{name: [_whole(n) for n in one[name]] for name in _LISTS} for one in gnd["gnd"]]
    boxes = [one.get("bbx") for one in gnd["gnd"]]
    return [str(name) for name in gnd["imlist"]], [str(name) for name in gnd["qimlist"]], truth, boxes


def _gnd_mat(path: Path) -> _Gnd:
    """Read the authors' MATLAB file: numbers of images begin at 1, pixels at 0."""
    gnd = load_mat(path)
    gallery, queries = ([str(cell.item()) for cell in gnd[key].ravel()] for key in ("imlist", "qimlist"))
    truth = [{name: [int(n) - 1 for n in one[name].ravel()] for name in _LISTS} for one in gnd["gnd"].ravel()]
    return gallery, queries, truth, [one["bbx"].ravel() for one in gnd["gnd"].ravel()]


def _box(edges: Sequence[float]) -> Box:
    if isinstance(edges, str):
        raise TypeError(edges)
    left, top, right, bottom = map(float, edges)
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise ValueError(edges)
    return left, top, right, bottom


def _whole(number: Any) -> int:
    if not isinstance(number, int):
        raise TypeError(number)
    return number


def _named(images: Sequence[str], one: Mapping[str, list[int]], lists: Iterable[str]) -> frozenset[str]:
    numbers = [number for name in lists for number in one[name]]
    if any(not 0 <= number < len(images) for number in numbers):
        raise IndexError
    return frozenset(images[number] for number in numbers)


def read_gld(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:
    """Read the index images, and the test images that ``retrieval_solution`` gives a Usage and right images."""
    path = root / inside / form.table
    there: dict[str, str] = {}
    made: list[ImageRecord | FailedImage] = []
    for found in images_in(root, below(inside, form.gallery)):
        if isinstance(found, FailedImage):
            made.append(found)
        else:
            there[found[1][-1].rpartition(".")[0]] = found[0]
            made.append(ImageRecord(path=found[0], split=Split.GALLERY))
    rows = read_table(path)
    if not rows or not {"id", "images", "Usage"} <= set(rows[0]):
        raise DatasetError(f'"{path}" has no columns id, images and Usage')
    lists = {}
    for row in rows:
        if row["Usage"].lower() not in protocol.right.listed:
            continue
        query = below(inside, form.queries, *row["id"][:3], f"{row['id']}.jpg")
        lists[query] = Listed(frozenset(there[name] for name in row["images"].split() if name in there))
        made.append(ImageRecord(path=query, split=Split.QUERY))
    found_all = Found.of(made)
    return Found(found_all.records, found_all.failures, lists)
