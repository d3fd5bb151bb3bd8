"""A description of a model may come from anyone: every field is of its type, or named in one line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.embedding.sidecar import read_sidecar
from placeprint.errors import ModelError

FINE: dict[str, Any] = {
    "name": "m",
    "dim": 16,
    "input_size": 32,
    "resize": "squash",
    "mean": [0, 1.5, 2],
    "std": [1] * 3,
}


def read(folder: Path, row: object) -> Any:
    (folder / "m.json").write_text(json.dumps(row))
    return read_sidecar(folder / "m.json")


def test_a_fine_one_is_read(tmp_path: Path) -> None:
    spec = read(tmp_path, FINE)
    assert (spec.dim, spec.mean, spec.std) == (16, (0.0, 1.5, 2.0), (1.0, 1.0, 1.0))
    (tmp_path / "m.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(FINE).encode())
    assert read_sidecar(tmp_path / "m.json") == spec


WRONG = [
    *(("input_size", value) for value in (10**9, -4, "x", 32.5, True, None, [32], 10**400)),
    *(("dim", value) for value in (0, -1, 10**12, "16", 16.0, False)),
    *(("std", value) for value in ([float("nan")] * 3, [0, 1, 1], [-1, 1, 1], ["a", "b", "c"], [1, 1], 1, "123", {})),
    *(("mean", value) for value in ([float("inf")] * 3, [10**400, 0, 0], [True, 0, 0], None)),
    *(("gem_p", value) for value in (float("nan"), 0, -3, float("inf"), "3")),
    *(("name", value) for value in ("\x1b[31mX\n", "", " ", 5, None, "x" * 20_000, "a\u202eb")),
    *(("views", value) for value in ("whole", [1], {}, ["crop"] * 99, None)),
    *(("cells", value) for value in (10**9, 2049, -1, 0.5)),
    *(("xfeat", value) for value in (2049, -1)),
    *(("cells_stride", value) for value in (-1, 10**9)),
    *(("resize_size", value) for value in (-1, 10**9, "256")),
    *(("embedding_output", value) for value in (5, ["embedding"], None)),
    *(("weights_sha256", value) for value in ("abc", "0" * 63, "G" * 64, 0)),
    *(("pooling", value) for value in (5, None, ["gem"])),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_of_another_kind_is_named(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(ModelError, match=rf'm\.json": {field} ') as caught:
        read(tmp_path, FINE | {field: value})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_files_that_are_none(tmp_path: Path) -> None:
    for text, words in {
        '{"name":' + "[" * 100_000 + "]" * 100_000 + "}": "nested too deeply",
        "[1]": "is not a JSON object",
        "{": "cannot be read",
        " " * (1 << 20) + "{}": "has more than 1048576 bytes",
        "{}": "incomplete",
        '{"colour": 1}': "unknown fields: colour",
    }.items():
        (tmp_path / "m.json").write_text(text)
        with pytest.raises(ModelError, match=words) as caught:
            read_sidecar(tmp_path / "m.json")
        assert "m.json" in str(caught.value)
    (tmp_path / "m.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ModelError, match="cannot be read"):
        read_sidecar(tmp_path / "m.json")
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("pipe.json", "."):
        with pytest.raises(ModelError, match="is no file"):
            read_sidecar(tmp_path / name)
    with pytest.raises(ModelError, match="is missing: write the fields"):
        read_sidecar(tmp_path / "nothing.json")


@pytest.mark.parametrize("field", ["resize", "interpolation", "pooling", "x" * 5000])
def test_a_long_value_is_quoted_in_part(tmp_path: Path, field: str) -> None:
    with pytest.raises(ModelError, match=r"m\.json") as caught:
        read(tmp_path, FINE | {field: "9" * 5000})
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*FINE, "views", "cells", "gem_p", "pooling", "licence", "learned"]), JSON))
def test_any_values_are_a_description_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        spec = read(folder, FINE | row)
    except ModelError as error:
        said = str(error)
    else:
        said = spec.fingerprint()
    assert said
    assert said.isprintable()
