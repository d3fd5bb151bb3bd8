"""What one question fetches from a server is what it is about, however many images the gallery has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from making import clustered

from placeprint import open_gallery
from placeprint.embedding.embedder import Description
from placeprint.embedding.imported import imported_spec
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.connection import Connection
from placeprint.gallery.milvus.head import Head
from placeprint.gallery.milvus.writer import Writer
from placeprint.presets import PRESETS
from placeprint.recognition.explanation import explain
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import ImageRecord
from placeprint.storage.ragged import Ragged

DIM, FEW, MANY, BLOCK = 8, 1_000, 20_000, 1_000
SPEC = dataclasses.replace(imported_spec("made", DIM), cells=4, cells_output="c", cells_stride=16)
QUERY = clustered(1, DIM, seed=8, clusters=1)[0]
PHOTO = np.full((32, 32, 3), 128, np.uint8)


class Traffic:
    """Rows and bytes that a server answered with."""

    def __init__(self) -> None:
        self.rows = self.bytes = 0

    def count(self, answer: Any) -> None:
        """Count an answer of `query`, a list of rows, or of `search`, a list of lists of hits."""
        for row in answer:
            if isinstance(row, list):
                self.count(row)
            else:
                self.rows += 1
                self.bytes += size(row)


def size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(size, value.values()))
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list | tuple) or not np.isscalar(value):
        return sum(map(size, value))
    return 8


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    """Count what comes through the one place where a server is asked."""
    traffic, original = Traffic(), Connection.call

    def call(self: Connection, doing: str, method: str, *words: Any, **settings: Any) -> Any:
        answer = original(self, doing, method, *words, **settings)
        if method in ("query", "search"):
            plain = [list(line) if method == "search" else line for line in answer]
            traffic.count(plain)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "call", call)
        yield traffic


class Sight:
    """Stands for a model that sees the same in every photo, from farther away too."""

    spec, threads, decode_side = SPEC, 1, 0

    def describe(self, photo: object) -> Description:  # noqa: ARG002
        return Description(QUERY, {"cells": cells(0)})

    def coarser(self, cells: int) -> Sight:  # noqa: ARG002
        return self


def cells(i: int) -> Any:
    return np.random.default_rng(i % 50).integers(-127, 128, (2, 2, 4), dtype=np.int8)


def images(first: int, last: int) -> dict[str, Any]:
    """Ten images of each place; the first thousand lie around the query, and the others on the other side."""
    vectors = clustered(last - first, DIM, seed=first, clusters=1) if first else clustered(last, DIM, clusters=1)
    near = vectors + QUERY * 3 * (1 if first < FEW else -1)
    return {
        "records": [ImageRecord(path=f"{i:06d}.jpg", places=(f"place {i // 10:05d}",)) for i in range(first, last)],
        "vectors": (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32),
        "parts": {"cells": Ragged.of([cells(i) for i in range(first, last)])},
    }


def one_question(address: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[tuple[int, int]]]:
    """Ask once, and once with reasons; return what was said, and what was fetched for opening and for each of them."""
    with counted(monkeypatch) as opening:
        recognizer = Recognizer(open_gallery(address), Sight())  # type: ignore[arg-type]
    with counted(monkeypatch) as asking:
        answer = recognizer.recognize(PHOTO)
    with counted(monkeypatch) as explaining:
        reasons = explain(recognizer, PHOTO).reasons
    assert len(reasons) == len(answer.matches) == 5
    return answer, [(traffic.rows, traffic.bytes) for traffic in (opening, asking, explaining)]


def test_one_question_fetches_the_same_of_20_times_as_many_images(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS["balanced"]
    assert preset.reranks
    with Writer.begin(parse_address(address), Head(spec=SPEC, preset=preset), rows=FEW) as writer:
        writer.put(0, root=".", **images(0, FEW))
        writer.finish()
    answer, small = one_question(address, monkeypatch)
    gallery = open_gallery(address)
    for first in range(FEW, MANY, BLOCK):
        gallery, _ = gallery.add(spec=SPEC, **images(first, first + BLOCK))
    assert len(gallery) == MANY
    again, large = one_question(address, monkeypatch)
    assert again == answer
    assert large[1:] == small[1:]
    assert large[0] == (small[0][0], pytest.approx(small[0][1], abs=64))  # the head, which names its size
    assert 100 <= small[1][0] < MANY / 10  # neighbours, the other images of their places, and parts of a few
