"""Models with a whitening behind them that was learned from the gallery."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from placeprint.arrays import Arrays, Vectors
from placeprint.dataset.query_image import prepare_image
from placeprint.embedding.embedder import AnyEmbedder, Description
from placeprint.embedding.whitening import Whitening, learn_whitening

if TYPE_CHECKING:
    from PIL.Image import Image

    from placeprint.dataset.query_image import ImageInput


class LearnedEmbedder:
    """A model with what was learned behind it; the interface is that of `placeprint.Embedder`."""

    def __init__(self, base: AnyEmbedder, learned: Whitening) -> None:
        self._base, self.learned = base, learned
        self.threads, self.decode_side = base.threads, base.decode_side
        self.cache_key, self.raw_dim, self.file = base.cache_key, base.raw_dim, base.file
        kind = base.spec.learned or "whitening"
        self.spec = dataclasses.replace(base.spec, dim=learned.dim, learned=kind, learned_sha256=learned.sha256)

    def look(self, image: Image) -> Description:
        """Return what the base model sees, which is what a cache keeps."""
        return self._base.look(image)

    def describe(self, image: ImageInput) -> Description:
        """Return the embedding and the parts of one image, as `placeprint.Embedder.describe`."""
        seen = self.look(prepare_image(image, min_side=self.decode_side))
        return Description(self.finish(seen.vector[None])[0], seen.parts)

    def coarser(self, cells: int) -> LearnedEmbedder:
        """Return the same model, for looks at fewer pixels that keep so many cells."""
        return LearnedEmbedder(self._base.coarser(cells), self.learned)

    def finish(self, vectors: Vectors) -> Vectors:
        """Return the embeddings for what the base model saw.

        `vectors`: shape (n, raw_dim).
        """
        return self.learned.apply(vectors)


def learn(base: AnyEmbedder, whiten: str, vectors: Vectors, labels: Sequence[str]) -> AnyEmbedder:
    """Learn from a gallery what the preset asks for; where that is nothing, return `base`.

    `whiten`: See `placeprint.presets.WHITENINGS`.
    `vectors`, shape (n, raw_dim): Of the gallery's images, as the base model saw them.
    `labels`: Their places.
    """
    return LearnedEmbedder(base, learn_whitening(whiten, vectors, labels)) if whiten else base


def arrays_of(embedder: AnyEmbedder) -> dict[str, NDArray[Any]]:
    """Return what was learned, to be kept in the gallery; empty where nothing was."""
    return embedder.learned.to_arrays() if isinstance(embedder, LearnedEmbedder) else {}


def with_learned(base: AnyEmbedder, arrays: Arrays) -> AnyEmbedder:
    """Return the model of a gallery from its base and what the gallery keeps."""
    return LearnedEmbedder(base, Whitening.from_arrays(arrays)) if arrays else base
