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

if TYPE_CHECKING:
    from placeprint.dataset.checks.check import check
    from placeprint.dataset.checks.report import CheckReport
    from placeprint.dataset.manifest import Manifest
    from placeprint.dataset.scan import read_dataset
    from placeprint.embedding.embedder import Embedder, load_embedder
    from placeprint.embedding.imported import imported_spec, read_embeddings
    from placeprint.embedding.models import list_models
    from placeprint.errors import PlaceprintError
    from placeprint.evaluation.evaluate import evaluate
    from placeprint.evaluation.mining.mine import mine
    from placeprint.evaluation.mining.result import MiningResult
    from placeprint.evaluation.result import EvaluationResult
    from placeprint.gallery.calibration import Calibration
    from placeprint.gallery.gallery import Gallery
    from placeprint.gallery.opening import open_gallery
    from placeprint.indexing.folder import add, index
    from placeprint.recognition.calibration.calibrate import calibrate
    from placeprint.recognition.explanation import Explanation, explain
    from placeprint.recognition.recognizer import Recognizer, recognize
    from placeprint.records import UNKNOWN, Answer, ImageRecord, ModelSpec, Neighbours, Split
    from placeprint.report.html import write_report
    from placeprint.training.distillation import distil
    from placeprint.training.export import export
    from placeprint.training.result import TrainingResult
    from placeprint.training.train import train

__version__ = "0.1.0"

__all__ = [
    "UNKNOWN",
    "Answer",
    "Calibration",
    "CheckReport",
    "Embedder",
    "EvaluationResult",
    "Explanation",
    "Gallery",
    "ImageRecord",
    "Manifest",
    "MiningResult",
    "ModelSpec",
    "Neighbours",
    "PlaceprintError",
    "Recognizer",
    "Split",
    "TrainingResult",
    "add",
    "calibrate",
    "check",
    "distil",
    "evaluate",
    "explain",
    "export",
    "imported_spec",
    "index",
    "list_models",
    "load_embedder",
    "mine",
    "open_gallery",
    "read_dataset",
    "read_embeddings",
    "recognize",
    "train",
    "write_report",
]

_HOMES = {
    "dataset.checks.report": ("CheckReport",),
    "dataset.checks.check": ("check",),
    "dataset.manifest": ("Manifest",),
    "dataset.scan": ("read_dataset",),
    "embedding.embedder": ("Embedder", "load_embedder"),
    "embedding.imported": ("imported_spec", "read_embeddings"),
    "embedding.models": ("list_models",),
    "errors": ("PlaceprintError",),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.mining.mine": ("mine",),
    "evaluation.mining.result": ("MiningResult",),
    "evaluation.result": ("EvaluationResult",),
    "gallery.calibration": ("Calibration",),
    "gallery.gallery": ("Gallery",),
    "gallery.opening": ("open_gallery",),
    "recognition.calibration.calibrate": ("calibrate",),
    "recognition.explanation": ("Explanation", "explain"),
    "indexing.folder": ("add", "index"),
    "recognition.recognizer": ("Recognizer", "recognize"),
    "records": ("UNKNOWN", "Answer", "ImageRecord", "ModelSpec", "Neighbours", "Split"),
    "report.html": ("write_report",),
    "training.distillation": ("distil",),
    "training.export": ("export",),
    "training.result": ("TrainingResult",),
    "training.train": ("train",),
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
