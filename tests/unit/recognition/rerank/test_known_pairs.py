"""Matched pairs that are remembered: in the process, and in the cache of a verb that has it open."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from placeprint.embedding.cache import EmbeddingCache
from placeprint.recognition.rerank.known_pairs import KnownPairs

PAIR, OTHER = bytes(range(16)), bytes(16)


class Matcher:
    """Counts how often it is run."""

    def __init__(self, confidence: float = 7.25) -> None:
        self.confidence, self.runs = confidence, 0

    def __call__(self) -> float:
        """Match."""
        self.runs += 1
        return self.confidence


@pytest.fixture
def match() -> Matcher:
    return Matcher()


def asked(cache: EmbeddingCache | None, match: Callable[[], float], pair: bytes = PAIR) -> float:
    """Ask as another process would."""
    known = KnownPairs()
    with known.kept_in(cache):
        return known.of(pair, match)


def test_a_pair_is_matched_once_in_all_processes(tmp_path: Path, match: Matcher) -> None:
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        assert [asked(cache, match) for _ in range(3)] == [7.25] * 3
        assert match.runs == 1
        assert asked(cache, Matcher(1.0), OTHER) == 1.0


def test_without_a_cache_only_the_process_remembers(tmp_path: Path, match: Matcher) -> None:
    known = KnownPairs()
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        with known.kept_in(None):
            assert known.of(PAIR, match) == known.of(PAIR, match) == 7.25
        assert match.runs == 1
        assert cache.pair(PAIR) is None
        with known.kept_in(cache):
            known.of(OTHER, match)
        known.of(bytes(15), match)  # the cache is not lent any more
        assert (cache.pair(OTHER), cache.pair(bytes(15))) == (7.25, None)


def test_the_oldest_pair_is_forgotten(match: Matcher) -> None:
    known = KnownPairs(most=2)
    for pair in (b"a", b"b", b"a", b"c", b"a", b"b"):
        known.of(pair, match)
    assert (len(known), match.runs) == (2, 4)


def test_a_failed_match_is_not_kept(tmp_path: Path, match: Matcher) -> None:
    def fail() -> float:
        raise MemoryError

    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        with pytest.raises(MemoryError):
            asked(cache, fail)
        assert asked(cache, match) == 7.25


@pytest.mark.parametrize(
    "change",
    [
        "update pairs set confidence = confidence + 1",
        "update pairs set confidence = 'much'",
        "update pairs set confidence = 9e999",
        "update pairs set checksum = null",
        "update pairs set checksum = 'text'",
        "update pairs set pair = x'00' where pair = ?1",
        "update pairs set confidence = (select confidence from pairs where pair != ?1) where pair = ?1",
        "update pairs set checksum = (select checksum from pairs where pair != ?1) where pair = ?1",
    ],
)
def test_a_row_that_is_not_what_was_written_is_matched_again(tmp_path: Path, match: Matcher, change: str) -> None:
    path = tmp_path / "c.sqlite"
    with EmbeddingCache(path) as cache:
        asked(cache, match)
        asked(cache, Matcher(99.0), OTHER)
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(change, (PAIR,) if "?1" in change else ())
    with EmbeddingCache(path) as cache:
        assert cache.pair(PAIR) is None
        assert asked(cache, match) == 7.25
        assert match.runs == 2
        assert cache.pair(PAIR) == 7.25


def test_a_cache_of_an_earlier_release_gets_the_table(tmp_path: Path, match: Matcher) -> None:
    path = tmp_path / "c.sqlite"
    EmbeddingCache(path).close()
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("drop table pairs")
    with EmbeddingCache(path) as cache:
        asked(cache, match)
        assert cache.pair(PAIR) == 7.25


def test_a_cache_that_cannot_be_used_costs_no_answer(
    tmp_path: Path, match: Matcher, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.sqlite").mkdir()
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        assert asked(cache, match) == 7.25
    assert "cannot be used" in capsys.readouterr().err
