"""The check of the real landmark photographs: what was published is found, and nothing else is claimed."""

from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from placeprint.dataset.checks.check import check
from placeprint.dataset.checks.report import CheckReport

TOWER = "Antkabir__lid_197321__line_197323"
PUBLISHED = {
    (
        f"{TOWER}/gallery/WhatsApp Image 2026-02-14 at 16.25.34 (7).jpeg",
        f"{TOWER}/gallery/WhatsApp Image 2026-02-14 at 16.25.34 (8).jpeg",
    ): ("exact-duplicate", 0.0),
    (f"{TOWER}/gallery/anitkabir_01.jpg", f"{TOWER}/query/5880ba6815434bc2.jpg"): ("near-duplicate-across-splits", 0.0),
}


@pytest.fixture(scope="module")
def report(shared_data: Path) -> CheckReport:
    landmarks = shared_data / "landmarks"
    return check(landmarks / "landmarks", hamming=10, baseline=landmarks / "reference" / "duplicates.json")


def test_the_published_duplicates_are_found_and_none_is_new(report: CheckReport) -> None:
    found = {f.paths: (f.check, f.score) for f in report.duplicates(within=5)}
    assert found == PUBLISHED
    assert all(f.known for f in report.duplicates(within=5))


def test_every_photograph_is_read(report: CheckReport) -> None:
    assert report.counts() == {"images": 101, "failed": 0, "places": 6, "gallery": 67, "query": 34, "none": 0}
    assert report.ok
    assert report.source == "folders <place>/gallery/*, <place>/query/*"


def test_hashes_and_pairs_agree_with_imagehash(report: CheckReport) -> None:
    exif_free = [i for i, r in enumerate(report.images.records) if not _turned(report.root / r.path)]
    assert len(exif_free) > 50
    for i in exif_free:
        with Image.open(report.root / report.images.records[i].path) as image:
            wanted = str(imagehash.dhash(image.convert("RGB")))
        assert f"{report.images.facts[i].dhash:016x}" == wanted, report.images.records[i].path
    hashes = [f.dhash for f in report.images.facts]
    near = {(i, j) for i in range(len(hashes)) for j in range(i) if (hashes[i] ^ hashes[j]).bit_count() <= 10}
    exact = {(int(s), int(f)) for f, s in zip(report.pairs.first, report.pairs.second, strict=True)}
    assert exact == near


def _turned(path: Path) -> bool:
    with Image.open(path) as image:
        return image.getexif().get(0x0112, 1) != 1


def test_what_else_is_odd(report: CheckReport) -> None:
    found = {f.check: f for f in report.findings}
    assert set(found) == {"odd-aspect", "greyscale"}
    assert found["odd-aspect"].paths[0].endswith("/query/8189f9df9219f172.jpg")
    assert int(np.sum(report.images.verdicts["greyscale"])) == 2


def test_the_manifest_of_the_assignment(shared_data: Path) -> None:
    report = check(shared_data / "landmarks" / "manifest.csv")
    assert (len(report.images), report.errors) == (61, 5)
    assert {f.kind for f in report.failures} == {"missing"}
    away = [f for f in report.findings if f.check == "open-set-place"]
    assert sum(len(f.paths) for f in away) == 9
    assert list(report.duplicates()) == []
