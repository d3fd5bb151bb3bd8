"""Name to ModelSpec and weights: the one table to extend.

A model is an ONNX file with a *sidecar*: a JSON file of the same stem that holds its ModelSpec.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.embedding.model_folder import SCHEMES, find_exported, is_source
from placeprint.embedding.onnx_file import LARGEST, read_checked, read_onnx, refuse_unsafe
from placeprint.embedding.sidecar import read_sidecar
from placeprint.errors import ModelError, UsageError
from placeprint.records import ModelSpec
from placeprint.spelling import meant
from placeprint.storage.atomic import sha256_file

DEFAULT_MODEL = "efficientnet-lite0"
WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that can be run: what it is, and where its graph lies.

    `own` says that it was found by its path, and that no name finds it.

    Examples
    --------
    >>> import placeprint
    >>> from placeprint.embedding.models import find_model
    >>> found = find_model("efficientnet-lite0")
    >>> found.path.name, found.own
    ('efficientnet-lite0.onnx', False)
    >>> placeprint.load_embedder(found).spec == found.spec
    True
    """

    spec: ModelSpec
    path: Path
    own: bool = False

    def read(self) -> bytes:
        """Return the ONNX file's bytes, those that were checked when it was found.

        Raises
        ------
        ModelError
            When the file is another one by now.
        """
        return read_checked(self.path, self.spec.weights_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model that is bundled, or one of the field that can be brought.

    Attributes
    ----------
    name, source, licence : str
        `source` of a model of the field is what `placeprint export` takes, or where its authors publish it.
    dim, input_size : int
        Of the embedding, and of the input in pixels.
    here : bool
        True when it can be used now.
    bundled : bool
        True when it comes with the package.
    about : str or None
        One line on a bundled model.
    megabytes : float or None
        Of a bundled model's file.
    parameters : float or None
        Millions, of a model of the field.
    commercial : bool or None
        Whether a closed product may use a model of the field.
    recall_at_1 : float or None
        As published, per cent.
    benchmark, citation : str or None
        Of that figure.

    Examples
    --------
    >>> import placeprint
    >>> [model.name for model in placeprint.models() if model.bundled]
    ['efficientnet-lite0', 'efficientnet-lite0-average']
    """

    name: str
    source: str
    licence: str
    dim: int
    input_size: int
    here: bool
    bundled: bool
    about: str | None = None
    megabytes: float | None = None
    parameters: float | None = None
    commercial: bool | None = None
    recall_at_1: float | None = None
    benchmark: str | None = None
    citation: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A bundled file, and the fields of its ModelSpec that this name changes."""

    file: str
    about: str
    changes: dict[str, object] = dataclasses.field(default_factory=dict)


_BUNDLED = {
    "efficientnet-lite0": _Entry("efficientnet-lite0", "ImageNet, GeM pooling; the default"),
    "efficientnet-lite0-average": _Entry("efficientnet-lite0", "ImageNet, average pooling", {"pooling": "graph"}),
}


def list_models() -> tuple[ListedModel, ...]:
    """Return every model that can be named, the default first.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.list_models()[0].name
    'efficientnet-lite0'
    """
    found = []
    for name, entry in _BUNDLED.items():
        model = _bundled(name)
        spec, here = model.spec, model.path.is_file()
        size = model.path.stat().st_size / 1e6 if here else 0.0
        found.append(
            ListedModel(
                name=name,
                source=spec.source,
                licence=spec.licence,
                dim=spec.dim,
                input_size=spec.input_size,
                here=here,
                bundled=True,
                about=entry.about,
                megabytes=round(size, 1),
            )
        )
    return tuple(found)


def find_model(name: str) -> ModelFile:
    """Return a model by its name, by where it was exported from (``torchvision:resnet50``), or by the path of its file.

    A file is an ONNX file with a sidecar. Its hash is checked, and all of its weights must be in it.

    Raises `UsageError` for a name that is not known; `ModelError` when a file is missing, or the weights are not those
    of the ModelSpec, or lie in other files.
    """
    if name in _BUNDLED:
        model = _bundled(name)
    elif is_source(name):
        return _exported(name)
    elif name.lower().endswith(".onnx"):
        return _from_path(Path(name), own=True)
    else:
        advice = f"choose one of {', '.join(_BUNDLED)}, or give the path of an .onnx file"
        raise UsageError(f'model "{name}" is not known: {meant(name, names_like(name), advice)}')
    if not model.path.is_file():
        raise ModelError(f'model "{name}": the file "{model.path}" is missing: install placeprint again')
    return _with_hash(model, sha256_file(model.path))


def names_like(name: str) -> tuple[str, ...]:
    """Return the names that may have been meant: the bundled ones, and the same model of every source."""
    _, colon, rest = name.partition(":")
    return (*_BUNDLED, *(f"{scheme}:{rest}" for scheme in SCHEMES if colon))


def is_bundled(name: str) -> bool:
    """Return whether a name is that of a bundled model."""
    return name in _BUNDLED


def hash_of_model(path: Path) -> str:
    """Return the SHA-256 of what may be an ONNX file, reading nothing else; empty where there is no such file.

    The path may be a stranger's: a pipe, a device or a file that no ONNX file can be as large as is not opened.
    """
    try:
        if path.suffix.lower() != ".onnx" or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return sha256_file(path)
    except (OSError, ValueError):  # no permission; no possible path
        return ""


def model_of_hash(path: Path, digest: str) -> ModelFile:
    """Return the model of a file whose SHA-256 was found to be this. Raises `ModelError` as `find_model` does."""
    return _from_path(path, own=True, digest=digest)


def _with_hash(model: ModelFile, digest: str) -> ModelFile:
    if model.spec.weights_sha256 and digest != model.spec.weights_sha256:
        raise ModelError(
            f'model "{model.spec.name}": "{model.path}" has the SHA-256 {digest[:12]}… and its description says '
            f"{model.spec.weights_sha256[:12]}…: the file is damaged or is another one"
        )
    return dataclasses.replace(model, spec=dataclasses.replace(model.spec, weights_sha256=digest))


def _bundled(name: str) -> ModelFile:
    entry = _BUNDLED[name]
    path = WEIGHTS / f"{entry.file}.onnx"
    spec = dataclasses.replace(read_sidecar(path.with_suffix(".json")), name=name, **entry.changes)  # type: ignore[arg-type]
    return ModelFile(spec, path)


def _exported(name: str) -> ModelFile:
    path = find_exported(name)
    if path is None:
        raise ModelError(f'model "{name}" was not exported yet: `placeprint export {name}` does it once')
    return _from_path(path)


def _from_path(path: Path, *, own: bool = False, digest: str | None = None) -> ModelFile:
    """Return the model of a file: what is checked, hashed and, by its hash, run later, are the same bytes."""
    data = read_onnx(path)
    found = hashlib.sha256(data).hexdigest()
    if digest not in (None, found):
        raise ModelError(f'the model "{path}" was changed while it was being loaded: try again')
    refuse_unsafe(path, data)
    return _with_hash(ModelFile(read_sidecar(path.with_suffix(".json")), path, own), found)
