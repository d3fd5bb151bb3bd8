"""What a gallery's images tell of positions is learned once, kept in it, and decides at every question."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from placeprint import AnswerPosition, Gallery, ImageRecord, PositionEvidence, Recognizer, imported_spec
from placeprint.cli.positions import show_positions
from placeprint.errors import GalleryFormatError
from placeprint.gallery.position_evidence import FARTHEST
from placeprint.presets import find_preset
from placeprint.recognition.answer_json import answer_of
from placeprint.recognition.location import evidence as learning
from placeprint.recognition.location.evidence import evidence_of, with_positions_learned, with_positions_renewed
from placeprint.recognition.spots import spots
from placeprint.recognition.spots.spots import distrusted_rows
from placeprint.storage import published

SPOTS, VIEWS, DIM = 8, 5, 16
SPEC = imported_spec("m", DIM)


def images(spots: int = SPOTS) -> tuple[list[ImageRecord], np.ndarray]:
    """Views of spots a kilometre apart, each alike only its own; two are said to be elsewhere."""
    records, vectors = [], []
    chance = np.random.default_rng(3)
    for spot in range(spots):
        for view in range(VIEWS):
            said = (spot + 4) % spots if (spot % 4, view) == (0, 0) else spot
            records.append(
                ImageRecord(path=f"{spot}-{view}.jpg", latitude=45 + 0.01 * said, longitude=10 + 2e-5 * view)
            )
            vectors.append(np.eye(DIM, dtype=np.float32)[spot] + chance.normal(0, 0.08, DIM).astype(np.float32))
    return records, np.stack(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def made(tmp_path: Path) -> Gallery:
    records, vectors = images()
    return Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=SPEC, index="exact")


def position(gallery: Gallery, spot: int = 1) -> AnswerPosition:
    found = Recognizer(gallery).answer(np.eye(DIM, dtype=np.float32)[spot]).position
    assert found is not None
    return found


def test_it_is_kept_and_decides(made: Gallery) -> None:
    assert "was not learned for preset fast; for the one that the gallery was built with, placeprint locate" in (
        position(made).why
    )
    learned = with_positions_learned(made)
    evidence = Gallery.open(made.path).position_evidence
    assert evidence == learned.position_evidence
    assert (evidence.asked, evidence.images, evidence.changed) == (40, 40, 0)
    assert evidence.distrusted == ((0, "0-0.jpg"), (0, "4-0.jpg"))
    assert len(evidence.known) == len(evidence.unknown) == 38
    found = position(learned)
    assert (found.share, found.false_accept_rate) == (0.9, 0.05)
    assert found.latitude == pytest.approx(45.01, abs=1e-9)
    assert found.longitude == pytest.approx(10 + 4e-5, abs=2e-5)
    assert 1 <= found.radius < 10
    assert found.why == f"it shows what {found.images[0]} and 4 more within the spot show"
    assert position(learned, SPOTS + 1).why.startswith("too little speaks for one spot: confidence ")
    assert sorted(position(learned, 0).images) == [f"0-{view}.jpg" for view in (1, 2, 3, 4)]


def test_the_rate_that_is_asked_for_decides(made: Gallery) -> None:
    few = with_positions_learned(made)
    calibrated = dataclasses.replace(few.position_evidence, unknown=(0.1,) * 30)
    gallery, vector = few.with_positions(calibrated), np.eye(DIM, dtype=np.float32)[1]
    strict = Recognizer(gallery)._spots.position(Recognizer(gallery).matches(vector), 0.01)
    assert (strict.located, strict.false_accept_rate) == (False, 0.01)
    assert strict.why.endswith("too few to keep a rate of 1 %")
    assert position(gallery).located


def test_limits_are_learned_once_for_each_rate_and_few_are_kept(made: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    learned, rates = with_positions_learned(made), []
    learn = spots.limits_or_why
    monkeypatch.setattr(spots, "_MOST_LEARNED", 2)
    monkeypatch.setattr(
        spots,
        "limits_or_why",
        lambda evidence, *, share, rate: rates.append(rate) or learn(evidence, share=share, rate=rate),
    )
    seen = spots.Spots(learned, ())
    found = Recognizer(learned).answer(np.eye(DIM, dtype=np.float32)[1]).matches
    rates.clear()
    asked = (0.05, 0.1, 0.05, 0.1, 0.2, 0.05)
    given = [seen.position(found, rate) for rate in asked]
    assert [one.false_accept_rate for one in given] == list(asked)
    assert given[0] == given[2] == given[5]
    assert rates == [0.05, 0.1, 0.2, 0.05]


def test_a_change_is_counted_and_told_and_rows_keep_their_images(made: Gallery) -> None:
    learned = with_positions_learned(made)
    removed, _ = learned.remove(["0-1.jpg", "0-2.jpg"])
    evidence = removed.position_evidence
    assert evidence.changed == 2
    assert [evidence.after(more).outdated("g x")[:65] for more in (0, 2, 3)] == [
        "",
        "",
        "when to give a position was learned before 5 images were added, r",
    ]
    assert "placeprint locate 'g x' PHOTOS learns it" in evidence.after(3).outdated("g x")
    assert {removed.records[row].path for row in distrusted_rows(removed, evidence)} == {"0-0.jpg", "4-0.jpg"}
    one = np.eye(DIM, dtype=np.float32)[:1]
    added, _ = removed.add([ImageRecord(path="new.jpg")], one, spec=SPEC, root="elsewhere")
    assert added.position_evidence.changed == 3
    assert position(added).located  # the kept one decides until it is learned anew
    same, _ = added.add([ImageRecord(path="0-0.jpg")], one, spec=SPEC, root="elsewhere")
    assert len(distrusted_rows(same, evidence)) == 2  # the same path under another root is another image


def test_it_is_learned_again_only_when_it_must_be(made: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    times, ask = [], learning.ask
    monkeypatch.setattr(learning, "ask", lambda *given, **named: times.append(1) or ask(*given, **named))
    first = evidence_of(made, Recognizer(made))
    kept = Gallery.open(made.path)
    assert evidence_of(kept, Recognizer(kept)) == first
    assert len(times) == 1
    changed, _ = kept.remove([f"1-{view}.jpg" for view in range(4)])
    assert (
        evidence_of(changed, Recognizer(changed)).changed == with_positions_renewed(changed).position_evidence.changed
    )
    assert (len(times), changed.position_evidence.changed) == (1, 4), "a tenth of its images"
    changed, _ = changed.remove(["1-4.jpg"])
    assert evidence_of(changed, Recognizer(changed)).images == 35
    assert Gallery.open(made.path).position_evidence.changed == 0
    assert len(times) == 2
    changed, _ = Gallery.open(made.path).remove([f"2-{view}.jpg" for view in range(4)])
    assert with_positions_renewed(changed).position_evidence.images == 31
    assert len(times) == 3


def test_a_gallery_that_cannot_keep_it_costs_only_time(made: Gallery, capsys: pytest.CaptureFixture[str]) -> None:
    with published.locked(made.path):
        found = evidence_of(made, Recognizer(made))
    assert found.asked == 40
    assert "what was learned of positions is not kept in the gallery: " in capsys.readouterr().err
    assert Gallery.open(made.path).position_evidence is None


def test_too_few_images_are_not_asked_and_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, vectors = images(3)
    small = Gallery.build(tmp_path / "small", records=records, vectors=vectors, spec=SPEC)
    learned = with_positions_learned(small)
    assert learned.position_evidence == PositionEvidence(images=15)
    show_positions(learned)
    assert capsys.readouterr().out == "no photo gets a position: fewer than 20 images have another within 60 m\n"
    assert position(learned).why.startswith("fewer than 20 images with a known position")
    fewer, _ = learned.remove(["0-0.jpg"])
    assert fewer.position_evidence.outdated("g") == ""  # no position is given: each answer says why, and this too
    assert "learned before 1 image was added, replaced or removed" in position(fewer).why
    assert str(tmp_path) not in position(fewer).why + position(small).why  # which a server sends to anybody
    learned = with_positions_learned(fewer)
    full = evidence_of(learned, Recognizer(learned), always=True)  # photos to locate may bring what it lacks
    assert (full.asked, Gallery.open(small.path).position_evidence) == (14, full)
    plain = Gallery.in_memory([ImageRecord(path="a.jpg")], vectors[:1], spec=SPEC)
    assert with_positions_learned(plain) is plain
    assert Recognizer(plain).answer(vectors[0]).position is None


def test_another_preset_does_not_decide_by_it(made: Gallery) -> None:
    other = with_positions_learned(made).asked_as(dataclasses.replace(find_preset("fast"), name="other", shortlist=50))
    assert not position(other).located
    assert "was not learned for preset" in position(other).why


BAD = {
    "format": 2,
    "known": [[0.5]],
    "unknown": [1e9],
    "distrusted": [[-1, "a"]],
    "asked": -1,
    "images": "7",
    "changed": 1.5,
    "more": 1,
}
WRONG = [*BAD.items(), ("known", [[0.5, FARTHEST + 1]]), ("known", [[0.5, -1]]), ("unknown", [0.0] * 10_001)]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {n}" for n, (name, _) in enumerate(WRONG)])
def test_what_no_gallery_keeps_is_refused(name: str, value: object, made: Gallery) -> None:
    row = with_positions_learned(made).position_evidence.to_dict()
    assert PositionEvidence.from_dict(json.loads(json.dumps(row))) == Gallery.open(made.path).position_evidence
    published.update_head(made.path, "gallery.json", {"positions": row | {name: value}})
    with pytest.raises(GalleryFormatError, match="what the gallery keeps of positions"):
        Gallery.open(made.path)


def test_a_position_travels_as_json(made: Gallery) -> None:
    answer = Recognizer(with_positions_learned(made)).answer(np.eye(DIM, dtype=np.float32)[1])
    row = json.loads(json.dumps(answer.to_dict()))
    assert row["position"]["radius"] == answer.position.radius
    assert answer_of(row) == answer
    assert answer_of({k: v for k, v in row.items() if k != "position"}).position is None  # of an earlier server
    for name, value in (("images", "a.jpg"), ("latitude", "45"), ("radius", None), ("why", 3)):
        with pytest.raises(Exception, match="the server's answer cannot be read"):
            answer_of(row | {"position": row["position"] | {name: value}})
