"""What is trained: a head on embeddings that are there already, or the whole network."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from placeprint.arrays import Maps, Pixels, Rows, Vectors
from placeprint.dataset.decoding.images import decode
from placeprint.dataset.files import locate, read_bytes
from placeprint.embedding.export.fusion import run_as_described
from placeprint.embedding.export.parity import Run
from placeprint.embedding.models import ModelFile
from placeprint.embedding.preprocess import LEAST, needed_side, prepare
from placeprint.progress import Progress, Stretch
from placeprint.records import ModelSpec
from placeprint.training.augmentation import augmented
from placeprint.training.packages import torch_package
from placeprint.training.pool import Pool
from placeprint.training.settings import TrainSettings
from placeprint.training.torch_graph import TorchGraph

LOOKED_AT = 64
"""Images that are embedded at once when nothing is learned from them."""


class Learner(Protocol):
    """Something with weights that embeds rows of a pool."""

    weights: dict[str, Any]

    def inputs(self, rows: Rows, rng: np.random.Generator | None) -> Any:
        """Return a tensor of what the rows look like; changed at random when `rng` is given."""

    def embed(self, inputs: Any) -> Any:
        """Return unit embeddings (n, dim)."""

    def reference(self, base: ModelFile, weights: Mapping[str, Any]) -> Run:
        """Return what computes the embeddings of some weights, in 32 bit on the CPU: to compare a file with."""


def vectors_of(learner: Learner, rows: Rows) -> Vectors:
    """Embed rows as they are, without learning: float32 of shape (len(rows), dim)."""
    torch, found = torch_package(), []
    with torch.no_grad():
        for start in range(0, len(rows), LOOKED_AT):
            inputs = learner.inputs(rows[start : start + LOOKED_AT], None)
            found.append(learner.embed(inputs).float().cpu().numpy())
    return np.concatenate(found)


class HeadLearner:
    """A linear head behind the base, which stays as it is; the head begins as the identity."""

    def __init__(self, pool: Pool) -> None:
        torch = torch_package()
        dim = pool.vectors.shape[1]
        self._vectors = torch.from_numpy(np.array(pool.vectors))
        self.weights = {"head": torch.eye(dim)}

    def inputs(self, rows: Rows, rng: np.random.Generator | None) -> Any:  # noqa: ARG002 - of vectors nothing can be varied
        """Return the base's vectors."""
        return self._vectors[torch_package().from_numpy(rows)]

    def embed(self, inputs: Any) -> Any:
        """Return unit embeddings."""
        return torch_package().nn.functional.normalize(inputs @ self.weights["head"], dim=1)

    def reference(self, base: ModelFile, weights: Mapping[str, Any]) -> Run:
        """Return the base as it was, in ONNX Runtime, and the head behind it."""
        run, head = run_as_described(base.read(), base.spec), weights["head"].detach().float().cpu().numpy()
        return lambda images: np.asarray(run(images) @ head, np.float32)


def make_learner(pool: Pool, base: ModelFile, settings: TrainSettings, progress: Progress | None) -> Learner:
    """Return what the settings ask to be trained."""
    return FullLearner(pool, base, settings, progress) if settings.full else HeadLearner(pool)


class FullLearner:
    """The base's network, generalised-mean pooling with a learned exponent, and a linear head, in PyTorch.

    `narrow`: Compute the network in bfloat16: on a GPU.
    """

    def __init__(self, pool: Pool, base: ModelFile, settings: TrainSettings, progress: Progress | None) -> None:
        torch, spec = torch_package(), base.spec
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.narrow = self.device.type == "cuda"
        self._pooled_inside, self._augment = spec.pooling == "graph", settings.augment
        self._graph = TorchGraph(base.read(), spec.embedding_output if self._pooled_inside else spec.feature_output)
        self._graph.to(self.device)
        self.weights = {f"base.{name}": value for name, value in self._graph.weights.items()}
        self.weights["head"] = torch.eye(spec.dim, device=self.device)
        if not self._pooled_inside:
            power = 1.0 if spec.pooling == "average" else spec.gem_p
            self.weights["power"] = torch.tensor(power, device=self.device)
        self._mean, self._std = (
            torch.tensor(each, device=self.device)[:, None, None] / 255 for each in (spec.mean, spec.std)
        )
        self._pixels = _pixels(pool, spec, settings.side or spec.input_size, progress)

    def inputs(self, rows: Rows, rng: np.random.Generator | None) -> Any:
        """Return images (n, 3, side, side), pixels 0 to 1."""
        torch = torch_package()
        images = torch.from_numpy(self._pixels[rows]).to(self.device).permute(0, 3, 1, 2).float() / 255
        return augmented(images, rng) if rng is not None and self._augment else images

    def embed(self, inputs: Any) -> Any:
        """Return unit embeddings; in bfloat16 where `narrow`, but for the pooling and the head."""
        torch = torch_package()
        for name in self._graph.weights:
            self._graph.weights[name] = self.weights[f"base.{name}"]
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.narrow):
            features = self._graph((inputs - self._mean) / self._std)
        vectors = features.float() if self._pooled_inside else _gem(features.float(), self.weights["power"])
        return torch.nn.functional.normalize(vectors.flatten(1) @ self.weights["head"], dim=1)

    def reference(self, base: ModelFile, weights: Mapping[str, Any]) -> Run:  # noqa: ARG002 - its weights are among them
        """Return the network in PyTorch."""
        torch = torch_package()
        self.device, self.narrow = torch.device("cpu"), False
        self._graph.to(self.device)
        self.weights = {name: value.detach().to(self.device) for name, value in weights.items()}
        self._mean, self._std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)  # the graph's input is prepared already

        def run(images: Maps) -> Vectors:
            with torch.no_grad():
                return np.asarray(self.embed(torch.from_numpy(images)).numpy(), np.float32)

        return run


def _gem(features: Any, power: Any) -> Any:
    return features.clamp(min=LEAST).pow(power).mean(dim=(2, 3)).pow(1 / power)


def _pixels(pool: Pool, spec: ModelSpec, side: int, progress: Progress | None) -> Pixels:
    """Decode every image once, into a file without a name: uint8 of shape (n, side, side, 3)."""
    small = dataclasses.replace(
        spec, input_size=side, resize_size=round(max(spec.resize_size, 1) * side / spec.input_size)
    )
    with tempfile.TemporaryFile() as file:  # stays as long as it is mapped
        pixels = np.memmap(file, np.uint8, "w+", shape=(len(pool.records), side, side, 3))
    with Stretch(progress, "reading", len(pool.records)) as step:
        for row, image in enumerate(_decoded(pool, needed_side(small))):
            pixels[row] = prepare(image, small)
            step()
    return pixels


def _decoded(pool: Pool, side: int) -> Iterator[Any]:
    for row, record in enumerate(pool.records):
        yield decode(read_bytes(locate(pool.root(row), record.path)), min_side=side)
