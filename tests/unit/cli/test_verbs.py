"""What all verbs have: their place in --help, -h, -v and --log, completion, and settings of a file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import placeprint
from placeprint import terminal
from placeprint.cli import settings_file
from placeprint.cli.app import app
from placeprint.cli.log import Log
from placeprint.cli.verbs import GROUPS, VERBS
from placeprint.errors import UsageError
from program import run


def help_of(name: str) -> str:
    command = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined,arg-type]
    return (command.help or "").split("\n\n")[0].replace("\n", " ")


@pytest.mark.parametrize("name", VERBS)
def test_the_sentence_of_a_verb_is_the_first_of_its_own_help(name: str) -> None:
    assert help_of(name) == next(group[name] for group in GROUPS.values() if name in group)


def test_help_names_every_verb_once_with_its_whole_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = run("--help").stdout
    assert re.findall(r"^  ([a-z]+)  +[A-Z]", said, re.M) == list(VERBS)
    assert "…" not in said
    assert "..." not in said.replace("[ARGS]...", "")
    flat = " ".join(said.split())
    assert [s for group in GROUPS.values() for s in group.values() if s not in flat] == []
    assert run("-h").stdout == said


def test_help_imports_no_verb() -> None:
    code = "import sys; sys.argv = ['placeprint', '-h']; from placeprint.cli.app import main\ntry: main()\n"
    code += "except SystemExit: print([m for m in sys.modules if m.startswith('placeprint.cli.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in re.findall(r"placeprint\.cli\.\w+", done.stdout)}
    assert "verbs" in loaded
    assert loaded & set(VERBS) == set()


def test_the_version_has_a_short_option() -> None:
    assert run("-V").stdout == run("--version").stdout == f"placeprint {placeprint.__version__}\n"


def test_the_module_is_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "placeprint", "-V"], capture_output=True, text=True, check=True)
    assert done.stdout == f"placeprint {placeprint.__version__}\n"


def completed(words: str, shell: str = "zsh", **more: str) -> str:
    asked = {"_PLACEPRINT_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words, **more}
    program = [sys.executable, "-m", "placeprint"]
    return subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ, **asked}).stdout


def test_completion_knows_verbs_options_and_words() -> None:
    verbs = completed("placeprint in")
    assert '"index":"Make a gallery' in verbs
    assert '"info":' in verbs
    assert "query" not in verbs
    fish = completed("placeprint query --preset b", "fish", _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert fish.split() == ["balanced", "best"]
    assert "\t" in completed("placeprint in", "fish", _TYPER_COMPLETE_FISH_ACTION="get-args")


@pytest.mark.parametrize("told", [{"COMP_WORDS": "placeprint in", "COMP_CWORD": "²"}, {"COMP_CWORD": "1"}])
def test_completion_without_what_a_shell_sets(told: dict[str, str]) -> None:
    asked = {**os.environ, "_PLACEPRINT_COMPLETE": "complete_bash", **told}
    program = [sys.executable, "-m", "placeprint"]
    said = subprocess.run(program, capture_output=True, text=True, check=False, env=asked)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "COMP_WORDS and COMP_CWORD, a number, say what bash completes: it sets them itself\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_this_program(shell: str) -> None:
    said = run("--completion", shell).stdout
    assert f"_PLACEPRINT_COMPLETE=complete_{shell}" in said
    if shell == "bash":
        subprocess.run(["bash", "-n", "-c", said], check=True)


def test_no_completion_of_another_shell() -> None:
    assert 'did you mean "bash"?' in run("--completion", "bush", expect=2).stderr


def test_what_is_done_is_told_and_logged(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    assert "placeprint models" in run("models", "-v").stderr
    said = run("query", tmp_path / "nowhere", "x.jpg", "--log", log, expect=3).stderr
    assert "Traceback" not in said
    written = log.read_text().splitlines()
    assert written[0].endswith(" placeprint log")
    assert any("Traceback" in line for line in written)
    assert written[-1].endswith(said.splitlines()[-1])
    run("models", "--log", log)
    assert log.read_text().splitlines()[: len(written)] == written, "it is appended to"
    run("models")
    assert not terminal._listening, "a verb without a log has none"


def test_a_log_is_not_written_into_a_file_of_somebody_else(tmp_path: Path) -> None:
    theirs = tmp_path / "notes.txt"
    theirs.write_text("dear diary\n")
    assert "not made by placeprint" in run("models", "--log", theirs, expect=2).stderr
    assert theirs.read_text() == "dear diary\n"


def test_a_log_that_cannot_be_written_any_more_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "_listening", [])
    (tmp_path / "logs").mkdir()
    Log(log=tmp_path / "logs" / "run.log").begin()
    shutil.rmtree(tmp_path / "logs")
    for line in ("one", "two"):
        terminal.note(line)
    assert capsys.readouterr().err.count("going on without it") == 1


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PLACEPRINT_CONFIG", str(tmp_path / "own.toml"))
    for name in ("PLACEPRINT_PRESET", "PLACEPRINT_WORKERS", "PLACEPRINT_CACHE_GB", "PLACEPRINT_CACHE"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    return tmp_path


def test_settings_of_the_folder_come_before_the_users_and_the_environment_before_both(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "own.toml").write_text('preset = "best"\nworkers = 3\n[cache]\nfolder = "/c"\ngigabytes = 2.5\n')
    (here / "here" / settings_file.NAME).write_text('preset = "fast"\n')
    monkeypatch.setenv("PLACEPRINT_WORKERS", "1")
    settings_file.apply_settings()
    asked = ("PLACEPRINT_PRESET", "PLACEPRINT_WORKERS", "PLACEPRINT_CACHE", "PLACEPRINT_CACHE_GB")
    assert [os.environ[name] for name in asked] == ["fast", "1", "/c", "2.5"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prset = 'fast'", 'no setting "prset": did you mean "preset"'),
        ("preset = 1", "preset is a text, not 1"),
        ("workers = 0", "workers is a number above 0"),
        ("workers = true", "workers is a number above 0"),
        ("cache = 'x'", "cache is a table"),
        ("[cache]\nfolder = 'x'", "may be anybody's"),
        ('"cache.folder" = "x"', 'no setting "cache.folder"'),
        ('preset = "a\\u0000b"', "preset is a text"),
        (f"workers = 0x{'f' * 5000}", "workers is a number above 0, up to 1000000, not 0xfff"),
        ("workers = -1", "workers is a number above 0"),
        ("k" * 60_000 + " = 1", f'no setting "{"k" * 60}":'),
        ("preset =", "cannot be read"),
        ("a" * 100_000, "cannot be read"),
    ],
)
def test_settings_that_are_none(here: Path, text: str, says: str) -> None:
    (here / "here" / settings_file.NAME).write_text(text)
    with pytest.raises(UsageError, match=re.escape(says)):
        settings_file.apply_settings()


@pytest.mark.parametrize("said", ["nan", "inf", "1e300", "-1", f"0x{'f' * 5000}", '"5"'])
def test_a_cache_without_bounds_is_none(here: Path, said: str) -> None:
    (here / "own.toml").write_text(f"[cache]\ngigabytes = {said}\n")
    with pytest.raises(UsageError, match=r"cache\.gigabytes is a number above 0, up to 1000000"):
        settings_file.apply_settings()


@pytest.mark.usefixtures("here")
def test_a_home_that_nobody_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_CONFIG", "~nobody-of-this-name/own.toml")
    with pytest.raises(UsageError, match="PLACEPRINT_CONFIG"):
        settings_file.apply_settings()
