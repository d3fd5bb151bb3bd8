"""What datasets call the two sides of the question."""

from __future__ import annotations

from collections.abc import Mapping

from placeprint.records import Split

SPLITS: Mapping[str, Split] = {
    **dict.fromkeys(("gallery", "database", "train", "reference", "references", "db", "index"), Split.GALLERY),
    **dict.fromkeys(("query", "queries", "test", "probe"), Split.QUERY),
    **dict.fromkeys(("", "none"), Split.NONE),
}
"""What datasets call the splits (lower case)."""
