"""The head of a gallery in Milvus may be anybody's: a head, or one line that says that it is none."""

import json
from typing import Any

import numpy as np
import pytest

from placeprint.errors import GalleryCorruptError, GalleryError, GalleryFormatError
from placeprint.gallery.milvus.address import parse_address
from placeprint.gallery.milvus.head import Head, blobs_of, said_in, values_of
from placeprint.gallery.milvus.rows import unpacked
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.records import FailedImage, ModelSpec

ADDRESS = parse_address("milvus://127.0.0.1:19530/town")
HEAD = Head(
    spec=ModelSpec(name="m", dim=4),
    roots=("/photos", "."),
    end=9,
    holes=np.array([2, 5]),
    failures=(FailedImage("a.jpg", "empty", "no bytes"),),
    positions=PositionEvidence(known=((0.5, 3.0),), unknown=(0.1,), distrusted=((1, "a.jpg"),), images=7),
    learned={"mean": np.zeros(4, np.float32)},
    state="s",
)


def read(values: dict[str, Any], blobs: dict[str, str]) -> Head:
    rows = {name: [f"{name}-0", f"{name}-1"] for name in blobs}
    halves = ((name, half, text[:1] if half == 0 else text[1:]) for name, text in blobs.items() for half in (0, 1))
    texts = {f"{name}-{half}": text for name, half, text in halves}
    said = said_in(json.dumps({"blobs": rows} | values), ADDRESS)
    assert said.rows == [row for pair in rows.values() for row in pair]
    return said.head(texts, ADDRESS)


def test_a_head_is_read_as_it_was_written() -> None:
    head = read(values_of(HEAD), blobs_of(HEAD))
    np.testing.assert_array_equal(head.holes, [2, 5])
    np.testing.assert_array_equal(head.learned["mean"], np.zeros(4))
    assert (head.roots, head.failures, head.end, head.state) == (HEAD.roots, HEAD.failures, 9, "s")
    assert (head.spec, head.writing, head.calibration) == (HEAD.spec, False, None)
    assert head.positions == HEAD.positions
    assert read(values_of(HEAD), blobs_of(HEAD) | {"positions": ""}).positions is None  # of an earlier release


@pytest.mark.parametrize("text", ["3", "[]", "{", "{}", '{"format": 1, "images": -1}', '{"format": 9}'])
def test_positions_of_another_kind_are_told(text: str) -> None:
    with pytest.raises(GalleryFormatError):
        read(values_of(HEAD), blobs_of(HEAD) | {"positions": text})


WRONG = [
    *(("end", value) for value in (-1, "9", None, 9.5, 1 << 70, True)),
    *(("writing", value) for value in (None, "no", 1)),
    *(("index", value) for value in (None, 3, "sideways", [])),
    *(("model", value) for value in (None, [], "m", {"name": "m"}, {"name": "m", "dim": "4"})),
    *(("preset", value) for value in (None, 4, {"name": 4})),
    *(("calibration", value) for value in (4, "x", {"format": 1}, [1])),
    *(("audit", value) for value in ("x", 4, [1], {"data": "x"})),
    *(("state", value) for value in (None, 4)),
    *(("blobs", value) for value in (None, 4, "roots", {"roots": "roots-0"}, {"roots": [1]})),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_another_kind_is_told(name: str, value: object) -> None:
    with pytest.raises(GalleryError, match=r"town|gallery's|verify --recall") as caught:
        read(values_of(HEAD) | {name: value}, blobs_of(HEAD))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["end", "writing", "index", "model", "preset"])
def test_a_value_that_is_missing_is_told(name: str) -> None:
    values = {each: value for each, value in values_of(HEAD).items() if each != name}
    with pytest.raises(GalleryFormatError, match=name):
        read(values, blobs_of(HEAD))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("roots", text) for text in ("", "[", "{}", "[]", "[1]", '"/"', "[" * 20_000)),
        *(("failures", text) for text in ("x", "[]", '{"path": 4}', "[" * 20_000)),
        *(("holes", text) for text in ("x", "AAAA", "é")),
        *(("learned", text) for text in ("x", "AAAA", "é")),
    ],
)
def test_a_text_that_is_none_is_told(name: str, text: str) -> None:
    with pytest.raises(GalleryError, match=r"town|cannot be read"):
        read(values_of(HEAD), blobs_of(HEAD) | {name: text})


@pytest.mark.parametrize("holes", [[-1], [9], [5, 2], [2, 2], [2.5], [[1]]])
def test_holes_that_are_no_numbers_of_images_are_told(holes: list[Any]) -> None:
    with pytest.raises(GalleryFormatError, match="holes"):
        read(values_of(HEAD), blobs_of(Head(spec=HEAD.spec, end=9, holes=np.array(holes))))


@pytest.mark.parametrize("text", ["", "{", "[" * 20_000, "NaN", "[]", '"x"', '{"kind": 4}'])
def test_a_row_that_is_no_head_is_told(text: str) -> None:
    with pytest.raises((GalleryCorruptError, GalleryFormatError), match=r"127\.0\.0\.1"):
        said_in(text, ADDRESS)


@pytest.mark.parametrize("said", [None, 1, 99, "a\nb", "x" * 5000, [[]], True])
def test_another_format_is_told_in_one_line(said: object) -> None:
    with pytest.raises(GalleryFormatError, match="has format") as caught:
        said_in(json.dumps(values_of(HEAD) | {"format": said}), ADDRESS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("said", ["int8,2049,1,1:", "int8,-1,-1,1:AA==", "int8,65536,65536,0:", "int8,1,3,2:AA=="])
def test_parts_of_an_image_that_no_image_has_are_refused_in_one_line(said: str) -> None:
    assert unpacked("int8,1,2,1:AQI=").tolist() == [[[1], [2]]]
    with pytest.raises(GalleryCorruptError, match=r"the parts of an image cannot be read .*: index it again$"):
        unpacked(said)
