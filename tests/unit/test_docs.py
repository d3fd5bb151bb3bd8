"""The pages of the documentation: each is in the table of contents, and links to what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def test_every_page_is_in_the_table_of_contents_once() -> None:
    blocks = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), re.S)
    listed = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    written = [page.stem for page in DOCS.glob("*.md") if page.stem != "index"]
    assert sorted(name for name in listed if not name.startswith("reference/")) == sorted(written)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text("utf-8"))
    lost = []
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if "://" in target or path.startswith("reference/"):
            continue  # the second is made by `make docs`, which stops at what is not there
        there = page if not path else page.parent / path
        headings = re.findall(r"^#+ (.*)", there.read_text("utf-8"), re.M) if anchor and there.is_file() else []
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        if not there.is_file() or (anchor and anchor not in slugs):
            lost.append(target)
    assert lost == []


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 60
