"""An ONNX file is read as the runtimes read it: what lies outside is found however it is written down."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placeprint.embedding import onnx_file
from placeprint.embedding.models import DEFAULT_MODEL, find_model
from placeprint.embedding.onnx_file import read_checked, refuse_unsafe
from placeprint.errors import ModelError

onnx = pytest.importorskip("onnx")
helper, T = onnx.helper, onnx.TensorProto
HERE = Path("m.onnx")


def varint(value: int, length: int = 0) -> bytes:
    """Write a number, in so many bytes where it would need fewer."""
    found = b""
    while value > 127 or len(found) + 1 < length:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: bytes | int, *, tag: Callable[[int], bytes] = varint, size: int = 0) -> bytes:
    if isinstance(value, int):
        return tag(number << 3) + varint(value)
    return tag(number << 3 | 2) + varint(len(value), size) + value


def entry(location: str = "w.bin") -> bytes:
    return field(13, field(1, b"location") + field(2, location.encode()))


def node(operation: str, number: int, graph: bytes) -> bytes:
    """Write a model of one node with a graph in an attribute (6: one, 11: several)."""
    return field(7, field(1, field(4, operation.encode()) + field(5, field(number, graph))))


TENSOR = field(1, 3) + field(2, 1) + field(8, b"W")
OUTSIDE = TENSOR + entry() + field(14, 1)
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "weight": lambda t: field(7, field(5, t)),
    "constant": lambda t: field(7, field(1, field(5, field(5, t)))),
    "constants": lambda t: field(7, field(1, field(5, field(10, t)))),
    "branch": lambda t: node("If", 6, field(5, t)),
    "branches": lambda t: node("If", 11, field(5, t)),
    "branch of a branch": lambda t: node("If", 6, field(1, field(4, b"If") + field(5, field(6, field(5, t))))),
    "sparse": lambda t: field(7, field(15, field(1, t))),
    "sparse indices": lambda t: field(7, field(15, field(2, t))),
    "sparse constant": lambda t: field(7, field(1, field(5, field(22, field(1, t))))),
    "sparse constants": lambda t: field(7, field(1, field(5, field(23, field(1, t))))),
    "training": lambda t: field(20, field(1, field(5, t))),
    "training steps": lambda t: field(20, field(2, field(5, t))),
}
WAYS: dict[str, bytes] = {
    "plain": OUTSIDE,
    "only the word": TENSOR + field(14, 1),
    "only the path": TENSOR + entry(),
    "a longer word": TENSOR + varint(14 << 3) + varint(1, 10),
    "a word above 32 bits": TENSOR + field(14, 1 << 32 | 1),
    "a word cut to 64 bits": TENSOR + varint(14 << 3) + b"\x81" + b"\x80" * 8 + b"\x7e",
    "twice, the last inside": OUTSIDE + field(14, 0),
    "an unknown word first": TENSOR + field(14, 77) + field(14, 1),
    "a tag above 32 bits": TENSOR + field(14, 1, tag=lambda tag: varint(tag | 1 << 32)),
    "a longer tag": TENSOR + field(14, 1, tag=lambda tag: varint(tag, 5)),
    "longer sizes": TENSOR + field(13, field(1, b"location", size=5) + field(2, b"w.bin", size=4), size=5),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_weights_outside_are_found_wherever_and_however(place: str, way: str) -> None:
    with pytest.raises(ModelError, match="keeps weights in another file"):
        refuse_unsafe(HERE, field(1, 8) + PLACES[place](WAYS[way]))
    refuse_unsafe(HERE, field(1, 8) + PLACES[place](TENSOR + field(14, 0)))


@pytest.mark.parametrize("path", [b"a\nb\r\x1b[2J", "\u202e\u2028\x85".encode(), b"\xff\n" * 300])
def test_the_path_of_weights_outside_is_told_on_one_line(path: bytes) -> None:
    with pytest.raises(ModelError, match="keeps weights in another file") as caught:
        refuse_unsafe(HERE, field(7, field(5, TENSOR + field(13, field(1, b"location") + field(2, path)))))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("high", [1 << 32, 1 << 33, 1 << 34, 7 << 32])
@pytest.mark.parametrize("depth", range(3))
def test_every_tag_on_the_way_is_cut_to_32_bits(depth: int, high: int) -> None:
    numbers = [14, 5, 7]
    data: bytes | int = 1
    for level, number in enumerate(numbers):
        data = field(number, data, tag=lambda tag, at=level: varint(tag | high if at == depth else tag))
    assert isinstance(data, bytes)
    with pytest.raises(ModelError, match="keeps weights in another file"):
        refuse_unsafe(HERE, data)


REFUSED = {
    "a group": field(7, bytes([5 << 3 | 3]) + OUTSIDE + bytes([5 << 3 | 4])),
    "the end of a group": bytes([7 << 3 | 4]),
    "number 0": field(7, field(0, OUTSIDE)),
    "number 0 behind 32 bits": field(7, varint(1 << 32) + b"\x00"),
    "a tag of six bytes": varint(7 << 3 | 2, 6) + varint(0),
    "a size of six bytes": varint(7 << 3 | 2) + varint(1, 6) + b"\x00",
    "a size of 2 GiB": varint(7 << 3 | 2) + varint(1 << 31),
    "a size above all": varint(7 << 3 | 2) + varint((1 << 35) - 1),
    "cut": field(7, field(5, TENSOR))[:-1],
    "a number over the edge": field(7, bytes([14 << 3, 0x80])) + b"\x01",
    "no end": b"\xff" * 1000,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_be_read_in_two_ways_is_no_onnx_file(kind: str) -> None:
    with pytest.raises(ModelError, match="not an ONNX file, or it is damaged"):
        refuse_unsafe(HERE, REFUSED[kind])


def test_bombs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = OUTSIDE
    for _ in range(200):
        deep = field(1, field(5, field(6, deep)))
    with pytest.raises(ModelError, match="not an ONNX file"):
        refuse_unsafe(HERE, field(7, deep))
    monkeypatch.setattr(onnx_file, "_MOST", 1000)
    refuse_unsafe(HERE, field(7, b"\x0a\x00" * 999))
    with pytest.raises(ModelError, match="not an ONNX file"):
        refuse_unsafe(HERE, field(7, b"\x0a\x00" * 1000))
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate((1 << 31) + 1)
    with pytest.raises(ModelError, match="larger than an ONNX file can be"):
        find_model(str(tmp_path / "large.onnx"))


def test_a_node_that_reads_a_file_is_refused() -> None:
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", ep_cache_context="../secret")
    graph = helper.make_graph([node], "g", [], [])
    with pytest.raises(ModelError, match="of a node EPContext"):
        refuse_unsafe(HERE, helper.make_model(graph).SerializeToString())


BODY = helper.make_graph(
    [helper.make_node("Identity", [name], [f"{name}_out"]) for name in ("more", "x")],
    "body",
    [
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("i", T.INT64), ("more", T.BOOL), ("x", T.FLOAT))
    ],
    [helper.make_tensor_value_info(f"{name}_out", kind, []) for name, kind in (("more", T.BOOL), ("x", T.FLOAT))],
)
LOOP = helper.make_graph([helper.make_node("Loop", ["steps", "more", "x"], ["y"], body=BODY)], "g", [], [])
LOOPS: dict[str, bytes] = {
    "as the format's library writes it": helper.make_model(LOOP).SerializeToString(),
    **{name: node(name, 6, b"") for name in ("Loop", "Scan", "SequenceMap", "BeamSearch", "if", "If ", "")},
    "several": node("Scan", 11, field(1, b"")),
    "behind its body": field(7, field(1, field(5, field(6, b"")) + field(4, b"Loop"))),
    "said twice": field(7, field(1, field(4, b"If") + field(5, field(6, b"")) + field(4, b"Loop"))),
    "said twice, the last is none": field(7, field(1, field(4, b"Loop") + field(5, field(6, b"")) + field(4, b"If"))),
    "in a branch": node("If", 6, field(1, field(4, b"Loop") + field(5, field(6, b"")))),
    "around a branch": node("Loop", 6, field(1, field(4, b"If") + field(5, field(6, b"")))),
    "a longer tag": field(
        7, field(1, field(4, b"Loop") + field(5, field(6, b"", tag=lambda tag: varint(tag | 1 << 33))))
    ),
    "while training": field(20, field(2, field(1, field(4, b"Loop") + field(5, field(6, b""))))),
}


@pytest.mark.parametrize("way", LOOPS)
def test_what_may_run_for_ever_is_refused(way: str) -> None:
    with pytest.raises(ModelError, match=r'^the model "m\.onnx" has a loop .*: export it without, as tracing does$'):
        refuse_unsafe(HERE, LOOPS[way])


@pytest.mark.parametrize("number", [6, 11])
def test_a_choice_between_graphs_and_a_node_that_is_only_called_like_a_loop_are_let_through(number: int) -> None:
    refuse_unsafe(HERE, node("If", number, field(1, field(4, b"Relu"))))
    refuse_unsafe(HERE, field(7, field(1, field(3, b"Loop") + field(4, b"Relu") + field(5, field(1, b"Scan")))))
    refuse_unsafe(HERE, node("If", number, b"") + node("Relu", 5, TENSOR))


def test_functions_that_multiply_are_refused() -> None:
    twice = [helper.make_node("f", ["x"], ["t"], domain="d"), helper.make_node("f", ["t"], ["y"], domain="d")]
    functions = [
        helper.make_function("d", "f", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], []),
        helper.make_function("d", "g", ["x"], ["y"], twice, [helper.make_opsetid("d", 1)]),
    ]
    model = helper.make_model(helper.make_graph([], "g", [], []), functions=functions)
    with pytest.raises(ModelError, match=r"has functions of its own, .*\(onnx\.inliner\.inline_local_functions"):
        refuse_unsafe(HERE, model.SerializeToString())


def _runtime_sees_outside(data: bytes) -> bool:
    """Ask the format's own parser."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    return any(weight.data_location == T.EXTERNAL for weight in model.graph.initializer)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_the_formats_own_parser_finds_outside_is_found_here(data: st.DataObject) -> None:
    """Weights, some of them outside, cut and mutated: whatever the parser can read, it must not know better."""
    model = helper.make_model(
        helper.make_graph([], "g", [], [], [onnx.numpy_helper.from_array(np.ones(2, np.float32), "a")])
    )
    outside = data.draw(st.booleans())
    if outside:
        model.graph.initializer[0].data_location = T.EXTERNAL
    raw = bytearray(model.SerializeToString())
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=3)):
        raw[at] = value
    try:
        seen = _runtime_sees_outside(bytes(raw))
    except Exception:  # it cannot be read, and so is not run
        return
    if seen:
        with pytest.raises(ModelError):
            refuse_unsafe(HERE, bytes(raw))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_let_through_or_refused_in_one_line(data: bytes) -> None:
    for raw in (data, field(7, data), field(7, field(5, data))):
        try:
            refuse_unsafe(HERE, raw)
        except ModelError as error:
            said = str(error)
        else:
            said = ""
        assert "\n" not in said


def test_the_bytes_that_run_are_those_that_were_checked(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"one")
    assert read_checked(path, hashlib.sha256(b"one").hexdigest()) == b"one"
    with pytest.raises(ModelError, match="was changed while it was being loaded"):
        read_checked(path, hashlib.sha256(b"two").hexdigest())
    model = find_model(DEFAULT_MODEL)
    assert hashlib.sha256(model.read()).hexdigest() == model.spec.weights_sha256
