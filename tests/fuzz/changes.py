"""Changes of inputs that keep much of their form: random bytes alone seldom get past a format's first check."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

ODD_NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    32_767,
    32_768,
    65_535,
    1 << 31,
    (1 << 32) - 1,
    1 << 63,
    (1 << 64) - 1,
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0.5, -0.0, 1e300, float("nan"), float("inf"), 10**30),
    *ODD_NUMBERS,
    *("", " ", "a", "\0", "\n", "\ud800", "\u202e", "\x1b[2J", "../..", "/etc/passwd", "nan", "1e999", "1_0", "٣"),
    *("9" * 5000, [], {}, [[]], [None], {"": {}}, {"a": 1}, [1, 2, 3]),
)


ODD_FLOATS = tuple(struct.pack("<f", number) for number in (float("nan"), float("inf"), -0.0, 3e38))
_HEXADECIMAL = re.compile("([0-9a-f]{2}){8,}")
_DEEP = (b"[" * 20_000, b'{"a":' * 8_000, b"[" * 20_000 + b"]" * 20_000)


def bytes_changed(data: bytes, random: Random) -> bytes:
    """Change, insert, double or remove some bytes."""
    if not data:
        return random.randbytes(random.randint(1, 16))
    at = random.randrange(len(data))
    end = min(len(data), at + random.choice((1, 1, 2, 4, 16, 64)))
    match random.randrange(7):
        case 0:
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + random.randbytes(end - at) + data[end:]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:end] * random.choice((1, 2, 50)) + data[end:]
        case 4:
            size = random.choice((1, 2, 4, 8))
            number = random.choice(ODD_NUMBERS) % (1 << 8 * size)
            return data[:at] + number.to_bytes(size, random.choice(("big", "little"))) + data[at + size :]
        case 5:
            at -= at % 4
            return data[:at] + random.choice(ODD_FLOATS) + data[at + 4 :]
        case _:
            return data[:at]


def list_changed(items: Sequence[T], random: Random, change: Callable[[T], T]) -> list[T]:
    """Change, double, move or remove one of several."""
    made = list(items)
    if not made:
        return made
    at = random.randrange(len(made))
    match random.randrange(8):
        case 0:
            del made[at]
        case 1:
            made[at:at] = [made[at]] * random.choice((1, 2, 40))
        case 2:
            made.insert(random.randrange(len(made)), made.pop(at))
        case _:
            made[at] = change(made[at])
    return made


def value_changed(value: Any, random: Random) -> Any:
    """Change something in a value of JSON: at any depth, most often deep."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        match random.randrange(12):
            case 0:
                return {key: each for key, each in value.items() if key != name}
            case 1:
                return {**value, str(random.choice(ODD_VALUES))[:50]: value[name]}
            case _:
                return {**value, name: value_changed(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        return list_changed(value, random, lambda each: value_changed(each, random))
    if isinstance(value, str) and value and random.random() < 0.5:
        if _HEXADECIMAL.fullmatch(value):
            return bytes_changed(bytes.fromhex(value), random).hex()
        return bytes_changed(value.encode("utf-8", "surrogatepass"), random).decode("utf-8", "surrogateescape")
    if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.7:
        return random.choice((value - 1, value + 1, -value, -1, 0, random.choice(ODD_NUMBERS)))
    return random.choice(ODD_VALUES)


def json_changed(data: bytes, random: Random, plain: Callable[[bytes], bytes]) -> bytes:
    """Change a value in a text of JSON; where it is none, its bytes."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return plain(data)
    text = json.dumps(value_changed(value, random)).encode()
    if random.random() < 0.02 and b": " in text:  # deeper than any reader goes, in the place of a value
        before, _, behind = text.partition(b": ")
        return before + b": " + random.choice(_DEEP) + b", " + behind
    return text
