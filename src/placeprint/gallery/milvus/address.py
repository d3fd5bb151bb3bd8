"""Addresses of galleries in Milvus: ``milvus://[user@]host[:port]/name``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError

PORT = 19530
FORM = "milvus://[user@]host[:19530]/name, or milvus+tls:// for an encrypted connection"
_ADDRESS = re.compile(
    r"milvus(?P<tls>\+tls)?://(?:(?P<user>[^/@:]+)(?P<secret>:[^/@]*)?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^/@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?/(?P<name>[^/]+)/?",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST_NAME = 255
"""Characters of a name that Milvus takes."""
_SHOWN = 120
HEAD_SUFFIX = "_head"
"""Ends the name of the collection that keeps what a gallery says of itself."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gallery is kept."""

    host: str
    port: int
    name: str  # Of the collection.
    user: str = ""  # Empty where none is named.
    tls: bool = False

    @property
    def server(self) -> str:
        """Host and port, as they are written in an address."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        """Return the address; it never holds a secret."""
        user = f"{self.user}@" if self.user else ""
        return f"milvus{'+tls' if self.tls else ''}://{user}{self.server}/{self.name}"


def parse_address(text: str | Path) -> Address:
    """Read an address.

    Raises `UsageError` when it has another form, or holds a password: command lines are kept in histories and seen by
    others.
    """
    whole = re.sub(r"^(milvus(?:\+tls)?:)/+", r"\1//", str(text), flags=re.IGNORECASE)  # a Path merges slashes
    found = _ADDRESS.fullmatch(whole)
    if found is not None and found["secret"] is not None:
        raise UsageError(
            "a password does not belong in an address: give the user alone, and set PLACEPRINT_MILVUS_PASSWORD"
        )
    shown = re.sub(r"//[^/@]*@", "//…@", whole)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    if found is None or not 0 < int(found["port"] or PORT) < 65536:
        raise UsageError(f'"{shown}" is not the address of a gallery: give {FORM}')
    if problem := name_problem(found["name"], most=LONGEST_NAME - len(HEAD_SUFFIX)):
        raise UsageError(f'"{shown}" is not the address of a gallery: {problem}')
    return Address(
        host=found["host"].strip("[]"),
        port=int(found["port"] or PORT),
        name=found["name"],
        user=found["user"] or "",
        tls=found["tls"] is not None,
    )


def name_problem(name: str, *, most: int = LONGEST_NAME) -> str:
    """Return why Milvus takes a name for no collection and no database; empty where it does.

    `most`: Characters that it has at most.
    """
    if len(name) > most:
        return f"a name has {most} characters at most, and this one {len(name)}"
    if _NAME.fullmatch(name) is None:
        return "a name begins with a letter or _ and goes on with letters, digits and _ (a to z, A to Z, 0 to 9)"
    return ""
