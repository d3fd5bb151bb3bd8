"""The page is served as one document and one script, made from its modules when a server starts."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from placeprint.web.page_bundle import joined_script  # noqa: E402


@pytest.fixture(scope="module")
def client(town_gallery: Path) -> Iterator[httpx.Client]:
    with served_in_thread(town_gallery) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


def test_each_module_is_a_function_before_those_that_need_it():
    made = joined_script(
        {
            "app.js": 'import { one, two as second } from "./b.js";\nif (one) {\n  second(one);\n}\n',
            "b.js": "// A comment.\nexport const one = 1;\nexport async function two() {}\n",
            "unused.js": "export const three = 3;\n",
        }
    )
    assert made == (
        '"use strict";\n'
        "const $1 = (() => {\n// A comment.\nconst one = 1;\nasync function two() {}\nreturn { one, two };\n})();\n"
        "const $0 = (() => {\nconst { one, two: second } = $1;\nif (one) {\n  second(one);\n}\nreturn {  };\n})();\n"
    )


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"app.js": 'import { a } from "./a.js";\n', "a.js": 'import { b } from "./app.js";\n'}, "in a circle"),
        ({"app.js": 'import { a } from "./a.js";\n'}, "app.js imports a.js, which is not there"),
        ({"app.js": 'import * as all from "./a.js";\n'}, "app.js: this line cannot be joined: import"),
        ({"app.js": "export default 1;\n"}, "cannot be joined: export default"),
        ({"app.js": "export let a = 1;\n"}, "cannot be joined: export let"),
    ],
)
def test_what_cannot_be_joined_is_told(modules, said):
    with pytest.raises(ValueError, match=said):
        joined_script(modules)


def test_the_document_holds_its_style_and_names_its_script(client):
    document = client.get("/")
    assert document.text.count("<style>") == 1
    assert 'rel="stylesheet"' not in document.text
    policy = document.headers["content-security-policy"]
    assert "style-src 'self' 'sha256-" in policy
    assert "'unsafe" not in policy
    name = document.text.partition('src="')[2].partition('"')[0]
    script = client.get(f"/{name}")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.text.startswith('"use strict";const $')
    assert client.get("/static/page-en.js").headers["cache-control"] == "no-cache"
    assert client.get(f"/{name[:-1]}").headers["cache-control"] == "no-cache", "the beginning of a version is none"
    assert client.get("/static/app.js").text.startswith("// The page")


def test_files_are_compressed_for_those_who_take_it(client):
    plain = client.get("/static/page-en.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", "/static/page-en.js", headers={"accept-encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer in (plain, packed):
        asked = {"accept-encoding": "gzip" if answer is packed else "identity"}
        same = client.get("/static/page-en.js", headers={**asked, "if-none-match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
    assert "content-encoding" not in client.get("/static/favicon.svg", headers={"accept-encoding": "gzip"}).headers
