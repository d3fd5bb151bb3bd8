"""Compiled graphs, kept across runs: reading one takes a third of the time of compiling it.

One file a graph in the user's cache, named by all that it depends on, with its own checksum in front. It never costs a
run: what cannot be read is compiled again, and what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from placeprint.storage.atomic import write_atomic
from placeprint.storage.user_cache import cache_folder, go_without

FORMAT = 1
MOST = 16
"""Files that are kept: those used last. One takes 2 to 14 MB."""
_SEAL = hashlib.sha256().digest_size
_NAMED = re.compile(r"[0-9a-f]{32}\.blob")


def compiled(core: Any, make: Callable[[], Any], asked: Mapping[str, object], settings: Mapping[str, object]) -> Any:
    """Return a graph that can run, compiled now or in an earlier run.

    `make`: Returns the graph (`openvino.Model`); only called when it is not known yet.
    `asked`: All that the graph depends on: the hash of its weights first of all.
    `settings`: Of OpenVINO's CPU plugin.
    Raises `RuntimeError`: what OpenVINO raises when it cannot compile.
    """
    path = cache_folder() / "compiled" / (_name(core, asked, settings) + ".blob")
    known = _read(path)
    if known is not None:
        try:
            return core.import_model(io.BytesIO(known), "CPU", settings)
        except RuntimeError:  # of a release that cannot read it after all
            pass
    made = core.compile_model(make(), "CPU", settings)
    _keep(path, made)
    return made


def _name(core: Any, asked: Mapping[str, object], settings: Mapping[str, object]) -> str:
    build = core.get_versions("CPU")["CPU"].build_number
    processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    parts = (FORMAT, build, processor, sorted(asked.items()), sorted(settings.items()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # in a folder that may only be read
        path.touch()
    return data[_SEAL:] if _is_whole(data) else None


def _is_whole(data: bytes) -> bool:
    return hashlib.sha256(memoryview(data)[_SEAL:]).digest() == data[:_SEAL]


def _keep(path: Path, made: Any) -> None:
    """Write a compiled graph, and remove those that were not used for longest."""
    try:
        data = made.export_model().getvalue()
        write_atomic(path, hashlib.sha256(data).digest() + data)
    except RuntimeError:  # this plugin cannot
        return
    except OSError as error:
        go_without(path.parents[1], error)
        return
    forget_graphs(path.parent, but=MOST)


def kept_graphs(folder: Path) -> list[Path]:
    """Return the compiled graphs in a folder, those used last first."""
    try:
        ours = [each for each in folder.iterdir() if _NAMED.fullmatch(each.name)]
        return sorted(ours, key=lambda each: each.stat().st_mtime, reverse=True)
    except OSError:  # there is none, or another process removes them
        return []


def forget_graphs(folder: Path, *, but: int = 0) -> None:
    """Remove compiled graphs, except the ones that were used last."""
    with suppress(OSError):  # another process removes the same
        for old in kept_graphs(folder)[but:]:
            if _is_whole(old.read_bytes()):  # its checksum in front says whose it is
                old.unlink(missing_ok=True)
