"""Learns, from a gallery's own vectors, how the approximate index writes them down.

A vector is turned at random (and shortened by PCA where it is long), so that all its numbers matter alike; pairs of
numbers are written in 4 bits each (Jégou et al. 2011, Product quantization; André et al. 2017, Quicker ADC, for the
order in memory that FAISS calls fast scan). Vectors are kept in lists around centroids, and the centroids are found
by the same codes. Nothing here holds more than some thousand vectors at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placeprint.gallery.index.base import Vectors

Doubles = NDArray[np.float64]

SHORT, LONG, KEPT = 256, 512, 0.95
"""Dimensions from which vectors are shortened, to which at most, and the energy that should stay."""

PER_LIST, MOST_LISTS = 64, 1 << 16
"""Vectors a list on average."""

SAMPLE, ROUNDS, PER_CENTROID = 16_384, 5, 16
"""Vectors that codes are learned from; rounds of k-means and new vectors a centroid in each."""

BLOCK = 4096
"""Vectors in memory at once."""

SEED = 5


def lists_for(rows: int) -> int:
    """Return how many lists serve so many rows: a power of two."""
    return int(min(MOST_LISTS, 1 << max(0, round(np.log2(max(rows, 1) / PER_LIST)))))


def learned_index(vectors: Vectors, step: Callable[[int], object] = int) -> Any:
    """Return an empty FAISS index, `IndexPreTransform` over `IndexIVFPQFastScan`, that fits these vectors.

    `step`: Is told how many vectors were looked at, and in the end of those that need no look.
    """
    import faiss

    rng = np.random.default_rng(SEED)
    some = sampled(vectors, rng, SAMPLE)
    turn = turning(some, rng)
    width, lists = len(turn), lists_for(len(vectors))
    codes = _codes(some @ turn.T)
    del some  # as large as all centroids, which come next
    coarse = faiss.IndexRefineFlat(codes)
    coarse.k_factor = 32.0
    coarse.add(_centroids(vectors, turn, coarse, rng, step))
    index = faiss.IndexIVFPQFastScan(coarse, width, lists, width // 2, 4, faiss.METRIC_INNER_PRODUCT, 32)
    index.by_residual = False
    index.pq, index.is_trained = codes.pq, True  # what a centroid is written with serves its vectors too
    return _turned_first(turn, index)


def _codes(turned: Vectors) -> Any:
    import faiss

    index = faiss.IndexPQFastScan(turned.shape[1], turned.shape[1] // 2, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1  # or it warns on stderr
    with threads(1):  # a k-means of 16 centroids is too small to share: on a busy machine it took 10 times as long
        index.train(turned)
    return index


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let FAISS use so many cores for what this thread asks of it; 0 for as many as before."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _turned_first(turn: Vectors, index: Any) -> Any:
    import faiss

    linear = faiss.LinearTransform(turn.shape[1], turn.shape[0], False)
    faiss.copy_array_to_vector(np.ascontiguousarray(turn).ravel(), linear.A)
    linear.is_trained = True
    whole = faiss.IndexPreTransform(index)
    whole.prepend_transform(linear)
    return whole


def sampled(vectors: Vectors, rng: np.random.Generator, count: int) -> Vectors:
    """Return some rows, each at most once."""
    if count >= len(vectors):
        return np.array(vectors[:])
    return vectors[np.sort(rng.choice(len(vectors), count, replace=False))]


def turning(some: Vectors, rng: np.random.Generator) -> Vectors:
    """Return the matrix that vectors are multiplied with before they are written down.

    Its lines are orthonormal, so inner products stay, except for what shortening leaves out. Their number is even.
    """
    dim = some.shape[1]
    if dim <= SHORT:
        width = dim + dim % 2
        turn = np.zeros((width, dim))
        turn[:, :] = np.linalg.qr(rng.normal(size=(width, width)))[0][:, :dim]
        return turn.astype(np.float32)
    products = np.zeros((dim, dim))
    for i in range(0, len(some), BLOCK):  # in 64 bit the whole sample would be the peak of a large gallery's index
        block = some[i : i + BLOCK].astype(np.float64)
        products += block.T @ block
    energy, axes = np.linalg.eigh(products)
    share = np.cumsum(energy[::-1]) / energy.sum()
    width = int(np.clip(32 * -(-(np.searchsorted(share, KEPT) + 1) // 32), SHORT, min(LONG, dim - dim % 2)))
    spread = np.linalg.qr(rng.normal(size=(width, width)))[0]
    shortened: Vectors = (spread @ axes[:, ::-1][:, :width].T).astype(np.float32)
    return shortened


def _centroids(
    vectors: Vectors, turn: Vectors, coarse: Any, rng: np.random.Generator, step: Callable[[int], object]
) -> Vectors:
    """Return centroids of length 1 by k-means, each round over vectors that it has not seen (Bottou & Bengio 1995).

    New vectors each time instead of the same ones: with as many as would be needed at once, memory would grow with
    the gallery.
    """
    lists = lists_for(len(vectors))
    centroids = sampled(vectors, rng, lists) @ turn.T
    _make_unit(centroids)
    if len(centroids) < lists:
        centroids = np.resize(centroids, (lists, len(turn)))
    order = rng.permutation(len(vectors))
    most = ROUNDS * PER_CENTROID * lists
    for part in np.array_split(order[:most], ROUNDS):
        coarse.reset()
        coarse.add(centroids)
        sums = np.zeros_like(centroids)
        for rows in np.array_split(np.sort(part), -(-len(part) // BLOCK)):
            block = vectors[rows] @ turn.T
            _add_up(sums, coarse.search(block, 1)[1][:, 0], block)
            step(len(rows))
        _make_unit(sums)
        np.copyto(centroids, sums, where=sums.any(axis=1, keepdims=True))
        del sums
    step(len(order[most:]))
    coarse.reset()
    return centroids


def _add_up(sums: Vectors, nearest: NDArray[np.int64], block: Vectors) -> None:
    order = np.argsort(nearest, kind="stable")
    numbers, starts = np.unique(nearest[order], return_index=True)
    sums[numbers] += np.add.reduceat(block[order], starts, axis=0)


def _make_unit(vectors: Vectors) -> None:
    """Divide each row by its length, in place: another copy of all centroids would be a sixth of the index."""
    for i in range(0, len(vectors), BLOCK):
        block = vectors[i : i + BLOCK]
        block /= np.maximum(np.linalg.norm(block, axis=1, keepdims=True), np.float32(1e-12))


def renumber(lists: Any, numbers: NDArray[np.int64]) -> None:
    """Give the rows in all lists their new numbers, in place."""
    import faiss

    for i in range(lists.nlist):
        if size := lists.list_size(i):
            ids = faiss.rev_swig_ptr(lists.get_ids(i), size)
            ids[:] = numbers[ids]


def clear_ends(lists: Any) -> None:
    """Clear what removed rows left in the last block of each list, so that no file keeps it."""
    import faiss

    packer, block = lists.packer, lists.block_size
    for i in range(lists.nlist):
        used = lists.list_size(i) % packer.nvec
        if used:
            size = -(-lists.list_size(i) // packer.nvec) * block
            last = faiss.rev_swig_ptr(lists.get_codes(i), size)[-block:]
            codes = unpacked(packer, last[None])
            codes[used:] = 0
            last[:] = 0
            packer.pack_all(faiss.swig_ptr(codes), faiss.swig_ptr(last))


def unpacked(packer: Any, blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the codes in blocks, shape (n_blocks x codes in each, code_size)."""
    import faiss

    codes = np.empty((len(blocks), packer.nvec, packer.code_size), np.uint8)
    for block, some in zip(blocks, codes, strict=True):
        packer.unpack_all(faiss.swig_ptr(block), faiss.swig_ptr(some))
    return codes.reshape(-1, packer.code_size)


def extend(lists: Any, numbers: NDArray[np.int32], rows: NDArray[np.int64], codes: NDArray[np.uint8]) -> None:
    """Put rows with their codes at the ends of the lists that are named for them, in ascending order."""
    import faiss

    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(numbers)], strict=True):
        number, held = int(numbers[first]), lists.list_size(int(numbers[first]))
        size = held + int(last - first)
        lists.resize(number, size)
        faiss.rev_swig_ptr(lists.get_ids(number), size)[held:] = rows[first:last]
        blocks = faiss.rev_swig_ptr(lists.get_codes(number), -(-size // lists.packer.nvec) * lists.block_size)
        _pack(lists.packer, blocks.reshape(-1, lists.block_size), held, codes[first:last])


def _pack(packer: Any, blocks: NDArray[np.uint8], held: int, codes: NDArray[np.uint8]) -> None:
    """Write codes behind those that the blocks of a list hold."""
    import faiss

    skipped, taken = divmod(held, packer.nvec)
    flat = np.zeros((len(blocks) - skipped, packer.nvec, packer.code_size), np.uint8)
    if taken:
        packer.unpack_all(faiss.swig_ptr(blocks[skipped]), faiss.swig_ptr(flat[0]))
    flat.reshape(-1, packer.code_size)[taken : taken + len(codes)] = codes
    for some, block in zip(flat, blocks[skipped:], strict=True):
        packer.pack_all(faiss.swig_ptr(some), faiss.swig_ptr(block))
