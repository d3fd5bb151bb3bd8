"""XMP: what a packet within a photo, or a sidecar beside it, says. Adobe's XMP Specification, Part 2."""

from __future__ import annotations

from placeprint.dataset.metadata.angles import degrees_of_text
from placeprint.dataset.metadata.facts import ALTITUDES, IMPOSSIBLE, Facts, heading_of, position, within
from placeprint.dataset.metadata.times import iso_time
from placeprint.dataset.metadata.xml_events import XmlError, in_pieces, read_xml

_EXIF, _TIFF = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
_OTHERS = ("http://ns.adobe.com/photoshop/1.0/", "http://ns.adobe.com/xap/1.0/", "http://cipa.jp/exif/1.0/")
_WANTED = {
    **{f"{_EXIF} {name}": name for name in ("GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSAltitudeRef")},
    **{f"{_EXIF} {name}": name for name in ("GPSLatitudeRef", "GPSLongitudeRef", "GPSImgDirection")},
    **{f"{_EXIF} {name}": name for name in ("GPSHPositioningError", "DateTimeOriginal", "FocalLength")},
    **{f"{_TIFF} {name}": name for name in ("Make", "Model")},
    f"{_OTHERS[0]} DateCreated": "DateCreated",
    f"{_OTHERS[1]} CreateDate": "CreateDate",
    f"{_OTHERS[2]} GPSHPositioningError": "GPSHPositioningError",
}
_LONGEST = 200
"""Characters of a value."""


def xmp_facts(packet: bytes) -> Facts:
    """Read a packet; what is damaged or hostile says nothing, and is named where it has a position."""
    packet = _trimmed(packet)
    if not packet:
        return Facts()
    values, faults = _Values(), list[tuple[str, str]]()
    try:
        read_xml(in_pieces(packet), start=values.start, text=values.text, end=values.end)
    except XmlError as error:
        told = b"GPSL" in packet.replace(b"\0", b"")  # what says nothing of a position is no fault of one
        return Facts(faults=((IMPOSSIBLE, f"the position in its XMP cannot be read: {error}"),) if told else ())
    found = values.found
    where = [_angle(found, name, sides) for name, sides in (("GPSLatitude", "ns"), ("GPSLongitude", "ew"))]
    for name, angle in zip(("GPSLatitude", "GPSLongitude"), where, strict=True):
        if angle is None and name in found:
            faults.append((IMPOSSIBLE, f'the {name} of its XMP cannot be read: "{found[name][:40]}"'))
    latitude, longitude = position(where[0], where[1], faults)
    altitude = _number(found.get("GPSAltitude", ""))
    if altitude is not None and found.get("GPSAltitudeRef", "").strip() in ("1", "3"):
        altitude = -abs(altitude)
    times = (found.get(name, "") for name in ("DateTimeOriginal", "DateCreated", "CreateDate"))
    return Facts(
        latitude=latitude,
        longitude=longitude,
        altitude=within(altitude, *ALTITUDES),
        heading=heading_of(_number(found.get("GPSImgDirection", ""))),
        position_error=within(_number(found.get("GPSHPositioningError", "")), 0, 1e7),
        taken=next((taken for text in times if (taken := iso_time(text))), None),
        camera=" ".join(filter(None, (found.get("Make", ""), found.get("Model", "")))) or None,
        focal_length=within(_number(found.get("FocalLength", "")), 0.1, 1e5),
        faults=tuple(faults),
    )


def _trimmed(packet: bytes) -> bytes:
    """Return a packet without the blanks around it, which is room to edit it and no XML."""
    packet = packet.lstrip(b" \t\r\n")
    end = packet.rfind(b">") + 1
    return packet[: end + 1] if packet[:2] in (b"\xff\xfe", b"<\0") else packet[:end]


class _Values:
    """Gathers the properties that are wanted, written as attributes or as elements."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._inside: list[str] = []

    def start(self, name: str, values: dict[str, str]) -> None:
        """Note attributes, and remember which element is open."""
        for key, value in values.items():
            if key in _WANTED:
                self.found.setdefault(_WANTED[key], value.strip()[:_LONGEST])
        self._inside.append(_WANTED.get(name, ""))

    def text(self, data: str) -> None:
        """Add text to the wanted element that is open, whatever is between."""
        name = next((name for name in reversed(self._inside) if name), "")
        if name:
            self.found[name] = (self.found.get(name, "") + data)[:_LONGEST]

    def end(self, _name: str) -> None:
        """Close an element."""
        if name := self._inside.pop():
            self.found[name] = self.found.get(name, "").strip()


def _angle(found: dict[str, str], name: str, sides: str) -> float | None:
    angle, side = degrees_of_text(found.get(name, ""), sides), found.get(f"{name}Ref", "").strip()[:1].lower()
    return -abs(angle) if angle is not None and side and side in sides[1] else angle


def _number(text: str) -> float | None:
    """Read a rational or a decimal number."""
    over, slash, under = text.strip().replace(",", ".").partition("/")
    try:
        return float(over) / float(under) if slash else float(over)
    except (ValueError, ZeroDivisionError):
        return None
