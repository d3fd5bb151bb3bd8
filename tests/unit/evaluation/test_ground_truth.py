"""Which gallery images are right for a query."""

import math

import numpy as np
import pytest

from placeprint.dataset.distances import EARTH
from placeprint.errors import DatasetError, UsageError
from placeprint.evaluation.ground_truth import choose_truth
from placeprint.records import ImageRecord


def at(**values: object) -> ImageRecord:
    return ImageRecord(path="x.jpg", **values)


def test_by_place_with_several_right_places() -> None:
    gallery = [at(places=("a",)), at(places=("b",)), at(places=("a", "c")), at()]
    truth = choose_truth(gallery, [at(places=("a",))])
    assert truth.rule == "same place"
    assert truth.positives(at(places=("a",))).tolist() == [0, 2]
    assert truth.positives(at(places=("c", "b", "z"))).tolist() == [1, 2]
    assert truth.positives(at(places=("z",))).tolist() == []
    assert truth.positives(at()).tolist() == []


def test_by_metres_the_border_counts() -> None:
    gallery = [
        at(easting=100.0, northing=200.0),
        at(easting=125.0, northing=200.0),
        at(easting=125.1, northing=200.0),
        at(),
    ]
    query = at(easting=100.0, northing=200.0)
    assert choose_truth(gallery, [query]).positives(query).tolist() == [0, 1]
    assert choose_truth(gallery, [query], radius=26).positives(query).tolist() == [0, 1, 2]
    assert choose_truth(gallery, [query]).rule == "within 25 m"


@pytest.mark.parametrize("latitude", [0.0, 60.0, -85.0])
def test_by_degrees_on_the_sphere(latitude: float) -> None:
    def east(metres: float) -> ImageRecord:
        return at(latitude=latitude, longitude=10 + math.degrees(metres / (EARTH * math.cos(math.radians(latitude)))))

    def north(metres: float) -> ImageRecord:
        return at(latitude=latitude + math.degrees(metres / EARTH), longitude=10.0)

    gallery = [east(99.9), east(100.1), north(-99.9), north(100.1), at()]
    here = at(latitude=latitude, longitude=10.0)
    assert choose_truth(gallery, [here], radius=100).positives(here).tolist() == [0, 2]


def test_across_the_date_line() -> None:
    gallery = [at(latitude=0.0, longitude=179.9999)]
    here = at(latitude=0.0, longitude=-179.9999)
    assert choose_truth(gallery, [here], radius=25).positives(here).tolist() == [0]


def test_places_decide_unless_a_radius_is_given() -> None:
    gallery = [at(places=("a",), latitude=0.0, longitude=1.0), at(places=("b",), latitude=0.0, longitude=1.0)]
    query = at(places=("a",), latitude=0.0, longitude=1.0)
    assert choose_truth(gallery, [query]).positives(query).tolist() == [0]
    assert choose_truth(gallery, [query], radius=1).positives(query).tolist() == [0, 1]


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DatasetError, match="nothing to judge"):
        choose_truth([at()], [at()])
    with pytest.raises(UsageError, match="no coordinates in common"):
        choose_truth([at(places=("a",))], [at(places=("a",))], radius=10)
    for radius in (0, -1, math.nan):
        with pytest.raises(UsageError, match="above 0"):
            choose_truth([at(easting=1.0, northing=1.0)], [at(easting=1.0, northing=1.0)], radius=radius)


def test_rows_are_int64_and_ascending() -> None:
    truth = choose_truth([at(places=("a",))] * 5, [at(places=("a",))])
    rows = truth.positives(at(places=("a",)))
    assert rows.dtype == np.int64
    assert rows.tolist() == [0, 1, 2, 3, 4]
