"""placeprint tells which place an image shows, and how sure it is.

::

    images -> manifest -> embeddings -> gallery -> neighbours -> answer -> evaluation -> report
              dataset/    embedding/    gallery/   recognition/            evaluation/   report/

The folders are the flow. The names below are loaded when they are first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from placeprint.version import __version__ as __version__

if TYPE_CHECKING:
    from placeprint.dataset.checks.check import check
    from placeprint.dataset.checks.report import CheckReport
    from placeprint.dataset.manifest import Manifest
    from placeprint.dataset.scan import read_dataset
    from placeprint.embedding.embedder import Embedder, load_embedder
    from placeprint.embedding.export.conversion import Exported
    from placeprint.embedding.imported import imported_spec, read_embeddings
    from placeprint.embedding.model_list import ListedModel, models
    from placeprint.embedding.models import list_models
    from placeprint.errors import PlaceprintError
    from placeprint.evaluation.compare import Compared, compare
    from placeprint.evaluation.evaluate import evaluate
    from placeprint.evaluation.mining.mine import mine
    from placeprint.evaluation.mining.result import MiningResult
    from placeprint.evaluation.result import EvaluationResult
    from placeprint.gallery.calibration import Calibration
    from placeprint.gallery.changes import Change
    from placeprint.gallery.gallery import Gallery
    from placeprint.gallery.move import Moved, move
    from placeprint.gallery.opening import open_gallery
    from placeprint.gallery.protocol import AnyGallery
    from placeprint.gallery.remove import RemoveResult, remove
    from placeprint.indexing.folder import add
    from placeprint.indexing.index import index
    from placeprint.indexing.result import IndexResult
    from placeprint.presets import Preset
    from placeprint.progress import Progress
    from placeprint.recognition.calibration.calibrate import calibrate
    from placeprint.recognition.explanation import Explanation, explain
    from placeprint.recognition.query import Answered, QueryResult, query, recognize_many
    from placeprint.recognition.recognize import recognize, recognize_place
    from placeprint.recognition.recognizer import Recognizer
    from placeprint.recognition.verify import VerifyResult, verify
    from placeprint.records import UNKNOWN, Answer, ImageRecord, Match, ModelSpec, Neighbours, Split
    from placeprint.report.html import write_report
    from placeprint.report.run import RunResult, run
    from placeprint.training.distillation import Distilled, distil
    from placeprint.training.export import export
    from placeprint.training.result import TrainingResult
    from placeprint.training.train import train
    from placeprint.web.serve import serve

__all__ = [
    "UNKNOWN",
    "Answer",
    "Answered",
    "AnyGallery",
    "Calibration",
    "Change",
    "CheckReport",
    "Compared",
    "Distilled",
    "Embedder",
    "EvaluationResult",
    "Explanation",
    "Exported",
    "Gallery",
    "ImageRecord",
    "IndexResult",
    "ListedModel",
    "Manifest",
    "Match",
    "MiningResult",
    "ModelSpec",
    "Moved",
    "Neighbours",
    "PlaceprintError",
    "Preset",
    "Progress",
    "QueryResult",
    "Recognizer",
    "RemoveResult",
    "RunResult",
    "Split",
    "TrainingResult",
    "VerifyResult",
    "add",
    "calibrate",
    "check",
    "compare",
    "distil",
    "evaluate",
    "explain",
    "export",
    "imported_spec",
    "index",
    "list_models",
    "load_embedder",
    "mine",
    "models",
    "move",
    "open_gallery",
    "query",
    "read_dataset",
    "read_embeddings",
    "recognize",
    "recognize_many",
    "recognize_place",
    "remove",
    "run",
    "serve",
    "train",
    "verify",
    "write_report",
]

_HOMES = {
    "dataset.checks.check": ("check",),
    "dataset.checks.report": ("CheckReport",),
    "dataset.manifest": ("Manifest",),
    "dataset.scan": ("read_dataset",),
    "embedding.embedder": (
        "Embedder",
        "load_embedder",
    ),
    "embedding.export.conversion": ("Exported",),
    "embedding.imported": (
        "imported_spec",
        "read_embeddings",
    ),
    "embedding.model_list": (
        "ListedModel",
        "models",
    ),
    "embedding.models": ("list_models",),
    "errors": ("PlaceprintError",),
    "evaluation.compare": (
        "Compared",
        "compare",
    ),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.mining.mine": ("mine",),
    "evaluation.mining.result": ("MiningResult",),
    "evaluation.result": ("EvaluationResult",),
    "gallery.calibration": ("Calibration",),
    "gallery.changes": ("Change",),
    "gallery.gallery": ("Gallery",),
    "gallery.move": (
        "Moved",
        "move",
    ),
    "gallery.opening": ("open_gallery",),
    "gallery.protocol": ("AnyGallery",),
    "gallery.remove": (
        "RemoveResult",
        "remove",
    ),
    "indexing.folder": ("add",),
    "indexing.index": ("index",),
    "indexing.result": ("IndexResult",),
    "presets": ("Preset",),
    "progress": ("Progress",),
    "recognition.calibration.calibrate": ("calibrate",),
    "recognition.explanation": (
        "Explanation",
        "explain",
    ),
    "recognition.query": (
        "Answered",
        "QueryResult",
        "query",
        "recognize_many",
    ),
    "recognition.recognize": (
        "recognize",
        "recognize_place",
    ),
    "recognition.recognizer": ("Recognizer",),
    "recognition.verify": (
        "VerifyResult",
        "verify",
    ),
    "records": (
        "UNKNOWN",
        "Answer",
        "ImageRecord",
        "Match",
        "ModelSpec",
        "Neighbours",
        "Split",
    ),
    "report.html": ("write_report",),
    "report.run": (
        "RunResult",
        "run",
    ),
    "training.distillation": (
        "Distilled",
        "distil",
    ),
    "training.export": ("export",),
    "training.result": ("TrainingResult",),
    "training.train": ("train",),
    "web.serve": ("serve",),
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"placeprint.{home}"), name)
    raise AttributeError(f"module 'placeprint' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
