"""One setting of a comparison, as a person writes it: a preset, a model, both, or options by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placeprint.embedding.embedder import RUNNERS
from placeprint.embedding.model_folder import is_source
from placeprint.embedding.models import find_model, is_bundled, names_like
from placeprint.errors import UsageError
from placeprint.gallery.index.choice import INDEXES
from placeprint.options import DecisionOptions
from placeprint.presets import PRESETS, find_preset
from placeprint.spelling import choices, meant

_KEYS = {
    "model": str,
    "index": str,
    "runner": str,
    "preset": str,
    "threshold": float,
    "margin_threshold": float,
    "false_accept_rate": float,
    "radius": float,
}
"""What a setting may say, and what its value is read as."""
DECIDES = ("threshold", "margin_threshold", "false_accept_rate")


@dataclass(frozen=True, slots=True)
class Setting:
    """One column of a comparison: a name, and options of `placeprint.evaluate`."""

    name: str
    options: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Read a preset (``balanced``), a model (``efficientnet-lite0``), both (``fast:my.onnx``) or options.

        Options are ``key=value``. Several of all these are separated by commas: ``balanced,threshold=0.6``. A preset
        may be changed as everywhere, also before a model: ``balanced:verified=20:my.onnx``.

        Raises `UsageError` for a key or a preset that is not known, a value that is no number where one is needed, and
        what is said twice.
        """
        options: dict[str, Any] = {}
        for part in [text] if _is_file(text) else text.split(","):
            for key, value in _read(part.strip()).items():
                if key in options:
                    raise UsageError(
                        f'"{text}" says {key} twice: settings are separated by blanks, as in balanced fast'
                    )
                options[key] = value
        return cls(text, options)

    def require_possible(self) -> None:
        """Refuse what cannot be run, before anything is embedded for other settings.

        Raises `UsageError` for a name that is not known, with the one that was probably meant, and for a limit that
        cannot be; `ModelError` for a file that is not there or is no model.
        """
        DecisionOptions(**{name: self.options[name] for name in DECIDES if name in self.options})
        if (preset := self.options.get("preset")) is not None:
            find_preset(preset)
        for kind, names in (("index", INDEXES), ("runner", RUNNERS)):
            if (given := self.options.get(kind)) is not None and given not in names:
                raise UsageError(f'{kind} "{given}" is not known: {choices(given, names)}')
        model = self.options.get("model")
        if model is None or is_source(model):  # what is not exported yet will be
            return
        if not (is_bundled(model) or model.lower().endswith(".onnx")):
            models = ", ".join(names_like(""))
            advice = f"presets are {', '.join(PRESETS)}, models {models}, or the path of an .onnx file"
            known = [*PRESETS, *names_like(model), *([f"{model}="] if model in _KEYS else [])]
            raise UsageError(f'"{model}" is neither a preset nor a model: {meant(model, known, advice)}')
        find_model(model)


def _read(part: str) -> dict[str, Any]:
    """Read one part of a setting."""
    if _is_file(part):
        return {"model": part}
    if part.partition(":")[0] in PRESETS:
        return _mixture(part)
    key, equals, value = part.partition("=")
    if not equals:
        return {"model": part}
    key = key.strip()
    if key not in _KEYS:
        advice = f"the settings that can be compared are {', '.join(_KEYS)}"
        raise UsageError(f'"{part}": {meant(key, [*_KEYS, *PRESETS], advice)}')
    try:
        return {key: _KEYS[key](value)}
    except ValueError as error:
        raise UsageError(f'"{part}": "{value}" is not a number') from error


def _mixture(part: str) -> dict[str, Any]:
    """Read a preset, its changes and a model: ``balanced:verified=20:torchvision:resnet50``."""
    name, *rest = part.split(":")
    changes = []
    while rest and "=" in rest[0] and not _is_file(":".join(rest)):
        changes.append(rest.pop(0))
    options = {"preset": ":".join([name, *changes])}
    find_preset(options["preset"])
    if rest and not (model := ":".join(rest)):
        raise UsageError(f'"{part}" names no model after the colon: write {name}, or {name}:MODEL')
    return options | ({"model": model} if rest else {})


def _is_file(text: str) -> bool:
    """Return whether this is the path of a model's file, whatever characters are in it."""
    return text.lower().endswith(".onnx") and Path(text).is_file()
