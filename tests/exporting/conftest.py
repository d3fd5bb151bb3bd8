"""Checkpoints of random values, and one that was exported; PyTorch is imported only where it is used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

State = dict[str, Any]


def _random_state(architecture: str) -> State:
    """Return values of torchvision's names and shapes that let a signal through, and a classifier."""
    torch = pytest.importorskip("torch")
    from placeprint.embedding.export.resnet import parameters

    generator, state = torch.Generator().manual_seed(0), {}
    for key, shape in parameters(architecture).items():
        noise = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            state[key] = noise * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        elif key.endswith(("running_var", ".weight")):
            state[key] = 0.5 + 0.2 * noise.abs()
        else:
            state[key] = 0.1 * noise
    batches = {key.replace("running_var", "num_batches_tracked"): torch.tensor(7) for key in state if "var" in key}
    return state | batches | {"fc.weight": torch.zeros(10, 2048), "fc.bias": torch.zeros(10)}


@pytest.fixture(scope="session")
def random_state() -> Callable[[str], State]:
    return _random_state


@pytest.fixture(scope="session")
def photo() -> Callable[..., Image.Image]:
    def made(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)

    return made


@pytest.fixture(scope="session")
def state() -> State:
    return _random_state("resnet50")


@pytest.fixture(scope="session")
def checkpoint(state: State, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="session")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("onnxruntime")
    from placeprint import export

    return export("resnet50", tmp_path_factory.mktemp("exported") / "model.onnx", weights=checkpoint)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """A network with one block a stage, so that refusals are quick to test."""
    from placeprint.embedding.export.resnet import BLOCKS

    monkeypatch.setitem(BLOCKS, "resnet50", (1, 1, 1, 1))
    return "resnet50"
