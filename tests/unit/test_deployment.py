"""The files that carry placeprint elsewhere say what is so: container, compose, release, citation, issue forms."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

import placeprint
from placeprint.cli.app import app

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def instruction(name: str) -> list[str]:
    """What stands behind an instruction, each time it is there; lines that go on are joined."""
    return re.findall(rf"^ *{name} (.*)$", DOCKERFILE.replace("\\\n", ""), re.M)


def read(path: str) -> Any:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: make test-web installs it")
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def options_of(verb: str) -> set[str]:
    found = typer.main.get_command(app).get_command(None, verb)  # type: ignore[attr-defined,arg-type]
    return {name for parameter in found.params for name in parameter.opts}


def test_the_container_is_not_root_and_is_asked_for_its_health() -> None:
    stages = DOCKERFILE.split("\nFROM ")
    assert len(stages) == 3, "what builds stays behind"
    assert re.search(r"^USER (\d+):(\d+)$", stages[2], re.M), "a number, which a cluster can check"
    assert stages[2].index("\nUSER ") < stages[2].index("\nENTRYPOINT ")
    assert "/v1/ready" in instruction("HEALTHCHECK")[0]
    assert all(image.split(" ")[0].count(":") == 1 for image in instruction("FROM"))
    assert json.loads(instruction("VOLUME")[0]) == ["/gallery", "/cache"]


def test_the_container_runs_a_command_that_exists() -> None:
    entry, command = json.loads(instruction("ENTRYPOINT")[0]), json.loads(instruction("CMD")[-1])
    assert entry == ["placeprint"]
    assert {word for word in command if word.startswith("--")} <= options_of(command[0])
    built = shlex.split(instruction("RUN")[0])[-1]
    assert built == ".[web,heic]"
    copied = {name for line in instruction("COPY") if "--from" not in line for name in line.split()[:-1]}
    left_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == left_in
    assert all((ROOT / name).exists() for name in copied)


def test_compose_keeps_the_container_locked() -> None:
    services = read("deploy/compose.yaml")["services"]
    served = services["placeprint"]
    assert served["read_only"]
    assert served["cap_drop"] == ["ALL"]
    assert "ports" not in served, "only what speaks TLS is reached from outside"
    assert served["volumes"][0].endswith(":/gallery:ro")
    assert {word for word in served["command"] if word.startswith("--")} <= options_of("serve")


def test_a_release_is_tested_before_it_is_published() -> None:
    jobs = read(".github/workflows/release.yml")["jobs"]
    assert set(jobs["publish"]["needs"]) == set(jobs) - {"build", "publish"}
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert [name for name, job in jobs.items() if "write" in job["permissions"].values()] == ["publish"]


def test_the_citation_names_this_version() -> None:
    assert read("CITATION.cff")["version"] == placeprint.__version__


@pytest.mark.parametrize("name", ["wrong", "wish"])
def test_issue_forms_have_what_the_form_needs(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    assert {one["type"] for one in form["body"]} <= {"textarea", "input"}
    assert all(one["attributes"]["label"] for one in form["body"])
