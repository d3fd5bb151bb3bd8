"""What a gallery says of itself, in a folder and in Milvus, and its arrays: an answer, or a `GalleryError`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from placeprint.errors import GalleryError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.milvus import head as milvus_head
from placeprint.gallery.milvus.address import Address, parse_address
from placeprint.gallery.verification import verified
from placeprint.presets import PRESETS
from placeprint.records import FailedImage, ImageRecord, ModelSpec
from placeprint.storage import published
from placeprint.storage.arrays import read_archive, read_header
from placeprint.storage.ragged import Ragged

from .changes import json_changed
from .target import Bytes, Target

ADDRESS: Address = parse_address("milvus://127.0.0.1:19530/town")
_ARRAY, _ARCHIVE = b"\x93NUMPY", b"PK\x03\x04"


@contextmanager
def ready(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Give what reads a head in the place of that of a gallery."""
    yield partial(read, _built(folder / "town.gallery"))


def read(gallery: Path, data: bytes) -> None:
    """Read an array, an archive of arrays, or the head of a gallery."""
    try:
        if data.startswith(_ARRAY):
            _read_array(data)
        elif data.startswith(_ARCHIVE):
            assert all(np.isfinite(array.nbytes) for array in read_archive(data, most=1 << 20).values())
        else:
            _read_head(gallery, data)
    except GalleryError as error:
        said = str(error)
    except ValueError as error:
        assert data.startswith((_ARRAY, _ARCHIVE)), "a head is refused by a GalleryError"
        said = str(error)
    else:
        return
    assert said.strip()
    assert "\n" not in said
    assert len(said) < 1500, said[:3000]


def _read_array(data: bytes) -> None:
    header = read_header(io.BytesIO(data), len(data), "a.npy")
    assert header.size == len(data)
    assert not header.dtype.hasobject
    np.frombuffer(data, header.dtype, offset=header.first).reshape(header.shape)


def _read_head(gallery: Path, data: bytes) -> None:
    """Read the texts of a head in Milvus, or what is given the seal of a head in a folder."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and "head" in said:
        texts = {name: text for name, text in said.items() if isinstance(text, str)}
        told = milvus_head.said_in(texts.get("head", ""), ADDRESS)
        if texts.keys() >= set(told.rows):
            head = told.head(texts, ADDRESS)
            assert len(head.holes) <= head.end
            json.dumps(milvus_head.values_of(head)), milvus_head.blobs_of(head)
        return
    sealed = {**said, "seal": published._seal(said)} if isinstance(said, dict) and "seal" not in said else None
    (gallery / HEAD).write_bytes(data if sealed is None else json.dumps(sealed).encode())
    verified(gallery)
    _ask(Gallery.open(gallery))


def _ask(gallery: Gallery) -> None:
    found = gallery.search(np.eye(1, gallery.spec.dim, dtype=np.float32), k=3)
    assert np.isfinite(found.scores).all()
    assert len(list(gallery.records)) == len(gallery)
    assert (gallery.places, gallery.failures, gallery.audit, gallery.image_file(0)) is not None
    assert {name: len(kept) for name, kept in gallery.parts.items()} == dict.fromkeys(gallery.parts, len(gallery))
    json.dumps(gallery.calibration.to_dict() if gallery.calibration else {})


def _built(path: Path) -> Path:
    """Make a gallery that has a bit of everything."""
    random = np.random.default_rng(0)
    records = [ImageRecord(path=f"a/{i}.jpg", places=(f"p{i % 2}",), latitude=48.0, longitude=11.0) for i in range(6)]
    vectors = random.normal(size=(6, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cells = Ragged.of(random.integers(-9, 9, (2 + i % 3, 4, 4), dtype=np.int8) for i in range(6))
    Gallery.build(
        path,
        records=records,
        vectors=vectors,
        spec=ModelSpec(name="test", dim=8, cells=40, cells_output="c", cells_stride=16),
        parts={"cells": cells},
        preset=PRESETS["balanced"],
        learned={"mean": np.zeros(8, np.float32), "matrix": np.eye(8, dtype=np.float32)},
        failures=[FailedImage("x.jpg", "empty", "no bytes")],
    )
    return path


_EXPECTED = {"expected_rate": 0.09, "rate_interval": [0.05, 0.2]}
_CALIBRATION = {
    **{"format": 1, "strategy": "logistic", "coefficients": [-1.0, 4.0, 1.0], "low": 0.2, "high": 0.8},
    **{"usual_agreement": 0.5, "threshold": 0.5, "interval": [0.4, 0.6], "false_accept_rate": 0.05},
    **{"rate_interval": [0.01, 0.1], "accepted_share": 0.9, "source": "gallery", "automatic": True, "learned": ""},
    **{"trade_off": [{"false_accept_rate": 0.1, "threshold": 0.4, "accepted_share": None, **_EXPECTED}]},
    **{"guarantee": "", "n_known": 9, "n_unknown": 9, "n_places": 3, "seed": 0, "images": 6, "changed": 0},
}


@cache
def seeds() -> Sequence[bytes]:
    """Return heads and arrays as they are written."""
    with TemporaryDirectory() as folder:
        gallery = _built(Path(folder, "g"))
        head = json.loads((gallery / HEAD).read_bytes())
        arrays = [file.read_bytes() for file in sorted(gallery.rglob("*.np[yz]"))]
    whole = json.dumps(head).encode()
    del head["seal"]
    small = [each for each in arrays if len(each) < 4000]
    calibrated = json.dumps({**head, "calibration": _CALIBRATION}).encode()
    return (whole, json.dumps(head).encode(), calibrated, _in_milvus(), *small)


def _in_milvus() -> bytes:
    """Return the texts of the rows that a head in Milvus is kept in."""
    head = milvus_head.Head(
        spec=ModelSpec(name="test", dim=8),
        end=7,
        holes=np.array([3], np.int64),
        learned={"mean": np.zeros(8, np.float32)},
        failures=(FailedImage("x.jpg", "empty", "no bytes"),),
    ).changed()
    blobs = {f"{name}-0": text for name, text in milvus_head.blobs_of(head).items() if text}
    values: dict[str, Any] = milvus_head.values_of(head) | {"calibration": _CALIBRATION}
    values["blobs"] = {name.removesuffix("-0"): [name] for name in blobs}
    return json.dumps({"head": json.dumps(values), **blobs}).encode()


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a value of a head, of the head in a row, or the header of an array."""
    if data.startswith((_ARRAY, _ARCHIVE)):
        return plain(data[:160]) + data[160:] if random.random() < 0.7 else plain(data)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return plain(data)
    if isinstance(said, dict) and isinstance(said.get("head"), str) and random.random() < 0.8:
        inner = json_changed(said["head"].encode("utf-8", "surrogatepass"), random, plain)
        return json.dumps({**said, "head": inner.decode("utf-8", "replace")}).encode()
    return json_changed(data, random, plain)


TARGET = Target(ready=ready, seeds=seeds, change=change)
