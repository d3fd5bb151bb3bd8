"""A model with a whitening in its graph, and in fewer bits: by value, without PyTorch."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from placeprint.embedding.embedder import load_embedder  # noqa: E402
from placeprint.embedding.export.effect import Difference, Effect  # noqa: E402
from placeprint.embedding.export.fusion import fuse  # noqa: E402
from placeprint.embedding.export.precision import narrowed, quantised  # noqa: E402
from placeprint.embedding.models import find_model  # noqa: E402
from placeprint.embedding.whitening import Whitening, learn_whitening  # noqa: E402
from placeprint.errors import DatasetError, MissingExtraError, ModelError, UsageError  # noqa: E402
from placeprint.evaluation.evaluate import evaluate  # noqa: E402
from placeprint.records import ModelSpec  # noqa: E402
from placeprint.training.distillation import agreement, distil, learn_turn  # noqa: E402
from placeprint.training.export import export  # noqa: E402
from program import run  # noqa: E402

SCHEMAS = Path(__file__).parents[4] / "docs" / "schemas"

SPEC = ModelSpec(
    name="small", dim=32, input_size=32, resize_size=32, mean=(127.0,) * 3, std=(60.0,) * 3, pooling="gem", gem_p=2.0
)


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def small_model(folder: Path, *, value: float = 1.0, last: float = 1.0, **changes: object) -> Path:
    """Write two convolutions with a cut behind each: 32 channels at an eighth of the size."""
    rng, helper, numbers = np.random.default_rng(0), onnx.helper, onnx.numpy_helper
    float32 = onnx.TensorProto.FLOAT
    weights = [
        numbers.from_array(rng.normal(0, 0.3, (32, 3, 3, 3)).astype(np.float32), "w1"),
        numbers.from_array((value * rng.normal(0, 0.1, (32, 32, 3, 3))).astype(np.float32), "w2"),
        numbers.from_array(np.float32(0), "zero"),
        numbers.from_array(np.float32(6), "six"),
        numbers.from_array(np.float32(last), "last"),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], strides=[4, 4], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Clip", ["c1", "zero", "six"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], strides=[2, 2], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Clip", ["c2", "zero", "six"], ["r2"]),
        helper.make_node("Mul", ["r2", "last"], ["feature_map"]),
        helper.make_node("GlobalAveragePool", ["feature_map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["embedding"], axis=1),
    ]
    ends = [
        [helper.make_tensor_value_info("image", float32, ["n", 3, "h", "w"])],
        [
            helper.make_tensor_value_info("embedding", float32, ["n", 32]),
            helper.make_tensor_value_info("feature_map", float32, ["n", 32, "fh", "fw"]),
        ],
    ]
    proto = helper.make_model(
        helper.make_graph(nodes, "small", *ends, weights), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    folder.mkdir(exist_ok=True)
    (folder / "small.onnx").write_bytes(proto.SerializeToString())
    spec = dataclasses.replace(SPEC, **changes)  # type: ignore[arg-type]
    (folder / "small.json").write_text(json.dumps(spec.to_dict()))
    return folder / "small.onnx"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 photos of 8 places: noise over one picture a place; the last two of each are queries."""
    folder = tmp_path_factory.mktemp("photos")
    for place in range(8):
        for view in range(6):
            split = "gallery" if view < 4 else "query"
            path = folder / split / f"place-{place}" / f"{view}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(100 + 6 * place + view).normal(0, 25, (48, 64, 3))
            shown = np.asarray(picture(place), np.float64) + noise
            Image.fromarray(shown.clip(0, 255).astype(np.uint8)).save(path)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


def gallery_of(photos: Path, model: Path, precision: str = "auto") -> tuple[np.ndarray, list[str]]:
    paths = sorted((photos / "gallery").rglob("*.png"))
    embedder = load_embedder(str(model), precision=precision, threads=1)
    return embedder.embed([Image.open(path).convert("RGB") for path in paths]), [path.parent.name for path in paths]


def lowest(first: np.ndarray, second: np.ndarray) -> float:
    return float((first * second).sum(axis=1).min())


@pytest.mark.parametrize("runner", ["openvino", "onnx"])
@pytest.mark.parametrize("pooling", ["gem", "average", "graph"])
def test_the_graph_gives_what_the_whitening_gives(tmp_path: Path, photos: Path, runner: str, pooling: str) -> None:
    base = small_model(tmp_path / "base", pooling=pooling)
    done = export(str(base), tmp_path / "white.onnx", whiten=photos, preset="fast", cache=False)
    change = learn_whitening("places", *gallery_of(photos, base))
    seen = [picture(seed, (90, 60)) for seed in range(40, 46)]
    settings = {"runner": runner, "precision": "f32", "threads": 1}
    wanted = change.apply(load_embedder(str(base), **settings).embed(seen))  # type: ignore[arg-type]
    found = load_embedder(str(done.path), **settings).embed(seen)  # type: ignore[arg-type]
    assert lowest(wanted, found) >= 0.9999
    assert lowest(load_embedder(str(base), **settings).embed(seen), found) < 0.99  # type: ignore[arg-type]
    assert done.cosine is not None
    assert done.cosine >= 0.9999
    assert done.spec.pooling == ("graph" if pooling == "graph" else "average")


def test_a_whitening_can_be_cut_and_whitened_again(tmp_path: Path, photos: Path, model: Path) -> None:
    vectors, places = gallery_of(photos, model)
    whole = learn_whitening("places", vectors, places)
    done = export(str(model), tmp_path / "cut.onnx", whiten=photos, dim=5, preset="fast", cache=False)
    assert (done.spec.dim, done.spec.name) == (5, "cut")
    exact = gallery_of(photos, model, "f32")[0]
    turned = (vectors - whole.mean).astype(np.float64) @ whole.matrix
    variance, basis = np.linalg.eigh(np.cov(turned.T))
    top = basis[:, ::-1][:, :5]
    rows = (exact - whole.mean).astype(np.float64) @ whole.matrix @ top
    wanted = rows @ rows.T / np.outer(*(np.linalg.norm(rows, axis=1),) * 2)
    found = gallery_of(photos, done.path, "f32")[0]
    np.testing.assert_allclose(found @ found.T, wanted, atol=2e-4)
    assert variance[-1] > variance[0]
    again = export(str(done.path), tmp_path / "twice.onnx", whiten=photos, whitening="pca", preset="fast", cache=False)
    second = learn_whitening("pca", *gallery_of(photos, done.path))
    assert lowest(second.apply(found), gallery_of(photos, again.path, "f32")[0]) >= 0.9999


def test_any_height_and_width_goes_through_in_one_pass(tmp_path: Path) -> None:
    base = find_model("efficientnet-lite0")
    rng = np.random.default_rng(0)
    change = Whitening(np.zeros(1280, np.float32), rng.normal(0, 0.03, (1280, 16)).astype(np.float32))
    data, spec, cosine = fuse(base.path.read_bytes(), base.spec, change)
    assert cosine >= 0.9999
    (tmp_path / "m.onnx").write_bytes(data)
    (tmp_path / "m.json").write_text(json.dumps(spec.to_dict()))
    for runner in ("openvino", "onnx"):
        before = load_embedder(preset="balanced", runner=runner, precision="f32", threads=1)
        after = load_embedder(str(tmp_path / "m.onnx"), preset="balanced", runner=runner, precision="f32", threads=1)
        assert after.spec.views == ("whole",)
        seen = picture(3, (320, 180))
        assert change.apply(before.embed_one(seen)[None])[0] @ after.embed_one(seen) >= 0.9999
        np.testing.assert_array_equal(after.describe(seen).parts["cells"], before.describe(seen).parts["cells"])


@pytest.mark.parametrize(("precision", "bits"), [("float16", 11), ("bfloat16", 8)])
def test_16_bits_keep_so_many_significant_ones(model: Path, precision: str, bits: int) -> None:
    import onnxruntime

    image = np.random.default_rng(1).normal(0, 1, (2, 3, 64, 32)).astype(np.float32)
    small = narrowed(model.read_bytes(), precision)
    proto = onnx.load_model(str(model))
    for weight in proto.graph.initializer:
        value = onnx.numpy_helper.to_array(weight)
        if value.size >= 1024:
            mantissa, exponent = np.frexp(value.astype(np.float64))
            rounded = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
            weight.CopyFrom(onnx.numpy_helper.from_array(rounded.astype(np.float32), weight.name))
    runs = [
        onnxruntime.InferenceSession(data).run(["embedding"], {"image": image})[0]
        for data in (small, proto.SerializeToString(), model.read_bytes())
    ]
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-5, atol=1e-6)
    assert np.abs(runs[0] - runs[2]).max() > 1e-5
    assert len(small) < 0.65 * model.stat().st_size


def test_a_weight_too_great_for_float16_stays(tmp_path: Path) -> None:
    path = small_model(tmp_path, value=1e6)
    kept = onnx.load_model_from_string(narrowed(path.read_bytes(), "float16"))
    kinds = {weight.name: weight.data_type for weight in kept.graph.initializer}
    assert kinds == {"w1": 1, "w2": 1, "zero": 1, "six": 1, "last": 1}


def test_8_bits_come_near_and_the_file_is_a_third(tmp_path: Path, photos: Path, model: Path) -> None:
    done = export(str(model), tmp_path / "i8.onnx", precision="int8", measure=photos, preset="fast", cache=False)
    before, after = gallery_of(photos, model)[0], gallery_of(photos, done.path)[0]
    assert 0.98 < lowest(before, after) < 0.999999
    weights = {w.name: w for w in onnx.load_model(str(done.path)).graph.initializer}
    eight = onnx.TensorProto.INT8
    assert (
        sum(np.prod(w.dims) for w in weights.values() if w.data_type == eight and len(w.dims) == 4)
        == 32 * 27 + 32 * 32 * 9
    )
    card = (tmp_path / "i8.md").read_text()
    assert done.change is not None
    assert str(done.change.average_precision) in card
    assert done.spec.weights_sha256 in card
    assert "licence" in card


def test_the_measured_change_is_that_of_two_evaluations(tmp_path: Path, photos: Path, model: Path) -> None:
    options = {"preset": "fast", "cache": False}
    done = export(str(model), tmp_path / "w.onnx", whiten=photos, dim=2, measure=photos, **options)  # type: ignore[arg-type]
    before, after = (evaluate(photos, model=str(path), **options) for path in (model, done.path))  # type: ignore[arg-type]
    change = done.change
    assert change is not None
    assert (change.recall_at_1.before, change.recall_at_1.after) == (before.recall[1], after.recall[1])
    assert change.average_precision.after == pytest.approx(after.map)
    gain = after.map - before.map
    assert change.average_precision.low <= gain <= change.average_precision.high
    assert change.queries == 16
    assert change.cosine is None
    assert not done.note


def test_what_it_learned_from_flatters_it(tmp_path: Path, photos: Path, model: Path) -> None:
    options = {"whiten": photos / "gallery", "measure": photos / "gallery", "preset": "fast", "cache": False}
    assert "flatter" in export(str(model), tmp_path / "w.onnx", **options).note  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 photos without places."""
    folder = tmp_path_factory.mktemp("crowd")
    for seed in range(160):
        picture(1000 + seed).save(folder / f"{seed:03}.png")
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, model: Path) -> str:
    """It sees only three directions of what the student sees: a matrix can learn that, and must."""
    base, folder = find_model(str(model)), tmp_path_factory.mktemp("teacher")
    shown = load_embedder(str(model), precision="f32").embed([picture(seed) for seed in range(60)])
    _, _, basis = np.linalg.svd(shown - shown.mean(axis=0))
    eye = Whitening(shown.mean(axis=0), np.ascontiguousarray(basis[5:8].T, np.float32))
    data, spec, _ = fuse(base.path.read_bytes(), base.spec, eye)
    (folder / "t.onnx").write_bytes(data)
    (folder / "t.json").write_text(json.dumps(spec.to_dict()))
    return str(folder / "t.onnx")


def test_a_student_learns_what_its_teacher_finds_alike(tmp_path: Path, crowd: Path, model: Path, teacher: str) -> None:
    from placeprint.dataset.scan import read_dataset

    manifest, out = read_dataset(crowd), tmp_path / "s.onnx"
    done = distil(manifest, teacher, out, student=str(model), preset="fast", cache=False)
    assert done.exported is not None
    assert done.before < 0.2
    assert done.after > 0.75
    unseen = [picture(seed) for seed in range(2000, 2040)]
    found, wanted, plain = (
        load_embedder(str(path), precision="f32", threads=1).embed(unseen) for path in (out, teacher, model)
    )
    upper = np.triu_indices(40, 1)

    def agrees(ours: np.ndarray) -> float:
        return float(np.corrcoef((ours @ ours.T)[upper], (wanted @ wanted.T)[upper])[0, 1])

    assert agrees(found) > 0.75 > 0.3 > agrees(plain)
    assert "distilled from" in out.with_suffix(".md").read_text()


def test_a_student_that_agrees_already_stays(tmp_path: Path, crowd: Path, photos: Path, model: Path) -> None:
    done = distil(crowd, str(model), tmp_path / "s.onnx", student=str(model), preset="fast", cache=False)
    assert done.exported is None
    assert done.before == pytest.approx(1.0)
    with pytest.raises(DatasetError, match="has 32 photos that can be used: a teacher needs 50"):
        distil(photos, str(model), tmp_path / "s.onnx", student=str(model), preset="fast", cache=False)
    assert list(tmp_path.iterdir()) == []


def test_a_teacher_that_tells_nothing_teaches_nothing() -> None:
    held = np.arange(60) % 5 == 0
    shown = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    for alike in (np.ones((60, 4), np.float32), np.zeros((60, 4), np.float32)):
        assert agreement(shown, alike, held) == agreement(alike, shown, held) == 0.0


def test_what_is_printed_is_as_the_schemas_say(
    tmp_path: Path, crowd: Path, photos: Path, model: Path, teacher: str
) -> None:
    def told(verb: str, *arguments: object) -> dict[str, Any]:
        row = json.loads(run(verb, *arguments, "--preset", "fast", "--no-cache", "--json").stdout)
        jsonschema.validate(row, json.loads((SCHEMAS / f"{verb}.json").read_text("utf-8")))
        return dict(row)

    half = ("export", model, "--precision", "float16", "-o")
    assert told(*half, tmp_path / "half.onnx")["change"] is None
    assert told(*half, tmp_path / "measured.onnx", "--measure", photos)["verdict"]
    learn = ("distil", crowd, "--student", model, "-o")
    assert told(*learn, tmp_path / "learned.onnx", "--teacher", teacher)["exported"]["spec"]["name"] == "learned"
    assert told(*learn, tmp_path / "same.onnx", "--teacher", model)["exported"] is None


def test_no_share_of_the_teacher_leaves_the_centred_student() -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(60, 8)), rng.normal(size=(60, 5))
    turn = learn_turn(student, teacher, 0.0, 1.0)
    rows = student - student.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = turn.apply(student.astype(np.float32))
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, atol=1e-5)


def changed(gain: float, half: float, milliseconds: float, cosine: float | None = 1.0) -> tuple[str, ...]:
    figure = Difference(0.8, 0.8 + gain, gain - half, gain + half, 0.5)
    same = Difference(0.9, 0.9, 0.0, 0.0, 1.0)
    made = {"dataset": "d", "preset": "fast", "queries": 9, "photos": 3, "megabytes": (6.8, 3.6)}
    change = Effect(recall_at_1=same, average_precision=figure, cosine=cosine, milliseconds=(5.0, milliseconds), **made)  # type: ignore[arg-type]
    return change.verdict()


def test_the_verdict_is_honest() -> None:
    assert changed(-0.05, 0.02, 4.9, 0.91) == (
        "WORSE in mAP, the whole interval lies below 0: keep the model as it was",
        "not faster on this machine",
        "some embeddings moved far: galleries and thresholds must be made with this model",
    )
    assert changed(-0.05, 0.06, 3.0) == ("no difference in accuracy beyond chance on this many queries",)
    assert changed(0.05, 0.02, 3.0) == ("better in mAP: the whole interval lies above 0",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dim": 4}, "--dim goes with --whiten"),
        ({"measure": "PHOTOS"}, "--measure with --whiten or --precision"),
        ({"precision": "int4"}, 'precision "int4" is not known: .*hoose one of int8, float16, bfloat16'),
        ({"precision": "int8"}, "int8 needs photos of yours"),
        ({"whiten": "PHOTOS", "whitening": "zca"}, "Choose one of pca, places"),
        ({"whiten": "PHOTOS", "dim": 33}, "the dim must be 1 to"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, photos: Path, model: Path, options: dict[str, object], words: str
) -> None:
    given = {key: photos if value == "PHOTOS" else value for key, value in options.items()}
    with pytest.raises(UsageError, match=words):
        export(str(model), tmp_path / "m.onnx", preset="fast", cache=False, **given)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_too_few_photos_teach_nothing(tmp_path: Path, photos: Path, model: Path) -> None:
    options = {"preset": "fast", "cache": False}
    with pytest.raises(DatasetError, match="has 4 photos that can be used: a whitening needs 20"):
        export(str(model), tmp_path / "m.onnx", whiten=photos / "gallery" / "place-0", **options)  # type: ignore[arg-type]
    rows = [f"{path},p{i}" for i, path in enumerate(sorted(p.relative_to(photos) for p in photos.rglob("*.png")))]
    (photos / "alone.csv").write_text("\n".join(["path,place", *rows]))
    with pytest.raises(DatasetError, match="no place with two photos"):
        export(str(model), tmp_path / "m.onnx", whiten=photos / "alone.csv", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_a_graph_without_an_embedding_is_not_kept(tmp_path: Path, photos: Path, precision: str) -> None:
    for name, changes, words in (
        ("nan", {"last": float("nan")}, "NaN, infinity or only zeros"),
        ("dim", {"dim": 31}, "gives 32 numbers and says that it gives 31"),
        ("output", {"feature_output": "map"}, 'no output called "map"'),
    ):
        bad = small_model(tmp_path / name, **changes)  # type: ignore[arg-type]
        options = {"preset": "fast", "cache": False}
        with pytest.raises(ModelError, match=words):
            export(str(bad), tmp_path / "m.onnx", precision=precision, measure=photos, **options)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=words):
            export(str(bad), tmp_path / "m.onnx", whiten=photos, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.glob("m.*"))


def test_a_graph_that_a_step_broke_is_not_kept(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = small_model(tmp_path / "nan", last=float("nan")).read_bytes()
    monkeypatch.setattr("placeprint.training.export.narrowed", lambda *_: broken)
    with pytest.raises(ModelError, match="NaN, infinity or only zeros"):
        export(str(model), tmp_path / "m.onnx", precision="float16", cache=False)
    assert not list(tmp_path.glob("m.*"))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_extra_the_message_names_it(
    tmp_path: Path, photos: Path, model: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "placeprint\[onnx\]"'):
        export(str(model), tmp_path / "m.onnx", whiten=photos, preset="fast", cache=False)
    with pytest.raises(MissingExtraError, match=r'pip install "placeprint\[onnx\]"'):
        quantised(model.read_bytes(), [])
    assert list(tmp_path.iterdir()) == []


def test_whitened_without_pytorch_and_asked_without_onnx(tmp_path: Path, photos: Path, model: Path) -> None:
    """The whole way of the command line where PyTorch cannot be imported; asking needs no onnx package either."""
    block = "import sys\nfor name in {names!r}: sys.modules[name] = None\n"
    code = "from placeprint.cli.app import app; app()"

    def run(names: list[str], *arguments: str) -> str:
        command = [sys.executable, "-c", block.format(names=names) + code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    made, gallery = str(tmp_path / "mine.onnx"), str(tmp_path / "g")
    said = json.loads(
        run(["torch"], "export", str(model), "--whiten", str(photos), "-o", made, "--preset", "fast", "--json")
    )
    assert said["spec"]["name"] == "mine"
    nothing = ["torch", "onnx", "onnxruntime"]
    run(nothing, "index", str(photos), "-o", gallery, "-m", made, "--preset", "fast", "-q")
    asked = str(photos / "gallery" / "place-3" / "1.png")
    [answer] = json.loads(run(nothing, "query", gallery, asked, "-m", made, "--json"))
    assert answer["matches"][0]["path"] == "gallery/place-3/1.png"
    assert answer["matches"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)
