"""Labels that may be one place: what is found alike, and what is not."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.dataset.checks.labels import label_findings, label_key
from placeprint.dataset.manifest import Manifest
from placeprint.records import ImageRecord

SPELLINGS = [
    ("Galata", "galata", "GALATA", "Galata ", " Galata", "Galata\u00a0", "Galata\u200b", '"Galata"', 'Galata"'),
    ("Big Ben", "Big  Ben", "Big\u00a0Ben", "Big_Ben", "BigBen", "big\tben", "Ｂig Ben"),
    ("7", "07", "007", "7.0", "7.00", "007.0", " 7"),
    ("Room 1", "Room 01", "room_1", "Room1", "Room 1.0", "Room  001"),
    ("Caf\u00e9", "Cafe\u0301", "CAFE\u0301"),
    ("Straße 5", "STRASSE 5", "strasse_05"),
    ("0", "00", "0.0"),
]
APART = [
    "Room 1 2",
    "Room 12",
    "Room 1.2",
    "1.05",
    "1.5",
    "105",
    "15",
    "10",
    "1",
    "100",
    "Café",
    "Cafe",
    "A-1",
    "A1",
    "_",
]


@pytest.mark.parametrize("spellings", SPELLINGS, ids=[s[0] for s in SPELLINGS])
def test_labels_that_people_and_programs_write_differently(spellings: tuple[str, ...]) -> None:
    assert len({label_key(label) for label in spellings}) == 1


def test_labels_that_differ() -> None:
    labels = [*APART, *(spellings[0] for spellings in SPELLINGS if spellings[0] not in ("Café", "Room 1"))]
    alike = [pair for pair in itertools.combinations(labels, 2) if label_key(pair[0]) == label_key(pair[1])]
    assert alike == []


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8))
def test_a_key_is_the_same_for_every_unicode_form(label: str) -> None:
    assert len({label_key(unicodedata.normalize(form, label)) for form in ("NFC", "NFD", "NFKC", "NFKD")}) == 1


def test_all_spellings_of_a_place_are_one_finding() -> None:
    labels = ("007", "7", "7.0", "8", "Galata\u00a0", "Galata")
    records = tuple(ImageRecord(path=f"{n}.jpg", places=(label,)) for n, label in enumerate(labels))
    found = [f for f in label_findings(Manifest(Path(), records), records) if f.check == "place-clash"]
    assert [(f.paths, f.message.split(": ")[1]) for f in found] == [
        (("0.jpg", "1.jpg", "2.jpg"), '"007", "7", "7.0"'),
        (("5.jpg", "4.jpg"), '"Galata", "Galata\\u00a0"'),
    ]


def test_what_is_doubtful_about_a_table_is_a_finding() -> None:
    records = (ImageRecord(path="a.jpg", latitude=1.0, longitude=2.0),)
    (found,) = label_findings(Manifest(Path(), records, notes=("it is odd",)), records)
    assert (found.check, found.severity.value, found.message, found.paths) == (
        "doubtful-table",
        "warning",
        "it is odd",
        (),
    )
