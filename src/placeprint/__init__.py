"""placeprint tells which place an image shows, and how sure it is.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from placeprint.homes import HOMES as _HOMES
from placeprint.version import __version__ as __version__

if TYPE_CHECKING:
    from placeprint.dataset.checks.check import check
    from placeprint.dataset.checks.report import CheckReport, SummaryRow
    from placeprint.dataset.checks.rules import Finding
    from placeprint.dataset.manifest import Manifest
    from placeprint.dataset.metadata.gpx import Track, read_track
    from placeprint.dataset.protocols.protocol import Protocol
    from placeprint.dataset.protocols.reading import ProtocolSet, read_protocol
    from placeprint.dataset.protocols.table import protocols
    from placeprint.dataset.scan import read_dataset
    from placeprint.embedding.cache_state import CacheState, cache
    from placeprint.embedding.embedder import AnyEmbedder, Description, Embedder, load_embedder
    from placeprint.embedding.export.conversion import Exported
    from placeprint.embedding.export.known_model import get_model
    from placeprint.embedding.imported import imported_spec, read_embeddings
    from placeprint.embedding.model_list import models
    from placeprint.embedding.models import ListedModel, ModelFile, list_models
    from placeprint.embedding.pipeline import Embedded
    from placeprint.errors import PlaceprintError
    from placeprint.evaluation.compare import Compared, Comparison
    from placeprint.evaluation.evaluate import evaluate
    from placeprint.evaluation.leaderboard import Leaderboard
    from placeprint.evaluation.mining.mine import mine
    from placeprint.evaluation.mining.result import MinedImage, MiningResult
    from placeprint.evaluation.pairs.pairs import pairs
    from placeprint.evaluation.pairs.result import ImagePair, PairList
    from placeprint.evaluation.result import EvaluatedQuery, EvaluationResult
    from placeprint.evaluation.standing import Standing
    from placeprint.evaluation.test_set import TestSet
    from placeprint.gallery.calibration import Calibration
    from placeprint.gallery.changes import Change
    from placeprint.gallery.compact import CompactResult, compact
    from placeprint.gallery.facts import GalleryFacts
    from placeprint.gallery.filters import Filter, Selection
    from placeprint.gallery.gallery import Gallery
    from placeprint.gallery.index.audit import Audit
    from placeprint.gallery.index.base import Capabilities, VectorIndex
    from placeprint.gallery.inventory import Inventory, PlaceRow
    from placeprint.gallery.move import Moved, move
    from placeprint.gallery.opening import open_gallery
    from placeprint.gallery.position_evidence import PositionEvidence
    from placeprint.gallery.protocol import AnyGallery, Nearby
    from placeprint.gallery.remove import RemoveResult, remove
    from placeprint.gallery.verification import VerifyReport
    from placeprint.grouping.corrections import Corrections
    from placeprint.grouping.group import group
    from placeprint.grouping.remembered import Remembered, remembered
    from placeprint.grouping.result import Alone, Constraint, Edge, Group, Grouping, Link
    from placeprint.indexing.folder import add
    from placeprint.indexing.index import index
    from placeprint.indexing.result import IndexResult
    from placeprint.indexing.sources import Source
    from placeprint.options import DecisionOptions
    from placeprint.presets import Preset
    from placeprint.progress import Progress
    from placeprint.recognition.calibration.calibrate import CalibrationResult, calibrate
    from placeprint.recognition.explanation import Explanation, explain
    from placeprint.recognition.gallery_info import GalleryInfo, info
    from placeprint.recognition.location.contradictions import Contradiction, ContradictionResult, find_contradictions
    from placeprint.recognition.location.locate import locate
    from placeprint.recognition.location.result import Located, LocateResult
    from placeprint.recognition.query import query, recognize_many
    from placeprint.recognition.query_result import Answered, QueryResult
    from placeprint.recognition.recognize import recognize, recognize_place
    from placeprint.recognition.recognizer import Recognizer
    from placeprint.recognition.spots.limits import PositionLimits
    from placeprint.recognition.verify import VerifyResult, verify
    from placeprint.records.answer_position import AnswerPosition
    from placeprint.records.answers import UNKNOWN, Answer, Grade, Match, Neighbours
    from placeprint.records.images import FailedImage, ImageRecord, Split
    from placeprint.records.model_spec import ModelSpec
    from placeprint.report.compare import compare
    from placeprint.report.html import write_report
    from placeprint.report.leaderboard import leaderboard
    from placeprint.report.run import RunResult, run
    from placeprint.storage.ragged import Ragged
    from placeprint.training.distillation import Distilled, distil
    from placeprint.training.export import export
    from placeprint.training.result import TrainingResult
    from placeprint.training.train import train
    from placeprint.web.serve import serve

__all__ = [
    "UNKNOWN",
    "Alone",
    "Answer",
    "AnswerPosition",
    "Answered",
    "AnyEmbedder",
    "AnyGallery",
    "Audit",
    "CacheState",
    "Calibration",
    "CalibrationResult",
    "Capabilities",
    "Change",
    "CheckReport",
    "CompactResult",
    "Compared",
    "Comparison",
    "Constraint",
    "Contradiction",
    "ContradictionResult",
    "Corrections",
    "DecisionOptions",
    "Description",
    "Distilled",
    "Edge",
    "Embedded",
    "Embedder",
    "EvaluatedQuery",
    "EvaluationResult",
    "Explanation",
    "Exported",
    "FailedImage",
    "Filter",
    "Finding",
    "Gallery",
    "GalleryFacts",
    "GalleryInfo",
    "Grade",
    "Group",
    "Grouping",
    "ImagePair",
    "ImageRecord",
    "IndexResult",
    "Inventory",
    "Leaderboard",
    "Link",
    "ListedModel",
    "LocateResult",
    "Located",
    "Manifest",
    "Match",
    "MinedImage",
    "MiningResult",
    "ModelFile",
    "ModelSpec",
    "Moved",
    "Nearby",
    "Neighbours",
    "PairList",
    "PlaceRow",
    "PlaceprintError",
    "PositionEvidence",
    "PositionLimits",
    "Preset",
    "Progress",
    "Protocol",
    "ProtocolSet",
    "QueryResult",
    "Ragged",
    "Recognizer",
    "Remembered",
    "RemoveResult",
    "RunResult",
    "Selection",
    "Source",
    "Split",
    "Standing",
    "SummaryRow",
    "TestSet",
    "Track",
    "TrainingResult",
    "VectorIndex",
    "VerifyReport",
    "VerifyResult",
    "add",
    "cache",
    "calibrate",
    "check",
    "compact",
    "compare",
    "distil",
    "evaluate",
    "explain",
    "export",
    "find_contradictions",
    "get_model",
    "group",
    "imported_spec",
    "index",
    "info",
    "leaderboard",
    "list_models",
    "load_embedder",
    "locate",
    "mine",
    "models",
    "move",
    "open_gallery",
    "pairs",
    "protocols",
    "query",
    "read_dataset",
    "read_embeddings",
    "read_protocol",
    "read_track",
    "recognize",
    "recognize_many",
    "recognize_place",
    "remembered",
    "remove",
    "run",
    "serve",
    "train",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"placeprint.{home}"), name)
    raise AttributeError(f"module 'placeprint' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
