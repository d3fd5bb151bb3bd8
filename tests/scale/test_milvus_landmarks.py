"""The landmark photographs: a server finds, answers and scores what a folder does, value by value."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import ties_apart
from test_milvus_verbs import said

from placeprint import Gallery, open_gallery
from placeprint.evaluation.inputs import Inputs, gather
from placeprint.options import BuildOptions

GALLERY, QUERIES = 67, 34


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> Path:
    return shared_data / "landmarks" / "landmarks"


@pytest.fixture(scope="module", params=["fast", "balanced"])
def places(
    request: pytest.FixtureRequest, photos: Path, milvus: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path | str]:
    """The photographs in a folder searched exactly, in one searched by FAISS, and on the server by two indexes."""
    folder, cache = tmp_path_factory.mktemp("landmarks"), tmp_path_factory.mktemp("landmarks-cache")
    preset = request.param
    made: dict[str, Path | str] = {
        "exact": folder / "exact.gallery",
        "faiss": folder / "faiss.gallery",
        "milvus-flat": milvus.address(f"landmarks_{preset}_flat"),
    }
    if preset == "fast":
        made["milvus-hnsw"] = milvus.address("landmarks_hnsw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPRINT_CACHE", str(cache))
        for name, where in made.items():
            index = {"exact": "exact", "faiss": "faiss", "milvus-flat": "auto", "milvus-hnsw": "hnsw"}[name]
            done = said("index", photos, "--preset", preset, "--index", index, *_to(where))
            assert done["change"]["added"] == GALLERY
    return made


def _to(where: Path | str) -> tuple[object, ...]:
    return ("-o", where) if isinstance(where, Path) else ("--store", where)


@pytest.fixture(scope="module")
def inputs(places: dict[str, Path | str], photos: Path) -> Inputs:
    found = gather(photos, places["exact"], options=BuildOptions(cache=False))
    assert (len(found.gallery), len(found.queries)) == (GALLERY, QUERIES)
    return found


def test_the_same_neighbours(places: dict[str, Path | str], inputs: Inputs) -> None:
    here = Gallery.open(places["exact"])
    for name in list(places)[1:]:
        there = open_gallery(places[name])
        assert tuple(there.download().records) == tuple(here.records)
        np.testing.assert_array_equal(there.download().vectors, here.vectors)
        for k in (10, GALLERY):
            truth, found = here.search(inputs.queries.vectors, k=k), there.search(inputs.queries.vectors, k=k)
            assert ties_apart(found, truth, here.vectors, inputs.queries.vectors) == 0, name


def test_the_same_answers_and_the_same_numbers(places: dict[str, Path | str], photos: Path) -> None:
    queries = sorted(photos.glob("*/query/*"))
    assert len(queries) == QUERIES
    answers = {name: said("query", where, *queries, "--k", 10) for name, where in places.items()}
    numbers = {name: said("evaluate", photos, "-g", where) for name, where in places.items()}
    alone = {name: said("evaluate", "-g", where) for name, where in places.items()}
    assert len(answers["exact"]) == QUERIES
    assert 0.7 < numbers["exact"]["recall"]["1"] < 1
    for name in list(places)[1:]:
        same(answers[name], answers["exact"])
        same(numbers[name], numbers["exact"])
        same({**alone[name], "dataset": ""}, {**alone["exact"], "dataset": ""})


def same(found: Any, expected: Any) -> None:
    """Compare what two verbs said: words as they are, numbers up to the last digits of float32."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected.keys() - {"gallery_bytes"}:  # of different files, and of rows
            same(found[name], expected[name])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, two in zip(found, expected, strict=True):
            same(one, two)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=2e-6)
    else:
        assert found == expected
