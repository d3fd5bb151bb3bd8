"""Addresses of galleries that an engine keeps: ``milvus://[user@]host[:port]/name``. Nothing heavy is imported here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from placeprint.errors import UsageError

PORT = 19530
FORM = "milvus://[user@]host[:19530]/name, or milvus+tls:// for an encrypted connection"
_SCHEME = re.compile(r"milvus(\+tls)?:/", re.IGNORECASE)
_ADDRESS = re.compile(
    r"milvus(?P<tls>\+tls)?://(?:(?P<user>[^/@:]+)(?P<secret>:[^/@]*)?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^/@:\[\]]+)(?::(?P<port>\d{1,5}))?/(?P<name>[A-Za-z_][A-Za-z0-9_]{0,199})/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gallery is kept.

    Attributes
    ----------
    host : str
    port : int
    name : str
        Of the collection.
    user : str
        Empty where none is named.
    tls : bool
    """

    host: str
    port: int
    name: str
    user: str = ""
    tls: bool = False

    @property
    def server(self) -> str:
        """Host and port, as messages name them."""
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """Return the address; it never holds a secret."""
        user = f"{self.user}@" if self.user else ""
        return f"milvus{'+tls' if self.tls else ''}://{user}{self.server}/{self.name}"


def is_address(text: object) -> bool:
    """Return whether this is meant as an engine's address, and not as a folder."""
    return isinstance(text, str | Path) and _SCHEME.match(str(text)) is not None


def parse_address(text: str | Path) -> Address:
    """Read an address.

    Raises
    ------
    UsageError
        When it has another form, or holds a password: command lines are kept in histories and seen by others.
    """
    whole = re.sub(r"^(milvus(?:\+tls)?:)/+", r"\1//", str(text), flags=re.IGNORECASE)  # a Path merges slashes
    found = _ADDRESS.fullmatch(whole)
    if found is not None and found["secret"] is not None:
        raise UsageError(
            "a password does not belong into an address: name the user alone, and set PLACEPRINT_MILVUS_PASSWORD"
        )
    if found is None or not 0 < int(found["port"] or PORT) < 65536:
        shown = re.sub(r"//[^/@]*@", "//…@", whole)
        raise UsageError(f'"{shown}" is no address of a gallery: it is {FORM}; a name has letters, digits and _')
    return Address(
        host=found["host"].strip("[]"),
        port=int(found["port"] or PORT),
        name=found["name"],
        user=found["user"] or "",
        tls=found["tls"] is not None,
    )
