"""Finds the model of a gallery when it is not given.

A gallery remembers where the file of a model of one's own was. It may come from a stranger, so what it says is a hint:
a file is hashed, and read as a model only when its SHA-256 is the one of the gallery's ModelSpec; a name is looked up
among what is installed or was exported here, and never makes anything be fetched, exported or run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from placeprint.embedding.model_folder import find_exported, is_source, models_folder
from placeprint.embedding.models import ModelFile, find_model, hash_of_model, is_bundled, model_of_hash
from placeprint.errors import GalleryMismatchError, ModelError
from placeprint.gallery.protocol import AnyGallery


def find_gallery_model(gallery: AnyGallery) -> str | ModelFile:
    """Return the model that a gallery was built with: its file, or a name that finds it.

    A file is looked for where it was, beside the gallery, and in the folder of models.

    Raises `ModelError` when it is not here; `GalleryMismatchError` when the file that is there is another one.
    """
    spec = gallery.spec
    named = is_bundled(spec.name) or (is_source(spec.name) and find_exported(spec.name) is not None)
    if named and (gallery.model_file is None or not spec.weights_sha256):
        return spec.name
    others = []
    for path in dict.fromkeys(_candidates(gallery)):
        digest = hash_of_model(path)
        if digest and digest == spec.weights_sha256:
            return model_of_hash(path, digest)
        others += [path] if digest else []
    if named and (model := find_model(spec.name)).spec.weights_sha256 == spec.weights_sha256:
        return model
    raise _missing(gallery, others)


def _candidates(gallery: AnyGallery) -> Iterator[Path]:
    """Yield where the file may be: names of other systems' paths count too."""
    file = gallery.model_file
    name = f"{gallery.spec.name}.onnx" if file is None else re.split(r"[\\/]", str(file))[-1]
    if file is not None:
        yield file
    if re.search(r"[\\/:]", name) or not name.isprintable():
        return
    if gallery.path is not None:
        yield gallery.path.resolve().parent / name
    yield models_folder() / name


def _missing(gallery: AnyGallery, others: list[Path]) -> ModelError | GalleryMismatchError:
    spec, file = gallery.spec, gallery.model_file
    where = "the gallery" if gallery.where == "None" else f'gallery "{gallery.where}"'
    if others:
        return GalleryMismatchError(
            f'{where} was built with model {spec} and "{others[0]}" is another file (its SHA-256 differs): give the '
            "right one with --model PATH.onnx"
        )
    if file is None and is_source(spec.name):
        return ModelError(
            f"{where} was built with model {spec}, which is not here: `placeprint export {shlex.quote(spec.name)}` "
            "makes it once; or give its file with --model PATH.onnx"
        )
    was = "" if file is None else f' from "{file}"'
    return ModelError(
        f"{where} was built with model {spec}{was}, which is not here: give its file with --model PATH.onnx, or put it "
        f'into the folder of models ("{models_folder()}", or what PLACEPRINT_MODELS names)'
    )
