"""The epochs: batches, steps, the score on validation places, the best weights, and a state to go on from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from placeprint.arrays import Rows
from placeprint.errors import ModelError
from placeprint.progress import Progress, Stretch
from placeprint.training.batches import batches, nearest_places
from placeprint.training.held_out import Found, HeldOut
from placeprint.training.learners import Learner, vectors_of
from placeprint.training.losses import make_objective
from placeprint.training.packages import torch_package
from placeprint.training.pool import Division, Pool
from placeprint.training.settings import TrainSettings
from placeprint.training.state import State, read_state, write_state


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of the epochs."""

    weights: Mapping[str, Any]  # Of the best epoch.
    best: int  # Its number; 0 is the base.
    # Of every epoch, the base first: ``loss``, ``recall_at_1`` and ``map`` on the validation places.
    history: list[dict[str, float]]


def fingerprint(pool: Pool, settings: TrainSettings, base: str) -> str:
    """Return a hash of all that an epoch depends on, so that a training goes on from its own state only.

    The number of epochs is left out, so that a training may go on for longer.
    """
    images = hashlib.sha256(" ".join(record.content_hash for record in pool.records).encode()).hexdigest()
    asked = {name: value for name, value in settings.to_dict().items() if name not in ("epochs", "patience")}
    row = [asked, images, pool.labels.tolist(), [record.split for record in pool.records], base]
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()


class Training:
    """One training from the base to its end, or from where a state left it."""

    def __init__(self, learner: Learner, pool: Pool, division: Division, settings: TrainSettings) -> None:
        torch = torch_package()
        self._learner, self._settings, self._rows = learner, settings, division.training
        self._labels = np.unique(pool.labels[division.training], return_inverse=True)[1].astype(np.int64)
        self._validation = HeldOut(pool, division.validation)
        self._base = {name: value.clone() for name, value in learner.weights.items()}
        self._near = nearest_places(pool.vectors[division.training], self._labels)
        dim = int(learner.weights["head"].shape[1])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self._objective = make_objective(settings, classes=int(self._labels.max()) + 1, dim=dim)
        self._objective.to(learner.weights["head"].device)
        self._trained = [each.requires_grad_() for each in learner.weights.values()]
        self._trained += [each for each in self._objective.parameters() if each.requires_grad]
        self._optimiser = torch.optim.Adam(self._trained, lr=settings.learning_rate)

    def run(self, path: Path, of: str, *, progress: Progress | None) -> Trained:
        """Train until the score no longer rises; after every epoch `path` holds the state.

        Raises `ModelError` when the loss is no longer a number, or the state at `path` cannot be read; `UsageError`
        when the state is of another training.
        """
        settings = self._settings
        shapes = {name: tuple(value.shape) for name, value in self._learner.weights.items()}
        state = read_state(path, of, shapes)
        state = self._begun() if state is None else self._restored(state)
        with Stretch(progress, "training", settings.epochs) as step:
            step(state.epoch)
            while state.epoch < settings.epochs and state.epoch - state.best < settings.patience:
                state = self._epoch(state)
                write_state(path, state, of)
                step()
        return Trained(state.part("best"), state.best, state.history)

    def _begun(self) -> State:
        weights = {f"best.{name}": value for name, value in self._base.items()}
        return State(0, [_line(math.nan, self._found())], 0, weights)

    def _epoch(self, state: State) -> State:
        number = state.epoch + 1
        rng = np.random.default_rng([self._settings.seed, 3, number])
        losses = [
            self._step(chosen, rng)
            for chosen in batches(
                self._labels,
                rng,
                places=self._settings.places,
                images=self._settings.images,
                near=self._near,
                hardness=self._settings.hardness,
            )
        ]
        found = self._found()
        history = [*state.history, _line(float(np.mean(losses)), found)]
        better = found.score > _score(state.history[state.best])
        now = {name: value.detach() for name, value in self._learner.weights.items()}
        kept = {name: value.clone() for name, value in now.items()} if better else state.part("best")
        tensors = {f"now.{name}": value for name, value in now.items()}
        tensors |= {f"best.{name}": value for name, value in kept.items()}
        tensors |= {f"loss.{name}": value for name, value in self._objective.state_dict().items()}
        for index, values in self._optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in values.items()}
        return State(number, history, number if better else state.best, tensors)

    def _restored(self, state: State) -> State:
        torch = torch_package()
        with torch.no_grad():
            for name, value in state.part("now").items():
                self._learner.weights[name].copy_(value)
        optimiser = self._optimiser.state_dict()
        kept: dict[int, dict[str, Any]] = {}
        for key, value in state.part("adam").items():
            index, name = key.split(".", 1)
            kept.setdefault(int(index), {})[name] = value
        try:
            self._objective.load_state_dict(state.part("loss"))
            self._optimiser.load_state_dict({"state": kept, "param_groups": optimiser["param_groups"]})
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"the training cannot be resumed: its state is not whole ({error})") from error
        return state

    def _step(self, chosen: Rows, rng: np.random.Generator) -> float:
        torch, settings = torch_package(), self._settings
        self._objective.train()
        inputs = self._learner.inputs(self._rows[chosen], rng)
        labels = torch.from_numpy(self._labels[chosen]).to(inputs.device)
        self._optimiser.zero_grad(set_to_none=True)
        loss = whole_gradient(
            self._learner.embed, lambda vectors: self._objective(vectors, labels), inputs, settings.accumulate
        )
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss became {loss} at the learning rate {settings.learning_rate:g}: try a tenth of it"
            )
        torch.nn.utils.clip_grad_norm_(self._trained, 10.0)
        self._optimiser.step()
        with torch.no_grad():  # back towards the base, not towards 0 (L2-SP, Li et al. 2018)
            for name, value in self._learner.weights.items():
                value.lerp_(self._base[name], settings.learning_rate * settings.decay)
        return loss

    def _found(self) -> Found:
        return self._validation.measure(vectors_of(self._learner, self._validation.rows))


def whole_gradient(embed: Callable[[Any], Any], objective: Callable[[Any], Any], inputs: Any, parts: int) -> float:
    """Add the gradient of a batch's loss to the weights; return the loss.

    In several parts it is the same gradient in less memory: the gradient at the embeddings is found first, then carried
    back part by part (GradCache, Gao et al. 2021).
    """
    torch = torch_package()
    if parts == 1:
        loss = objective(embed(inputs))
        loss.backward()
        return float(loss.detach())
    pieces = torch.tensor_split(inputs, min(parts, len(inputs)))
    with torch.no_grad():
        vectors = torch.cat([embed(piece) for piece in pieces])
    loss = objective(vectors.requires_grad_())
    loss.backward()
    sizes = [len(piece) for piece in pieces]
    gradient = vectors.grad if vectors.grad is not None else torch.zeros_like(vectors)
    for piece, part in zip(pieces, gradient.split(sizes), strict=True):
        embed(piece).backward(part)
    return float(loss.detach())


def _line(loss: float, found: Found) -> dict[str, float]:
    return {"loss": loss, "recall_at_1": found.recall_at_1, "map": found.mean_average_precision}


def _score(line: Mapping[str, float]) -> float:
    return (line["recall_at_1"] + line["map"]) / 2
