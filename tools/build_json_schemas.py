"""Write docs/schemas: what each verb prints with --json, as a JSON schema.

A shape is a type by its name (with ``?``: or null), a list of one shape, a dict of named shapes (a name with ``?`` may
be missing), ``("one of", "a", "b")`` for a few texts, or ``{"*": shape}`` for a mapping. What is written as a record is
takes its shape from it (`of`). Run it after a change; a test compares the files with it, and what the verbs print with
the files.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from placeprint.dataset.overview import Overview
from placeprint.dataset.protocols.published import Figure
from placeprint.embedding.cache_state import CacheState
from placeprint.embedding.export.conversion import Exported
from placeprint.embedding.export.effect import Difference
from placeprint.embedding.models import ListedModel
from placeprint.evaluation.pairs.result import ImagePair, PairList
from placeprint.evaluation.test_set import TestSet
from placeprint.gallery.changes import Change
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.verification import VerifyReport
from placeprint.grouping.result import Alone, Group, Link
from placeprint.recognition.location.result import Located
from placeprint.recognition.spots.limits import PositionLimits
from placeprint.recognition.verify import FoundModel
from placeprint.records import AnswerPosition, FailedImage, Grade, ModelSpec
from placeprint.training.settings import TrainSettings

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"
_TYPES = {"text": "string", "int": "integer", "number": "number", "bool": "boolean", "any": None}
_NAMES = {str: "text", Path: "text", int: "int", float: "number", bool: "bool"}


@cache
def of(record: type[Any]) -> dict[str, Any]:
    """Return the shape of a record that is written field by field."""
    hints = get_type_hints(record)
    return {field.name: _of_hint(hints[field.name]) for field in dataclasses.fields(record)}


def _of_hint(hint: Any) -> Any:
    inner = [each for each in get_args(hint) if each not in (NoneType, Ellipsis)]
    if isinstance(hint, UnionType):
        shape = _of_hint(inner[0])
        return f"{shape}?" if isinstance(shape, str) else (shape,)
    if get_origin(hint) is tuple:
        return [_of_hint(inner[0])]
    if get_origin(hint) is Mapping:
        return {"*": _of_hint(inner[1])}
    return _NAMES[hint] if hint in _NAMES else of(hint)


GRADE = ("one of", *Grade)
SPLITS = {"gallery": "int", "query": "int", "none": "int"}
FAILED_IMAGE = of(FailedImage)
SET_ASIDE = {"says": "text", "why": "text", "count": "int", "paths": ["text"]}
UNDERSTOOD = of(Overview) | {"images": SPLITS, "places": SPLITS}
CALIBRATION = {
    "coefficients": ["number"],
    "low": "number",
    "high": "number",
    "usual_agreement": "number",
    "threshold": "number",
    "interval": ["number"],
    "false_accept_rate": "number",
    "rate_interval": ["number"],
    "accepted_share": "number?",
    "source": "text",
    "automatic": "bool",
    "learned": "text",
    "guarantee": "text",
    "n_known": "int",
    "n_unknown": "int",
    "n_places": "int",
    "seed": "int",
    "images": "int",
    "changed": "int",
    "trade_off": [
        {
            "false_accept_rate": "number",
            "threshold": "number",
            "accepted_share": "number?",
            "expected_rate": "number",
            "rate_interval": ["number"],
        }
    ],
    "evidence": "text",
    "format": "int",
    "strategy": "text",
    "doubts": ["text"],
    "outdated": "text?",
}
POSITIONS = {"limits": (of(PositionLimits),), "why": "text?", "outdated": "text?"}
CHANGE = of(Change)
GALLERY = {
    "gallery": "text",
    "images": "int",
    "places": "int",
    "model": "text",
    "fingerprint": "text",
    "preset": "text",
    "index": "text",
    "calibration": (CALIBRATION,),
    "not_calibrated": "text?",
    "positions": (POSITIONS,),
}
INDEXED = GALLERY | {
    "understood": UNDERSTOOD,
    "change": CHANGE,
    "computed": "int",
    "cached": "int",
    "seconds": "number",
    "shares": {"*": "number"},
    "failures": [FAILED_IMAGE],
}
MATCH = {"row": "int", "path": "text", "places": ["text"], "score": "number", "similarity": "number?"} | {
    "titles": ["text"]
}
EXPLANATION = {
    "says": "text",
    "alike": "int",
    "spots": "int",
    "points": "int",
    "times": "number?",
    "ends": [["number"]],
    "weights": ["number"],
}
FILTER = {
    "places": ["text"],
    "near": ({"latitude": "number", "longitude": "number", "metres": "number"},),
    "split": "text?",
    "images": "int",
}
FACTS = {"filter?": FILTER, "calibration_outdated?": "text", "positions_outdated?": "text"}
ANSWER = FACTS | {
    "photo": "text",
    "answer": "text",
    "place": "text?",
    "grade": GRADE,
    "best_guess": "text?",
    "title": "text?",
    "score": "number?",
    "margin": "number?",
    "threshold": "number?",
    "margin_threshold": "number?",
    "probability": "number?",
    "probability_threshold": "number?",
    "false_accept_rate": "number?",
    "calibrated_for": "text?",
    "position": (of(AnswerPosition),),
    "places": [{"place": "text", "score": "number", "images": "int", "title": "text?"}],
    "matches": [MATCH | {"explanation?": EXPLANATION}],
    "why": "text",
    "missing?": "text?",
}
NO_ANSWER = FACTS | {"photo": "text", "error": "text", "kind": "text"}
TOGETHER = {name: shape for name, shape in ANSWER.items() if name != "photo"} | {"photos": [("or", ANSWER, NO_ANSWER)]}
INTERVAL = {
    "value": "number?",
    "low": "number?",
    "high": "number?",
    "level": "number",
    "units": "int",
    "resamples": "int",
}
FIGURE = of(Figure)
TOLERANCES = [{"tolerance": "number", "unit": "text", "answerable": "int", "recall": {"*": "number"}}]
EVALUATION = {
    "dataset": "text",
    "model": "text",
    "preset": "text",
    "fingerprint": "text",
    "index": "text",
    "truth": "text",
    "protocol": "text",
    "n_gallery": "int",
    "n_queries": "int",
    "n_answerable": "int",
    "n_unknown": "int",
    "set_aside": [SET_ASIDE],
    "gallery_unjudged": "int",
    "n_copied": "int",
    "recall": {"*": "number?"},
    "recall_over_all": {"*": "number?"},
    "map": "number?",
    "map_found_at_20": "number?",
    "mrr": "number?",
    "open_set": {
        "auroc": "number?",
        "threshold": "number?",
        "margin_threshold": "number?",
        "probability_threshold": "number?",
        "recall_at_1": "number?",
        "unknown_precision": "number?",
        "unknown_recall": "number?",
        "unknown_f1": "number?",
        "false_accepts": "int?",
        "false_rejects": "int?",
        "aupr": "number?",
        "fpr_at_95_tpr": "number?",
        "recall_at_1_at_5_far": "number?",
        "risk_coverage_area": "number?",
        "calibration_error": "number?",
    },
    "grades": [{"grade": GRADE, "right": "int", "wrong": "int", "unknown": "int"}],
    "trade_off": [
        {
            "false_accept_rate": "number",
            "threshold": "number",
            "expected_share": "number?",
            "expected_rate": "number",
            "named_right": "int",
            "named_wrong": "int",
            "false_accepts": "int",
        }
    ],
    "dim": "int",
    "headlines": [{"name": "text", "over_queries": INTERVAL, "over_places": INTERVAL}],
    "conventions": [{"name": "text", "by": "text", "value": "number?", "divides_by": "text"}],
    "places": [
        {
            "place": "text",
            "gallery": "int",
            "queries": "int",
            "recall_at_1": "number?",
            "average_precision": "number?",
        }
    ],
    "confusions": [{"*": "any"}],
    "titles": {"*": "text"},
    "unusable": [FAILED_IMAGE],
    "seconds": {"embed": "number", "search": "number", "search_per_query": "number"},
    "test_set": of(TestSet),
    "gallery_bytes": "int",
    "tolerances": TOLERANCES,
    "benchmark": (
        {
            "protocol": "text",
            "title": "text",
            "figures": {"*": "number?"},
            "doubts": ["text"],
            "published": [FIGURE],
        },
    ),
    "false_accept_rate": "number?",
    "calibrated_for": "text",
    "calibration_outdated": "text",
    "unanswerable": ["text"],
    "failures": [
        {
            "query": "text",
            "true": ["text"],
            "predicted": "text",
            "grade": GRADE,
            "score": "number?",
            "margin": "number?",
            "rank": "int?",
            "*": "any",
        }
    ],
}
MCNEMAR = {"*": "number?"}
MINED = {
    "path": "text",
    "places": ["text"],
    "positives": [MATCH],
    "best_positive": (MATCH,),
    "negatives": [MATCH],
    "margin": "number?",
}
MODEL_SPEC, DIFFERENCE, EXPORTED = of(ModelSpec), of(Difference), of(Exported)
FIGURES = {"recall_at_1": "number?", "map": "number?"}
GROUPING = {
    "root": "text",
    "images": "int",
    "looks": "int",
    "groups": [of(Group) | {"looks": [["text"]]}],
    "alone": [of(Alone)],
    "constraints": [{"link": ("one of", *Link), "a": "text", "b": "text"}],
    "contradictions": ["text"],
    "false_merge_rate": "number",
    "model": "text",
    "matched": "int",
    "failures": [FAILED_IMAGE],
    "seconds": "number",
}
SHAPES: dict[str, tuple[str, Any]] = {
    "add": ("What became of the images that were given, and the gallery as it is now.", INDEXED),
    "calibrate": ("The calibration that was learned.", {"gallery": "text", "positions": (POSITIONS,)} | CALIBRATION),
    "check": (
        "What is wrong with a dataset; a later check takes it as its --baseline.",
        {
            "tool": "text",
            "format": "int",
            "source": "text",
            "understood": (UNDERSTOOD,),
            "ok": "bool",
            "errors": "int",
            "new": "int?",
            "counts": {"*": "int"},
            "parameters": {"hamming": "int", "hamming_used": "int", "min_side": "int"},
            "summary": [{"check": "text", "severity": "text", "count": "int", "new": "int?", "advice": "text"}],
            "findings": [
                {
                    "check": "text",
                    "severity": "text",
                    "paths": ["text"],
                    "message": "text",
                    "score": "number?",
                    "known": "bool?",
                }
            ],
            "pairs": [
                {
                    "first": "text",
                    "second": "text",
                    "distance": "int",
                    "exact": "text",
                    "relation": "text",
                    "check": "text",
                    "severity": "text",
                    "known": "bool?",
                }
            ],
            "images": [
                {
                    "path": "text",
                    "split": "text",
                    "places": ["text"],
                    "width": "int",
                    "height": "int",
                    "bytes": "int",
                    "content_hash": "text",
                    "pixel_hash": "text",
                    "dhash": "text",
                    "scores": {"*": "number?"},
                    "flagged": ["text"],
                }
            ],
        },
    ),
    "compare": (
        "One object for each setting, compared with the first.",
        [
            {
                "setting": "text",
                "recall_at_1": INTERVAL,
                "map": INTERVAL,
                "open_set_recall_at_1": (INTERVAL,),
                "recall_test": (MCNEMAR,),
                "open_set_test": (MCNEMAR,),
                "map_difference": ({"*": "any"},),
                "sweep": ({"*": "number?"},),
                "gallery_megabytes": "number",
                "result": EVALUATION,
            }
        ],
    ),
    "distil": (
        "How far the student agrees with its teacher, and the model that was kept; null when nothing was.",
        {
            "exported": (EXPORTED,),
            "before": "number?",
            "after": "number?",
            "photos": "int",
            "held_out": "int",
            "share": "number",
            "ridge": "number",
        },
    ),
    "export": (
        "The model that was written, and how it does beside the one it was made from, where that was measured.",
        EXPORTED | {"verdict?": ["text"]},
    ),
    "evaluate": ("The measurements of a run.", EVALUATION | {"understood?": UNDERSTOOD}),
    "index": ("What became of the images that were given, and the gallery.", INDEXED),
    "index-embeddings": (
        "The gallery that `index --embeddings` made.",
        GALLERY | {"set_aside": [SET_ASIDE], "notes": ["text"], "no_photos": "text?"},
    ),
    "leaderboard": (
        "Runs side by side, and which of them cannot be compared with the first.",
        {
            "comparable": "bool",
            "rows": [
                {
                    "source": "text",
                    "model": "text",
                    "preset": "text",
                    "dataset": "text",
                    "protocol": "text",
                    "truth": "text",
                    "asked": "text",
                    "gallery": "int",
                    "queries": "int",
                    "dim": "int",
                    "names": "text",
                    "positives": "text",
                    "figures": {"*": "number?"},
                    "ms": "number?",
                    "bytes_an_image": "number?",
                    "tolerances": TOLERANCES,
                    "group": "int",
                    "rank": "int",
                    "why_not": "text",
                }
            ],
        },
    ),
    "mine": (
        "Hard negatives and confusable places.",
        {
            "dataset": "text",
            "model": "text",
            "fingerprint": "text",
            "roots": ["text"],
            "n_gallery": "int",
            "pairs": [
                {
                    "places": ["text"],
                    "images": ["int"],
                    "anchors": "int",
                    "violations": "int",
                    "highest": "number?",
                    "mean": "number?",
                    "example": ["text"],
                    "advice": "text",
                }
            ],
            "n_pairs": "int",
            "suspects": [{"*": "any"}],
            "without_positives": ["text"],
            "unlabelled": ["text"],
            "unusable": [FAILED_IMAGE],
            "seconds": "number",
            "set_aside": [SET_ASIDE],
            "n_anchors": "int",
            "says": "text",
            "violations": [MINED],
            "triplets": "int?",
        },
    ),
    "models": (
        "Every model that can be named or brought; null stands for what is not known of it.",
        [of(ListedModel)],
    ),
    "group": ("The places among photos without labels.", GROUPING),
    "remembered": (
        "The new places among unknown photos that were kept, and what became of them.",
        {
            "groups": (GROUPING,),
            "forgotten": ["text"],
            "added": ({"place": "text", "photos": "int", "images": "int"},),
            "accepted": {"*": "text"},
            "gallery": {"*": {"place": "text?", "grade": "text", "probability": "number?"}},
        },
    ),
    "locate": (
        "A position with an error radius for each photo, or why there is none.",
        {
            "root": "text",
            "counts": {"known": "int", "picture": "int", "time": "int", "none": "int"},
            "limits": (of(PositionLimits),),
            "unlearned": "text",
            "photos": [of(Located)],
            "failures": [FAILED_IMAGE],
            "sidecars": ["text"],
            "no_sidecar": [FAILED_IMAGE],
        },
    ),
    "locate-undo": ("The sidecars that --undo took away.", {"root": "text", "removed": ["text"]}),
    "move": (
        "The gallery where it is now.",
        {"gallery": "text", "images": "int", "compared": "int", "change": CHANGE},
    ),
    "pairs": (
        "The pairs of images to match, and what was left out.",
        {name: shape for name, shape in of(PairList).items() if name != "text"}
        | {"pairs": [of(ImagePair) | {"score": "number?", "agreement": "number?"}], "dropped": {"*": "int"}},
    ),
    "protocols": (
        "The field's protocols.",
        [
            {
                "name": "text",
                "title": "text",
                "family": "text",
                "gallery": "text?",
                "queries": "text?",
                "right": "text",
                "reports": ["text"],
                "unanswerable_queries": "text",
                "forms": [{"about": "text", "needs": ["text"]}],
                "source": "text",
                "note": "text",
                "published": [FIGURE],
            }
        ],
    ),
    "query": (
        "A list of one object for each photo, in the order in which they were given, also where there is only one. "
        "With --one-place a list of one object: what they say together, and `photos`, what each says.",
        [("or", ANSWER, NO_ANSWER, TOGETHER)],
    ),
    "compact": (
        "What was written as one, and the gallery as it is now.",
        {"images": "int", "segments": "int", "removed": "int", "bytes_before": "int", "bytes_after": "int"},
    ),
    "remove": (
        "What was removed, and the gallery as it is now.",
        {"removed": "int", "images": "int", "places": "int", "missing": ["text"], "calibration_outdated": "text?"}
        | {"positions_outdated": "text?"},
    ),
    "train": (
        "How the trained model does beside its base on places that no choice saw; as in its card.json.",
        {
            "path": "text",
            "recommended": "text",
            "spec": MODEL_SPEC,
            "base": MODEL_SPEC,
            "settings": of(TrainSettings),
            "datasets": ["text"],
            "images": ["int"],
            "places": ["int"],
            "epochs": "int",
            "best_epoch": "int",
            "history": [{"loss": "number?", "recall_at_1": "number?", "map": "number?"}],
            "test_base": FIGURES,
            "test": FIGURES,
            "verdict": {
                "better": "bool",
                "worse": "bool",
                "precision": {"interval": INTERVAL, "p_value": "number?"},
                "recall": {"first_only": "int", "second_only": "int", "pairs": "int", "p_value": "number?"},
                "says": "text",
            },
            "cosine": "number?",
            "constant": "number",
            "left_out": "int",
            "unusable": [FAILED_IMAGE],
            "seconds": "number",
            "device": "text",
        },
    ),
    "info": (
        "What a gallery holds and how it is; places, located and bytes are null where a server keeps it, "
        "place_rows are there with --places.",
        {
            "model": of(FoundModel),
            "preset": "text",
            "images": "int",
            "places": "int?",
            "located": "int?",
            "positions": ({"asked": "int", "changed": "int"},),
            "calibration": (
                {
                    "threshold": "number",
                    "false_accept_rate": "number",
                    "stale": "bool",
                    "outdated": "text?",
                    "changed": "int",
                    "trade_off": CALIBRATION["trade_off"],
                },
            ),
            "gallery": "text",
            "dim": "int",
            "index": "text",
            "parts": ["text"],
            "roots": ["text"],
            "bytes": "int?",
            "failures": "int",
            "recall": "number?",
            "notes": ["text"],
            "place_rows?": [
                {
                    "place": "text",
                    "images": "int",
                    "latitude": "number?",
                    "longitude": "number?",
                    "title": "text?",
                }
            ],
        },
    ),
    "cache": ("Where the user's cache is, and how large it is.", of(CacheState)),
    "verify": (
        "Whether a gallery is as it was written; model and audit are missing where it cannot be opened.",
        of(VerifyReport)
        | {"ok": "bool", "model?": of(FoundModel), "audit?": of(Audit) | {"recall": "number", "ok": "bool"}},
    ),
}


SHARED = {
    "splits": SPLITS,
    "failed_image": FAILED_IMAGE,
    "set_aside": SET_ASIDE,
    "understood": UNDERSTOOD,
    "calibration": CALIBRATION,
    "change": CHANGE,
    "match": MATCH,
    "explanation": EXPLANATION,
    "filter": FILTER,
    "model_spec": MODEL_SPEC,
    "difference": DIFFERENCE,
    "exported": EXPORTED,
    "interval": INTERVAL,
}
"""Shapes that a schema names once."""


def schema_of(shape: Any, used: dict[str, Any]) -> dict[str, Any]:
    """Return a shape as a JSON schema; what it refers to is put into `used`."""
    for name, shared in SHARED.items():
        if shape is shared:
            if name not in used:
                used[name] = {}
                used[name] = _written(shape, used)
            return {"$ref": f"#/$defs/{name}"}
    return _written(shape, used)


def _written(shape: Any, used: dict[str, Any]) -> dict[str, Any]:
    if isinstance(shape, str):
        name, nullable = _TYPES[shape.removesuffix("?")], shape.endswith("?")
        return {} if name is None else {"type": [name, "null"] if nullable else name}
    if isinstance(shape, list):
        return {"type": "array", "items": schema_of(shape[0], used)}
    if isinstance(shape, tuple) and shape[0] == "or":
        return {"anyOf": [schema_of(one, used) for one in shape[1:]]}
    if isinstance(shape, tuple) and shape[0] == "one of":
        return {"enum": [str(value) for value in shape[1:]]}
    if isinstance(shape, tuple):  # or null
        return {"anyOf": [schema_of(shape[0], used), {"type": "null"}]}
    named = {name.removesuffix("?"): schema_of(value, used) for name, value in shape.items() if name != "*"}
    more = schema_of(shape["*"], used) if "*" in shape else False
    if not named:
        return {"type": "object", "additionalProperties": more}
    required = [name for name in shape if not name.endswith("?") and name != "*"]
    return {"type": "object", "properties": named, "required": required, "additionalProperties": more}


def texts() -> dict[str, str]:
    """Return the text of each file, by its name."""
    made = {}
    for verb, (about, shape) in SHAPES.items():
        used: dict[str, Any] = {}
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"placeprint {verb.replace('index-embeddings', 'index --embeddings')} --json",
            "description": about,
            **schema_of(shape, used),
        }
        made[f"{verb}.json"] = schema | ({"$defs": used} if used else {})
    return {name: _short(json.dumps(schema, indent=1, ensure_ascii=False)) + "\n" for name, schema in made.items()}


def _short(text: str) -> str:
    """Write lists of texts, and objects of one type or one reference, in a line each."""
    text = re.sub(
        r"\[[^][{}]*\]", lambda found: re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text
    )
    return re.sub(r"\{\n\s*(\"(?:type|\$ref)\": [^\n{}]*)\n\s*\}", r"{\1}", text)


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in texts().items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
