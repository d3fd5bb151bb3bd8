"""A gallery that keeps little of each image says on a server what it says in a folder, whatever changes it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_milvus_verbs import photos, said, same

from placeprint import Gallery, open_gallery
from placeprint.gallery.index.short_vectors import as_kept


@pytest.mark.parametrize(
    "preset",
    ["balanced:vector_bits=8:cell_bytes=28:point_bytes=19:kept_cells=80:kept_points=128", "fast:vector_bits=8"],
)
def test_little_is_kept_of_each_image(town: Path, new_address: Callable[[], str], tmp_path: Path, preset: str) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    there, moved = new_address(), new_address()
    told = said("index", town, "-o", here, "--preset", preset)
    assert said("index", town, "--store", there, "--preset", preset) == told
    for verb, *rest in (["query", *photos(town)], ["remove", "--place", "castle-gate"], ["add", town]):
        same(verb, *rest, on=(here, there))
    assert said("move", here, moved)["compared"] == said("move", moved, back)["compared"] == len(Gallery.open(here))
    for verb, *rest in (["verify"], ["query", *photos(town), "--k", "3"], ["add", town]):
        same(verb, *rest, on=(here, there, moved, back))
    one, two = Gallery.open(here), open_gallery(there).download()
    np.testing.assert_array_equal(one.vectors[:], two.vectors[:])
    for name, kept in one.parts.items():
        for row in range(len(one)):
            np.testing.assert_array_equal(kept[row], two.parts[name][row])
    np.testing.assert_array_equal(as_kept(one.vectors[:], 8), one.vectors[:])
