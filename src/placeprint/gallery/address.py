"""What tells the address of a gallery on a server from a folder, without asking either."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"milvus(\+tls)?:/", re.IGNORECASE)


def is_address(text: object) -> bool:
    """Return whether this is meant as a server's address, and not as a folder."""
    return isinstance(text, str | Path) and _SCHEME.match(str(text)) is not None
