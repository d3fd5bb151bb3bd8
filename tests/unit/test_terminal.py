"""What people are shown: nothing that steers a terminal, and nothing that ends work because nobody reads."""

import errno
import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placeprint.progress import Bar, Lines, Stretch
from placeprint.terminal import Output, OutputClosedError, printable, tell

STEERING = "\x1b[31m\r\n\t\x00\x07\x08\x7f\x9b2J\x85\u2028\u2029\u061c\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff"


def steers(text: str) -> bool:
    """Whether anything in it is a control, a direction mark, of no width, or no character."""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_harmless(text: str) -> None:
    shown = printable(text)
    assert not steers(shown)
    shown.encode("utf-8")
    assert printable(shown) == shown
    assert shown == text or steers(text) or not text.isprintable() or "\\" in shown


@pytest.mark.parametrize("text", ["", "Kościół św. Anny", "渋谷　駅", "القدس", "ירושלים", "a b", "🏰❤️", "é", "\\x1b"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\x0ab"),
        ("\x1b\x9b", "\\x1b\\x9b"),
        ("\u202e\u2069", "\\u202e\\u2069"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\u115f\u034f\U000e0101", "\\u3164\\u115f\\u034f\\U000e0101"),
    ],
)
def test_how_it_is_spelled(text: str, shown: str) -> None:
    assert printable(text) == shown


class Full(io.StringIO):
    """Takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "no space")


class Gone(io.StringIO):
    """Fails when it is flushed, as what is buffered does."""

    def flush(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "gone")


def test_output_spells_out_all_but_line_ends() -> None:
    under = io.StringIO()
    out = Output(under, required=True)
    print(f"{STEERING}|", file=out, flush=True)
    first, second, empty = under.getvalue().split("\n")
    assert not steers(first + second)
    assert empty == ""
    out.styled.write("\x1b[1mbold\x1b[0m")
    assert under.getvalue().endswith("\x1b[1mbold\x1b[0m")
    with pytest.raises((TypeError, AttributeError)):
        out.write(b"past it")  # type: ignore[arg-type]
    assert not hasattr(out, "buffer")


@pytest.mark.parametrize(("under", "piped"), [(Full(), False), (Gone(), True)])
def test_output_that_nobody_takes(under: io.StringIO, piped: bool) -> None:
    out = Output(under, required=True)
    with pytest.raises(OutputClosedError) as closed:
        print("a", file=out, flush=True)
    assert closed.value.piped == piped
    print("b", file=out, flush=True)  # what is said on the way out fails no second time
    silent = Output(under, required=False)
    print("c", file=silent, flush=True)
    silent.styled.flush()


@pytest.mark.parametrize("stream", [None, Full(), Gone()])
def test_nobody_hears_how_far_it_is(stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    tell("a")
    with Stretch(Lines(every=0), "a", 2) as step:
        step()
        step()


class Clock:
    """What lines go by, in seconds."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("placeprint.progress.time.monotonic", lambda: made.now)
    return made


def test_a_look_that_finds_nothing_new_is_no_other_pace(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Lines()
    shown.start("indexing", 100)
    for steps in (10, 0, 10):  # as a cluster is looked at
        clock.now += 5
        shown.advance(steps)
    told = capsys.readouterr().err.splitlines()
    assert told[1].endswith("indexing: 10/100 (1/s, about 2 min left)")
    assert told[2].endswith("indexing: 20/100 (1/s, 60 s left)")


def test_the_time_that_is_left_is_told_by_the_last_minute(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Lines()
    shown.start("embedding", 100_000)
    for second in range(200):  # 5,000 from the cache, and then two images a second, and three
        clock.now = float(second + 1)
        shown.advance(1000 if second < 5 else 2 if second < 100 else 3)
    told = capsys.readouterr().err.splitlines()
    assert told[0].endswith("embedding: 5000/100000 (1000/s, about 2 min left)")
    assert told[1].endswith("embedding: 5010/100000 (2/s, about 792 min left)")
    assert told[25].endswith("embedding: 5280/100000 (2/s, about 641 min left)")  # 2.46: of both
    assert told[-1].endswith("embedding: 5490/100000 (3/s, about 525 min left)")
    shown.advance(5000)
    clock.now += 5
    shown.advance(1)
    assert capsys.readouterr().err.endswith("embedding: 10491/100000 (1000/s, 89 s left)\n")
    shown.start("writing", 4)
    clock.now += 6
    shown.advance(3)
    assert capsys.readouterr().err.splitlines()[-1].endswith("writing: 3/4 (0.5/s, 2 s left)")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_what_goes_on_is_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "400")
    for made in (lambda: Lines(every=0), Bar):
        under = Screen()
        monkeypatch.setattr(sys, "stderr", Output(under, required=False))
        with Stretch(made(), f"[/red]{STEERING}", 1) as step:
            step()
        assert "[/red]\\x1b[31m\\x0d\\x0a\\x09\\x00" in under.getvalue()
        assert "\u202e" not in under.getvalue()
