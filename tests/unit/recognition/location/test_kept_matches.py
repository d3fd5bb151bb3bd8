"""What is matched while positions are looked for is kept for the next time, and so is what is learned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from placeprint import PositionEvidence, find_contradictions, index, locate, open_gallery
from placeprint.embedding.cache import EmbeddingCache
from placeprint.recognition.location import contradictions, held_out
from placeprint.recognition.location import locate as locating
from placeprint.recognition.rerank.known_pairs import KNOWN_PAIRS

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize(
    ("module", "look"),
    [(locating, locate), (contradictions, lambda *given: find_contradictions(*given, false_alarm_rate=0.3))],
    ids=["locate", "check --against"],
)
def test_pairs_go_to_the_cache(
    module: Any, look: Callable[..., object], town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, pair = index(town, tmp_path / "town.gallery", preset="fast").gallery, f"{tmp_path}".encode()

    def ask(*given: Any, **named: Any) -> held_out.Asked:
        assert KNOWN_PAIRS.of(pair, lambda: 2.5) == 2.5  # as an answer that matches points
        return held_out.ask(*given, **named)

    monkeypatch.setattr(module, "ask", ask)
    assert gallery.position_evidence == PositionEvidence(images=len(gallery))  # too few to ask by themselves
    look(gallery, town / "query")
    kept = open_gallery(gallery.path).position_evidence
    assert (kept.asked, len(kept.unknown), kept.images) == (len(gallery),) * 3
    with EmbeddingCache() as cache:
        assert cache.pair(pair) == 2.5
