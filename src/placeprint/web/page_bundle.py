"""The page's files joined: one document with its style, one script. So the first drawing takes two requests.

The files stay as they are written, and each is still served by its own name; there is no build step. A module is joined
as a function that returns what it exports, so names of one never meet those of another.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

DOCUMENT, ENTRY, SCRIPT = "index.html", "app.js", "page.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([\w$]+))", re.M)
_LEFT = re.compile(r"(?:import|export)\b")
"""What may not be left at the beginning of a line; nor a template that goes on in the next one, indented."""
_COMMENT = re.compile(r"^\s*(?://|/\*\*.*\*/$).*\n", re.M)
_INDENT = re.compile(r"^[ \t]+", re.M)
_STYLES = re.compile(r'(?:<link rel="stylesheet" href="static/[\w-]+\.css">\n)+')
_STYLE = re.compile(r'href="static/([\w-]+\.css)"')
SMALLEST = 512
"""Bytes of a file that is sent compressed where the client takes it."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent: plain, compressed where that is worth it, and with what its policy must allow."""

    data: bytes
    compressed: bytes
    etag: str
    style: str = ""
    """The policy's name for the style inside of the document."""

    @classmethod
    def of(cls, data: bytes, style: str = "") -> PageFile:
        """Return a file with these bytes."""
        small = gzip.compress(data, mtime=0) if len(data) >= SMALLEST else data
        kept = small if len(small) < 0.9 * len(data) else b""
        return cls(data, kept, hashlib.sha256(data).hexdigest()[:32], style)


def bundled(files: Mapping[str, bytes]) -> dict[str, PageFile]:
    """Return the page's files by name, with the joined script beside them and the document pointing to it.

    Raises
    ------
    ValueError
        When a module imports in a circle, or imports or exports in a form that cannot be joined.
    """
    script = joined_script({name: data.decode() for name, data in files.items() if name.endswith(".js")})
    made = {name: PageFile.of(data) for name, data in files.items()}
    made[SCRIPT] = PageFile.of(script.encode())
    document = files[DOCUMENT].decode().replace(f"static/{ENTRY}", f"static/{SCRIPT}?{made[SCRIPT].etag[:12]}")
    found = _STYLES.search(document)
    if found is None:
        raise ValueError(f"{DOCUMENT} links no style")
    style = "".join(_INDENT.sub("", files[name].decode()) for name in _STYLE.findall(found[0]))
    document = document.replace(found[0], f"<style>{style}</style>\n")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made[DOCUMENT] = PageFile.of(document.encode(), f"'sha256-{digest}'")
    return made


def joined_script(modules: Mapping[str, str]) -> str:
    """Return the entry and all that it imports as one script, each module before those that need it.

    Raises
    ------
    ValueError
        As `bundled`.
    """
    done: dict[str, str] = {}

    def join(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            raise ValueError(f"modules of the page import each other in a circle: {' > '.join((*way, name))}")
        if name in done:
            return
        if name not in modules:
            raise ValueError(f"{way[-1]} imports {name}, which is not there")
        for _, needed in _IMPORT.findall(modules[name]):
            join(needed, (*way, name))
        done[name] = _wrapped(name, modules[name])

    join(ENTRY, ())
    return '"use strict";\n' + "".join(done.values())


def _wrapped(name: str, text: str) -> str:
    needs = [
        f"const {{ {names.strip().rstrip(',').replace(' as ', ': ')} }} = {_variable(needed)};\n"
        for names, needed in _IMPORT.findall(text)
    ]
    gives = _EXPORT.findall(text)
    body = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", text)))
    lines = body.splitlines()
    if left := [line for line in lines if _LEFT.match(line) or line.count("`") % 2]:
        raise ValueError(f"{name}: this line cannot be joined: {left[0]}")
    body = "".join(f"{line.lstrip()}\n" for line in lines)
    return f"const {_variable(name)} = (() => {{\n{''.join(needs)}{body}return {{ {', '.join(gives)} }};\n}})();\n"


def _variable(name: str) -> str:
    return "$" + name.removesuffix(".js").replace("-", "_")
