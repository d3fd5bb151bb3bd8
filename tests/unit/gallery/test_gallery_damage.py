"""Whatever happened to a file of a gallery, what reads it gives an answer or says that the gallery is damaged."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placeprint.errors import GalleryCorruptError, GalleryError
from placeprint.evaluation.evaluate import evaluate
from placeprint.gallery.calibration import Calibration
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.position_evidence import PositionEvidence
from placeprint.gallery.verification import verified
from placeprint.presets import PRESETS
from placeprint.recognition.recognizer import Recognizer
from placeprint.records import FailedImage, ImageRecord, ModelSpec
from placeprint.storage import published
from placeprint.storage.ragged import Ragged
from program import run, run_json

GOLDEN = Path(__file__).parents[2] / "golden"
BARE = ModelSpec(name="test", dim=8)
CELLS = ModelSpec(name="test", dim=8, cells=40, cells_output="c", cells_stride=16)
CALIBRATION = Calibration(
    coefficients=(-1.0, 4.0, 1.0),
    low=0.2,
    high=0.8,
    usual_agreement=0.5,
    threshold=0.5,
    interval=(0.4, 0.6),
    false_accept_rate=0.05,
    rate_interval=(0.01, 0.1),
    accepted_share=0.9,
    source="gallery",
    automatic=True,
    learned="",
    guarantee="",
    n_known=9,
    n_unknown=9,
    n_places=3,
    seed=0,
    images=12,
)


def records(count: int, prefix: str = "a") -> list[ImageRecord]:
    return [
        ImageRecord(path=f"{prefix}/{i}.jpg", places=(f"place {i % 3}",), content_hash=f"{prefix}{i}", latitude=48.0,
                    longitude=11.0 + i / 10)
        for i in range(count)
    ]  # fmt: skip


def vectors(count: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def cells(count: int, seed: int = 0) -> dict[str, Ragged]:
    rng = np.random.default_rng(seed)
    return {"cells": Ragged.of(rng.integers(-9, 9, (2 + i % 3, 4, 4), dtype=np.int8) for i in range(count))}


def built(path: Path, kind: str) -> Path:
    """Write a gallery of one kind, and return its folder."""
    given: dict[str, Any] = {"records": records(12), "vectors": vectors(12), "spec": BARE}
    if kind.startswith("format"):
        shutil.copytree(GOLDEN / kind, path)
        return path
    if kind == "balanced":
        learned = {"mean": np.zeros(8, np.float32), "matrix": np.eye(8, dtype=np.float32)}
        given |= {"spec": CELLS, "parts": cells(12), "preset": PRESETS["balanced"], "learned": learned}
    if kind == "approximate":
        given |= {"records": records(300), "vectors": vectors(300)}
    made = Gallery.build(path, failures=[FailedImage("x.jpg", "empty", "no bytes")], **given)
    made.with_calibration(CALIBRATION).with_positions(PositionEvidence(known=((0.5, 3.0),), unknown=(0.1,), images=12))
    return path


class Embedder(NamedTuple):
    """Stands in for a model that nobody runs."""

    spec: ModelSpec


def asked(path: Path) -> None:
    gallery = Gallery.open(path)
    recognizer = Recognizer(gallery, Embedder(gallery.spec))  # type: ignore[arg-type]
    for vector in vectors(3, 5):
        recognizer.answer(vector, parts={name: kept[0] for name, kept in gallery.parts.items()})
    assert len(list(gallery.records)) == len(gallery)
    assert (gallery.places, gallery.failures, gallery.audit, gallery.image_file(0)) is not None
    gallery.records.rows_with_contents({"a1"})


def added(path: Path) -> None:
    gallery = Gallery.open(path)
    parts = {name: kept for name, kept in cells(2, 7).items() if name in gallery.spec.parts}
    gallery.add(records(2, "z"), vectors(2, 9), spec=gallery.spec, parts=parts)


USES: dict[str, Callable[[Path], object]] = {
    "query": asked,
    "evaluate": lambda path: evaluate(gallery=path),
    "remove": lambda path: Gallery.open(path).remove(["a/0.jpg"]),
    "add": added,
    "compact": lambda path: added(path) or Gallery.open(path).compact(),
}
CHANGES = ("remove", "add", "compact")
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "a bit in the header": lambda data: flipped(data, min(10, len(data) // 2)),
    "a bit of the shape": lambda data: flipped(data, min(64, len(data) - 2)),
    "a bit": lambda data: flipped(data, 3 * len(data) // 4),
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",  # noqa: ARG005
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: (b"hello world\n" * (len(data) // 12 + 1))[: len(data)],
    "gone": lambda data: None,  # noqa: ARG005
}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def damaged(path: Path) -> Iterator[tuple[str, Path]]:
    """Damage each file of a gallery in each way, and put it right again."""
    data = next(path.glob("data-*"))
    for file in sorted(each for each in (path / "gallery.json", *data.iterdir()) if each.name != ".placeprint"):
        whole = file.read_bytes()
        for name, damage in DAMAGES.items():
            if (made := damage(whole) if whole else None) is None:
                file.unlink()
            else:
                file.write_bytes(made)
            yield name, file
            file.write_bytes(whole)


@pytest.mark.parametrize("kind", ["fast", "balanced", "approximate", "format-3"])
def test_any_damage_to_any_file_is_found_and_never_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("placeprint.gallery.index.choice.APPROXIMATE_ROWS", 256)
    path = built(tmp_path / "g", kind)
    for damage, file in damaged(path):
        used = path  # what only reads needs no copy of its own
        for name, use in USES.items():
            if name in CHANGES:
                used = Path(shutil.copytree(path, tmp_path / "used"))
            with suppress(GalleryError):
                use(used)
                assert name not in ("evaluate", "compact"), (damage, file.name)  # which read all bytes
            if file.name == "gallery.json":
                with pytest.raises(GalleryError):
                    verified(used)
            elif used != path or name == "evaluate":
                found = [Path(line.split(":")[0]).name for line in verified(used).problems]
                assert found == [file.name], (name, damage)
            if used != path:
                shutil.rmtree(used)
    asked(path)
    assert verified(path).ok


def test_what_stands_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    path = built(tmp_path / "g", "fast")
    data = next(path.glob("data-*"))
    for file in (data / "vectors.npy", path / "gallery.json"):
        file.unlink()
        file.mkdir()
        for use in (*USES.values(), verified):
            if file.name == "gallery.json" or use is not verified:
                with pytest.raises(GalleryError, match=f"{file.name}.*(it is not a file|a gallery)"):
                    use(path)
    (path / "gallery.json").rmdir()
    (path / "gallery.json").write_bytes(b"[" * 200_000)
    with pytest.raises(GalleryCorruptError, match="cannot be read"):
        Gallery.open(path)


def test_vectors_that_are_none_are_told_when_they_are_found(tmp_path: Path) -> None:
    for value in (np.nan, np.inf, 1e30):
        path = built(tmp_path / "g", "balanced")
        file = next(path.rglob("vectors.npy"))
        numbers = np.memmap(file, np.float32, "r+", offset=128)
        numbers[:8] = value
        numbers.flush()
        del numbers
        with pytest.raises(GalleryCorruptError, match="holds invalid vectors: run placeprint verify"):
            asked(path)
        shutil.rmtree(path)


def sealed(path: Path, head: dict[str, Any]) -> None:
    """Write a head as one who means no good would: its seal is right."""
    (path / "gallery.json").write_text(json.dumps({**head, "seal": published._seal(head)}))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where each value of a head is, tables and lists too."""
    if at:
        yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from leaves(inner, (*at, key))


STRANGE = [
    *(None, True, False, 0, -1, 1, 7, 1 << 31, 1 << 40, 10**30, 0.5, -0.5, 1e300, float("nan"), float("inf")),
    *("", "a", "../..", "/etc", "data-0123456789ab", "\0", "\ud800", "x" * 10_000, "vectors.npy", "fast"),
    *([], {}, [[]], [None], ["a"], ["a", "a"], [1, 2, 3], [0.1] * 7, {"a": 1}, {"": {}}),
]


@pytest.mark.parametrize("kind", ["balanced", "format-3", "format-5"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(choice=st.data())
def test_a_sealed_head_that_says_anything_else_is_an_answer_or_an_error(
    tmp_path: Path, kind: str, choice: st.DataObject
) -> None:
    path = tmp_path / "g"
    if not path.exists():
        built(path, kind)
        shutil.copy(path / "gallery.json", tmp_path / "good.json")
    head = json.loads((tmp_path / "good.json").read_text())
    del head["seal"]
    places = [at for at in leaves(head) if at[-1] != "sha256"]
    *at, last = choice.draw(st.sampled_from(places), label="where")
    table = head
    for key in at:
        table = table[key]
    if choice.draw(st.booleans(), label="left out"):
        del table[last]
    else:
        table[last] = choice.draw(st.sampled_from(STRANGE), label="what")
    sealed(path, head)
    for use in (asked, verified, lambda path: evaluate(gallery=path)):
        said = said_by(use, path)
        assert "\n" not in said
        assert len(said) < 1000


@pytest.mark.parametrize("counted", ["rows", "places"])
@pytest.mark.parametrize("count", [1 << 40, (1 << 63) - 1])
def test_a_segment_that_says_it_has_more_than_its_files_is_refused(tmp_path: Path, counted: str, count: int) -> None:
    path = built(tmp_path / "g", "format-5")
    head = json.loads((path / "gallery.json").read_text())
    del head["seal"]
    assert head["segments"][2]["removed"] == [0]  # rows are chosen: an array of all of them would not fit into memory
    head["segments"][2][counted] = count
    sealed(path, head)
    assert re.search(r"do not belong together|does not hold \d+ names", said_by(asked, path))


def said_by(use: Callable[[Path], object], path: Path) -> str:
    """Return what a use of a gallery refuses it with; anything but a GalleryError fails the test."""
    try:
        use(path)
    except GalleryError as error:
        return str(error)
    return ""


def resealed(path: Path, name: str, data: bytes) -> None:
    """Replace a file of a gallery, with the right checksum."""
    head = json.loads((path / "gallery.json").read_text())
    del head["seal"]
    (entry,) = head["segments"]
    entry["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (path / entry["data"] / name).write_bytes(data)
    sealed(path, head)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(choice=st.data())
def test_files_that_do_not_fit_but_have_their_checksum_are_an_answer_or_an_error(
    tmp_path: Path, choice: st.DataObject
) -> None:
    path = tmp_path / "g"
    if not path.exists():
        built(path, "balanced")
        shutil.copytree(path, tmp_path / "good")
    shutil.copytree(tmp_path / "good", path, dirs_exist_ok=True)
    names = sorted(json.loads((path / "gallery.json").read_text())["segments"][0]["files"])
    name = choice.draw(st.sampled_from([each for each in names if each != "vectors.npy"]))
    whole = next(path.glob("data-*")).joinpath(name).read_bytes()
    at, bit = choice.draw(st.integers(0, len(whole) - 1)), choice.draw(st.integers(0, 7))
    resealed(path, name, whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    for use in (asked, lambda path: evaluate(gallery=path)):
        assert "\n" not in said_by(use, path)


def test_the_command_line_names_every_damaged_file(tmp_path: Path) -> None:
    path = built(tmp_path / "g", "fast")
    data = next(path.glob("data-*"))
    (data / "vectors.npy").write_bytes(flipped((data / "vectors.npy").read_bytes(), 64))
    (data / "places.json").write_bytes(b"")
    said = run("verify", path, expect=3)
    assert "damaged: places.json: 0 bytes instead of" in said.stderr
    assert "damaged: vectors.npy: the checksum differs" in said.stderr
    assert run_json("verify", path, expect=3)["problems"][1] == "vectors.npy: the checksum differs"


def test_of_several_segments_the_damaged_one_is_named(tmp_path: Path) -> None:
    path = built(tmp_path / "g", "format-5")
    data = path / json.loads((path / "gallery.json").read_text())["segments"][1]["data"]
    (data / "vectors.npy").write_bytes(flipped((data / "vectors.npy").read_bytes(), 150))
    assert verified(path).problems == (f"{data.name}/vectors.npy: the checksum differs",)
