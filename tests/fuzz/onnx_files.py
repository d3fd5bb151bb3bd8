"""ONNX files and descriptions beside them: outside weights and loops are always found, the rest is a `ModelError`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message

from placeprint.embedding.models import DEFAULT_MODEL, find_model
from placeprint.embedding.onnx_file import refuse_unsafe
from placeprint.embedding.sidecar import read_sidecar
from placeprint.errors import ModelError
from placeprint.records import ModelSpec

from .changes import ODD_NUMBERS, json_changed, list_changed
from .target import Bytes, Target

HERE = Path("m.onnx")


@contextmanager
def ready(folder: Path) -> Iterator[Callable[[bytes], object]]:
    """Give what reads a description, or else a file."""
    yield partial(read, folder / "m.json")


def read(sidecar: Path, data: bytes) -> None:
    """Read what begins as JSON as a description, and everything as an ONNX file."""
    if data.startswith(b"{"):
        _describe(sidecar, data)
    try:
        refuse_unsafe(HERE, data)
    except ModelError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
    if said:
        return
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:  # it cannot be read, and so is not run
        return
    assert not list(_outside(model)), "weights that lie outside were not seen"
    assert not list(_endless(model)), "a loop or a function was not seen"


def _describe(sidecar: Path, data: bytes) -> None:
    sidecar.write_bytes(data)
    try:
        spec = read_sidecar(sidecar)
    except ModelError as error:
        said = str(error)
    else:
        said = ""
    assert len(said) < 1000
    assert not said or said.startswith(f'the model description "{sidecar}"')
    if not said:
        assert spec == ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
        assert spec.fingerprint()
        assert spec.dim > 0


def _outside(message: Message) -> Iterator[str]:
    """Yield each weight that lies outside, wherever it is in a message."""
    if isinstance(message, onnx.TensorProto):
        if message.data_location == onnx.TensorProto.EXTERNAL:
            yield message.name
        yield from (entry.value for entry in message.external_data if entry.key == "location")
    if isinstance(message, onnx.NodeProto) and message.op_type == "EPContext":
        yield message.name
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from _outside(inner)


def _endless(message: Message) -> Iterator[str]:
    """Yield each function, and each node that holds a graph and is no If."""
    if isinstance(message, onnx.FunctionProto):
        yield message.name
    if isinstance(message, onnx.NodeProto) and message.op_type not in ("If", ""):
        yield from (message.op_type for attribute in message.attribute if attribute.HasField("g") or attribute.graphs)
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from _endless(inner)


@cache
def seeds() -> Sequence[bytes]:
    """Return small models with weights inside and outside, and the description of the bundled one."""
    inside = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "w")
    outside = onnx.TensorProto(name="w", data_type=1, dims=[2, 3], data_location=onnx.TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="w.bin")
    made = [
        *(field.SerializeToString() for field in _small()),
        _model(inside).SerializeToString(),
        _model(outside).SerializeToString(),
        _model(inside, onnx.helper.make_node("EPContext", ["x"], ["y"])).SerializeToString(),
        _model(inside, onnx.helper.make_node("Loop", ["x"], ["y"], body=onnx.GraphProto(name="b"))).SerializeToString(),
        _with_function(_model(inside)).SerializeToString(),
    ]
    spec = find_model(DEFAULT_MODEL).spec
    small = {"name": "m", "dim": 3, "input_size": 32, "mean": [0, 0, 0], "std": [1, 1, 1], "resize": "squash"}
    return (*made, json.dumps(spec.to_dict()).encode(), json.dumps(small).encode())


def _small() -> Iterator[onnx.ModelProto]:
    """Yield models with nothing but one weight that is told to lie outside, in one of two ways."""
    for weight in (onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL), onnx.TensorProto()):
        if not weight.data_location:
            weight.external_data.add(key="location", value="w")
        yield onnx.ModelProto(graph=onnx.GraphProto(initializer=[weight]))
        yield onnx.ModelProto(graph=onnx.GraphProto(node=[onnx.NodeProto(attribute=[onnx.AttributeProto(t=weight)])]))


def _model(weight: onnx.TensorProto, *more: onnx.NodeProto) -> onnx.ModelProto:
    info, make = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    constant = make("Constant", [], ["c"], value=weight)
    inner = onnx.helper.make_graph([constant], "inner", [], [info("c", 1, [2, 3])], [weight])
    nodes = [make("MatMul", ["x", "w"], ["y"]), make("If", ["b"], ["z"], then_branch=inner, else_branch=inner), *more]
    graph = onnx.helper.make_graph(nodes, "g", [info("x", 1, [1, 2])], [info("y", 1, [1, 3])], [weight])
    made = onnx.helper.make_model(graph)
    made.training_info.add().initialization.CopyFrom(inner)
    return made


def _with_function(model: onnx.ModelProto) -> onnx.ModelProto:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(onnx.helper.make_function("d", "f", ["x"], ["y"], [node], []))
    return model


def change(data: bytes, random: Random, plain: Bytes) -> bytes:
    """Change a value of a description, or a field at any depth of a protocol buffer."""
    return json_changed(data, random, plain) if data.startswith(b"{") else _message(data, random, plain)


def _message(data: bytes, random: Random, plain: Bytes) -> bytes:
    fields = _fields(data)
    return (
        plain(data)
        if fields is None
        else b"".join(list_changed(fields, random, lambda one: _field(one, random, plain)))
    )


def _fields(data: bytes) -> list[bytes] | None:
    """Return the fields of a message with their tags, or None where it is none."""
    found, at = [], 0
    while at < len(data):
        try:
            (tag, end), begin = _number(data, at), at
            value, after = _number(data, end) if tag & 7 in (0, 2) else (0, end)
        except IndexError:
            return None
        size = {0: after, 1: end + 8, 2: after + value, 5: end + 4}.get(tag & 7)
        if size is None or size > len(data) or not tag >> 3:
            return None
        at = size
        found.append(data[begin:at])
    return found


def _field(one: bytes, random: Random, plain: Bytes) -> bytes:
    """Change the number, the size, or what is in a field; the way in which numbers are written, too."""
    tag, at = _number(one, 0)
    if random.random() < 0.1:
        tag = random.randrange(1, 30) << 3 | tag & 7
    longer = random.choice((0, 0, 0, 5, 6))
    high = random.choice((0, 0, 0, 0, 1 << 32, 1 << 33))
    if tag & 7 == 2:
        size, at = _number(one, at)
        body = _message(one[at:], random, plain) if random.random() < 0.8 else plain(one[at:])
        size = len(body) if random.random() < 0.95 else random.choice(ODD_NUMBERS)
        return _written(tag | high, longer) + _written(size, random.choice((0, 0, 5))) + body
    if tag & 7 == 0:
        value = random.choice((*ODD_NUMBERS, (1 << 32) + 1))
        return _written(tag | high, longer) + _written(value, random.choice((0, 0, 10)))
    return plain(one)


def _number(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _written(value: int, length: int = 0) -> bytes:
    made = b""
    while value > 127 or len(made) + 1 < length:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


TARGET = Target(ready=ready, seeds=seeds, change=change)
