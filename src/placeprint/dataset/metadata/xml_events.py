"""Read XML that strangers wrote: no entities, no document type, and no more of it than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.parsers import expat

_PIECE = 1 << 16
_DEEPEST = 200
_LONGEST_ADDRESS = 300
"""Of a namespace, in characters: it is copied to every name."""
_LONGEST_TAG = 1 << 22
"""Bytes: a tag is read from its start again with every piece, until it ends."""
_MOST_NAMES = 10_000
"""Different ones of elements and attributes: the parser keeps them all."""


class XmlError(ValueError):
    """XML that is damaged or hostile; the message is one line."""


def read_xml(
    pieces: Iterator[bytes],
    *,
    start: Callable[[str, dict[str, str]], None],
    text: Callable[[str], None],
    end: Callable[[str], None],
) -> None:
    """Call a function at each start of an element, text and end; names are ``address name``.

    Raises `XmlError` when it is not well formed, nested too deeply, or declares a document type, which entities need.
    """
    parser, bounds = expat.ParserCreate(namespace_separator=" ", intern=None), _Bounds()

    def began(name: str, values: dict[str, str]) -> None:
        bounds.start(name, values)
        start(name, values)

    def ended(name: str) -> None:
        bounds.depth -= 1
        end(name)

    parser.StartNamespaceDeclHandler = bounds.namespace
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = bounds.declaration
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = began, ended, text
    try:
        fed = 0
        for piece in pieces:
            parser.Parse(piece, False)
            fed += len(piece)
            bounds.unread(fed - parser.CurrentByteIndex)
        parser.Parse(b"", True)
    except XmlError:
        raise
    except expat.ExpatError as error:
        raise XmlError(f"it is not well-formed XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding that is not known, or of several bytes a letter
        raise XmlError(f"its encoding cannot be read: {error}") from error


class _Bounds:
    """Refuses what would cost more than its bytes."""

    def __init__(self) -> None:
        self.depth = 0
        self._names: set[str] = set()

    def declaration(self, *_: object) -> None:
        raise XmlError("it declares a document type, which is refused")

    def namespace(self, _prefix: str | None, address: str | None) -> None:
        if address and len(address) > _LONGEST_ADDRESS:
            raise XmlError(f"a namespace of it has more than {_LONGEST_ADDRESS} characters")

    def start(self, name: str, values: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise XmlError(f"it is nested more than {_DEEPEST} deep")
        self._names.update((name, *values))
        if len(self._names) > _MOST_NAMES:
            raise XmlError(f"it has more than {_MOST_NAMES} different names")

    def unread(self, count: int) -> None:
        if count > _LONGEST_TAG:
            raise XmlError(f"a tag of it has more than {_LONGEST_TAG} bytes")


def in_pieces(data: bytes) -> Iterator[bytes]:
    """Yield bytes in pieces."""
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
