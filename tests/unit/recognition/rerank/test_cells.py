"""Where two maps agree: shifted, scaled, blank, unrelated; and the vote against one that is written out."""

import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from placeprint.embedding.preprocess import cells_of
from placeprint.recognition.rerank import cells as agreement
from placeprint.recognition.rerank.cells import NEAR, SCALES, lines, votes

Cells = NDArray[np.int8]


def noise(seed: int, height: int, width: int, depth: int = 64) -> Cells:
    """Return a map in which no two cells are alike."""
    return cells_of(np.random.default_rng(seed).normal(size=(depth, height, width)).astype(np.float32))


def scene(seed: int, height: int, width: int, *, zoom: float = 1.0, down: float = 0.0, right: float = 0.0) -> Cells:
    """Return a look at a smooth world: neighbouring cells are alike, as in a photograph."""
    rng = np.random.default_rng(seed)
    waves, phases = rng.normal(0, 0.5, (64, 2)), rng.uniform(0, 2 * math.pi, 64)
    y, x = np.mgrid[:height, :width] / zoom
    angle = waves[:, 0, None, None] * (y + down) + waves[:, 1, None, None] * (x + right) + phases[:, None, None]
    return cells_of(np.cos(angle).astype(np.float32))


def spelled_out(query: Cells, candidate: Cells) -> float:
    """Return the vote of `votes`, cell by cell and match by match."""
    ours = [(y, x) for y in range(query.shape[0]) for x in range(query.shape[1])]
    theirs = [(y, x) for y in range(candidate.shape[0]) for x in range(candidate.shape[1])]
    alike = [[int(query[a].astype(int) @ candidate[b].astype(int)) for b in theirs] for a in ours]
    matches = {}
    for i, row in enumerate(alike):
        j = row.index(max(row))
        if row[j] == max(other[j] for other in alike) and j not in matches:
            matches[j] = (ours[i], theirs[j], max(row[j], 0) / 254**2)
    best = 0.0
    for scale in (1.0, 2 ** (1 / 3), 2 ** (-1 / 3), 2 ** (2 / 3), 2 ** (-2 / 3)):
        moves = [
            (
                np.float32(b[0]) - np.float32(a[0]) * np.float32(scale),
                np.float32(b[1]) - np.float32(a[1]) * np.float32(scale),
                w,
            )
            for a, b, w in matches.values()
        ]
        for down, right, _ in moves:
            best = max(best, sum(w for d, r, w in moves if (d - down) ** 2 + (r - right) ** 2 <= 4))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shapes", [((5, 6), (5, 6)), ((3, 9), (6, 4)), ((1, 7), (7, 1)), ((1, 1), (4, 4))])
def test_the_vote_is_the_one_that_is_written_out(seed: int, shapes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    for make in (noise, scene):
        query, candidate = make(seed, *shapes[0]), make(seed + 100 * (make is noise), *shapes[1])
        assert votes(query, [candidate])[0] == pytest.approx(spelled_out(query, candidate), rel=1e-5)


def test_a_map_agrees_with_all_of_itself() -> None:
    own = noise(0, 9, 11)
    assert votes(own, [own])[0] == pytest.approx(99, rel=0.02)


def test_a_shifted_map_agrees_where_both_show_the_same() -> None:
    world = noise(1, 20, 24)
    query, moved, other = world[:14, :16], world[3:17, 4:20], noise(2, 14, 16)
    shared = 11 * 12
    found, unrelated = votes(query, [moved, other])
    assert shared * 0.98 <= found <= shared * 1.1
    assert unrelated < found / 10


def test_the_lines_of_a_shift_have_the_right_ends() -> None:
    world = noise(1, 20, 24)
    found = lines(world[:14, :16], world[3:17, 4:20])
    ends = found.ends * np.array([16, 14, 16, 14]) - 0.5
    assert found.ends.dtype == found.weights.dtype == np.float32
    assert len(found) == len(found.ends) >= 11 * 12
    assert 0 < found.ends.min() <= found.ends.max() < 1
    assert (np.diff(found.weights) <= 0).all()
    sure = found.weights > 0.9
    assert sure.sum() == 11 * 12
    np.testing.assert_allclose(ends[sure, 2:] - ends[sure, :2], [[-4, -3]] * (11 * 12), atol=1e-4)


def test_lines_know_left_from_top_where_the_shapes_differ() -> None:
    wide = noise(3, 4, 10)
    found = lines(wide, np.ascontiguousarray(wide[:, 6:]))
    sure = found.ends[found.weights > 0.9]
    assert len(sure) == 16
    np.testing.assert_allclose(sure[:, 0] * 10 - 6, sure[:, 2] * 4, atol=1e-4)
    np.testing.assert_allclose(sure[:, 1], sure[:, 3], atol=1e-6)


@pytest.mark.parametrize("zoom", [2 ** (1 / 3), 2 ** (-1 / 3), 2 ** (2 / 3), 2 ** (-2 / 3)])
def test_a_larger_or_smaller_look_agrees_at_its_own_scale(zoom: float, monkeypatch: pytest.MonkeyPatch) -> None:
    query, scaled, elsewhere = scene(4, 14, 18), scene(4, 14, 18, zoom=zoom), scene(5, 14, 18)
    found, unrelated = votes(query, [scaled, elsewhere])
    assert found > 30 * unrelated
    found_lines = lines(query, scaled)
    ends = found_lines.ends * np.array([18, 14, 18, 14]) - 0.5
    assert np.abs(ends[:, 2:] - zoom * ends[:, :2]).max() <= 2 * NEAR
    assert found_lines.weights.sum() == pytest.approx(found, rel=1e-5)
    monkeypatch.setattr(agreement, "SCALES", (1.0,))
    assert votes(query, [scaled])[0] < 0.9 * found


def test_blank_cells_agree_with_nothing() -> None:
    blank, full = np.zeros((6, 7, 64), np.int8), noise(6, 6, 7)
    assert votes(blank, [full, blank]).tolist() == [0, 0]
    assert votes(full, [blank]).tolist() == [0]
    assert lines(blank, full).weights.sum() == 0


def test_a_wall_of_equal_cells_counts_once() -> None:
    wall = np.tile(noise(7, 1, 1), (6, 7, 1))
    own = float((wall[0, 0].astype(int) ** 2).sum()) / 254**2
    np.testing.assert_allclose(votes(wall, [wall]), [own], rtol=1e-5)
    np.testing.assert_allclose(votes(noise(7, 1, 1), [wall]), [own], rtol=1e-5)


def test_one_cell_against_one_cell() -> None:
    one = noise(8, 1, 1)
    own = float((one.astype(int) ** 2).sum()) / 254**2
    np.testing.assert_allclose(votes(one, [one, -one]), [own, 0], rtol=1e-5)
    np.testing.assert_allclose(lines(one, one).ends, [[0.5, 0.5, 0.5, 0.5]])
    assert lines(one, -one).weights.tolist() == [0]


@pytest.mark.parametrize("seed", range(4))
def test_it_hardly_matters_which_of_two_is_the_query(seed: int) -> None:
    one = scene(seed, 12, 16)
    for other in (scene(seed, 16, 12, down=2, right=3), scene(seed, 12, 16, zoom=SCALES[1]), scene(seed + 50, 12, 16)):
        assert votes(one, [other])[0] == pytest.approx(votes(other, [one])[0], rel=0.02, abs=1.5)
    still, moved = noise(seed, 9, 9), np.roll(noise(seed, 9, 9), 2, axis=1)
    assert votes(still, [moved])[0] == pytest.approx(votes(moved, [still])[0], rel=1e-5)


def test_each_candidate_counts_for_itself_and_in_order() -> None:
    query, many = noise(0, 6, 6), [noise(i, 6 + i % 3, 7) for i in range(5)]
    together = votes(query, iter(many))
    assert together.dtype == np.float64
    np.testing.assert_array_equal(together, [votes(query, [one])[0] for one in many])
    assert votes(query, []).shape == (0,)


def test_nothing_is_begun_after_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    query = noise(0, 4, 4)
    assert votes(query, [query] * 3, until=time.perf_counter() - 1).shape == (0,)
    clock = iter(range(100))
    monkeypatch.setattr(agreement.time, "perf_counter", lambda: float(next(clock)))
    assert len(votes(query, [query] * 9, until=3.5)) == 4
