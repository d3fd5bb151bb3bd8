"""Duplicates against brute force, and what a pair says about splits and places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from placeprint.dataset.checks import duplicates, hamming
from placeprint.dataset.checks.duplicates import DuplicatePairs, Exact, Relation, find_duplicates
from placeprint.dataset.checks.hamming import near_pairs
from placeprint.errors import UsageError, VectorError
from placeprint.records import ImageRecord, Split

GALLERY, QUERY, NONE = Split.GALLERY, Split.QUERY, Split.NONE


def brute(hashes: Sequence[int], distance: int) -> list[tuple[int, int, int]]:
    found = []
    for i, one in enumerate(hashes):
        for j in range(i + 1, len(hashes)):
            bits = (one ^ hashes[j]).bit_count()
            if bits <= distance:
                found.append((i, j, bits))
    return found


def listed(columns: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]) -> list[tuple[int, int, int]]:
    return list(zip(*(c.tolist() for c in columns), strict=True))


def column(values: Sequence[int]) -> NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Hashes near each other: random ones of 64 bits never are."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    hashes = []
    for _ in range(draw(st.integers(0, 30))):
        value = draw(st.sampled_from(centres))
        for bit in draw(st.lists(st.integers(0, 63), max_size=9)):
            value ^= 1 << bit
        hashes.append(value)
    return hashes


@given(hashes=clustered(), distance=st.sampled_from([0, 1, 2, 3, 5, 8, 12, 13, 20, 64]))
@example(hashes=[0, 0, 2**64 - 1], distance=64)
@example(hashes=[0, 1 << 63, 1], distance=1)
@settings(max_examples=200)
def test_near_pairs_are_those_of_brute_force(hashes: list[int], distance: int) -> None:
    values = column(hashes)
    found, used = near_pairs(values, distance)
    assert used == distance
    assert listed(found) == brute(hashes, distance)
    np.testing.assert_array_equal(values, column(hashes))


@given(hashes=clustered(), distance=st.sampled_from([4, 13]), block=st.integers(1, 20))
@settings(max_examples=60)
def test_the_size_of_a_block_changes_nothing(hashes: list[int], distance: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "BLOCK_PAIRS", block)
        found, _ = near_pairs(column(hashes), distance)
    assert listed(found) == brute(hashes, distance)


@given(hashes=clustered(), limit=st.integers(0, 40))
@settings(max_examples=60)
def test_a_limit_lowers_the_distance_and_keeps_all_pairs_up_to_it(hashes: list[int], limit: int) -> None:
    found, used = near_pairs(column(hashes), 5, limit=limit)
    fitting = [d for d in range(6) if len(brute(hashes, d)) <= limit]
    assert used == max(fitting, default=-1)
    assert listed(found) == brute(hashes, used)


def test_a_hundred_thousand_hashes_with_planted_pairs() -> None:
    rng = np.random.default_rng(7)
    hashes = rng.integers(0, 2**64, size=100_000, dtype=np.uint64)
    wanted = []
    for k in range(50):
        bits = sum(1 << int(b) for b in rng.choice(64, size=k % 6, replace=False))
        hashes[90_000 + k] = hashes[k] ^ np.uint64(bits)
        wanted.append((k, 90_000 + k, k % 6))
    found, _ = near_pairs(hashes, 5)
    got = listed(found)
    assert set(wanted) <= set(got)
    # Two random hashes are within 5 bits by a chance of 4.5e-13: 0.002 pairs are expected here.
    assert len(got) == len(wanted)


@pytest.mark.parametrize("distance", [-1, 65])
def test_an_impossible_distance_is_refused(distance: int) -> None:
    with pytest.raises(UsageError, match="0 to 64"):
        near_pairs(column([1, 2]), distance)


@pytest.mark.parametrize("hashes", [np.zeros(3, np.int64), np.zeros((2, 2), np.uint64)])
def test_other_columns_are_refused(hashes: NDArray[np.uint64]) -> None:
    with pytest.raises(VectorError, match="uint64"):
        near_pairs(hashes, 5)


Image = tuple[Split, tuple[str, ...], str, str, int]


def find(images: Sequence[Image], *, distance: int = 5, blank: Sequence[int] = ()) -> DuplicatePairs:
    """Find duplicates among images given as split, places, bytes, pixels, dhash."""
    records = [
        ImageRecord(path=f"{i}.jpg", split=s, places=p, content_hash=c) for i, (s, p, c, _, _) in enumerate(images)
    ]
    flags = np.zeros(len(images), dtype=np.bool_)
    flags[list(blank)] = True
    hashes = column([h for *_, h in images])
    return find_duplicates(records, [x for *_, x, _ in images], dhashes=hashes, blank=flags, distance=distance)


def rows(pairs: DuplicatePairs) -> list[tuple[int, int, int, str, str]]:
    columns = (pairs.first, pairs.second, pairs.distance, pairs.exact, pairs.relation)
    return [
        (f, s, d, Exact(e).label, Relation(r).label)
        for f, s, d, e, r in zip(*(c.tolist() for c in columns), strict=True)
    ]


def test_each_pair_says_how_and_where() -> None:
    images: list[Image] = [
        (GALLERY, ("A",), "aa", "p1", 0),
        (GALLERY, ("A",), "aa", "p1", 0),  # same bytes
        (QUERY, ("A",), "bb", "p1", 0),  # same pixels, other bytes
        (QUERY, ("B",), "cc", "p2", 0b111),  # near
        (GALLERY, ("C",), "dd", "p3", 2**64 - 1),  # far from all
    ]
    assert rows(find(images)) == [
        (0, 1, 0, "bytes", "inside-gallery"),
        (0, 2, 0, "pixels", "across-same-place"),
        (1, 2, 0, "pixels", "across-same-place"),
        (0, 3, 3, "none", "across-different-places"),
        (1, 3, 3, "none", "across-different-places"),
        (2, 3, 3, "none", "inside-query-different-places"),
    ]


@pytest.mark.parametrize(
    ("one", "two", "relation"),
    [
        ((GALLERY, ("A",)), (GALLERY, ("A",)), "inside-gallery"),
        ((NONE, ("A",)), (GALLERY, ("A",)), "inside-gallery"),
        ((QUERY, ("A",)), (QUERY, ("A",)), "inside-query"),
        ((QUERY, ("A",)), (GALLERY, ("A",)), "across-same-place"),
        ((QUERY, ("A",)), (NONE, ("A",)), "across-same-place"),
        ((QUERY, ("A", "B")), (GALLERY, ("B", "C")), "across-same-place"),
        ((QUERY, ()), (GALLERY, ("A",)), "across-same-place"),
        ((QUERY, ("A", "B")), (GALLERY, ("C",)), "across-different-places"),
        ((GALLERY, ("A",)), (NONE, ("B",)), "inside-gallery-different-places"),
        ((QUERY, ("A",)), (QUERY, ("B",)), "inside-query-different-places"),
    ],
)
def test_relations(one: tuple[Split, tuple[str, ...]], two: tuple[Split, tuple[str, ...]], relation: str) -> None:
    for first, second in ((one, two), (two, one)):
        images = [(*first, "a", "p", 1), (*second, "b", "q", 3)]
        assert rows(find(images)) == [(0, 1, 1, "none", relation)]
    parsed = Relation[relation.upper().replace("-", "_")]
    assert parsed.across == ("across" in relation)
    assert parsed.different_places == ("different" in relation)


def test_a_lower_distance_needs_no_second_run() -> None:
    rng = np.random.default_rng(3)
    images: list[Image] = [(GALLERY, ("A",), f"{i}", f"{i}", int(rng.integers(0, 2**12))) for i in range(60)]
    images += [(QUERY, ("B",), "0", "0", images[0][4]), (QUERY, ("B",), "x", "1", images[1][4])]
    wide = find(images, distance=5)
    for distance in range(6):
        assert rows(wide.within(distance)) == rows(find(images, distance=distance))
        assert wide.within(distance).hamming == distance
    assert rows(wide.within(9)) == rows(wide)


def test_blank_images_have_exact_duplicates_only() -> None:
    images: list[Image] = [(GALLERY, ("A",), f"{i}", "white" if i < 2 else f"p{i}", 0) for i in range(4)]
    assert rows(find(images, blank=[0, 1, 2])) == [(0, 1, 0, "pixels", "inside-gallery")]
    assert [r[:2] for r in rows(find(images))] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_a_big_group_of_equal_images_is_a_star() -> None:
    size = duplicates.MAX_GROUP + 1
    images: list[Image] = [(GALLERY, ("A",), "same", "same", 5)] * size
    assert [r[:4] for r in rows(find(images))] == [(0, i, 0, "bytes") for i in range(1, size)]
    pairs = find(images[:-1])
    assert len(pairs) == (size - 1) * (size - 2) // 2


def test_ten_thousand_equal_frames_cost_ten_thousand_pairs() -> None:
    images: list[Image] = [(GALLERY, ("A",), f"{i}", f"{i}", 5) for i in range(10_000)] + [(QUERY, ("B",), "q", "q", 4)]
    pairs = find(images)
    wanted = {(0, i) for i in range(1, 10_000)} | {(i, 10_000) for i in range(10_000)}
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == wanted
    assert len(pairs) == len(wanted)
    across = pairs.second == 10_000
    assert set(pairs.distance[across].tolist()) == {1}
    assert set(pairs.relation[across].tolist()) == {Relation.ACROSS_DIFFERENT_PLACES}


def test_two_big_groups_side_by_side() -> None:
    size = 40
    images: list[Image] = [(GALLERY, ("A",), f"{i}", f"{i}", 5 if i < size else 4) for i in range(2 * size)]
    pairs = find(images)
    near = {(int(f), int(s)) for f, s, d in zip(pairs.first, pairs.second, pairs.distance, strict=True) if d == 1}
    assert near == {(0, i) for i in range(size, 2 * size)} | {(i, size) for i in range(size)}


def test_too_many_pairs_lower_the_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    images: list[Image] = [(GALLERY, ("A",), f"{i}", f"{i}", 1 << i) for i in range(10)]  # all 2 bits apart
    images.append((GALLERY, ("A",), "x", "x", 3))  # 1 bit from the first two, 3 from the others
    assert find(images).hamming == 5
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 20)
    pairs = find(images)
    assert pairs.hamming == 1
    assert [r[:3] for r in rows(pairs)] == [(0, 10, 1), (1, 10, 1)]


def test_many_members_lower_the_distance_too(monkeypatch: pytest.MonkeyPatch) -> None:
    images: list[Image] = [(GALLERY, ("A",), f"{i}", f"{i}", (0, 1, 7)[i % 3]) for i in range(30)]
    monkeypatch.setattr(duplicates, "MAX_PAIRS", 150)  # 10x10 pairs at distance 1, at 2 and at 3
    pairs = find(images)
    assert pairs.hamming == 1
    assert np.bincount(pairs.distance).tolist() == [3 * 45, 100]


def test_nothing_to_pair() -> None:
    for images in ([], [(GALLERY, ("A",), "a", "a", 1)]):
        pairs = find(images)
        assert rows(pairs) == []
        assert rows(pairs.within(2)) == []
