"""Recent answers that a person may want to look at."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any


class DoubtfulAnswers:
    """Recent answers that a person may want to look at: facts only, in memory, the newest first."""

    def __init__(self, most: int) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=most)

    def note(self, row: dict[str, Any], request_id: str) -> None:
        """Keep an answer that is not accepted, or whose probability is in the lower half of what is."""
        probability, limit = row["probability"], row["probability_threshold"]
        if row["place"] is not None and (probability is None or limit is None or probability >= (1 + limit) / 2):
            return
        facts = (
            *("answer", "place", "grade", "best_guess", "title", "score", "margin"),
            *("probability", "probability_threshold"),
        )
        self._kept.appendleft(
            {
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "request": request_id,
                **{name: row[name] for name in (*facts, "why")},
                "places": row["places"][:3],
                "matches": [
                    {name: match[name] for name in ("image", "thumbnail", "places", "score")}
                    for match in row["matches"][:3]
                ],
            }
        )

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest."""
        return list(self._kept)[:limit]
