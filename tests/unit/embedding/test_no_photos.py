"""A gallery of imported embeddings answers no photos, and says so when it is made."""

import csv
from pathlib import Path

import numpy as np
import pytest

from placeprint import imported_spec
from placeprint.embedding.embedder import load_embedder
from placeprint.embedding.imported import why_no_photos
from placeprint.errors import ModelError
from placeprint.indexing.index import index
from placeprint.recognition.gallery_model import embedder_for


@pytest.mark.parametrize(
    ("model", "dim", "about"),
    [
        ("imported", 64, ""),
        ("my-own-net", 64, 'model "my-own-net" is not here; '),
        ("eficientnet-lite0", 1280, 'model "eficientnet-lite0" is not here (did you mean "efficientnet-lite0"?); '),
        ("nowhere.onnx", 64, 'model "nowhere.onnx" is not here; '),
        ("efficientnet-lite0", 1280, "for that, index the photos themselves with --model efficientnet-lite0; "),
        ("efficientnet-lite0", 64, 'model "efficientnet-lite0" makes 1280 numbers of an image, and these are 64; '),
        (
            "torchvision:resnet50",
            2048,
            "for that, index the photos themselves with --model torchvision:resnet50, which is fetched then; ",
        ),
    ],
)
def test_what_is_known_of_the_model_is_told(model: str, dim: int, about: str) -> None:
    assert why_no_photos(imported_spec(model, dim)) == (
        f"its embeddings were imported, so it answers no photos (query, serve); {about}"
        "evaluate, compare, calibrate and mine take query embeddings with --embeddings and --records"
    )


def test_it_is_told_when_the_gallery_is_made_and_is_true(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(4, 1280, dtype=np.float32))
    with (tmp_path / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "place"), *((f"{n}.jpg", f"p{n}") for n in range(4))])
    given = {"embeddings": tmp_path / "v.npy", "records": tmp_path / "r.csv", "model": "efficientnet-lite0"}
    done = index(None, tmp_path / "g", **given)
    assert done.no_photos == why_no_photos(done.gallery.spec) != ""
    with pytest.raises(ModelError, match="a photo cannot be embedded"):
        embedder_for(done.gallery)
    with pytest.raises(ModelError, match="a photo cannot be embedded"):
        embedder_for(done.gallery, model="efficientnet-lite0")
    assert load_embedder("efficientnet-lite0").spec.dim == done.gallery.spec.dim, "by its length it could be the one"
