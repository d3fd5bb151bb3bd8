"""Read XML that strangers wrote: no entities, no document type, and no more of it than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.parsers import expat

_PIECE = 1 << 16
_DEEPEST = 200


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

    Raises
    ------
    XmlError
        When it is not well formed, nested too deeply, or declares a document type, which entities need.
    """
    parser, depth = expat.ParserCreate(namespace_separator=" "), 0

    def refuse(*_: object) -> None:
        raise XmlError("it declares a document type, which is refused")

    def began(name: str, values: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise XmlError(f"it is nested more than {_DEEPEST} deep")
        start(name, values)

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = began, ended, text
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise XmlError(f"it is not well-formed XML: {error}") from error
    except (LookupError, UnicodeError) as error:  # an encoding that is not known
        raise XmlError(f"its encoding cannot be read: {error}") from error


def in_pieces(data: bytes) -> Iterator[bytes]:
    """Yield bytes in pieces."""
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
