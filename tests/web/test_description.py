"""The OpenAPI description, believed by a generator of requests: schemathesis finds nothing to complain of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from served import TOKEN, served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")
pytest.importorskip("schemathesis", reason="schemathesis is not installed: make test-web installs it")

from placeprint.web.settings import digest_of  # noqa: E402

EXAMPLES = os.environ.get("PLACEPRINT_SCHEMA_EXAMPLES", "")
"""Requests for each operation: `make test-web-schema` asks for 200, of all kinds, over 2,000 together."""


def test_schemathesis_finds_nothing(own_gallery):
    few = ["--phases", "fuzzing", "--max-examples", "8", "--seed", "3"]
    with served_in_thread(own_gallery, token_digest=digest_of(TOKEN)) as url:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v1/openapi.json", "--checks", "all"]
        command += ["--max-examples", EXAMPLES] if EXAMPLES else few
        command += ["--header", f"Authorization: Bearer {TOKEN}", "--continue-on-failure"]
        here = str(Path(__file__).parent)
        env = {**os.environ, "PYTHONPATH": here, "SCHEMATHESIS_HOOKS": "generated"}
        done = subprocess.run(command, env=env, cwd=own_gallery, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert httpx.get(f"{url}/v1/health").json() == {"status": "ok"}


def test_the_description_names_every_route_with_its_problems(town_gallery):
    with served_in_thread(town_gallery) as url:
        described = httpx.get(f"{url}/v1/openapi.json").json()
    operations = {(method, path) for path, methods in described["paths"].items() for method in methods}
    assert operations == {
        ("post", "/v1/recognize"),
        ("post", "/v1/locate"),
        ("get", "/v1/places"),
        ("get", "/v1/places/{place}"),
        ("post", "/v1/places/{place}/images"),
        ("get", "/v1/images/{image}"),
        ("get", "/v1/images/{image}/thumbnail"),
        ("delete", "/v1/images/{image}"),
        ("get", "/v1/doubtful"),
        ("get", "/v1/about"),
        ("get", "/v1/health"),
        ("get", "/v1/ready"),
        ("get", "/metrics"),
    }
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (path, method, status)


def test_every_described_address_takes_what_is_described_and_nothing_else(town_gallery):
    with served_in_thread(town_gallery) as url, httpx.Client(base_url=url) as client:
        for path, methods in client.get("/v1/openapi.json").json()["paths"].items():
            known = set(methods) | {"options"} | ({"head"} if "get" in methods else set())
            for name in ("a", "a%2Fb", "a%2Fimages", "images", "a%2Fimages%2Fimages", "%20%25"):
                filled = path.replace("{place}", name).replace("{image}", "0" * 16)
                assert set(client.options(filled).headers["allow"].lower().split(", ")) == known, filled
                for method in {"get", "put", "patch", "delete", "trace"} - known:
                    assert client.request(method, filled).status_code == 405, (method, filled)
