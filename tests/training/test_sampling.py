"""Batches by value: who is near, who comes with whom, and that everyone comes."""

import numpy as np

from placeprint.training.batches import batches, nearest_places

LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4])


def vectors() -> np.ndarray:
    """Places 0 and 2 nearly coincide, as do 1 and 3; place 4 has one photo."""
    angles = np.array([0.0, 0.02, 1.5, 1.52, 0.05, 0.07, 1.56, 1.6, 3.6])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_nearest_places_are_ranked_by_their_most_alike_photos() -> None:
    assert nearest_places(vectors(), LABELS).tolist() == [
        [2, 1, 3, 4],
        [3, 2, 0, 4],
        [0, 1, 3, 4],
        [1, 2, 0, 4],
        [3, 1, 0, 2],
    ]


def test_a_hard_batch_is_a_place_and_the_one_that_it_is_taken_for() -> None:
    near = nearest_places(vectors(), LABELS)
    rng = np.random.default_rng(0)
    found = [set(LABELS[rows].tolist()) for rows in batches(LABELS, rng, places=2, images=2, near=near, hardness=0.5)]
    assert {frozenset(each) for each in found} == {frozenset({0, 2}), frozenset({1, 3})}


def test_without_hardness_neighbours_do_not_matter_and_single_photos_never_come() -> None:
    near = nearest_places(vectors(), LABELS)
    rng = np.random.default_rng(0)
    found = [LABELS[rows] for rows in batches(LABELS, rng, places=2, images=2, near=near, hardness=0)]
    assert all(len(set(each.tolist())) in (1, 2) and np.bincount(each).max() == 2 for each in found)
    assert {0, 1, 2, 3} == set(np.concatenate(found).tolist())
    assert {frozenset(each.tolist()) for each in found} - {frozenset({0, 2}), frozenset({1, 3})}


def test_the_same_seed_gives_the_same_batches_and_no_photo_comes_twice_in_one() -> None:
    labels = np.repeat(np.arange(12), 5)
    rng = np.random.default_rng(3)
    near = nearest_places(rng.normal(size=(60, 8)).astype(np.float32), labels)
    runs = [
        [
            rows.tolist()
            for rows in batches(labels, np.random.default_rng(7), places=6, images=3, near=near, hardness=0.5)
        ]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    for rows in runs[0]:
        assert len(set(rows)) == len(rows) == 18
        assert sorted(np.bincount(labels[rows]).tolist())[-6:] == [3] * 6
