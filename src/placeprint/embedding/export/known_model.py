"""Published checkpoints that can be fetched: where each is, how large, with which hash; and `get_model`."""

from __future__ import annotations

from placeprint.embedding.export.candidate import ModelSource
from placeprint.embedding.export.conversion import Exported, export_source
from placeprint.embedding.export.download import Download
from placeprint.embedding.export.resnet_sources import FILES, URL
from placeprint.embedding.model_folder import VERSIONS, is_source, models_folder
from placeprint.embedding.models import list_models
from placeprint.embedding.zoo import ZooModel, licence_warning, list_zoo
from placeprint.errors import UsageError
from placeprint.progress import Progress
from placeprint.spelling import choices
from placeprint.terminal import tell

_PUBLISHED = {
    "resnet50-0676ba61.pth": (97.781, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
    "resnet50-11ad3fa6.pth": (97.79, "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
    "resnet101-63fe2227.pth": (170.511, "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"),
    "resnet101-cd907fc2.pth": (170.53, "cd907fc2"),
    "resnet152-394f9c45.pth": (230.434, "394f9c45966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58"),
    "resnet152-f82ba261.pth": (230.474, "f82ba261"),
}
"""MiB as torchvision states them, to a thousandth, and the SHA-256: whole where others state it, else the digits that
the authors put into the file's name."""
_MEBIBYTE = 1 << 20


def known_downloads() -> dict[str, Download]:
    """Return what can be fetched, by the source that it is exported from: ``torchvision:resnet50:v1``."""
    found = {}
    for architecture, files in FILES.items():
        for version, file in zip(VERSIONS, files, strict=True):
            size, sha256 = _PUBLISHED[file]
            least, most = (round((size + off) * _MEBIBYTE) for off in (-0.0005, 0.0005))
            found[f"torchvision:{architecture}:{version}"] = Download(URL + file, least, most, sha256)
    return found


def get_model(name: str, *, progress: Progress | None = None) -> Exported:
    """Fetch the published checkpoint of a model, check it, export it, and compare the export with PyTorch.

    What is fetched, from where and under which licence is said first. Nothing else in placeprint fetches a model, and
    nothing does so by itself. An interrupted download continues where it stopped.

    Parameters
    ----------
    name : str
        As `placeprint.models` names it (``ResNet50``), or its source, with a version where one is meant
        (``torchvision:resnet50:v2``).
    progress : Progress, optional

    Returns
    -------
    Exported
        Found as a model by its source from then on.

    Raises
    ------
    UsageError
        For a name that is not known, or a model of whose file size and hash are not.
    ModelError
        When the file cannot be fetched, or is not the published one.
    MissingExtraError
        Without PyTorch: the file is here then, and the next try only exports it.

    Examples
    --------
    >>> import placeprint
    >>> try:
    ...     placeprint.get_model("SALAD (DINOv2)")
    ... except placeprint.PlaceprintError as error:
    ...     print(str(error)[:71])
    SALAD (DINOv2) cannot be fetched: size and hash of its file are unknown
    """
    model, source, wanted = _meant(name)
    told = f"{model.name}: licence {model.licence}{licence_warning(model.licence)}"
    tell(f"{told}; about {wanted.most / 1e6:.0f} MB from {wanted.address}, SHA-256 {wanted.sha256}")
    tell(f'fetched: "{wanted.fetch(models_folder(), progress=progress)}"')
    return export_source(ModelSource(source))


def _meant(name: str) -> tuple[ZooModel, str, Download]:
    """Return the model that a name means, the source to export, and what to fetch."""
    downloads, zoo = known_downloads(), list_zoo()
    asked = name.casefold()
    for model in zoo:
        versions = {source.casefold(): source for source in downloads if source.startswith(f"{model.source}:")}
        if asked in versions:
            return model, versions[asked], downloads[versions[asked]]
        if asked not in (model.name.casefold(), model.source.casefold()):
            continue
        if versions:
            source = next(iter(versions.values()))
            return model, source, downloads[source]
        way = f"by placeprint export {model.source}" if is_source(model.source) else f"from {model.source}"
        raise UsageError(
            f"{model.name} cannot be fetched: size and hash of its file are unknown here. Bring it {way}. Licence: "
            f"{model.licence}{licence_warning(model.licence)}"
        )
    if asked in (bundled.name.casefold() for bundled in list_models()):
        raise UsageError(f'"{name}" comes with placeprint: there is nothing to fetch')
    raise UsageError(f'no model "{name}" is known: {choices(name, [model.name for model in zoo])}')
