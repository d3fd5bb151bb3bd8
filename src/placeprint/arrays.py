"""Types of arrays, each with one meaning everywhere: what the numbers are, and how exactly they are kept.

Shapes are in the docstrings of what takes or returns them. Where no name fits, `numpy.typing.NDArray` says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Embeddings and descriptors: one of shape (dim,) or many of shape (n, dim), of length 1 unless said otherwise."""
Scores = NDArray[np.float32]
"""How alike queries and images are, as search and ranking return it."""
Maps = NDArray[np.float32]
"""What a network takes and gives: normalised images (n, 3, height, width), feature maps (channels, rows, columns)."""
Floats = NDArray[np.float64]
"""Measurements, statistics and sums: whatever is computed in 64 bit."""
Rows = NDArray[np.int64]
"""Positions: of images in a gallery, a dataset or a pool."""
Numbers = NDArray[np.int64]
"""Other whole numbers: counts, ranks, numbers of places, keys."""
Flags = NDArray[np.bool_]
"""Yes or no, one for each."""
Pixels = NDArray[np.uint8]
"""Images: (height, width) or (height, width, 3)."""
Cells = NDArray[np.int8]
"""Local features of a feature map: see `placeprint.embedding.preprocess.cells_of`."""
Packed = NDArray[np.uint8]
"""Local features of one image with their descriptors: see `placeprint.embedding.xfeat.extract`."""
Arrays = Mapping[str, NDArray[Any]]
"""Arrays by name."""
Parts = Arrays
"""The parts of one image by name (``cells``, ``xfeat``), each of shape (height, width, depth)."""
