"""A check of made folders: every fault is a row with a reason, and the numbers are the right ones."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import unicodedata
import zlib
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from placeprint import errors
from placeprint.dataset.checks import check as checks
from placeprint.dataset.checks.check import check
from placeprint.dataset.checks.measurements import measure_files, measure_image
from placeprint.dataset.checks.report import CheckReport
from placeprint.dataset.checks.rules import IMAGE_RULES, RULES, Severity
from placeprint.dataset.manifest import Manifest
from placeprint.errors import DatasetError, ImageError, UsageError
from placeprint.records import ImageRecord, Split


def scene(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """Return a picture that no other seed is near to."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BILINEAR)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def told(report: CheckReport) -> dict[str, list[tuple[str, ...]]]:
    """Return the paths of the findings by the name of the check."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for finding in report.all_findings():
        found.setdefault(finding.check, []).append(finding.paths)
    return found


# --- what is measured of one image ---


def test_the_facts_of_a_known_picture() -> None:
    pixels = np.zeros((40, 90, 3), np.uint8)
    pixels[:, 45:] = (255, 255, 0)
    data = encoded(Image.fromarray(pixels))
    facts = measure_image(data)
    yellow = round(0.299 * 255 + 0.587 * 255) / 255
    assert (facts.width, facts.height, facts.bytes) == (90, 40, len(data))
    assert facts.content_hash == hashlib.sha256(data).hexdigest()
    assert facts.pixel_hash == hashlib.sha256(b"90x40:" + pixels.tobytes()).hexdigest()
    assert facts.brightness == pytest.approx(yellow / 2)
    assert facts.contrast == pytest.approx(yellow / 2)
    assert facts.colour == 1.0


def test_the_dhash_of_a_ramp_reads_row_by_row() -> None:
    ramp = np.tile(np.arange(0, 252, 3, dtype=np.uint8), (40, 1))
    both = np.concatenate((ramp, ramp[:, ::-1]))
    assert f"{measure_image(encoded(Image.fromarray(both))).dhash:016x}" == "ffffffff00000000"


def test_the_colour_noise_of_a_grey_picture_is_averaged_away() -> None:
    rng = np.random.default_rng(5)
    noisy = np.asarray(scene(6, (640, 640)).convert("L"))[:, :, None] // 2 + rng.integers(0, 13, (640, 640, 3))
    facts = measure_image(encoded(Image.fromarray(noisy.astype(np.uint8))))
    assert facts.colour < 0.02  # of 5x5 pixels averaged; the noise itself is 12 / 255
    assert measure_image(encoded(scene(6))).colour > 0.3


def test_plain_pictures_of_other_shapes_have_other_pixel_hashes() -> None:
    one, two = (measure_image(encoded(Image.new("RGB", size, (9, 9, 9)))) for size in ((40, 90), (60, 60)))
    assert one.pixel_hash != two.pixel_hash


def test_the_pixel_hash_is_that_of_the_upright_picture() -> None:
    image = scene(1)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = image.transpose(Image.Transpose.ROTATE_90)
    turned, plain = measure_image(encoded(stored, exif=exif)), measure_image(encoded(image))
    assert (turned.pixel_hash, turned.dhash, turned.width) == (plain.pixel_hash, plain.dhash, plain.width)
    assert turned.content_hash != plain.content_hash


def test_the_pixel_hash_of_a_large_picture_is_that_of_all_its_rows() -> None:
    image = scene(2, (1501, 1203))
    assert measure_image(encoded(image)).pixel_hash == hashlib.sha256(b"1501x1203:" + image.tobytes()).hexdigest()


@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    seed=st.integers(0, 2**32 - 1),
    mode=st.sampled_from(["RGB", "L", "P", "RGBA", "CMYK"]),
    blur=st.integers(0, 6),
)
@settings(max_examples=150)
def test_dhash_is_that_of_the_imagehash_package(shape: tuple[int, int], seed: int, mode: str, blur: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    wanted = imagehash.dhash(Image.open(io.BytesIO(data)).convert("RGB"), hash_size=8)
    assert f"{measure_image(data).dhash:016x}" == str(wanted)


def test_files_are_measured_in_order_and_failures_are_rows(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(12)]
    for i, name in enumerate(names):
        save(tmp_path / name, scene(i))
    (tmp_path / "5.png").write_bytes(b"words")
    wanted = [measure_image((tmp_path / n).read_bytes()) if n != "5.png" else ("5.png", "unreadable") for n in names]
    for workers in (1, 3):
        got = measure_files(tmp_path, names, workers=workers)
        assert [(g.path, g.kind) if hasattr(g, "kind") else g for g in got] == wanted


def test_a_stopped_check_leaves_no_thread_behind(tmp_path: Path) -> None:
    names = [save(tmp_path / f"{i}.png", scene(i)).name for i in range(9)]
    stream = measure_files(tmp_path, names, workers=2)
    assert next(stream) == measure_image((tmp_path / "0.png").read_bytes())
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []


# --- one image ---


def test_every_kind_of_image_error_has_a_rule() -> None:
    kinds = set(ImageError.__doc__.split("``")[1::2])  # type: ignore[union-attr]
    assert kinds == {
        "missing",
        "empty",
        "unreadable",
        "truncated",
        "damaged",
        "too-large",
        "outside",
        "not-a-file",
        "bad-name",
    }
    assert all(RULES[kind].severity is Severity.ERROR for kind in kinds)
    assert errors.ImageError is ImageError


def test_a_folder_of_hostile_files_is_a_list_of_rows(tmp_path: Path) -> None:
    root = tmp_path / "data"
    place = root / "Tower"
    save(place / "good.jpg", scene(0))
    save(tmp_path / "secret.jpg", scene(1))
    (place / "zero.jpg").touch()
    png = encoded(Image.effect_noise((90, 80), 80).convert("RGB"))
    (place / "cut.png").write_bytes(png[: len(png) // 2])
    (place / "text.jpg").write_text("these are words")
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (place / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"
    )
    (place / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    save(place / "line\nbreak.jpg", scene(2))
    (place / os.fsdecode(b"caf\xe9.jpg")).write_bytes(encoded(scene(3), "JPEG"))
    (place / "x.jpg").mkdir()
    (place / "gone.jpg").symlink_to(place / "nothing.jpg")
    report = check(root)
    assert {(f.path, f.kind) for f in report.failures} == {
        ("Tower/zero.jpg", "empty"),
        ("Tower/cut.png", "truncated"),
        ("Tower/text.jpg", "unreadable"),
        ("Tower/bomb.png", "too-large"),
        ("Tower/out.jpg", "outside"),
        ("Tower/line\nbreak.jpg", "bad-name"),
        (os.fsdecode(b"Tower/caf\xe9.jpg"), "bad-name"),
        ("Tower/x.jpg", "not-a-file"),
        ("Tower/gone.jpg", "missing"),
    }
    assert all(f.reason and "\n" not in f.reason for f in report.failures)
    assert [r.path for r in report.images.records] == ["Tower/good.jpg"]
    assert (report.errors, report.ok) == (9, False)
    assert {f.paths[0]: f.message for f in report.findings if f.severity is Severity.ERROR} == {
        f.path: f.reason for f in report.failures
    }
    again = json.loads(json.dumps(report.to_dict()))
    assert {row["paths"][0] for row in again["findings"] if row["severity"] == "error"} == {
        f.path for f in report.failures
    }


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """One image for each image rule, and a good one."""
    save(tmp_path / "A" / "good.png", scene(0))
    save(tmp_path / "A" / "small.png", scene(1, (200, 31)))
    save(tmp_path / "A" / "wide.png", scene(2, (330, 80)))
    save(tmp_path / "A" / "grey.jpg", scene(3).convert("L").convert("RGB"), quality=80)
    save(tmp_path / "A" / "blank.png", Image.new("RGB", (80, 60), (200, 120, 40)))
    night = Image.new("RGB", (96, 72))
    night.paste(scene(4, (20, 12)), (30, 30))
    save(tmp_path / "A" / "dark.png", night)
    return tmp_path


def test_each_image_rule_flags_its_image(odd: Path) -> None:
    report = check(odd)
    flagged = {name: [p[0] for p in paths] for name, paths in told(report).items()}
    assert flagged == {
        "too-small": ["A/small.png"],
        "odd-aspect": ["A/small.png", "A/wide.png"],
        "greyscale": ["A/grey.jpg"],
        "blank": ["A/blank.png"],
        "dark": ["A/dark.png"],
    }
    assert report.ok
    messages = {f.check: (f.message, f.score) for f in report.findings}
    assert messages["too-small"] == ("the shorter side has 31 px, less than 32", 31.0)
    assert messages["blank"][1] == 0.0


def test_scores_and_verdicts_are_columns(odd: Path) -> None:
    table = check(odd, min_side=81).images
    order = [r.path for r in table.records]
    assert order == sorted(order)
    sides = [60.0, 72.0, 72.0, 72.0, 31.0, 80.0]  # blank, dark, good, grey, small, wide
    assert table.scores["too-small"].tolist() == sides
    assert table.verdicts["too-small"].tolist() == [s < 81 for s in sides]
    assert table.scores["odd-aspect"].tolist() == pytest.approx([80 / 60, 4 / 3, 4 / 3, 4 / 3, 200 / 31, 330 / 80])
    assert set(table.scores) == set(table.verdicts) == {rule.name for rule in IMAGE_RULES}
    for rule in IMAGE_RULES[1:]:
        assert table.verdicts[rule.name].tolist() == rule.verdict(table.scores[rule.name]).tolist()
    assert (table.records[2].width, table.records[2].height) == (96, 72)
    assert table.records[2].content_hash == hashlib.sha256((odd / order[2]).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "at"), [("too-small", 32.0), ("odd-aspect", 4.0), ("blank", 0.02), ("dark", 0.06), ("greyscale", 0.02)]
)
def test_a_score_at_the_threshold_is_not_flagged(name: str, at: float) -> None:
    rule = next(r for r in IMAGE_RULES if r.name == name)
    beyond = np.nextafter(at, np.inf if rule.above else -np.inf)
    assert rule.verdict(np.array([at, beyond])).tolist() == [False, True]


def test_a_file_that_is_listed_twice_is_flagged_once(odd: Path) -> None:
    records = tuple(ImageRecord(path="A/blank.png", places=("A",), split=s) for s in (Split.GALLERY, Split.QUERY))
    report = check(Manifest(odd, records))
    assert told(report)["blank"] == [("A/blank.png",)]
    assert report.images.verdicts["blank"].tolist() == [True, True]


# --- names, places and splits ---


def listing(root: Path, *rows: tuple[str, str, str]) -> Path:
    """Write a manifest, and a picture of its own for each path that is not there yet."""
    for i, (path, _, _) in enumerate(rows):
        if not (root / path).exists() and "missing" not in path:
            save(root / path, scene(100 + i))
    (root / "manifest.csv").write_text("path,split,place\n" + "".join(f"{p},{s},{c}\n" for p, s, c in rows))
    return root


def test_places_and_splits(tmp_path: Path) -> None:
    root = listing(
        tmp_path,
        ("a.png", "gallery", "Both"),
        ("b.png", "gallery", "Both"),
        ("c.png", "query", "Both"),
        ("d.png", "gallery", "Lonely"),
        ("e.png", "query", "Away"),
        ("f.png", "query", "Away"),
        ("g.png", "query", "Away|Both"),
        ("h.png", "gallery", ""),
        ("missing.png", "gallery", "Lost"),
        ("c.png", "query", "Both"),
        ("z.png", "validation", "Both"),
    )
    report = check(root)
    found = told(report)
    assert found == {
        "missing": [("missing.png",)],
        "unknown-split": [("z.png",)],
        "single-photo-place": [("d.png",)],
        "open-set-place": [("e.png", "f.png")],
        "unlabelled": [("h.png",)],
        "empty-place": [("missing.png",)],
        "listed-twice": [("c.png",)],
        "exact-duplicate": [("c.png", "c.png")],
    }
    text = {f.check: f.message for f in report.findings}
    assert text["open-set-place"] == 'the gallery has no photograph of "Away": the answer to 2 queries is UNKNOWN'
    assert text["empty-place"] == 'none of the 1 photograph of "Lost" can be used'
    assert report.counts() == {"images": 9, "failed": 2, "places": 3, "gallery": 4, "query": 5, "none": 0}
    assert report.errors == 2


def test_empty_folders_of_places(tmp_path: Path) -> None:
    save(tmp_path / "A" / "1.png", scene(1))
    save(tmp_path / "A" / "2.png", scene(2))
    (tmp_path / "B").mkdir()
    report = check(tmp_path)
    assert [(f.check, f.paths, f.message) for f in report.findings] == [
        ("empty-place", (), 'the place "B" has no photograph')
    ]


def test_queries_without_a_gallery(tmp_path: Path) -> None:
    assert told(check(listing(tmp_path, ("a.png", "query", "A"), ("b.png", "query", "B")))) == {"no-gallery": [()]}


def test_a_position_is_as_good_as_a_place(tmp_path: Path) -> None:
    for i, name in enumerate(("@1@2@.png", "@3@4@10@T@1.5@2.5@.png")):
        save(tmp_path / "database" / name, scene(i))
    assert told(check(tmp_path)) == {}


def test_names_that_clash(tmp_path: Path) -> None:
    composed, apart = "Caf\u00e9", unicodedata.normalize("NFD", "Caf\u00e9")
    records = (
        ImageRecord(path="Tower/a.png", places=("Tower",)),
        ImageRecord(path="Tower/A.PNG", places=("Tower",)),
        ImageRecord(path="tower/b.png", places=("tower",)),
        ImageRecord(path="tower/c.png", places=("tower",)),
        ImageRecord(path=f"{composed}/d.png", places=("X",)),
        ImageRecord(path=f"{apart}/d.png", places=("X",)),
    )
    for i, record in enumerate(records):
        save(tmp_path / record.path, scene(i))
    report = check(Manifest(tmp_path, records))
    found = told(report)
    assert found["name-clash"] == [
        (f"{apart}/d.png", f"{composed}/d.png"),
        ("Tower/A.PNG", "Tower/a.png"),
        ("Tower/a.png", "tower/b.png"),
    ]
    assert found["place-clash"] == [("Tower/a.png", "tower/b.png")]
    assert set(found) == {"name-clash", "place-clash"}
    assert 'in "Tower" these names differ' in next(f.message for f in report.findings if f.paths[0] == "Tower/A.PNG")


def test_a_file_that_is_not_the_one_of_the_manifest(tmp_path: Path) -> None:
    same, other = (save(tmp_path / f"{i}.png", scene(i)) for i in range(2))
    right = hashlib.sha256(same.read_bytes()).hexdigest()
    (tmp_path / "m.csv").write_text(f"path,place,sha256\n0.png,A,{right.upper()}\n1.png,A,{right}\n")
    report = check(tmp_path / "m.csv")
    assert told(report) == {"changed-file": [("1.png",)]}
    assert report.images.records[1].content_hash == hashlib.sha256(other.read_bytes()).hexdigest()


# --- duplicates ---


@pytest.fixture
def doubled(tmp_path: Path) -> Path:
    """Four photographs, and copies of each kind."""
    for i, place in enumerate("ABCD"):
        save(tmp_path / place / "gallery" / "1.png", scene(i))
        save(tmp_path / place / "gallery" / "2.png", scene(20 + i))
        save(tmp_path / place / "query" / "9.png", scene(50 + i))
    first = scene(0)
    save(tmp_path / "A" / "query" / "same_bytes.png", first)
    save(tmp_path / "B" / "gallery" / "same_pixels.bmp", first)
    save(tmp_path / "A" / "gallery" / "near.png", Image.blend(first, scene(90), 0.1))
    return tmp_path


PAIRS = {
    ("A/gallery/1.png", "A/query/same_bytes.png"): ("exact-duplicate-across-splits", "bytes", "across-same-place"),
    ("A/gallery/1.png", "B/gallery/same_pixels.bmp"): (
        "exact-duplicate-different-places",
        "pixels",
        "inside-gallery-different-places",
    ),
    ("A/query/same_bytes.png", "B/gallery/same_pixels.bmp"): (
        "exact-duplicate-different-places",
        "pixels",
        "across-different-places",
    ),
    ("A/gallery/1.png", "A/gallery/near.png"): ("near-duplicate", "none", "inside-gallery"),
    ("A/gallery/near.png", "A/query/same_bytes.png"): ("near-duplicate-across-splits", "none", "across-same-place"),
    ("A/gallery/near.png", "B/gallery/same_pixels.bmp"): (
        "near-duplicate-different-places",
        "none",
        "inside-gallery-different-places",
    ),
}


def test_duplicates_of_each_kind(doubled: Path) -> None:
    report = check(doubled)
    got = {(p["first"], p["second"]): (p["check"], p["exact"], p["relation"]) for p in report.to_dict()["pairs"]}
    assert got == PAIRS
    assert {f.paths: f.check for f in report.duplicates()} == {pair: row[0] for pair, row in PAIRS.items()}
    assert report.findings == ()
    assert report.errors == 2  # the two contradictions
    one, near = (
        imagehash.dhash(Image.open(doubled / "A" / "gallery" / n).convert("RGB")) for n in ("1.png", "near.png")
    )
    assert 0 < one - near <= 5
    distances = {f.paths: f.score for f in report.duplicates()}
    assert distances["A/gallery/1.png", "A/gallery/near.png"] == one - near
    assert {f.check for f in report.duplicates(within=0)} >= {"exact-duplicate-across-splits"}


def test_the_distance_is_obeyed(doubled: Path) -> None:
    bits = int(max(check(doubled).pairs.distance))
    assert bits > 0
    near = [f for f in check(doubled, hamming=bits - 1).duplicates() if f.check.startswith("near")]
    assert near == []


def test_the_summary_counts_and_advises(doubled: Path) -> None:
    (doubled / "A" / "gallery" / "empty.png").touch()
    rows = check(doubled).summary()
    assert [(r.severity.value, r.check, r.count, r.new) for r in rows] == [
        ("error", "empty", 1, None),
        ("error", "exact-duplicate-different-places", 2, None),
        ("warning", "exact-duplicate-across-splits", 1, None),
        ("warning", "near-duplicate-across-splits", 1, None),
        ("warning", "near-duplicate-different-places", 1, None),
        ("info", "near-duplicate", 1, None),
    ]
    assert rows[0].example.paths == ("A/gallery/empty.png",)
    assert rows[0].advice == RULES["empty"].advice


def test_too_many_near_duplicates_are_said_to_be_cut(doubled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placeprint.dataset.checks.duplicates.MAX_PAIRS", 2)
    report = check(doubled)
    assert [(f.check, f.paths) for f in report.findings] == [("near-duplicates-cut", ())]
    assert report.to_dict()["parameters"] == {"hamming": 5, "hamming_used": report.pairs.hamming, "min_side": 32}
    assert not [f for f in report.duplicates() if f.check.startswith("near")]


# --- the baseline ---


def test_an_earlier_check_is_a_baseline(doubled: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (doubled / "A" / "gallery" / "empty.png").touch()
    before = tmp_path_factory.mktemp("out") / "before.json"
    first = check(doubled)
    assert first.new() is None
    before.write_text(json.dumps(first.to_dict()))
    assert check(doubled, baseline=before).new() == []
    save(doubled / "D" / "query" / "copy.png", scene(1))
    (doubled / "D" / "query" / "words.png").write_text("words")
    report = check(doubled, baseline=before)
    assert [(f.check, f.paths) for f in report.new() or ()] == [
        ("unreadable", ("D/query/words.png",)),
        ("exact-duplicate-different-places", ("B/gallery/1.png", "D/query/copy.png")),
    ]
    assert [(r.check, r.count, r.new) for r in report.summary()][:3] == [
        ("empty", 1, 0),
        ("exact-duplicate-different-places", 3, 1),
        ("unreadable", 1, 1),
    ]
    assert report.to_dict()["new"] == 2
    assert {p["known"] for p in report.to_dict()["pairs"]} == {True, False}


def test_a_published_list_of_duplicates_is_a_baseline(doubled: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (doubled / "A" / "gallery" / "empty.png").touch()
    group = ["A/gallery/1.png", "A/query/same_bytes.png", "B/gallery/same_pixels.bmp"]
    published = {
        "parameters": {"dataset_root": "..\\landmarks"},
        "exact_duplicates": {"cross_split_count": 1, "cross_split_duplicates": [{"md5": "0", "images": group}]},
        "near_duplicates": {
            "pairs": [
                {"query_image": "A/query/same_bytes.png", "gallery_image": "A/gallery/near.png", "hamming_distance": 3}
            ]
        },
    }
    file = tmp_path_factory.mktemp("out") / "duplicates.json"
    file.write_text(json.dumps(published))
    report = check(doubled, baseline=file)
    assert {f.paths for f in report.new() or ()} == {
        ("A/gallery/1.png", "A/gallery/near.png"),
        ("A/gallery/near.png", "B/gallery/same_pixels.bmp"),
    }
    assert [f.known for f in report.findings] == [None]  # the list cannot tell
    above = Manifest(doubled.parent, tuple(ImageRecord(path=f"{doubled.name}/{p}", places=("A",)) for p in group))
    published["parameters"]["dataset_root"] = f"C:\\data\\{doubled.name}"
    file.write_text(json.dumps(published))
    assert [f.known for f in check(above, baseline=file).duplicates()] == [True, True, True]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "words",
        '"x"',
        "3",
        '{"exact_duplicates": {}, "near_duplicates": []}',
        '{"tool": "placeprint check"}',
    ],
)
def test_another_file_is_no_baseline(doubled: Path, tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("out") / "b.json"
    file.write_text(text)
    with pytest.raises(DatasetError, match="baseline"):
        check(doubled, baseline=file)


# --- options ---


@pytest.mark.parametrize("options", [{"hamming": -1}, {"hamming": 65}, {"min_side": 0}, {"workers": 0}])
def test_options_out_of_range(doubled: Path, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        check(doubled, **options)  # type: ignore[arg-type]


class Steps:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.log: list[object] = []

    def start(self, what: str, total: int) -> None:
        self.log.append((what, total))

    def advance(self, steps: int = 1) -> None:
        self.log.append(steps)

    def finish(self) -> None:
        self.log.append("end")


def test_progress_counts_every_file_once(tmp_path: Path) -> None:
    steps = Steps()
    check(
        listing(tmp_path, ("a.png", "gallery", "A"), ("a.png", "query", "A"), ("missing.png", "query", "A")),
        progress=steps,
    )
    assert steps.log == [("checking", 2), 1, 1, "end"]


def test_the_number_of_threads_changes_nothing(doubled: Path) -> None:
    assert check(doubled, workers=1).to_dict() == check(str(doubled), workers=5).to_dict()


def test_json_of_the_report_is_complete(doubled: Path) -> None:
    row = json.loads(json.dumps(check(doubled).to_dict()))
    assert (row["tool"], row["format"], row["ok"], row["errors"], row["new"]) == ("placeprint check", 1, False, 2, None)
    image = row["images"][0]
    facts = measure_image((doubled / "A" / "gallery" / "1.png").read_bytes())
    assert (image["path"], image["split"], image["places"]) == ("A/gallery/1.png", "gallery", ["A"])
    assert (image["content_hash"], image["pixel_hash"]) == (facts.content_hash, facts.pixel_hash)
    assert int(image["dhash"], 16) == facts.dhash
    assert image["scores"] == pytest.approx({rule.name: rule.score(facts) for rule in IMAGE_RULES})
    assert image["flagged"] == []
    assert Split(image["split"]) is Split.GALLERY
    assert checks.CheckReport is CheckReport
