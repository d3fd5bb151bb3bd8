"""The widths that are tried out: the time that is told to be left is the time that it takes."""

import numpy as np
import pytest

from placeprint.gallery.index import widths
from placeprint.gallery.index.base import Vectors
from placeprint.gallery.index.top_k import Numbers
from placeprint.gallery.index.widths import Width


@pytest.mark.parametrize("found_at", [{10: 3, 30: 400, 100: 400, 200: 500}, {10: 500, 30: 500, 100: 900, 200: 900}])
def test_the_time_left_is_told_truly(monkeypatch: pytest.MonkeyPatch, found_at: dict[int, int]) -> None:
    clock, told = [0.0], list[tuple[float, float]]()

    class Noting:
        def start(self, _what: str, total: int) -> None:
            self.began, self.total, self.done = clock[0], total, 0

        def advance(self, steps: int = 1) -> None:
            self.done += steps
            passed = clock[0] - self.began
            told.append((passed, passed * (self.total - self.done) / max(self.done, 1)))

        def finish(self) -> None:
            self.ended = clock[0] - self.began

    def recall(queries: Vectors, _truth: Numbers, width: Width) -> float:
        clock[0] += len(queries) * (0.002 + 1e-5 * width.probes)
        return 1.0 if width.probes >= found_at[width.k] else 0.5 + width.probes / 4000 * (width.probes < 1024)

    monkeypatch.setattr(widths.time, "monotonic", lambda: clock[0])
    trials = [
        (np.zeros((1024 if k == 10 else 171, 4), np.float32), np.zeros((1024 if k == 10 else 171, k), np.int64))
        for k in found_at
    ]
    progress = Noting()
    found = widths.tried_out(trials, recall, lists=1024, rows=60_000, progress=progress)
    assert [width.k for width in found] == list(found_at)
    assert progress.done == progress.total
    assert all(width.probes >= found_at[width.k] for width in found)
    for passed, left in told:
        assert left == pytest.approx(progress.ended - passed, rel=0.15, abs=0.5)


def test_no_search_is_tried_twice() -> None:
    asked = list[Width]()

    def recall(_queries: Vectors, _truth: Numbers, width: Width) -> float:
        asked.append(width)
        return 1.0 if width.probes > 800 else 0.5

    trials = [(np.zeros((64, 4), np.float32), np.zeros((64, 10), np.int64))]
    assert [width.k for width in widths.narrowest_widths(trials, recall, lists=1024, rows=60_000)] == [10]
    assert len(asked) == len(set(asked))
