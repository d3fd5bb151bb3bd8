"""Small trees in the exact forms in which people download the field's datasets: each image is a few coloured pixels."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SCALE_25_M = 25 / 10.5
"""Metres between two frames of Nordland, as download_nordland.py lays them out for 10 frames within 25 m."""


def photo(path: Path, seed: int) -> None:
    """Write an image that is its own: a coarse pattern of the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).resize((32, 32), Image.Resampling.NEAREST).save(path)


def utm_name(east: float, north: float, *, zone: str = "17", letter: str = "T", note: str = "") -> str:
    """Name a file as util.get_dst_image_name does: 15 fields, degrees left out."""
    fields = [f"{east:010.2f}", f"{north:010.2f}", zone, letter, "", "", note, "", "", "", "", "", "", ""]
    return f"@{'@'.join(fields)}@.jpg"


def frame_name(frame: int, metres: float) -> str:
    """Name a file as download_nordland.py does: one decimal, cut off, and the frame in field 7."""
    north = math.floor(frame * metres * 10) / 10
    return f"@0@{north:07.1f}@@@@@{frame}@@@@@@@@.jpg"


def utm_tree(
    root: Path, gallery: Iterable[str], queries: Iterable[str], folders: Sequence[str] = ("database", "queries")
) -> Path:
    """Write images of these names, which show the same where gallery and query have one number."""
    for folder, names in zip(folders, (gallery, queries), strict=True):
        for number, name in enumerate(names):
            photo(root / folder / name, number)
    return root


def dbstruct(path: Path, gallery: dict[str, tuple[float, float]], queries: dict[str, tuple[float, float]]) -> None:
    """Write dbStruct as NetVLAD's pitts30k_test.mat has it, in that order of fields."""
    from scipy.io import savemat

    def cells(names: Iterable[str]) -> np.ndarray:
        out = np.empty((len(list(names)), 1), object)
        out[:, 0] = list(names)
        return out

    path.parent.mkdir(parents=True, exist_ok=True)
    struct = {
        "whichSet": "test",
        "dbImageFns": cells(gallery),
        "utmDb": np.array(list(gallery.values()), np.float64).T,
        "qImageFns": cells(queries),
        "utmQ": np.array(list(queries.values()), np.float64).T,
        "numImages": len(gallery),
        "numQueries": len(queries),
        "posDistThr": 25,
        "posDistSqThr": 625,
        "nonTrivPosDistSqThr": 100,
    }
    savemat(path, {"dbStruct": struct}, do_compression=True)


def msls_city(root: Path, city: str, side: str, rows: Sequence[tuple[str, float, float, bool, bool]]) -> None:
    """Write one side of a city: key, easting, northing, panorama, subtask all."""
    folder = root / "train_val" / city / side
    for number, (key, *_) in enumerate(rows):
        photo(folder / "images" / f"{key}.jpg", number)
    _table(
        folder / "postprocessed.csv",
        ("", "key", "easting", "northing", "night", "control_panel", "view_direction", "unique_cluster"),
        [(i, key, e, n, False, False, "Forward", i) for i, (key, e, n, _, _) in enumerate(rows)],
    )
    _table(
        folder / "raw.csv",
        ("", "key", "lon", "lat", "ca", "captured_at", "pano"),
        [(i, key, 12.5, 55.6, 0.0, "2018-05-01", pano) for i, (key, _, _, pano, _) in enumerate(rows)],
    )
    _table(
        folder / "subtask_index.csv",
        ("", "all", "s2w", "w2s", "o2n", "n2o", "d2n", "n2d"),
        [(i, task, *[False] * 6) for i, (*_, task) in enumerate(rows)],
    )


BOX = [3.6, 0.0, 20.5, 13.4]
"""Of every query; pixels."""


def gnd(
    root: Path, name: str, lists: Sequence[dict[str, list[int]]], images: int, *, form: str, crops: bool = True
) -> None:
    """Write revisited Oxford or Paris: images, maybe cropped queries, and gnd as JSON or the authors' MATLAB file."""
    gallery, queries = [f"g_{i:06d}" for i in range(images)], [f"q_{i:06d}" for i in range(len(lists))]
    for number, image in enumerate((*gallery, *queries)):
        photo(root / "jpg" / f"{image}.jpg", number)
    for number, query in enumerate(queries if crops else ()):
        photo(root / "jpg_queries" / f"{query}.jpg", number)
    if form == "json":
        gnd = [one | {"bbx": BOX} for one in lists]
        text = json.dumps({"imlist": gallery, "qimlist": queries, "gnd": gnd})
        (root / f"gnd_{name}.json").write_text(text)
        return
    from scipy.io import savemat

    cells = {key: np.array([names], object) for key, names in (("imlist", gallery), ("qimlist", queries))}
    kinds = [(key, object) for key in ("bbx", "easy", "hard", "junk")]
    struct = np.zeros((1, len(lists)), kinds)
    for i, one in enumerate(lists):
        struct[0, i]["bbx"] = np.array([BOX])
        for key in ("easy", "hard", "junk"):
            struct[0, i][key] = np.array([[n + 1 for n in one[key]]], np.float64)
    savemat(root / f"gnd_{name}.mat", cells | {"gnd": struct})


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
