"""The page's files joined, for each language: one document with its style, one script.

So the first drawing takes two requests, and only the words of the language in use are sent: they stand in the code,
where English ones stood. The files stay as they are written, and each is still served by its own name; there is no
build step: comments and spaces are taken out when a server starts. A module is joined as a function that returns what
it exports, so names of one never meet those of another.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import rcssmin
import rjsmin

from placeprint.report.translation import ENGLISH, Translation, translations

DOCUMENT, ENTRY, LANGUAGES = "index.html", "app.js", "languages.js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([\w$]+))", re.M)
_LEFT = re.compile(r"(?:import|export)\b")
"""What may not be left at the beginning of a line."""
_TEXT = re.compile(r"\{\{(.+?)\}\}")
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

    @property
    def version(self) -> str:
        """What is asked for behind the name, so that a browser may keep the file for good."""
        return self.etag[:12]

    @classmethod
    def of(cls, data: bytes, style: str = "") -> PageFile:
        """Return a file with these bytes."""
        small = gzip.compress(data, mtime=0) if len(data) >= SMALLEST else data
        kept = small if len(small) < 0.9 * len(data) else b""
        return cls(data, kept, hashlib.sha256(data).hexdigest()[:32], style)


def bundled(files: Mapping[str, bytes]) -> dict[str, PageFile]:
    """Return the page's files by name, and for each language a joined script and a document that points to it.

    Raises
    ------
    ValueError
        When a module imports in a circle, or imports or exports in a form that cannot be joined.
    """
    modules = {name: data.decode() for name, data in files.items() if name.endswith(".js")}
    spoken = translations()
    made = {name: PageFile.of(data) for name, data in files.items() if name != DOCUMENT}
    for language, tr in spoken.items():
        said = {name: tr.script(text) for name, text in modules.items()} | {LANGUAGES: _languages(spoken, language)}
        script = PageFile.of(rjsmin.jsmin(joined_script(said)).encode())
        made[script_of(language)] = script
        made[document_of(language)] = _document(files, tr, f"{script_of(language)}?{script.version}")
        if language == ENGLISH:
            made |= {name: PageFile.of(text.encode()) for name, text in said.items()}
    return made


def _languages(spoken: Mapping[str, Translation], language: str) -> str:
    """Return the module that names the language in use, and every language as it calls itself."""
    told = {"LANGUAGE": language, "LANGUAGES": {tag: tr("English") for tag, tr in spoken.items()}}
    return "".join(f"export const {name} = {json.dumps(value, ensure_ascii=False)};\n" for name, value in told.items())


def script_of(language: str) -> str:
    """Return the name of the joined script in a language."""
    return f"page-{language}.js"


def document_of(language: str) -> str:
    """Return the name of the document in a language."""
    return f"index-{language}.html"


def _document(files: Mapping[str, bytes], tr: Translation, script: str) -> PageFile:
    written = (
        files[DOCUMENT].decode().replace(f"static/{ENTRY}", f"static/{script}").replace("{{language}}", tr.language)
    )
    document = _TEXT.sub(lambda found: escape(tr(found[1])), written)
    found = _STYLES.search(document)
    if found is None:
        raise ValueError(f"{DOCUMENT} links no style")
    style = str(rcssmin.cssmin("".join(files[name].decode() for name in _STYLE.findall(found[0]))))
    document = document.replace(found[0], f"<style>{style}</style>\n")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return PageFile.of(document.encode(), f"'sha256-{digest}'")


def joined_script(modules: Mapping[str, str]) -> str:
    """Return the entry and all that it imports as one script, each module before those that need it.

    Raises
    ------
    ValueError
        As `bundled`.
    """
    done: dict[str, str] = {}
    names = {name: f"${number}" for number, name in enumerate(modules)}  # short: they are sent

    def join(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            raise ValueError(f"modules of the page import each other in a circle: {' > '.join((*way, name))}")
        if name in done:
            return
        if name not in modules:
            raise ValueError(f"{way[-1]} imports {name}, which is not there")
        for _, needed in _IMPORT.findall(modules[name]):
            join(needed, (*way, name))
        done[name] = _wrapped(name, modules[name], names)

    join(ENTRY, ())
    return '"use strict";\n' + "".join(done.values())


def _wrapped(name: str, text: str, variables: Mapping[str, str]) -> str:
    needs = [
        f"const {{ {names.strip().rstrip(',').replace(' as ', ': ')} }} = {variables[needed]};\n"
        for names, needed in _IMPORT.findall(text)
    ]
    gives = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    if left := [line for line in body.splitlines() if _LEFT.match(line)]:
        raise ValueError(f"{name}: this line cannot be joined: {left[0]}")
    return f"const {variables[name]} = (() => {{\n{''.join(needs)}{body}return {{ {', '.join(gives)} }};\n}})();\n"
