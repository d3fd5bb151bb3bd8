"""Where in a checkpoint a network's parameters are: under which names, and among what else.

Trainings wrap a network (``module.``, ``_orig_mod.``), name it (``backbone.``, ``encoder_q.``), nest it
(``state_dict``, ``student``) and put heads, aggregations and optimisers beside it. No list of such words would be
complete, so there is none: a *branch* is whatever stands before the names of the network's parameters, and it counts
when all of them are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placeprint.embedding.export.checkpoints import Checkpoint
from placeprint.errors import ModelError, UsageError
from placeprint.terminal import counted

Shapes = Mapping[str, tuple[int, ...]]
_SHOWN = 3
"""Names in a message."""
_GROUPS = 12
"""Names of what was left out."""
_COUNTS = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Matched:
    """The parameters of a network, found in a checkpoint."""

    state: dict[str, NDArray[np.float32]]  # Exactly those that the network has.
    branch: str  # What stood before their names; empty for nothing.
    note: str  # What was taken, and what was left out.


@dataclass(frozen=True, slots=True)
class _Branch:
    """A place where the network may be: a prefix with its last dot, and its names there to the network's own."""

    prefix: str
    names: Mapping[str, str]

    @property
    def shown(self) -> str:
        return self.prefix.rstrip(".") or "."


def matched(
    checkpoint: Checkpoint, wanted: Shapes, *, what: str, branch: str = "", spellings: Iterable[Mapping[str, str]] = ()
) -> Matched:
    """Return exactly the parameters that a network has, in 32 bit.

    `wanted`: Name and shape of each.
    `what`: The network, for people.
    `branch`: Which one to take where several are there: the whole prefix or any names of it, as ``teacher``; ``.`` for
    none.
    `spellings`: Other first names that the same parameters have in some checkpoints, to the network's own.
    Raises `ModelError`: naming what is missing, of another shape, of another network, or not finite; `UsageError` when
    several branches have other numbers and `branch` does not tell which.
    """
    ways = [{name: name for name in wanted}]
    for spelling in spellings:
        back = {own: other for other, own in spelling.items()}
        ways.append({".".join([back[n.split(".")[0]], *n.split(".")[1:]]): n for n in wanted})
    counted = [(_Branch(prefix, way), count) for way in ways for prefix, count in _prefixes(checkpoint, way).items()]
    whole = [each for each, count in counted if count == len(wanted)]
    if not whole:
        raise ModelError(_lacking(checkpoint, counted, wanted, what))
    chosen = _chosen(checkpoint, _asked(checkpoint, whole, branch), wanted, what)
    state = {own: np.asarray(checkpoint.arrays[chosen.prefix + name], np.float32) for name, own in chosen.names.items()}
    for name, own in chosen.names.items():
        if not np.isfinite(state[own]).all():
            raise ModelError(
                f'the checkpoint "{checkpoint.path}": "{chosen.prefix}{name}" holds NaN or infinity: the training or '
                "the file is broken"
            )
    return Matched(state, chosen.prefix.rstrip("."), _note(checkpoint, chosen))


def _prefixes(checkpoint: Checkpoint, names: Mapping[str, str]) -> Counter[str]:
    """Count how many of the names stand behind each prefix."""
    deepest = max(name.count(".") for name in names) + 1
    found: Counter[str] = Counter()
    for key in checkpoint.arrays:
        parts = key.split(".")
        for at in range(max(0, len(parts) - deepest), len(parts)):
            if ".".join(parts[at:]) in names:
                found[".".join([*parts[:at], ""])] += 1
    return found


def _asked(checkpoint: Checkpoint, whole: list[_Branch], branch: str) -> list[_Branch]:
    """Return the branches that a person means."""
    if not branch:
        return whole
    same = [each for each in whole if each.prefix.strip(".") == branch.strip(".")]
    some = [each for each in whole if f".{branch.strip('.')}." in f".{each.prefix}"]
    if not (same or some):
        there = ", ".join(f'"{each.shown}"' for each in whole)
        raise UsageError(f'the checkpoint "{checkpoint.path}" has no whole network under "{branch}": it has {there}')
    return same or some


def _chosen(checkpoint: Checkpoint, whole: list[_Branch], wanted: Shapes, what: str) -> _Branch:
    """Return the one branch that fits; several that hold the same numbers are one."""
    where = f'the checkpoint "{checkpoint.path}"'
    problems = [_problem(checkpoint, each, wanted, what) for each in whole]
    fitting = [each for each, problem in zip(whole, problems, strict=True) if not problem]
    if not fitting:
        raise ModelError(f"{where}{problems[0]}")
    apart = fitting[:1]
    for each in fitting[1:]:
        if not any(_same(checkpoint, each, other) for other in apart):
            apart.append(each)
    if len(apart) > 1:
        there = " and ".join(f'"{each.shown}"' for each in apart[:_SHOWN])
        raise UsageError(
            f"{where} holds {len(apart)} networks of this kind, under {there}: say which with --branch (in Python "
            f"branch=), as --branch {_telling(apart)}"
        )
    return apart[0]


def _problem(checkpoint: Checkpoint, at: _Branch, wanted: Shapes, what: str) -> str:
    """Return why parameters that are all there are not this network's; empty when they are."""
    for name, own in at.names.items():
        shape = checkpoint.arrays[at.prefix + name].shape
        if shape != wanted[own]:
            return f': "{at.prefix}{name}" has the shape {shape} and must have {wanted[own]}: it is no {what}'
    own_firsts = {name.split(".")[0] for name in at.names}
    stems = {first.rstrip("0123456789") for first in own_firsts} - {""}
    for key in checkpoint.arrays:
        name = key.removeprefix(at.prefix)
        first = name.split(".")[0]
        inside = first in own_firsts or (first[-1:].isdecimal() and first.rstrip("0123456789") in stems)
        if key.startswith(at.prefix) and inside and name not in at.names and not name.endswith(f".{_COUNTS}"):
            return f' has "{key}", which a {what} has not: it is of another model'
    return ""


def _same(checkpoint: Checkpoint, one: _Branch, other: _Branch) -> bool:
    names = {own: name for name, own in other.names.items()}
    arrays = checkpoint.arrays
    return all(
        np.array_equal(arrays[one.prefix + name], arrays[other.prefix + names[own]]) for name, own in one.names.items()
    )


def _telling(apart: list[_Branch]) -> str:
    """Return a name that only the last of the branches has."""
    others = {name for each in apart[:-1] for name in each.prefix.split(".")}
    return next((name for name in apart[-1].prefix.split(".") if name not in others), apart[-1].shown)


def _lacking(checkpoint: Checkpoint, counted: list[tuple[_Branch, int]], wanted: Shapes, what: str) -> str:
    """Say what is missing where most of the network is."""
    where = f'the checkpoint "{checkpoint.path}"'
    if not counted:
        has = _listed(list(checkpoint.arrays), "name") if checkpoint.arrays else "no tensors"
        more = f"; {_listed(list(checkpoint.objects), 'object')} is not read" if checkpoint.objects else ""
        return (
            f"{where} holds no parameter of a {what} ({_listed(list(wanted), 'parameter')}), whatever prefix is taken "
            f"off: it has {has}{more}. Save the model's state_dict()"
        )
    best = max(counted, key=lambda each: (each[1], -len(each[0].prefix)))[0]
    missing = [best.prefix + name for name in best.names if best.prefix + name not in checkpoint.arrays]
    tried = f' under the prefix "{best.prefix}"' if best.prefix else " (no prefix fits better than none)"
    lacks = f"lacks {_listed(missing, 'parameter')} of the {len(wanted)} that a {what} has"
    return f"{where} {lacks}{tried}: it is of another model"


def _listed(names: list[str], noun: str) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown + (f" and {counted(more, noun)} more" if more > 0 else "")


def _note(checkpoint: Checkpoint, chosen: _Branch) -> str:
    """Say which prefix was taken off, and what was left out."""
    own = {chosen.prefix + name for name in chosen.names}
    groups = Counter(_group(key, chosen) for key in checkpoint.arrays if key not in own)
    said = [f'"{chosen.shown}" taken off the names'] if chosen.prefix else []
    if groups:
        shown = ", ".join(f"{name} ({count})" for name, count in groups.most_common(_GROUPS))
        more = f" and {len(groups) - _GROUPS} more" if len(groups) > _GROUPS else ""
        said.append(f"left out: {shown}{more}")
    text = f'"{checkpoint.path.name}": {"; ".join(said)}' if said else ""
    return ". ".join(part for part in (checkpoint.note, text) if part)


def _group(key: str, chosen: _Branch) -> str:
    """Return the first of a key's names that the branch has not; counters of batch norms are one group."""
    if key.startswith(chosen.prefix) and key.endswith(f".{_COUNTS}"):
        return _COUNTS
    off = chosen.prefix.split(".")
    names = key.split(".")
    return next((name for name, other in zip(names, [*off[:-1], ""], strict=False) if name != other), names[-1])
