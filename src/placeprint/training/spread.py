"""Keeps cosines of a trained model as spread as those of its base, so that what presets add to them keeps its weight.

Training pushes places apart: the cosines of images of different places become more spread, on places of other cities
too, where they are no better for it. The evidence that a preset adds to a cosine is weighed for the base's cosines and
would count for less. A constant behind every vector takes the spread back, and changes no order.
"""

from __future__ import annotations

import math

import numpy as np

from placeprint.arrays import Numbers, Vectors

LEAST_GROWTH = 0.01
"""Of a spread, below which it stays as it is: the base itself, kept, has a growth of rounding."""


def spread(vectors: Vectors, labels: Numbers) -> float:
    """Return how much an image's cosines to images of other places vary: the mean of their standard deviations.

    `vectors`, shape (n, dim): Unit vectors.
    `labels`, shape (n,): Numbers of their places, two at least.
    """
    lines = (vectors[labels != label] @ vector for vector, label in zip(vectors, labels, strict=True))
    return float(np.mean([line.std(dtype=np.float64) for line in lines]))


def constant_for(before: Vectors, after: Vectors, labels: Numbers) -> float:
    """Return the number that, put behind every vector of a trained model, leaves the spread as it was; 0 for none.

    With c behind both, a cosine s becomes (s + c²) / (1 + c²). A spread that became smaller stays as it is.

    `before`, `after`, shape (n, dim): Unit vectors of images that did not train, by the base and by the trained model.
    `labels`, shape (n,): Numbers of their places.
    """
    growth = spread(after, labels) / max(spread(before, labels), 1e-9) - 1
    return math.sqrt(growth) if growth > LEAST_GROWTH else 0.0


def with_constant(vectors: Vectors, constant: float) -> Vectors:
    """Return unit vectors with a constant behind vectors of any length; without one they are only brought to length 1.

    `vectors`: shape (n, dim).
    `constant`: 0 puts nothing behind.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if constant:
        unit = np.pad(unit, ((0, 0), (0, 1)), constant_values=constant) / math.sqrt(1 + constant**2)
    return np.asarray(unit, np.float32)
