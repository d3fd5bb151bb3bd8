"""Models that learn from the gallery: a whitening of the embeddings, or a codebook of RootSIFT keypoints.

What learns is imported where it is needed, so that asking a gallery that learned nothing starts sooner.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Arrays, Vectors
from placeprint.cores import available_cores
from placeprint.dataset.query_image import prepare_image
from placeprint.embedding.embedder import AnyEmbedder, Description, load_embedder
from placeprint.embedding.models import VLAD, ModelFile
from placeprint.embedding.preprocess import KEYPOINT_SIDE
from placeprint.errors import ModelError
from placeprint.presets import Preset
from placeprint.records import ModelSpec
from placeprint.storage.ragged import Ragged

if TYPE_CHECKING:
    from PIL.Image import Image

    from placeprint.dataset.query_image import ImageInput
    from placeprint.embedding.vlad import Codebook
    from placeprint.embedding.whitening import Whitening

KEYPOINTS = 300


class KeypointEmbedder:
    """Takes keypoints only: `rootsift-vlad` before its codebook is learned.

    Parameters
    ----------
    threads : int
    """

    raw_dim = 0
    file: Path | None = None

    def __init__(self, *, threads: int) -> None:
        from placeprint.embedding.rootsift import opencv

        opencv()  # says at once when it is missing
        self.threads, self.decode_side, self.cache_key = threads, KEYPOINT_SIDE, "rootsift-1"
        self.spec = ModelSpec(
            name=VLAD,
            dim=1,
            input_size=KEYPOINT_SIDE,
            resize="squash",
            keypoints=KEYPOINTS,
            learned="vlad",
            licence="no weights",
            source="learned from the gallery",
        )

    def look(self, image: Image) -> Description:
        """Return the keypoints of one upright RGB image, and a vector of length 0."""
        from placeprint.embedding.rootsift import extract

        return Description(np.empty(0, np.float32), {"keypoints": extract(image)[:, None]})

    def describe(self, image: ImageInput) -> Description:  # noqa: ARG002 - part of the interface
        """Refuse: nothing is learned yet."""
        raise ModelError(
            f'model "{VLAD}" learns from a gallery first: placeprint index DATASET -o GALLERY --model {VLAD}'
        )

    def finish(self, vectors: Vectors, parts: Mapping[str, Ragged]) -> Vectors:  # noqa: ARG002
        """Return the vectors of length 0 as they are, for something to be learned."""
        return vectors

    def coarser(self, cells: int) -> KeypointEmbedder:  # noqa: ARG002
        """Return itself: it keeps no cells."""
        return self


def base_model(
    model: str | ModelFile, *, preset: str | Preset | ModelSpec, runner: str = "openvino", workers: int | None = None
) -> AnyEmbedder:
    """Load a model as it is before it learns from a gallery.

    The parameters are those of `placeprint.load_embedder`, where `workers` is called `threads`.

    Raises
    ------
    UsageError, ModelError, MissingExtraError
    """
    if model == VLAD:
        return KeypointEmbedder(threads=workers or available_cores())
    return load_embedder(model, preset=preset, runner=runner, threads=workers)


class LearnedEmbedder:
    """A model with what was learned behind it; the interface is that of `placeprint.Embedder`.

    Parameters
    ----------
    base : AnyEmbedder
    learned : Whitening or Codebook
    """

    def __init__(self, base: AnyEmbedder, learned: Whitening | Codebook) -> None:
        self._base, self.learned = base, learned
        self.threads, self.decode_side = base.threads, base.decode_side
        self.cache_key, self.raw_dim, self.file = base.cache_key, base.raw_dim, base.file
        from placeprint.embedding.vlad import Codebook

        kind = base.spec.learned or ("vlad" if isinstance(learned, Codebook) else "whitening")
        self.spec = dataclasses.replace(base.spec, dim=learned.dim, learned=kind, learned_sha256=learned.sha256)

    def look(self, image: Image) -> Description:
        """Return what the base model sees, which is what a cache keeps."""
        return self._base.look(image)

    def describe(self, image: ImageInput) -> Description:
        """Return the embedding and the parts of one image, as `placeprint.Embedder.describe`."""
        seen = self.look(prepare_image(image, min_side=self.decode_side))
        parts = {name: Ragged.of([part]) for name, part in seen.parts.items()}
        return Description(self.finish(seen.vector[None], parts)[0], seen.parts)

    def coarser(self, cells: int) -> LearnedEmbedder:
        """Return the same model, for looks at fewer pixels that keep so many cells."""
        return LearnedEmbedder(self._base.coarser(cells), self.learned)

    def finish(self, vectors: Vectors, parts: Mapping[str, Ragged]) -> Vectors:
        """Return the embeddings for what the base model saw.

        Parameters
        ----------
        vectors : ndarray of float32, shape (n, raw_dim)
        parts : mapping of str to Ragged
            Of n images.
        """
        from placeprint.embedding.vlad import Codebook, aggregate

        if not isinstance(self.learned, Codebook):
            return self.learned.apply(vectors)
        rows = [aggregate(keypoints[:, 0], self.learned) for keypoints in parts["keypoints"]]
        return np.stack(rows) if rows else np.empty((0, self.learned.dim), np.float32)


def needs_learning(base: AnyEmbedder, whiten: str) -> bool:
    """Return whether `learn` would learn something, and so needs all images first."""
    return bool(whiten) or isinstance(base, KeypointEmbedder)


def learn(
    base: AnyEmbedder, whiten: str, vectors: Vectors, parts: Mapping[str, Ragged], labels: Sequence[str]
) -> AnyEmbedder:
    """Learn from a gallery what its model needs or the preset asks for; where that is nothing, return `base`.

    Parameters
    ----------
    base : AnyEmbedder
    whiten : str
        See `placeprint.presets.WHITENINGS`.
    vectors, parts
        Of the gallery's images, as the base model saw them.
    labels : sequence of str
        Their places.
    """
    if isinstance(base, KeypointEmbedder):
        from placeprint.embedding.vlad import learn_codebook

        return LearnedEmbedder(base, learn_codebook(keypoints[:, 0] for keypoints in parts["keypoints"]))
    if whiten:
        from placeprint.embedding.whitening import learn_whitening

        return LearnedEmbedder(base, learn_whitening(whiten, vectors, labels))
    return base


def arrays_of(embedder: AnyEmbedder) -> dict[str, NDArray[Any]]:
    """Return what was learned, to be kept in the gallery; empty where nothing was."""
    return embedder.learned.to_arrays() if isinstance(embedder, LearnedEmbedder) else {}


def with_learned(base: AnyEmbedder, arrays: Arrays) -> AnyEmbedder:
    """Return the model of a gallery from its base and what the gallery keeps."""
    if not arrays:
        return base
    from placeprint.embedding.vlad import Codebook
    from placeprint.embedding.whitening import Whitening

    return LearnedEmbedder(base, (Codebook if "centres" in arrays else Whitening).from_arrays(arrays))
