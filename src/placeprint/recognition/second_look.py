"""Looks again at an image whose first look did not tell its place: turned, without lettering, from farther away.

An image whose place was told is looked at once, and its answer stays as it is. Of the others, one that seems to lie on
its side (the cells of the first look say so) is turned, and lettering is filled in where there is much. What is UNKNOWN
even then may be a small part of what the gallery shows: it is looked at with fewer pixels, so that things are as large
in it as there. The surest answer is taken. The look from farther away comes to every image that is UNKNOWN: were it to
accept places, there would be two chances of a false accept. So it only ranks them better, and gives no position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Parts, Vectors
from placeprint.dataset.query_image import prepare_image
from placeprint.embedding.embedder import AnyEmbedder, Description
from placeprint.embedding.lettering import without_lettering
from placeprint.embedding.upright import TURNS, upright_head
from placeprint.gallery.filters import Selection
from placeprint.gallery.protocol import Nearby
from placeprint.options import DecisionOptions
from placeprint.recognition.combined_answer import sureness
from placeprint.recognition.decision.rules import LIKELY
from placeprint.records import Answer, Grade

if TYPE_CHECKING:
    from PIL.Image import Image

    from placeprint.dataset.query_image import ImageInput

UPRIGHT = 0.5
"""Probability of standing upright below which an image is looked at again."""
WORTH = 0.1
"""Probability of another turn below which nobody looks at it."""
MOST = 2
"""Other turns that are looked at, at most."""
CELLS = 96
"""Of the look from farther away."""


class Answers(Protocol):
    """What answers an embedding: a `placeprint.Recognizer`."""

    @property
    def embedder(self) -> AnyEmbedder:
        """The model."""

    def answer_within(
        self,
        vector: Vectors,
        *,
        k: int = 5,
        parts: Parts | None = None,
        only: Selection | None = None,
        decision: DecisionOptions | None = None,
    ) -> tuple[Answer, Nearby | None]:
        """Answer one embedding, and return the part of the gallery that was asked, None for the whole."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as it was looked at, and the answer to that."""

    description: Description
    answer: Answer  # Its rows are those of `near`, where there is one.
    near: Nearby | None  # The part of the gallery that was asked; None for the whole.
    turned: int = 0  # Degrees with the clock by which the image was turned before the look.


Ask = Callable[..., tuple[Answer, "Nearby | None"]]
"""Answers an embedding and its parts."""


def seen(
    recognizer: Answers,
    photo: ImageInput,
    *,
    k: int = 5,
    only: Selection | None = None,
    decision: DecisionOptions | None = None,
) -> Seen:
    """Look at an image, again where that is worth it, and answer it.

    `photo`, `k`, `only`: As in `placeprint.Recognizer.recognize`.
    `decision`: When a place is accepted this time, instead of the recognizer's own.
    Raises `ImageError` or `UsageError` as `placeprint.Recognizer.recognize` does.
    """
    embedder, ask = recognizer.embedder, partial(recognizer.answer_within, k=k, only=only, decision=decision)
    if not embedder.spec.cells:
        return _look(embedder, ask, photo)
    image = prepare_image(photo, min_side=embedder.decode_side)
    best = first = _look(embedder, ask, image)
    if not doubtful(first.answer):
        return first
    head = upright_head(embedder.spec)
    if head is not None:
        for turn in likely_turns(head.probabilities(first.description.parts["cells"])):
            turned = _look(embedder, ask, image.rotate(-turn, expand=True))
            note = f"; the photo was turned by {turn}° to stand upright"
            best = _surer(best, replace(turned, turned=turn), note)
    if doubtful(best.answer) and (bare := without_lettering(image)) is not None:
        best = _surer(best, _look(embedder, ask, bare), "; bright lettering over the photo was filled in")
    if best.answer.place is None and not best.turned and embedder.spec.views == ("whole",):
        best = _surer(best, _from_farther(embedder, ask, image, first))
    return best


def likely_turns(probabilities: NDArray[np.float64]) -> tuple[int, ...]:
    """Return by how many degrees with the clock an image may have to be turned, the likeliest first.

    `probabilities`, shape (4,): See `placeprint.embedding.upright.UprightHead.probabilities`.
    """
    if probabilities[0] >= UPRIGHT:
        return ()
    order = np.argsort(-probabilities[1:], kind="stable")[:MOST] + 1
    return tuple(TURNS[way] for number, way in enumerate(order.tolist()) if not number or probabilities[way] >= WORTH)


def turned_back(ends: NDArray[np.float32], turned: int) -> NDArray[np.float32]:
    """Return where the spots of a look lie in the image itself.

    `ends`, shape (n, 4): See `placeprint.recognition.rerank.cells.Lines`: x and y in the look come first.
    `turned`: See `Seen`.
    """
    x, y = ends[:, 0], ends[:, 1]
    back = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[turned]
    return np.column_stack([*back, ends[:, 2:]])


def _look(embedder: AnyEmbedder, ask: Ask, image: ImageInput) -> Seen:
    found = embedder.describe(image)
    answer, near = ask(found.vector, parts=found.parts)
    return Seen(found, answer, near)


def _from_farther(embedder: AnyEmbedder, ask: Ask, image: Image, first: Seen) -> Seen:
    """Look with fewer pixels; the embedding is the mean of that and of the first look's."""
    found = embedder.coarser(CELLS).describe(image)
    both = found.vector.astype(np.float64) + first.description.vector
    vector = (both / np.linalg.norm(both)).astype(np.float32)
    answer, near = ask(vector, parts=found.parts)
    note = "; the photo was looked at from farther away"
    if answer.place is not None:
        note = ", but only from farther away, which makes it no more than likely"
        improbable = answer.probability is not None and answer.probability < LIKELY
        answer = replace(answer, place=None, grade=Grade.UNKNOWN if improbable else Grade.LIKELY)
    answer = replace(answer, why=answer.why + note, position=first.answer.position)
    return Seen(Description(vector, found.parts), answer, near)


def _surer(best: Seen, other: Seen, note: str = "") -> Seen:
    """Return the surer of two looks; what was done for the other is told with its answer."""
    if sureness(other.answer) <= sureness(best.answer):
        return best
    return replace(other, answer=replace(other.answer, why=other.answer.why + note))


def doubtful(answer: Answer) -> bool:
    """Return whether an answer is UNKNOWN, or nothing decided about it."""
    decided = (answer.probability_threshold, answer.threshold, answer.margin_threshold)
    return answer.place is None or all(limit is None for limit in decided)
