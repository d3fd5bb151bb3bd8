"""What the templates of all pages have: how values are written, and the one script of each that may run."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from placeprint.records.answers import probable, with_titles
from placeprint.report.axis import UNIT
from placeprint.report.outcomes import outcome_of, outcome_words
from placeprint.report.translation import Translation
from placeprint.terminal import counted, printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_ENGLISH = Translation()
_BREAK_AFTER = re.compile(r"(?<=[_/\-.|,])")


@functools.cache
def environment() -> Environment:
    """Return a Jinja environment that escapes every value and makes NaN and control characters readable."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("placeprint.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "percent": percent, "breakable": breakable, "probable": probable}
    made.filters |= {"base": _base, "stem": _stem, "exact": exact, "titled": with_titles}
    made.tests |= {"finite": math.isfinite}
    made.globals |= {"counted": counted, "words": outcome_words, "outcome_of": outcome_of, "unit": UNIT}
    made.globals["script"] = script
    made.filters["script_hash"] = script_hash
    return made


def script(name: str, tr: Translation = _ENGLISH) -> Markup:
    """Return one of our scripts as it stands in a page, in a language."""
    from markupsafe import Markup

    return Markup(tr.script((resources.files(__package__) / name).read_text(encoding="utf-8")))  # noqa: S704


def script_hash(text: str) -> str:
    """Return what a Content-Security-Policy calls a script by: it lets this one run, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or a dash where nothing defines it."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def exact(value: float | None) -> str:
    """Write a number with all its digits, or nothing where nothing defines it."""
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def percent(share: float | None) -> str:
    """Write a share in percent, or a dash where nothing tells."""
    return "–" if share is None or not math.isfinite(share) else f"{round(100 * share, 1):g} %"


def breakable(text: str) -> Markup:
    """Escape a name and let it wrap after its separators; copied, it is what it was."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(printable(part)) for part in _BREAK_AFTER.split(text))


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or path


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _readable(value: Any) -> Any:
    if hasattr(value, "__html__"):
        return value
    if value is None or isinstance(value, float):
        return number(value)
    return printable(value) if isinstance(value, str) else value
