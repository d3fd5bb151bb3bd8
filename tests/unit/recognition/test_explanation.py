"""Why a match is there: lines, heat and sentences by value, and the pictures by their pixels."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from placeprint import Explanation, Gallery, ImageRecord, Recognizer, explain, imported_spec, load_embedder
from placeprint.embedding.embedder import Embedder
from placeprint.presets import FAST, find_preset
from placeprint.recognition import explanation as explaining
from placeprint.recognition.explanation import MOST_LINES, Reason, reasons_for, spread, what_is_missing
from placeprint.recognition.rerank import cells as agreement
from placeprint.recognition.rerank.cells import Lines
from placeprint.records import Match
from placeprint.report.match_drawing import drawable, packed, picture
from placeprint.storage.ragged import Ragged

CELLS = find_preset("balanced:xfeat=0:matched=0")
"""Only cells: what they show is looked at spot by spot here."""

WIDTH, HEIGHT = 704, 512
"""Of a photo: 22 columns and 16 rows of cells."""


def scene(seed: int, width: int = 900, height: int = 700) -> Image.Image:
    """Paint shapes that are a place's own."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(rng.integers(60, 200, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(120):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(15, 90, 2)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw = (pen.rectangle, pen.ellipse)[int(rng.integers(2))]
        draw((int(x), int(y), int(x + w), int(y + h)), fill=colour, outline=(10, 10, 10), width=2)
    return image


def view(image: Image.Image, left: int = 0, top: int = 0) -> Image.Image:
    return image.crop((left, top, left + WIDTH, top + HEIGHT))


def gallery_of(embedder: Embedder, photos: Sequence[Image.Image], places: Sequence[str], **settings) -> Gallery:
    found = [embedder.describe(photo) for photo in photos]
    parts = {name: Ragged.of([f.parts[name] for f in found]) for name in embedder.spec.parts}
    return Gallery.in_memory(
        [ImageRecord(path=f"{i}.jpg", places=(place,)) for i, place in enumerate(places)],
        np.stack([f.vector for f in found]),
        spec=embedder.spec,
        parts=parts,
        **settings,
    )


@pytest.fixture(scope="module")
def balanced() -> Embedder:
    return load_embedder(preset=CELLS)


@pytest.fixture(scope="module")
def recognizer(balanced: Embedder) -> Recognizer:
    """Six places; the first is seen from further to the right and further down than the query sees it."""
    photos = [view(scene(0), 128, 96), *(view(scene(seed)) for seed in range(1, 6))]
    return Recognizer(gallery_of(balanced, photos, "abcdef", preset=CELLS), balanced)


@pytest.fixture(scope="module")
def shifted(recognizer: Recognizer) -> Explanation:
    return explain(recognizer, view(scene(0)))


def test_a_shifted_crop_gives_lines_with_that_shift(shifted: Explanation) -> None:
    first = shifted.reasons[0]
    assert (shifted.answer.place, first.match.path, shifted.missing) == ("a", "0.jpg", "")
    assert (first.spots, first.heat.shape) == (22 * 16, (16, 22))
    assert first.alike > 60
    assert first.times > 4
    assert len(first.lines) == MOST_LINES
    moved = first.lines.ends[:, :2] - first.lines.ends[:, 2:]
    near = np.abs(moved - (128 / WIDTH, 96 / HEIGHT)).max(axis=1) < 0.1
    assert near.mean() > 0.9, "in 32 bit one of them lies elsewhere, in bfloat16 none"
    assert np.median(moved, axis=0) == pytest.approx((128 / WIDTH, 96 / HEIGHT), abs=0.01)
    assert first.lines.weights.tolist() == sorted(first.lines.weights.tolist(), reverse=True)
    assert first.says == f"{first.alike} of 352 spots lie alike, {first.times:.0f} times the usual: all over the photo"


def test_the_usual_is_what_agrees_with_other_places(recognizer: Recognizer, shifted: Explanation) -> None:
    ours, kept = recognizer.describe(view(scene(0))).parts["cells"], recognizer.gallery.parts["cells"]
    votes = agreement.votes(ours, kept)
    assert shifted.reasons[0].times == pytest.approx(votes[0] / np.median(votes[1:]), rel=1e-4)
    second = shifted.reasons[1]
    others = np.delete(votes, second.match.row)
    assert second.times == pytest.approx(votes[second.match.row] / np.median(others), rel=1e-4)


def test_the_heat_is_what_agrees_at_its_cell(shifted: Explanation) -> None:
    first = shifted.reasons[0]
    assert np.count_nonzero(first.heat) == np.count_nonzero(first.match_heat) == first.alike
    assert first.heat.dtype == np.float32
    assert 0 < first.heat.max() <= 1
    for (x, y, other_x, other_y), weight in zip(first.lines.ends, first.lines.weights, strict=True):
        assert first.heat[int(y * 16), int(x * 22)] == pytest.approx(weight, abs=1e-6)
        assert first.match_heat[int(other_y * 16), int(other_x * 22)] == pytest.approx(weight, abs=1e-6)
    assert first.heat[:, :3].sum() == 0, "the match does not see so far to the left"


def test_the_heat_is_zero_where_the_query_was_painted_over(recognizer: Recognizer) -> None:
    photo = view(scene(0), 128, 96)
    whole = explain(recognizer, photo).reasons[0]
    photo.paste((128, 128, 128), (0, 0, WIDTH // 2, HEIGHT))
    painted = explain(recognizer, photo).reasons[0]
    assert whole.heat.min() > 0.9, "the very same photo agrees everywhere"
    assert painted.match.path == "0.jpg"
    assert painted.heat[:, :8].max() == 0
    assert (painted.heat[:, 14:] > 0).mean() > 0.7
    assert painted.says.endswith("mostly the right half")


def test_what_agrees_by_chance_is_no_reason(recognizer: Recognizer) -> None:
    found = explain(recognizer, view(scene(0)))
    strangers = [r for r in found.reasons if r.match.path != "0.jpg"]
    assert len(strangers) == 4
    assert max(r.times for r in strangers) < found.reasons[0].times / 5
    chance = [r for r in strangers if r.times < explaining.BEYOND]
    assert len(chance) >= 3
    for r in chance:
        assert r.says == (
            f"no more lies alike than by chance ({r.alike} of 352 spots): "
            f"chosen by overall likeness (cosine {r.match.similarity:.2f})"
        )


def test_a_blank_photo_has_no_reasons(recognizer: Recognizer) -> None:
    found = explain(recognizer, Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255)))
    for reason in found.reasons:
        assert np.isfinite(reason.heat).all()
        assert reason.alike < 12
        assert "chosen by overall likeness" in reason.says
    kept = {"cells": np.zeros((8, 8, 112), np.int8)}
    [dark] = reasons_for(recognizer.gallery, kept, found.answer.matches[:1])
    assert dark.heat.sum() == 0
    assert packed(picture(view(scene(0)), view(scene(1)), dark, look="heat"))


def test_it_survives_json(shifted: Explanation) -> None:
    row = json.loads(json.dumps(shifted.to_dict(), allow_nan=False))
    plain = shifted.answer.to_dict()
    assert {k: v for k, v in row.items() if k not in ("matches", "missing")} == json.loads(
        json.dumps({k: v for k, v in plain.items() if k != "matches"})
    )
    assert row["missing"] is None
    for match, reason in zip(row["matches"], shifted.reasons, strict=True):
        told = match.pop("explanation")
        assert (told["says"], told["alike"], told["spots"]) == (reason.says, reason.alike, reason.spots)
        assert np.array(told["ends"]) == pytest.approx(reason.lines.ends, abs=1e-4)
        assert np.array(told["weights"]) == pytest.approx(reason.lines.weights, abs=1e-3)
        assert told["times"] == pytest.approx(reason.times, abs=0.01)
    assert row["matches"] == json.loads(json.dumps(plain["matches"]))


def test_without_cells_it_says_what_to_do() -> None:
    plain = load_embedder()
    photos = [view(scene(seed)) for seed in (0, 0, 1)]
    recognizer = Recognizer(gallery_of(plain, photos, ("a", "a", "b"), preset=FAST), plain)
    found = explain(recognizer, photos[0], k=2)
    assert found.missing.endswith("build it again with placeprint index DATASET -o GALLERY --preset balanced")
    assert [r.says for r in found.reasons] == ["chosen by overall likeness (cosine 1.00)"] * 2
    assert [(r.alike, r.spots, len(r.lines), r.heat.size) for r in found.reasons] == [(0, 0, 0, 0)] * 2
    row = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert row["missing"] == found.missing
    assert row["matches"][0]["explanation"]["times"] is None
    assert picture(photos[0], photos[2], found.reasons[0], look="heat").getpixel((5, 5)) == photos[0].resize(
        (578, 420), Image.Resampling.LANCZOS
    ).getpixel((5, 5)), "nothing is dimmed where nothing was compared"


def test_what_is_missing_has_three_causes(recognizer: Recognizer) -> None:
    assert what_is_missing(recognizer.gallery, {"cells"}) == ""
    assert "the photo's cells were not kept" in what_is_missing(recognizer.gallery, ())
    vectors = np.eye(2, 4, dtype=np.float32)
    records = [ImageRecord(path="a"), ImageRecord(path="b")]
    imported = Gallery.in_memory(records, vectors, spec=imported_spec("resnet50", 4))
    assert what_is_missing(imported, ()).startswith("imported embeddings do not tell where photos agree")
    other = Gallery.in_memory(records, vectors, spec=replace(imported.spec, input_size=32, resize_size=32))
    assert 'model "resnet50" does not tell where photos agree' in what_is_missing(other, ())
    assert "--model efficientnet-lite0" in what_is_missing(other, ())


def test_a_place_with_other_photos_is_told(balanced: Embedder) -> None:
    photos = [view(scene(seed)) for seed in (1, 2, 3, 4, 5)]
    gallery = gallery_of(balanced, photos, "aabbc", preset=CELLS)
    found = explain(Recognizer(gallery, balanced), view(scene(9)))
    ends = {r.match.places[0]: r.says.endswith("and the place's other photos") for r in found.reasons}
    assert ends == {"a": True, "b": True, "c": False}


def test_one_place_alone_has_no_usual(balanced: Embedder) -> None:
    photos = [view(scene(seed)) for seed in (0, 1, 2)]
    found = explain(Recognizer(gallery_of(balanced, photos, "aaa", preset=CELLS), balanced), photos[0])
    assert math.isnan(found.reasons[0].times)
    assert found.reasons[0].says == "352 of 352 spots lie alike: all over the photo"


def test_lines_are_chosen_from_every_part() -> None:
    crowd = np.column_stack([np.linspace(0.01, 0.15, 100), np.full(100, 0.1)])
    apart = np.array([[0.9, 0.9], [0.5, 0.5], [0.1, 0.9]])
    ends = np.hstack([np.vstack([crowd, apart])] * 2).astype(np.float32)
    weights = np.linspace(0.9, 0.3, 103).astype(np.float32)
    chosen = spread(Lines(ends, weights), 10)
    assert chosen.weights.tolist() == [*weights[:7].tolist(), *weights[100:].tolist()]
    assert spread(Lines(ends[:0], weights[:0])).ends.shape == (0, 4)


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 6), slice(0, 6), "mostly the upper left"),
        (slice(6, 12), slice(6, 12), "mostly the lower right"),
        (slice(0, 6), slice(0, 12), "mostly the upper half"),
        (slice(0, 12), slice(6, 12), "mostly the right half"),
        (slice(4, 8), slice(4, 8), "mostly the middle"),
        (slice(0, 12), slice(0, 12), "all over the photo"),
    ],
)
def test_the_part_is_named(rows: slice, columns: slice, words: str) -> None:
    heat = np.zeros((12, 12), np.float32)
    heat[rows, columns] = 0.5
    assert explaining._where(heat) == words


def reason_with(ends: list[list[float]], weights: list[float], heat: np.ndarray | None = None) -> Reason:
    lines = Lines(np.array(ends, np.float32).reshape(-1, 4), np.array(weights, np.float32))
    heat = np.zeros((8, 8), np.float32) if heat is None else heat
    return Reason(Match(0, "x", ("x",), 0.5), lines, len(weights), heat.size, 2.0, heat, heat, "")


def test_lines_are_drawn_where_they_are_and_coloured_by_strength() -> None:
    grey = Image.new("RGB", (400, 400), (128, 128, 128))
    drawn = picture(grey, grey, reason_with([[0.25, 0.25, 0.25, 0.25], [0.25, 0.75, 0.25, 0.75]], [0.95, 0.3]))
    assert drawn.size == (420 + 12 + 420, 420)
    strong, weak = drawn.getpixel((300, 105)), drawn.getpixel((300, 315))
    assert strong[0] > 200 > strong[2]
    assert weak[2] > 180 > weak[0]
    assert sum(strong) / 3 > sum(weak) / 3, "told apart without colours too"
    assert drawn.getpixel((300, 210)) == (128, 128, 128)
    assert drawn.getpixel((426, 210)) == (30, 33, 36), "the gap"


def test_heat_keeps_light_where_it_is() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[:, :4] = 0.8
    grey = Image.new("RGB", (400, 400), (160, 160, 160))
    drawn = picture(grey, grey, reason_with([], [], heat), look="heat")
    for left in (0, 432):
        lit, dark = drawn.getpixel((left + 80, 200)), drawn.getpixel((left + 340, 200))
        assert sum(lit) > 2 * sum(dark)
        assert lit[0] > lit[2] + 20, "tinted"


@pytest.mark.parametrize("size", [(97, 97), (1, 1), (4000, 300), (300, 4000)])
def test_any_size_becomes_legible(size: tuple[int, int]) -> None:
    drawn = picture(
        Image.new("RGB", size, "white"), Image.new("L", (97, 97)), reason_with([[0.5] * 4], [0.9]), names=("q", "m")
    )
    assert drawn.height == 420 + 42
    assert drawn.width <= 2 * 840 + 12
    band = np.asarray(drawn)[425:]
    assert band.max() > 200, "names are written"


def test_hostile_names_are_drawn_in_ascii() -> None:
    assert drawable("<b>\u202e é\ud800\n\x00") == "<b>\\u202e \\xe9\\ud800\\x0a\\x00"
    grey = Image.new("RGB", (97, 97))
    names = ("\u202e<script>\x00" + "é" * 5000, "\ud800" * 300)
    drawn = picture(grey, grey, reason_with([], []), names=names)
    assert drawn.size == (852, 462)
    band = np.asarray(drawn)[420:, :, :]
    assert (band[:, 420:432] == (30, 33, 36)).all(), "a name stays under its photo"


def test_a_picture_holds_only_pixels(shifted: Explanation) -> None:
    photo = view(scene(0))
    photo.info["exif"], photo.info["comment"] = b"Exif\x00\x00where I live", b"a remark"
    for drawn in (picture(photo, photo, shifted.reasons[0]), photo):
        data = packed(drawn)
        assert Image.open(io.BytesIO(data)).format == "JPEG"
        assert b"Exif" not in data
        assert b"remark" not in data
    with pytest.raises(ValueError, match="none of lines, heat"):
        picture(photo, photo, shifted.reasons[0], look="smoke")


def test_points_that_match_are_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie on the very spot, and the heat stays that of the cells."""
    embedder, whole = load_embedder(preset="balanced"), scene(3)
    photos = [whole, *(scene(seed) for seed in (4, 5))]
    recognizer = Recognizer(gallery_of(embedder, photos, "abc", preset=find_preset("balanced")), embedder)
    box = (whole.width // 8, whole.height // 8, whole.width, whole.height)
    found = explain(recognizer, whole.crop(box), k=2).reasons
    assert "points match" in found[0].says
    ends = found[0].lines.ends.astype(np.float64)
    off = ends[:, :2] * 7 / 8 + 1 / 8 - ends[:, 2:]
    assert len(ends) >= 10
    assert np.median(np.abs(off)) < 0.01
    with monkeypatch.context() as patched:  # nothing else is beyond chance: then likeness was not what decided
        patched.setattr(explaining, "BEYOND", math.inf)
        patched.setattr(explaining, "FEWEST", 2)
        by_points, matched = explain(recognizer, whole.crop(box), k=1).reasons[0], explaining.matching.lines
        patched.setattr(explaining.matching, "ONSET", 0.0)
        patched.setattr(explaining.matching, "lines", lambda *a, **k: Lines(matched(*a, **k).ends[:1], np.ones(1)))
        by_one = explain(recognizer, whole.crop(box), k=1).reasons[0]
    rest = f"though no more lies alike than by chance ({by_one.alike} of {by_one.spots} spots)"
    assert by_points.says == f"{by_points.points} points match and speak for it, {rest}"
    assert by_one.says == f"1 point matches and speaks for it, {rest}"
    monkeypatch.setattr(explaining.matching, "ONSET", math.inf)
    cells = explain(recognizer, whole.crop(box), k=2).reasons
    assert "points match" not in cells[0].says
    np.testing.assert_array_equal(cells[0].heat, found[0].heat)
