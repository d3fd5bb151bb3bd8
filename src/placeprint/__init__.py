"""placeprint tells which place an image shows, and how sure it is.

Its names are loaded when they are first used, so that importing the package costs nothing: `placeprint.homes` says from
where, and the imports below tell type checkers the same.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from placeprint.homes import HOMES as _HOMES
from placeprint.version import __version__ as __version__

if TYPE_CHECKING:
    from placeprint.dataset.checks.check import check as check
    from placeprint.dataset.checks.report import CheckReport as CheckReport
    from placeprint.dataset.checks.report import SummaryRow as SummaryRow
    from placeprint.dataset.checks.rules import Finding as Finding
    from placeprint.dataset.manifest import Manifest as Manifest
    from placeprint.dataset.metadata.gpx import Track as Track
    from placeprint.dataset.metadata.gpx import read_track as read_track
    from placeprint.dataset.protocols.protocol import Protocol as Protocol
    from placeprint.dataset.protocols.reading import ProtocolSet as ProtocolSet
    from placeprint.dataset.protocols.reading import read_protocol as read_protocol
    from placeprint.dataset.protocols.table import protocols as protocols
    from placeprint.dataset.scan import read_dataset as read_dataset
    from placeprint.embedding.cache_state import CacheState as CacheState
    from placeprint.embedding.cache_state import cache as cache
    from placeprint.embedding.embedder import AnyEmbedder as AnyEmbedder
    from placeprint.embedding.embedder import Description as Description
    from placeprint.embedding.embedder import Embedder as Embedder
    from placeprint.embedding.embedder import load_embedder as load_embedder
    from placeprint.embedding.export.conversion import Exported as Exported
    from placeprint.embedding.export.known_model import get_model as get_model
    from placeprint.embedding.imported import imported_spec as imported_spec
    from placeprint.embedding.imported import read_embeddings as read_embeddings
    from placeprint.embedding.model_list import models as models
    from placeprint.embedding.models import ListedModel as ListedModel
    from placeprint.embedding.models import ModelFile as ModelFile
    from placeprint.embedding.models import list_models as list_models
    from placeprint.embedding.pipeline import Embedded as Embedded
    from placeprint.errors import PlaceprintError as PlaceprintError
    from placeprint.evaluation.compare import Compared as Compared
    from placeprint.evaluation.compare import Comparison as Comparison
    from placeprint.evaluation.evaluate import evaluate as evaluate
    from placeprint.evaluation.leaderboard import Leaderboard as Leaderboard
    from placeprint.evaluation.mining.mine import mine as mine
    from placeprint.evaluation.mining.result import MinedImage as MinedImage
    from placeprint.evaluation.mining.result import MiningResult as MiningResult
    from placeprint.evaluation.pairs.pairs import pairs as pairs
    from placeprint.evaluation.pairs.result import ImagePair as ImagePair
    from placeprint.evaluation.pairs.result import PairList as PairList
    from placeprint.evaluation.result import EvaluatedQuery as EvaluatedQuery
    from placeprint.evaluation.result import EvaluationResult as EvaluationResult
    from placeprint.evaluation.standing import Standing as Standing
    from placeprint.evaluation.test_set import TestSet as TestSet
    from placeprint.gallery.calibration import Calibration as Calibration
    from placeprint.gallery.changes import Change as Change
    from placeprint.gallery.compact import CompactResult as CompactResult
    from placeprint.gallery.compact import compact as compact
    from placeprint.gallery.facts import GalleryFacts as GalleryFacts
    from placeprint.gallery.filters import Filter as Filter
    from placeprint.gallery.filters import Selection as Selection
    from placeprint.gallery.gallery import Gallery as Gallery
    from placeprint.gallery.index.audit import Audit as Audit
    from placeprint.gallery.index.base import Capabilities as Capabilities
    from placeprint.gallery.index.base import VectorIndex as VectorIndex
    from placeprint.gallery.inventory import Inventory as Inventory
    from placeprint.gallery.inventory import PlaceRow as PlaceRow
    from placeprint.gallery.move import Moved as Moved
    from placeprint.gallery.move import move as move
    from placeprint.gallery.opening import open_gallery as open_gallery
    from placeprint.gallery.position_evidence import PositionEvidence as PositionEvidence
    from placeprint.gallery.protocol import AnyGallery as AnyGallery
    from placeprint.gallery.protocol import Nearby as Nearby
    from placeprint.gallery.remove import RemoveResult as RemoveResult
    from placeprint.gallery.remove import remove as remove
    from placeprint.gallery.verification import VerifyReport as VerifyReport
    from placeprint.grouping.corrections import Corrections as Corrections
    from placeprint.grouping.group import group as group
    from placeprint.grouping.remembered import Remembered as Remembered
    from placeprint.grouping.remembered import remembered as remembered
    from placeprint.grouping.result import Alone as Alone
    from placeprint.grouping.result import Constraint as Constraint
    from placeprint.grouping.result import Edge as Edge
    from placeprint.grouping.result import Group as Group
    from placeprint.grouping.result import Grouping as Grouping
    from placeprint.grouping.result import Link as Link
    from placeprint.indexing.folder import add as add
    from placeprint.indexing.index import index as index
    from placeprint.indexing.result import IndexResult as IndexResult
    from placeprint.indexing.sources import Source as Source
    from placeprint.options import DecisionOptions as DecisionOptions
    from placeprint.presets import Preset as Preset
    from placeprint.progress import Progress as Progress
    from placeprint.recognition.calibration.calibrate import CalibrationResult as CalibrationResult
    from placeprint.recognition.calibration.calibrate import calibrate as calibrate
    from placeprint.recognition.explanation import Explanation as Explanation
    from placeprint.recognition.explanation import explain as explain
    from placeprint.recognition.gallery_info import GalleryInfo as GalleryInfo
    from placeprint.recognition.gallery_info import info as info
    from placeprint.recognition.location.contradictions import Contradiction as Contradiction
    from placeprint.recognition.location.contradictions import ContradictionResult as ContradictionResult
    from placeprint.recognition.location.contradictions import find_contradictions as find_contradictions
    from placeprint.recognition.location.locate import locate as locate
    from placeprint.recognition.location.result import Located as Located
    from placeprint.recognition.location.result import LocateResult as LocateResult
    from placeprint.recognition.query import query as query
    from placeprint.recognition.query import recognize_many as recognize_many
    from placeprint.recognition.query_result import Answered as Answered
    from placeprint.recognition.query_result import QueryResult as QueryResult
    from placeprint.recognition.recognize import recognize as recognize
    from placeprint.recognition.recognize import recognize_place as recognize_place
    from placeprint.recognition.recognizer import Recognizer as Recognizer
    from placeprint.recognition.spots.limits import PositionLimits as PositionLimits
    from placeprint.recognition.verify import VerifyResult as VerifyResult
    from placeprint.recognition.verify import verify as verify
    from placeprint.records.answer_position import AnswerPosition as AnswerPosition
    from placeprint.records.answers import UNKNOWN as UNKNOWN
    from placeprint.records.answers import Answer as Answer
    from placeprint.records.answers import Grade as Grade
    from placeprint.records.answers import Match as Match
    from placeprint.records.answers import Neighbours as Neighbours
    from placeprint.records.images import FailedImage as FailedImage
    from placeprint.records.images import ImageRecord as ImageRecord
    from placeprint.records.images import Split as Split
    from placeprint.records.model_spec import ModelSpec as ModelSpec
    from placeprint.report.compare import compare as compare
    from placeprint.report.html import write_report as write_report
    from placeprint.report.leaderboard import leaderboard as leaderboard
    from placeprint.report.run import RunResult as RunResult
    from placeprint.report.run import run as run
    from placeprint.storage.ragged import Ragged as Ragged
    from placeprint.training.distillation import Distilled as Distilled
    from placeprint.training.distillation import distil as distil
    from placeprint.training.export import export as export
    from placeprint.training.result import TrainingResult as TrainingResult
    from placeprint.training.train import train as train
    from placeprint.web.serve import serve as serve

__all__ = sorted((name for names in _HOMES.values() for name in names), key=lambda name: (not name.isupper(), name))


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"placeprint.{home}"), name)
    raise AttributeError(f"module 'placeprint' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
