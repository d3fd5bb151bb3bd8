"""Names that would steer a terminal, in every verb: folders, files, places, columns, models, and what fails."""

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from program import Said, run, run_json

MARKS = "\u202e\u2066\u200b"
STEERING = "e\x1b[31m\x9b2J\u202e\u2066\u200b\n\rERROR: x"


def checked(said: Said) -> Said:
    """Fail when anything that was printed steers a terminal, or when a name made lines of its own."""
    for text in (said.stdout, said.stderr):
        wrong = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert not wrong, text
        assert not any(line.startswith("ERROR") for line in text.splitlines())
        assert "Traceback" not in text
    return said


@pytest.fixture(scope="module")
def strangers(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the town's photographs whose names are such; photos and places with controls are refused."""
    root = tmp_path_factory.mktemp("strangers") / STEERING
    rows = []
    for path in [*town.glob("gallery/*/*.jpg"), *town.glob("query/*/*.jpg")]:
        split, place, name = path.relative_to(town).parts
        target = root / split / (place + MARKS) / (MARKS + name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        rows.append({"path": str(target.relative_to(root)), "split": split, "place": place + MARKS, STEERING: STEERING})
    rows += [
        {"path": f"{STEERING}.jpg", "split": STEERING},
        {"path": f"{MARKS}.jpg", "split": "query", "place": STEERING},
    ]
    (root / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "ascii")
    return root


@pytest.fixture(scope="module")
def gallery(strangers: Path, session_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a gallery, made once; nobody may change it."""
    out = tmp_path_factory.mktemp("gallery") / STEERING
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPRINT_CACHE", str(session_folder / "embeddings"))
        checked(run("index", strangers, "-o", out, "--preset", "fast"))
    return out


@pytest.mark.usefixtures("shared_cache")
def test_every_verb(strangers: Path, gallery: Path, tmp_path: Path) -> None:
    photo = next(strangers.glob("query/*/*"))
    place = run_json("query", gallery, photo)[0]["matches"][0]["places"][0]
    assert MARKS in place
    own, page = tmp_path / "own", tmp_path / f"page{STEERING}"
    shutil.copytree(gallery, own)
    checked(run("check", strangers, expect=1))
    assert "\\u202e\\u2066\\u200b" in checked(run("query", gallery, photo)).stdout
    checked(run("query", gallery, photo, "--place", place, "--explain", "--out", page))
    html = (page / "explain.html").read_text("utf-8")
    assert not {c for c in html if c not in "\n" and unicodedata.category(c) in ("Cc", "Cf")}
    checked(run("evaluate", strangers, "--gallery", gallery, "--conventions"))
    checked(run("calibrate", own))
    checked(run("compare", "preset=fast", "--on", strangers))
    checked(run("mine", strangers, "--out", tmp_path / f"{STEERING}.jsonl"))
    checked(run("add", own, strangers))
    checked(run("remove", own, "--place", place))
    checked(run("verify", gallery, "--recall"))
    checked(run("run", strangers, "-o", tmp_path / f"run{STEERING}", "--preset", "fast"))
    checked(run("town", tmp_path / f"town{STEERING}", "--places", 1, "--views", 2, "--quiet"))
    html = (tmp_path / f"run{STEERING}" / "report.html").read_text("utf-8")
    assert not {c for c in html if c not in "\n" and unicodedata.category(c) in ("Cc", "Cf")}


def test_every_error(gallery: Path, tmp_path: Path, town: Path) -> None:
    missing, broken = tmp_path / f"{STEERING}none", tmp_path / f"{STEERING}.jpg"
    broken.write_bytes(b"nothing")
    for verb in (
        ("index", missing, "-o", tmp_path / "g"),
        ("query", missing, broken),
        ("query", gallery, broken),
        ("query", gallery, missing),
        ("evaluate", missing),
        ("verify", missing),
        ("mine", missing),
    ):
        said = checked(run(*verb, expect=3))
        assert "\\x1b[31m\\x9b2J\\u202e" in said.stderr
    for verb in (
        ("remove", gallery, "--place", STEERING),
        ("index", town, "-o", tmp_path / "g", "--preset", STEERING),
        ("index", town, "-o", tmp_path / "g", "--model", missing),
        ("index", town, "-o", tmp_path / "g", "--index", STEERING),
        ("query", gallery, broken, "--near", STEERING),
        ("evaluate", town, "--k", STEERING),
    ):
        assert "\\x1b[31m\\x9b2J\\u202e" in checked(run(*verb, expect=2)).stderr


NO_ADDRESS = 'UsageError: "x" is not the address of a server: give one such as http://127.0.0.1:8000\n'


def ended(shell: str, where: Path, **environment: str) -> tuple[int, str]:
    """Return how the program ends in a shell, and all that it said there on either stream that is left."""
    program = f"{sys.executable} -m placeprint.cli.program"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell.replace('placeprint', program)}"],
        capture_output=True,
        text=True,
        cwd=where,
        env=os.environ | environment,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("bash") is None or not Path("/dev/full").exists(), reason="no bash, no /dev/full")
@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("placeprint models | true", 141, ""),
        ("placeprint models --json | true", 141, ""),
        ("placeprint models 2>&- | true", 141, ""),
        ("placeprint --version > /dev/full", 3, "the output cannot be written: No space left on device\n"),
        ("placeprint models > /dev/full 2> /dev/full", 3, ""),
        ("placeprint models > /dev/full 2>&-", 3, ""),
        ("placeprint models >&-", 0, ""),
        ("placeprint models <&- >&- 2>&-", 0, ""),
        ("placeprint verify nowhere 2> /dev/full", 3, ""),
        ("placeprint verify nowhere 2>&-", 3, ""),
        ("placeprint query --url x y 2>&1 >&-", 2, NO_ADDRESS),
        ("placeprint nonsense 2>&- >&-", 2, ""),
    ],
)
def test_nobody_reads(shell: str, code: int, said: str, tmp_path: Path) -> None:
    assert ended(shell, tmp_path) == (code, said)
    assert list(tmp_path.iterdir()) == []  # nothing was written into a file that took the number of stdout


def test_a_poor_terminal(tmp_path: Path) -> None:
    poor = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "TERM": "dumb", "COLUMNS": "1"}
    code, said = ended("placeprint models", tmp_path, **poor)
    assert code == 0
    assert said.isascii()
    assert "efficientnet-lite0" in said
    code, said = ended("placeprint nons\u202eense", tmp_path, **poor)
    assert code == 2
    assert said.isascii()


FAILING = """
import sys
import placeprint.cli.models
from placeprint.cli import program
def models() -> None:
    {fails}
placeprint.cli.models.models = models
sys.argv = ["placeprint", "models"]
program.run()
"""


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("raise MemoryError", "there is not enough memory: "),
        ("raise RuntimeError('std::bad_alloc')", "there is not enough memory: "),
        ("raise ImportError('x.so: failed to map segment from shared object')", "there is not enough memory: "),
        ('raise RuntimeError("can\'t start new thread")', "the system allows no more threads: "),
        ("models()", "something is nested too deeply to be read"),
        (
            "raise OSError(12, 'Cannot allocate memory', 'a\\x1bb')",
            'the system refused "a\\x1bb": Cannot allocate memory',
        ),
    ],
)
def test_what_runs_out(fails: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", FAILING.format(fails=fails)], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_mistake_of_ours_is_told_in_full_and_spelled_out() -> None:
    fails = "raise RuntimeError('a\\x1b[2Jb')"
    done = subprocess.run([sys.executable, "-c", FAILING.format(fails=fails)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "\x1b" not in done.stderr
