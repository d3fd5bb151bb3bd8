"""The image is built and asked, where there is a builder that has its base image."""

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

import placeprint

ROOT = Path(__file__).parents[2]


def docker(*words: str, limit: float = 600) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=limit).stdout.strip()


@pytest.fixture(scope="module")
def image() -> str:
    if not shutil.which("docker"):
        pytest.skip("there is no docker")
    try:
        docker("info", limit=20)
        docker("build", "-t", "placeprint-test", str(ROOT))
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the image cannot be built here: {str(getattr(error, 'stderr', error))[-200:]}")
    return "placeprint-test"


def test_a_read_only_container_serves_a_gallery(image: str, town: Path, tmp_path: Path) -> None:
    placeprint.index(town, tmp_path / "g", preset="fast")
    (tmp_path / "g").chmod(0o755)
    safe = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
    name = docker("run", "-d", *safe, "-p", "127.0.0.1::8000", "-v", f"{tmp_path / 'g'}:/gallery:ro", image)
    try:
        where = docker("port", name, "8000").splitlines()[0]
        for _ in range(60):
            if docker("inspect", "-f", "{{.State.Health.Status}}", name) == "healthy":
                break
            time.sleep(1)
        with urllib.request.urlopen(f"http://{where}/v1/about", timeout=10) as answer:
            assert json.load(answer)["images"] == len(placeprint.open_gallery(tmp_path / "g"))
        assert docker("exec", name, "id", "-u") == "10001"
    finally:
        docker("rm", "-f", name)
