"""A gallery remembers where its model's file was, and nothing that it says is believed but by its hash."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding import models
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.model_folder import exported_path
from placeprint.embedding.models import DEFAULT_MODEL, WEIGHTS, ModelFile, find_model
from placeprint.errors import GalleryMismatchError, ModelError
from placeprint.gallery.files import read_gallery
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.milvus.head import Head, blobs_of, head_of, values_of
from placeprint.gallery.model_hint import model_file_entry, model_file_of
from placeprint.recognition import gallery_model, model_lookup
from placeprint.recognition.gallery_model import embedder_for
from placeprint.recognition.model_lookup import find_gallery_model
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage.published import update_head


def model_in(folder: Path, name: str = "mine", *, called: str = "mine") -> Path:
    """Put a model of one's own into a folder: the bundled graph under another name."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(WEIGHTS / f"{DEFAULT_MODEL}.onnx", folder / f"{name}.onnx")
    row = json.loads((WEIGHTS / f"{DEFAULT_MODEL}.json").read_text())
    (folder / f"{name}.json").write_text(json.dumps(row | {"name": called}))
    return folder / f"{name}.onnx"


def gallery_of(path: Path, spec: ModelSpec, file: Path | None) -> Gallery:
    vectors = np.eye(2, spec.dim, dtype=np.float32)
    records = [ImageRecord(path="a.jpg", places=("a",)), ImageRecord(path="b.jpg", places=("b",))]
    return Gallery.build(path, records=records, vectors=vectors, spec=spec, model_file=file)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return model_in(tmp_path / "models")


@pytest.fixture
def spec(mine: Path) -> ModelSpec:
    return find_model(str(mine)).spec


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLACEPRINT_MODELS", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


def said(path: Path) -> object:
    return json.loads((path / "gallery.json").read_text()).get("model_file")


def found(gallery: Gallery) -> Path:
    model = find_gallery_model(gallery)
    assert isinstance(model, ModelFile)
    assert model.spec.fingerprint() == gallery.spec.fingerprint()
    return model.path


def test_where_it_was_is_relative_beside_the_gallery_and_absolute_elsewhere(tmp_path: Path) -> None:
    here = tmp_path / "g"
    for file, kept in (
        (tmp_path / "m.onnx", "../m.onnx"),
        (here / "m.onnx", "m.onnx"),
        (here / "deep" / "m.onnx", "deep/m.onnx"),
        (tmp_path / "other" / "m.onnx", str(tmp_path / "other" / "m.onnx")),
        (tmp_path.parent / "m.onnx", str(tmp_path.parent / "m.onnx")),
    ):
        assert model_file_entry(here, file) == {"model_file": kept}
        assert model_file_of(kept, here) == file
    assert model_file_entry(here, None) == {}


@pytest.mark.parametrize(
    "said", [None, "", 7, ["m.onnx"], "\\\\host\\share\\m.onnx", "//host/m.onnx", "/\\host/m.onnx", "a\x1b[2Jm.onnx"]
)
def test_what_is_no_place_here_is_no_hint(said: object, tmp_path: Path) -> None:
    assert model_file_of(said, tmp_path) is None
    assert model_file_of(said) is None


def test_a_model_says_where_its_file_is_and_a_name_does_not(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert load_embedder("mine.onnx").file == mine.resolve()
    assert load_embedder(DEFAULT_MODEL).file is None


def test_the_file_is_found_where_it_was_and_with_the_gallery(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "one" / "g", spec, mine)
    assert said(tmp_path / "one" / "g") == str(mine)
    assert found(gallery) == mine
    assert embedder_for(gallery).spec == spec
    (tmp_path / "one" / "mine.onnx").write_bytes(mine.read_bytes())  # brought beside it, as to another machine
    shutil.move(mine.with_suffix(".json"), tmp_path / "one" / "mine.json")
    mine.unlink()
    assert found(gallery) == tmp_path / "one" / "mine.onnx"
    beside = gallery_of(tmp_path / "one" / "h", spec, tmp_path / "one" / "mine.onnx")
    assert said(tmp_path / "one" / "h") == "../mine.onnx"
    shutil.move(tmp_path / "one", tmp_path / "two")
    assert beside.path is not None
    assert found(Gallery.open(tmp_path / "two" / "h")) == tmp_path / "two" / "mine.onnx"


def test_the_folder_of_models_is_searched_for_the_files_name(tmp_path: Path, spec: ModelSpec, shelf: Path) -> None:
    old = gallery_of(tmp_path / "old", spec, None)  # of a release that kept no hint
    gone = gallery_of(tmp_path / "gone", spec, tmp_path / "nowhere" / "my model.onnx")
    other = gallery_of(tmp_path / "other", spec, Path("C:\\models\\mine.onnx"))
    for gallery in (old, gone, other):
        with pytest.raises(ModelError, match=r'"mine" \(\w{6}\).* is not here: give its file with --model') as error:
            find_gallery_model(gallery)
        assert "PLACEPRINT_MODELS" in str(error.value)
    with pytest.raises(ModelError) as error:
        embedder_for(gone)
    assert f'from "{tmp_path / "nowhere" / "my model.onnx"}"' in str(error.value)
    model_in(shelf)
    model_in(shelf, "my model")
    assert [found(g) for g in (old, gone, other)] == [shelf / f"{n}.onnx" for n in ("mine", "my model", "mine")]


def test_another_file_is_refused_by_name_and_never_read_as_a_model(
    tmp_path: Path, mine: Path, spec: ModelSpec, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = gallery_of(tmp_path / "g", spec, mine)
    mine.write_bytes(mine.read_bytes() + b"\0")

    def parsed(*_: object) -> None:
        raise AssertionError("a file of another hash was read as a model")

    with monkeypatch.context() as patched:
        patched.setattr(models, "refuse_unsafe", parsed)
        patched.setattr(models, "read_sidecar", parsed)
        patched.setattr(model_lookup, "find_model", parsed)
        with pytest.raises(GalleryMismatchError, match="is another file") as error:
            embedder_for(gallery)
    assert f'"{mine}"' in str(error.value)
    assert str(spec) in str(error.value)
    right = model_in(shelf)
    assert found(gallery) == right


def test_a_description_of_another_model_is_refused_by_name(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "g", spec, mine)
    row = json.loads(mine.with_suffix(".json").read_text())
    mine.with_suffix(".json").write_text(json.dumps(row | {"mean": [1, 2, 3]}))
    with pytest.raises(GalleryMismatchError, match=r'mine\.json" describes its file as another model'):
        embedder_for(gallery)


def test_a_strangers_hint_opens_no_pipe_no_device_and_nothing_that_is_no_model(
    tmp_path: Path, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "device.onnx").symlink_to("/dev/zero")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "secret.txt").write_text("words")
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate((1 << 31) + 1)
    monkeypatch.setattr(models, "sha256_file", lambda path: pytest.fail(f"{path} was read"))
    for name in ("pipe.onnx", "device.onnx", "folder.onnx", "large.onnx", "secret.txt", "a" * 300 + ".onnx"):
        gallery = gallery_of(tmp_path / f"g-{name[:10]}", spec, tmp_path / name)
        with pytest.raises(ModelError, match="which is not here"):
            embedder_for(gallery)


def test_a_head_may_say_anything(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "g", spec, mine)
    for hint in (7, None, "//host/mine.onnx", "../" * 40 + "etc/passwd", {"a": 1}):
        update_head(tmp_path / "g", "gallery.json", {"model_file": hint})
        opened = Gallery.open(tmp_path / "g")
        assert opened.records == gallery.records
        with pytest.raises(ModelError, match="which is not here"):
            embedder_for(opened)


@pytest.mark.parametrize("name", ["torchvision:resnet50:v1", "hub:evil/repo:entry", "timm:x", "hf:a/b; rm -rf ~"])
def test_a_galleries_name_exports_nothing(
    name: str, tmp_path: Path, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from placeprint.embedding.export import conversion

    monkeypatch.setattr(conversion, "export_source", lambda *_: pytest.fail("something was exported"))
    for hint in (None, tmp_path / "gone.onnx"):
        gallery = gallery_of(tmp_path / "g", dataclasses.replace(spec, name=name), hint)
        with pytest.raises(ModelError, match="which is not here") as error:
            embedder_for(gallery)
    with pytest.raises(ModelError) as error:
        find_gallery_model(gallery_of(tmp_path / "g", dataclasses.replace(spec, name=name), None))
    command = f"'{name}'" if " " in name else name
    assert f"`placeprint export {command}` makes it once" in str(error.value)
    model_in(exported_path(name).parent, exported_path(name).stem, called=name)
    made = load_embedder(name).spec
    for hint in (None, tmp_path / "gone.onnx"):
        assert embedder_for(gallery_of(tmp_path / "g", made, hint)).spec == made


def test_a_path_as_a_galleries_name_is_no_hint(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "g", dataclasses.replace(spec, name=str(mine)), None)
    with pytest.raises(ModelError, match="which is not here"):
        embedder_for(gallery)


def test_bundled_models_need_no_hint_and_no_file_is_hashed_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = gallery_of(tmp_path / "g", load_embedder(DEFAULT_MODEL).spec, None)
    monkeypatch.setattr(model_lookup, "hash_of_model", lambda path: pytest.fail(f"{path} was looked at"))
    assert embedder_for(gallery).spec == gallery.spec
    assert said(tmp_path / "g") is None


def test_a_given_model_goes_before_the_hint(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "g", spec, mine)
    with pytest.raises(GalleryMismatchError, match="Rebuild it"):
        embedder_for(gallery, model=DEFAULT_MODEL)
    mine.rename(tmp_path / "elsewhere.onnx")
    mine.with_suffix(".json").rename(tmp_path / "elsewhere.json")
    assert gallery_model.embedder_for(gallery, model=str(tmp_path / "elsewhere.onnx")).spec == spec


def test_a_change_keeps_the_hint_and_an_addition_renews_it(tmp_path: Path, mine: Path, spec: ModelSpec) -> None:
    gallery = gallery_of(tmp_path / "g", spec, mine)
    gallery, _ = gallery.remove(["a.jpg"])
    assert (said(tmp_path / "g"), gallery.model_file) == (str(mine), mine)
    more = [ImageRecord(path="c.jpg", places=("c",))]
    vectors = np.eye(1, spec.dim, dtype=np.float32)
    gallery, _ = gallery.add(more, vectors, spec=spec)
    assert gallery.model_file == mine
    newer = model_in(tmp_path, "newer")
    gallery, _ = gallery.add([ImageRecord(path="d.jpg", places=("c",))], vectors, spec=spec, model_file=newer)
    assert (said(tmp_path / "g"), gallery.model_file) == ("../newer.onnx", newer)
    assert read_gallery(tmp_path / "g")[0].model_file == newer


def test_the_head_on_a_server_keeps_it_absolute(mine: Path, spec: ModelSpec) -> None:
    for file in (mine, None):
        head = Head(spec=spec, model_file=file)
        values = json.loads(json.dumps(values_of(head)))
        assert head_of(values, blobs_of(head)).model_file == file
    old = {name: value for name, value in values.items() if name != "model_file"}
    assert head_of(old, blobs_of(head)).model_file is None
    assert head_of(values | {"model_file": "../m.onnx"}, blobs_of(head)).model_file is None
