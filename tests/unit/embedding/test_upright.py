"""Which way is up: what the head reads by value, for which models it is there, and that it knows the town."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint import load_embedder
from placeprint.embedding.models import find_model
from placeprint.embedding.upright import FILE, TURNS, WEIGHTS, UprightHead, features, read_head, upright_head
from placeprint.errors import ModelError


def test_the_features_are_the_means_of_nine_parts():
    cells = np.zeros((9, 12, 2), np.int8)
    cells[:3, 8:, 0] = 127  # the upper right part
    cells[8, 0, 1] = -120  # one of twelve cells of the lower left part
    found = features(cells).reshape(3, 3, 2)
    wanted = np.zeros((3, 3, 2))
    wanted[0, 2, 0], wanted[2, 0, 1] = 127 / 254, -10 / 254
    np.testing.assert_allclose(found, wanted)


def test_sides_that_three_does_not_divide_lose_no_cell():
    cells = np.full((8, 10, 1), 100, np.int8)
    np.testing.assert_allclose(features(cells), np.full(9, 100 / 254))


def test_the_probabilities_are_a_softmax_of_the_matrix():
    matrix = np.zeros((10, 4))
    matrix[2, 1], matrix[-1, 3] = 254 / 127, np.log(2)
    cells = np.zeros((9, 9, 1), np.int8)
    cells[:3, 6:] = 127
    odds = np.array([1, np.e, 1, 2])
    np.testing.assert_allclose(UprightHead("", matrix).probabilities(cells), odds / odds.sum())


def test_only_the_bundled_model_has_one_and_only_where_it_keeps_cells():
    spec = load_embedder(preset="balanced", threads=1).spec
    assert upright_head(spec) is not None
    assert upright_head(dataclasses.replace(spec, weights_sha256="0" * 64)) is None
    assert upright_head(find_model("efficientnet-lite0").spec) is None


def test_a_damaged_file_says_what_to_do(tmp_path: Path):
    damaged = tmp_path / FILE
    damaged.write_bytes((WEIGHTS / FILE).read_bytes()[:4000])
    with pytest.raises(ModelError, match="is damaged: install placeprint again"):
        read_head(damaged)


def test_it_knows_which_way_is_up_in_the_town(town: Path):
    embedder = load_embedder(preset="balanced", threads=1)
    head = upright_head(embedder.spec)
    assert head is not None
    right = 0
    paths = sorted(path for path in town.rglob("*.jpg") if path.stat().st_size > 20_000)[:5]
    for path in paths:
        image = Image.open(path).convert("RGB")
        for number, turn in enumerate(TURNS):
            cells = embedder.describe(image.rotate(turn, expand=True)).parts["cells"]
            right += int(head.probabilities(cells).argmax()) == number
    assert right >= 18, f"{right} of {4 * len(paths)}"
