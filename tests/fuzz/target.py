"""What is fuzzed: how it is made ready, what it is given first, how that is changed, and what it may take."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random

Bytes = Callable[[bytes], bytes]

NAMES = ("images", "tables", "heads", "cache_rows", "onnx_files", "http_bodies")
"""Of the modules beside this one that each hold a `TARGET`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A reader of strangers' bytes.

    Attributes
    ----------
    ready : callable
        Takes an empty folder that it may use; within its block it gives what is called with every input. That returns
        when the input was read, or refused as the documentation says, and raises anything else.
    seeds : callable
        Returns small inputs that are as they should be.
    change : callable
        Takes an input, a random source and a change of any bytes; returns an input that is still much like the format.
    seconds : float
        An input that takes more of the processor's time is a failure.
    megabytes : int
        An input that takes more memory is a failure.
    longest : int
        Bytes of an input.
    """

    ready: Callable[[Path], AbstractContextManager[Callable[[bytes], object]]]
    seeds: Callable[[], Sequence[bytes]]
    change: Callable[[bytes, Random, Bytes], bytes]
    seconds: float = 10.0
    megabytes: int = 128
    longest: int = 1 << 16


def target_of(name: str) -> Target:
    """Return a target by the name of its module."""
    target: Target = importlib.import_module(f".{name}", __package__).TARGET
    return target
