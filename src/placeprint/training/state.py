"""The state of a training in one file: written whole after every epoch, read without running anything in it.

It holds no random generators: an epoch draws all its chance from the seed and its number.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.embedding.export.checkpoints import read_checkpoint
from placeprint.errors import ModelError, UsageError
from placeprint.storage.atomic import write_atomic
from placeprint.training.packages import torch_package

_META = "meta"
Tensors = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """Where a training stands."""

    epoch: int  # How many are done.
    history: list[dict[str, float]]  # What was measured after each, the base first.
    best: int  # The epoch of the best score; 0 is the base.
    # ``now.*`` and ``best.*`` are weights, ``loss.*`` the loss's own, ``adam.<number>.*`` the optimiser's.
    tensors: Tensors = field(default_factory=dict)

    def part(self, name: str) -> dict[str, Any]:
        """Return the tensors of one kind, without its name."""
        return {key.removeprefix(f"{name}."): v for key, v in self.tensors.items() if key.startswith(f"{name}.")}


def write_state(path: Path, state: State, fingerprint: str) -> None:
    """Write the file in one step. Raises `OSError`."""
    torch = torch_package()
    meta = {"of": fingerprint, "epoch": state.epoch, "history": state.history, "best": state.best}
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8).copy()
    file = io.BytesIO()
    torch.save({_META: torch.from_numpy(text), **{k: v.detach().cpu() for k, v in state.tensors.items()}}, file)
    write_atomic(path, file.getvalue())


def read_state(path: Path, fingerprint: str, shapes: Mapping[str, tuple[int, ...]]) -> State | None:
    """Read the file; None when there is none.

    `fingerprint`: Of settings, images and base; the state of another training is refused.
    `shapes`: Weights that must be in it.
    Raises `ModelError` when it is damaged, or holds more than numbers; nothing in it is run; `UsageError` when it is of
    another training.
    """
    if not path.exists():
        return None
    torch, advice = torch_package(), f'delete "{path}" to begin again'
    try:
        arrays = dict(read_checkpoint(path).arrays)
        meta = json.loads(arrays.pop(_META).tobytes())
        of, state = meta["of"], State(int(meta["epoch"]), list(meta["history"]), int(meta["best"]))
    except ModelError as error:
        raise ModelError(f"the training cannot be resumed: {error}. Or {advice}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f'the training cannot be resumed: "{path}" is not the state of a training; {advice}'
        ) from error
    if of != fingerprint:
        raise UsageError(
            f'"{path}" belongs to a training with other settings, photos or base: run the command that made it, '
            f"give another --out, or {advice}"
        )
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in arrays.items()}
    for name, shape in shapes.items():
        for kind in ("now", "best"):
            if tuple(getattr(tensors.get(f"{kind}.{name}"), "shape", ())) != shape:
                raise ModelError(f'the training cannot be resumed: "{path}" lacks "{kind}.{name}"; {advice}')
    return State(state.epoch, state.history, state.best, tensors)
