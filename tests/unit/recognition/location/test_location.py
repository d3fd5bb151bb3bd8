"""Positions by what photos show: the spot, its radius, when to give none, and positions that are wrong."""

from pathlib import Path

import numpy as np
import pytest

from placeprint import Gallery, ImageRecord, Located, PositionEvidence, Recognizer, imported_spec
from placeprint.dataset.distances import metres_apart
from placeprint.errors import CalibrationError
from placeprint.recognition.location.between import placed_between
from placeprint.recognition.location.evidence import with_positions_learned
from placeprint.recognition.location.held_out import ask, questions_of
from placeprint.recognition.spots.estimate import SPOT, estimate
from placeprint.recognition.spots.limits import learn_limits, upper_quantile

DIM, SPOTS, VIEWS = 64, 16, 5
METRE = 1 / 111_195


def test_one_spot_is_taken_and_no_mean_of_two_cities() -> None:
    munich, berlin = (48.137, 11.575), (52.517, 13.389)
    places = np.array([berlin, munich, (munich[0] + 10 * METRE, munich[1]), (np.nan, np.nan)])
    found = estimate(places, np.array([0.80, 0.79, 0.79, 0.99]))
    assert found is not None
    assert metres_apart(found.where, munich) < 10
    assert (found.support, found.confidence, found.witness) == ((1, 2), 0.79, 0.79)
    alone = estimate(places, np.array([0.95, 0.70, 0.70, 0.99]))
    assert alone is not None
    assert metres_apart(alone.where, berlin) < 0.01
    assert (alone.support, alone.witness) == ((0,), -np.inf)
    assert estimate(places[3:], np.array([0.9])) is None


def test_a_mean_over_the_date_line() -> None:
    found = estimate(np.array([[10.0, 179.9999], [10.0, -179.9999]]), np.array([0.5, 0.5]))
    assert found is not None
    assert abs(found.longitude) == pytest.approx(180, abs=1e-9)


@pytest.mark.parametrize(
    ("count", "share", "rank"), [(19, 0.95, 19), (18, 0.95, None), (99, 0.9, 90), (9, 0.9, 9), (8, 0.9, None)]
)
def test_the_conformal_quantile(count: int, share: float, rank: int | None) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    assert upper_quantile(values, share) == (float("inf") if rank is None else rank)


def where(spot: int, chance: np.random.Generator) -> tuple[float, float]:
    """A point about 8 m from a crossing; they are 500 m apart."""
    east, north = 500 * (spot % 8) + chance.normal(0, 8), 500 * (spot // 8) + chance.normal(0, 8)
    return 45 + north * METRE, 10 + east * METRE / np.cos(np.radians(45))


def seen(spot: int, chance: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng([7, spot]).normal(size=DIM)
    made = own / np.linalg.norm(own) + chance.normal(0, 0.06, DIM)
    return (made / np.linalg.norm(made)).astype(np.float32)


@pytest.fixture(scope="module")
def crossings(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Crossings with five images each; four images stand at a wrong one."""
    chance, records, vectors = np.random.default_rng(1), [], []
    for spot in range(SPOTS):
        for view in range(VIEWS):
            said = (spot + 9) % SPOTS if view == 0 and spot % 4 == 0 else spot
            latitude, longitude = where(said, chance)
            records.append(ImageRecord(path=f"{spot}-{view}.jpg", latitude=latitude, longitude=longitude))
            vectors.append(seen(spot, chance))
    out = tmp_path_factory.mktemp("crossings") / "gallery"
    return Gallery.build(
        out, records=records, vectors=np.stack(vectors), spec=imported_spec("m", DIM), index="exact", root="/photos"
    )


def test_the_radius_covers_what_it_says_and_elsewhere_gets_none(crossings: Gallery) -> None:
    recognizer, chance = Recognizer(with_positions_learned(crossings)), np.random.default_rng(2)
    errors, asked, radius = [], 100, 0.0
    for number in range(asked):
        spot = number % SPOTS
        truth, found = where(spot, chance), recognizer.answer(seen(spot, chance)).position
        assert found is not None
        if found.located:
            errors.append(metres_apart((found.latitude, found.longitude), truth))
            radius = found.radius
            assert found.images[0].startswith(f"{spot}-")
    assert len(errors) > 0.8 * asked
    assert 0.8 <= np.mean(np.array(errors) <= radius) <= 0.97
    assert 5 < np.median(errors) < radius < 40
    strangers = [recognizer.answer(seen(1000 + n, chance)).position for n in range(30)]
    assert sum(position.located for position in strangers) <= 0.1 * len(strangers)


def test_wrong_positions_are_found_and_right_ones_are_left_alone(crossings: Gallery) -> None:
    asked = ask(Recognizer(crossings), crossings, questions_of(crossings), elsewhere=False)
    wrong = {f"{spot}-0.jpg" for spot in range(0, SPOTS, 4)}
    found = {crossings.records[row].path for row in asked.rows[asked.contradicted]}
    assert len(found & wrong) >= 0.6 * len(wrong)
    assert not found - wrong
    assert {crossings.records[row].path for row in asked.rows[asked.elsewhere]} >= wrong


def test_too_little_to_learn_from_is_told(crossings: Gallery) -> None:
    few = ask(Recognizer(crossings), crossings, questions_of(crossings)[:15])
    evidence = PositionEvidence().joined(few.known_kept, few.unknown_kept)
    with pytest.raises(CalibrationError, match=r"fewer than 20 images .*, too few to tell how far an estimate may be"):
        learn_limits(evidence, share=0.9, rate=0.05)
    enough = PositionEvidence(known=((0.9, 3.0),) * 20, unknown=(0.1,) * 18)
    with pytest.raises(CalibrationError, match=r"18 images can be asked .* too few to keep a rate of 5 %"):
        learn_limits(enough, share=0.9, rate=0.05)
    assert learn_limits(enough.joined([], [0.1]), share=0.9, rate=0.05).radius == 3.0


def photo(name: str, minute: int, **values: object) -> Located:
    return Located(path=name, how="none", taken=f"2024-05-01T10:{minute:02}:00", **values)  # type: ignore[arg-type]


def test_a_photo_between_two_that_are_located_is_located_too() -> None:
    first = photo("a", 0, latitude=45.0, longitude=10.0, radius=20.0)
    last = photo("c", 4, latitude=45.0 + 100 * METRE, longitude=10.0, radius=30.0)
    second, far, late = photo("b", 1), photo("d", 30), Located(path="e", how="none")
    found = {one.path: one for one in placed_between([far, late, last, second, first])}
    assert found["b"].how == "time"
    assert metres_apart((found["b"].latitude or 0, found["b"].longitude or 0), (45.0 + 25 * METRE, 10.0)) < 0.01
    assert found["b"].radius == pytest.approx(np.hypot(30 + 1.5 * 60, 25), rel=1e-3)
    assert (found["d"].how, found["e"].how) == ("none", "none")
    away = photo("c", 4, latitude=45.0 + 1000 * METRE, longitude=10.0, radius=30.0)
    assert [one.how for one in placed_between([first, second, away])] == ["none"] * 3


def test_a_spot_is_as_wide_as_a_square() -> None:
    assert SPOT < 100  # what is documented: docs/positions.md


def test_paths_stay_inside(tmp_path: Path) -> None:
    from placeprint.recognition.location.photos import read_photos

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "2.jpg").write_bytes(b"x")
    found = read_photos([tmp_path / "a", tmp_path / "2.jpg"])
    assert (found.root, [record.path for record in found.records]) == (tmp_path, ["a/1.jpg", "2.jpg"])
