"""Every command and line of Python in README.md and docs/start.md runs as it stands, or says that it is not run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from program import run

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


@pytest.fixture
def beside(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a reader has it: photos, one of them to ask about."""
    photos = shutil.copytree(town, tmp_path / "photos")
    asked = photos / "query" / "castle-gate" / "06.jpg"
    shutil.copy(next(asked.parent.glob("*.jpg")), asked)
    shutil.copy(asked, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACEPRINT_PRESET", "fast")
    return tmp_path


def test_a_gallery_of_own_vectors_is_made_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    [text] = [t for kind, t in BLOCK.findall((ROOT / "docs" / "python.md").read_text("utf-8")) if "Gallery.build" in t]
    told: dict[str, object] = {}
    exec(compile(text, "python.md", "exec"), told)
    assert capsys.readouterr().out == "('Old Mill',) 1.0\n"
    assert told["change"].nothing  # type: ignore[attr-defined]


@pytest.mark.usefixtures("shared_cache", "beside")
@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_the_blocks_of_a_page_run_in_their_order(page: str) -> None:
    ran, kinds = [], set()
    for kind, text in BLOCK.findall((ROOT / page).read_text("utf-8")):
        kinds.add(kind)
        if kind == "python":
            exec(compile(text, page, "exec"), {})
            continue
        for line in text.splitlines() if kind == "sh" else ():
            command, _, remark = line.partition("#")
            words = shlex.split(command)
            if remark.strip().startswith("not run:"):
                continue
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.M), line
            elif words[:3] == ["python", "-m", "town"]:
                assert Path(words[3]).is_dir(), "what it renders is here under that name"
            else:
                assert words[0] == "placeprint", line
                said = re.search(r"ends with (\d)", remark)
                finds = words[1] == "check"  # the town has damaged files on purpose
                run(*words[1:], expect=int(said[1]) if said else int(finds))
                ran.append(words[1])
    assert {"check", "index", "query", "evaluate"} <= set(ran)
    assert kinds <= {"sh", "python", "text"}
