"""Reports, tables, models, towns and the cache: what somebody else made is not written over."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from placeprint import index
from placeprint.embedding.cache import EmbeddingCache
from placeprint.embedding.runners import compiled
from placeprint.errors import UsageError
from placeprint.training.train import train
from program import run
from strangers import found, kept, refused, strangers
from town import render_town

pytestmark = pytest.mark.usefixtures("shared_cache")
SMALL = ("--places", 1, "--views", 2, "--quiet")


@pytest.fixture(scope="module")
def photos(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs of two places."""
    folder = tmp_path_factory.mktemp("photos")
    for place in sorted((town / "gallery").iterdir())[-2:]:
        (folder / place.name).mkdir()
        for photo in sorted(place.glob("*.jpg"))[:3]:
            shutil.copy(photo, folder / place.name)
    return folder


def test_run_writes_beside_and_over_its_own_only(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = strangers(out)
    (out / "gallery" / "notes.txt").unlink()
    before = {name: data for name, data in before.items() if name != "gallery/notes.txt"}
    for _ in range(2):
        run("run", photos, "-o", out, "--preset", "fast", "--quiet")
    assert kept(out, before)
    for name in ("report.html", "report.json"):
        ours = (out / name).read_bytes()
        (out / name).write_bytes(b'{"queries": "mine"}')
        there = found(out)
        assert name in refused("run", photos, "-o", out, "--preset", "fast", "--replace")
        assert found(out) == there
        (out / name).write_bytes(ours)


def test_run_of_another_dataset_says_what_would_be_lost(photos: Path, tmp_path: Path) -> None:
    run("run", photos, "-o", tmp_path / "out", "--preset", "fast", "--quiet")
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    for photo in other.glob("*/*.jpg"):
        photo.write_bytes(photo.read_bytes() + b" ")  # the same photographs in the same bytes would lose nothing
    there = found(tmp_path / "out")
    said = refused("run", other, "-o", tmp_path / "out", "--preset", "fast", "--quiet")
    assert re.search(r"would lose (\d) of its \1 images, of 2 places", said)
    assert found(tmp_path / "out") == there
    run("run", other, "-o", tmp_path / "out", "--preset", "fast", "--quiet", "--replace")


@pytest.mark.parametrize("name", ["triplets.csv", "triplets.jsonl"])
def test_mine_writes_over_its_own_only(name: str, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / name
    for theirs in (b"anchor,positive\na.jpg,b.jpg\n", b'{"anchor": "a.jpg"}\n', b"\xff\xd8\xff", b"[" * 5000):
        out.write_bytes(theirs)
        assert name in refused("mine", photos, "-o", out, "--preset", "fast")
        assert out.read_bytes() == theirs
    out.unlink()
    for _ in range(2):
        run("mine", photos, "-o", out, "--preset", "fast", "--quiet")
    assert out.read_bytes().startswith((b'"anchor"', b'{"anchor"'))


MODEL = ("mine.onnx", "mine.json", "mine.md", "mine.card.json", "mine.html")


@pytest.mark.parametrize("name", MODEL)
def test_a_model_is_not_written_over_files_of_somebody_else(name: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'{"name": "mine"}')
    out = tmp_path / "mine.onnx"
    with pytest.raises(UsageError, match=name):
        train(photos, out)
    if name in MODEL[:3]:
        assert name in refused("export", "efficientnet-lite0", "--precision", "float16", "-o", out)
        assert name in refused("distil", photos, "--teacher", "efficientnet-lite0", "-o", out)
    if name in MODEL[:2]:
        assert name in refused("export", "resnet50", "--weights", tmp_path / "w.pth", "-o", out)
    assert found(tmp_path) == {name: b'{"name": "mine"}'}


def test_a_model_is_written_over_the_program_s_own(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason='the extra "onnx" is not installed')
    change = ("export", "efficientnet-lite0", "--precision", "float16", "-o", tmp_path / "mine.onnx")
    run(*change)
    made = found(tmp_path)
    assert set(made) == set(MODEL[:3])
    run(*change)
    assert found(tmp_path) == made
    described = tmp_path / "mine.json"
    described.write_text(json.dumps(json.loads(made["mine.json"])))  # a person wrote it
    assert "mine.json" in refused(*change)
    described.unlink()  # nothing says any more that the file is the program's
    assert "mine.onnx" in refused(*change)


def test_a_town_is_rendered_over_a_town_only_while_nothing_else_is_in_it(tmp_path: Path) -> None:
    town, own = tmp_path / "t", tmp_path / "own"
    for seed in (0, 1):
        render_town(town, places=1, views=2, seed=seed, size=(64, 64), workers=1)
    town.rename(own)
    for name in ("notes.txt", "gallery/mine/0.jpg", ".lock", next(name for name in found(own) if ".jpg" in name)):
        shutil.copytree(own, town)
        (town / name).parent.mkdir(exist_ok=True)
        (town / name).write_bytes(b"mine")
        before = found(tmp_path)
        assert name in refused("town", town, *SMALL)
        assert found(tmp_path) == before
        shutil.rmtree(town)
    own.rename(town)
    (town / "query" / "mine").mkdir()
    assert "query/mine" in refused("town", town, *SMALL)
    (town / "query" / "mine").rmdir()
    run("town", town, *SMALL)
    listed = json.loads((town / "town.json").read_bytes())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.jpg").write_bytes(b"mine")
    (town / "town.json").write_text(json.dumps({**listed, "files": {"../photos/0.jpg": "0" * 64}}))
    refused("town", town, *SMALL)
    assert (tmp_path / "photos" / "0.jpg").read_bytes() == b"mine"


def test_what_comes_into_a_town_while_it_is_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from town import render

    few = {"places": 1, "views": 2, "size": (64, 64), "workers": 1}
    render_town(tmp_path / "t", **few)  # type: ignore[arg-type]

    def late(fresh: Path, out: Path) -> None:
        (out / "gallery" / "late.txt").write_bytes(b"mine")
        swap(fresh, out)

    swap = render.swap
    monkeypatch.setattr(render, "swap", late)
    render_town(tmp_path / "t", **few)  # type: ignore[arg-type]
    others = {name: data for name, data in found(tmp_path).items() if not name.startswith("t/")}
    assert list(others.values()) == [b"mine"]
    assert next(iter(others)).endswith(".old/gallery/late.txt")
    assert "is kept" in capsys.readouterr().err


def test_the_cache_takes_nothing_away(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PLACEPRINT_CACHE", str(folder))
    graphs = tuple(f"compiled/{name}.blob" for name in (*"abcdefghij", "0" * 32, "f" * 32))
    before = strangers(folder, "embeddings.damaged", "embeddings.damaged-1", *graphs)
    (folder / "embeddings.sqlite").write_bytes(b"mine, and no database")
    monkeypatch.setattr(compiled, "MOST", 0)
    index(photos, tmp_path / "g", preset="fast")
    assert kept(folder, {**before, "embeddings.damaged-2": b"mine, and no database"})
    assert not [name for name in found(folder) if name.endswith(".blob") and name not in graphs]
    (folder / "embeddings.sqlite").unlink()
    with closing(sqlite3.connect(folder / "embeddings.sqlite")) as base:
        base.execute("create table holidays (place text)")
    theirs = (folder / "embeddings.sqlite").read_bytes()
    capsys.readouterr()
    with EmbeddingCache() as cache:
        cache.put("model", [])
    assert "it is a database of something else" in capsys.readouterr().err
    assert (folder / "embeddings.sqlite").read_bytes() == theirs
