"""Every kind of failure is reached by a query that was built for it, and the order decides between two."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from placeprint.evaluation.diagnosis.failure_kinds import FailureKind, Kind, failed_paths, sort_failures
from placeprint.evaluation.diagnosis.image_quality import ImageQuality, image_quality, measure_quality
from placeprint.evaluation.diagnosis.leaks import Twin
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.records import ImageRecord, ModelSpec, Split

DIM = 16
GOOD = ImageQuality(0.5, 0.2, 0.2, 600)
DARK = ImageQuality(0.01, 0.2, 0.2, 600)

A, B, C, D = (np.eye(DIM)[i] for i in range(4))
FREE = np.eye(DIM)[4:]
GALLERY = [
    *(("a", A + 0.2 * FREE[i]) for i in range(3)),
    *(("b", B + 0.2 * FREE[i]) for i in range(3)),
    *(("c", C + 0.2 * FREE[i]) for i in range(3)),
    ("d", D),
]
RIGHT = [("a", A), ("a", A + 0.1 * FREE[5]), ("b", B), ("b", B + 0.1 * FREE[6]), ("c", C), ("c", C + 0.1 * FREE[7])]


def run(
    folder: Path,
    queries: list[tuple[str, np.ndarray]],
    *,
    threshold: float = -1.0,
    right: bool = True,
    images: list[tuple[str, np.ndarray]] = GALLERY,
) -> EvaluationResult:
    """Evaluate hand-made query vectors; the i-th query is ``q<i>.jpg``, after the right ones."""
    gallery = Gallery.in_memory(
        [ImageRecord(path=f"{p}/{i}.jpg", places=(p,), split=Split.GALLERY) for i, (p, _) in enumerate(images)],
        np.array([v for _, v in images], np.float32),
        spec=ModelSpec(name="hand", dim=DIM),
    )
    rows = [(f"r{i}.jpg", *row) for i, row in enumerate(RIGHT if right else [])]
    rows += [(f"q{i}.jpg", *row) for i, row in enumerate(queries)]
    with (folder / "q.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "place", "split"), *((path, place, "query") for path, place, _ in rows)])
    np.save(folder / "q.npy", np.array([v for *_, v in rows], np.float32))
    return evaluate(gallery=gallery, embeddings=folder / "q.npy", records=folder / "q.csv", threshold=threshold)


def found(kinds: tuple[FailureKind, ...]) -> dict[str, list[str]]:
    """Return the queries of each kind that has some; the counts must agree."""
    assert [k.kind for k in kinds] == list(Kind)
    assert all(k.count == len(k.failures) for k in kinds)
    return {k.kind.name: [f.query for f in k.failures] for k in kinds if k.count}


def why(kinds: tuple[FailureKind, ...], query: str) -> str:
    return next(f.why for k in kinds for f in k.failures if f.query == query)


def test_right_answers_are_failures_of_their_own_when_they_are_rejected(tmp_path: Path) -> None:
    assert found(sort_failures(run(tmp_path, []))) == {}
    result = run(tmp_path, [("a", D + 0.9 * A)], threshold=1.1)
    assert [q.accepted for q in result.queries] == [False] * (len(RIGHT) + 1)
    assert failed_paths(result) == ("q0.jpg",), "a photo that was recognised is not a poor one"
    kinds = sort_failures(result)
    assert {name: sorted(paths) for name, paths in found(kinds).items()} == {
        "TURNED_AWAY": [f"r{i}.jpg" for i in range(len(RIGHT))],
        "LOWER": ["q0.jpg"],
    }
    assert why(kinds, "r0.jpg") == "a came first"
    [row] = [k for k in kinds if k.kind is Kind.TURNED_AWAY]
    assert row.kind.value == "recognised but turned away"
    assert row.advice.startswith("Lower --unknown-threshold; or add photos of these places, or calibrate with labelled")


def test_an_unknown_query_is_a_failure_when_it_gets_a_place(tmp_path: Path) -> None:
    strange = [("nowhere", D + 0.1 * FREE[8]), ("nowhere", FREE[9] + 0.1 * A)]
    kinds = sort_failures(run(tmp_path, strange, threshold=0.5))
    assert found(kinds) == {"NOT_IN_GALLERY": ["q0.jpg"]}
    assert why(kinds, "q0.jpg") == "the gallery has no photo of nowhere, but the answer was d at 0.995"


def test_a_query_without_a_label_is_nobodys_failure(tmp_path: Path) -> None:
    assert failed_paths(run(tmp_path, [("", A), ("", D)])) == ()


def test_right_place_lower_in_the_ranking(tmp_path: Path) -> None:
    kinds = sort_failures(run(tmp_path, [("a", D + 0.9 * A)]))
    assert found(kinds) == {"LOWER": ["q0.jpg"]}
    assert why(kinds, "q0.jpg").startswith("the first right image is at rank 2, 0.08")


def test_confused_in_both_directions_or_twice_or_each_others_closest(tmp_path: Path) -> None:
    a_like_d, d_like_a, a_like_c = ("a", D + 0.9 * A), ("d", A + 0.5 * D), ("a", C + 0.9 * A)
    kinds = sort_failures(run(tmp_path, [a_like_d, d_like_a, a_like_c]))
    assert found(kinds) == {"CONFUSABLE": ["q1.jpg", "q0.jpg"], "LOWER": ["q2.jpg"]}
    assert why(kinds, "q0.jpg") == "a and d are taken for each other, 1x there and 1x back"
    twice = sort_failures(run(tmp_path, [a_like_c, ("a", C + 0.8 * A), a_like_d]))
    assert found(twice) == {"CONFUSABLE": ["q1.jpg", "q0.jpg"], "LOWER": ["q2.jpg"]}
    assert why(twice, "q0.jpg") == "a is taken for c 2x"
    once = run(tmp_path, [a_like_d])
    assert found(sort_failures(once, nearest={"a": "d", "d": "b"})) == {"LOWER": ["q0.jpg"]}
    assert found(sort_failures(once, nearest={"a": "d", "d": "a"})) == {"CONFUSABLE": ["q0.jpg"]}


def test_poor_photo_comes_before_confusable(tmp_path: Path) -> None:
    result = run(tmp_path, [("a", D + 0.9 * A), ("d", A + 0.5 * D)])
    kinds = sort_failures(result, quality={"q0.jpg": DARK, "q1.jpg": GOOD})
    assert found(kinds) == {"POOR_IMAGE": ["q0.jpg"], "CONFUSABLE": ["q1.jpg"]}
    assert why(kinds, "q0.jpg") == "dark: brightness 0.010, less than 0.06"


def test_suspected_wrong_label(tmp_path: Path) -> None:
    mislabelled, alone, strange, near = ("a", B), ("b", D), ("b", FREE[10] + 0.3 * C), ("c", A + 0.05 * C)
    kinds = sort_failures(run(tmp_path, [mislabelled, alone, strange, near]), quality={"q0.jpg": DARK})
    # d has too few photos to agree; `strange` is like nothing; `near` is nearer to its own place than strangers are.
    assert found(kinds) == {"WRONG_LABEL": ["q0.jpg"], "LOWER": ["q1.jpg", "q3.jpg", "q2.jpg"]}
    assert why(kinds, "q0.jpg") == (
        "the 3 best are b at 0.981, as right answers are; a comes to 0.000, as strangers do"
    )


def test_without_right_answers_no_label_is_suspected(tmp_path: Path) -> None:
    kinds = sort_failures(run(tmp_path, [("a", B)], right=False))
    assert found(kinds) == {"LOWER": ["q0.jpg"]}
    assert {k.kind.name for k in kinds if not k.checked} == {"LEAK", "WRONG_LABEL", "POOR_IMAGE"}


def test_two_photos_cannot_agree(tmp_path: Path) -> None:
    queries = [("a", B), *(("a", A + 0.1 * FREE[i]) for i in range(5))]
    result = run(tmp_path, queries, right=False, images=[("a", A), ("b", B)])
    assert found(sort_failures(result)) == {"LOWER": ["q0.jpg"]}


def test_a_leak_comes_first_and_only_under_another_place(tmp_path: Path) -> None:
    result = run(tmp_path, [("a", B), ("nowhere", D), ("b", A)])
    other, same = Twin("b/3.jpg", ("b",), False, 2), Twin("a/0.jpg", ("a", "b"), True, 0)
    kinds = sort_failures(result, twins={"q0.jpg": (same, other), "q1.jpg": (other,), "q2.jpg": (same,)})
    assert found(kinds) == {"LEAK": ["q1.jpg", "q0.jpg"], "WRONG_LABEL": ["q2.jpg"]}
    assert why(kinds, "q0.jpg") == "b/3.jpg is its copy (2 of 64 bits differ), under b"
    assert found(sort_failures(result)) == {"NOT_IN_GALLERY": ["q1.jpg"], "WRONG_LABEL": ["q0.jpg", "q2.jpg"]}


def photo(size: tuple[int, int] = (320, 240), *, light: float = 1.0, blur: float = 0.0, flat: float = 1.0) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (size[1] // 24, size[0] // 24)).astype(np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.NEAREST).convert("RGB")
    image = image.filter(ImageFilter.GaussianBlur(blur)) if blur else image
    image = image.point(lambda value: (128 + (value - 128) * flat) * light)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (photo(), ""),
        (photo(light=0.3), ""),
        (photo(flat=0.2), ""),
        (photo((160, 63)), "tiny: the shorter side has 63 px, less than 64"),
        (photo(light=0.08), "dark: brightness"),
        (photo(flat=0.02), "almost of one tone: contrast"),
        (photo(blur=6), "blurred: sharpness"),
        (photo(blur=6, light=0.5), "blurred: sharpness"),
    ],
)
def test_what_is_wrong_with_a_photo(data: bytes, fault: str) -> None:
    measured = image_quality(data).fault
    assert measured.startswith(fault)
    assert bool(measured) == bool(fault)


def test_quality_by_value(tmp_path: Path) -> None:
    board = np.indices((100, 100)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    Image.new("L", (100, 80), 51).save(tmp_path / "plain.png")
    Image.new("L", (1, 90)).save(tmp_path / "line.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    measured = measure_quality(tmp_path, ["board.png", "plain.png", "line.png", "broken.png", "missing.png"])
    # On a chess board of pixels every Laplacian is +4 or -4: variance 16 against 0.25.
    assert measured == {
        "board.png": ImageQuality(0.5, 0.5, 64.0, 100),
        "plain.png": ImageQuality(pytest.approx(0.2), 0.0, 0.0, 80),
        "line.png": ImageQuality(0.0, 0.0, 0.0, 1),
    }
