"""The documentation site: `make docs` builds it into docs/_build. The reference is made from the program as it is."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))

import build_reference  # noqa: E402
from placeprint.version import __version__  # noqa: E402

build_reference.write(HERE / "reference")

project, version, copyright = "placeprint", __version__, "the placeprint authors, Apache-2.0"  # noqa: A001
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "theme"]

html_theme = "furo"
html_title = "placeprint"
html_static_path = ["theme"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

default_role = "literal"  # what stands between single backticks in docstrings
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False

linkcheck_ignore = [r"http://(127\.0\.0\.1|localhost).*"]


def reachable(app: object, pagename: str, templatename: str, context: dict, doctree: object) -> None:  # noqa: ARG001
    """Let a keyboard reach what scrolls, and say how deep the headings of the navigation are."""
    body = context.get("body", "")
    body = body.replace("<pre>", '<pre tabindex="0">').replace(
        'class="table-wrapper', 'tabindex="0" class="table-wrapper'
    )
    context["body"] = body
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def linked(app: object, docname: str, source: list[str]) -> None:  # noqa: ARG001
    """Make links of the pages that a page names as files of the repository: `docs/x.md`."""
    parts = re.split(r"(^```.*?^```)", source[0], flags=re.M | re.S)
    parts[::2] = [re.sub(r"`docs/([\w-]+)\.md`", r"[\1](\1.md)", part) for part in parts[::2]]
    source[0] = "".join(parts)


def setup(app: object) -> None:
    """Come after Furo."""
    app.connect("source-read", linked)
    app.connect("html-page-context", reachable, priority=900)
