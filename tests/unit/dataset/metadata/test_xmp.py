"""XMP in photos and beside them."""

from pathlib import Path

import pytest

from exif_writer import exif_block, gps_of, picture, save
from placeprint import read_dataset
from placeprint.dataset.metadata.angles import degrees_of_text
from placeprint.dataset.metadata.facts import IMPOSSIBLE
from placeprint.dataset.metadata.xmp import xmp_facts

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"


def attributes(**values: str) -> bytes:
    said = "".join(f' exif:{name}="{value}"' for name, value in values.items())
    return f"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>{HEAD}{said}>{TAIL}<?xpacket end='w'?>".encode()


def elements(**values: str) -> bytes:
    said = "".join(f"<exif:{name}>\n {value}\n</exif:{name}>" for name, value in values.items())
    return f"{HEAD}>{said}{TAIL}".encode()


@pytest.mark.parametrize("form", [attributes, elements])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_packet_is_read(form: type, encoding: str) -> None:
    packet = form(
        GPSLatitude="33,51.402000S",
        GPSLongitude="151,12,55.080E",
        GPSAltitude="21/10",
        GPSAltitudeRef="1",
        GPSImgDirection="365/2",
        DateTimeOriginal="2024-05-01T12:00:09+02:00",
        FocalLength="42/10",
    )
    facts = xmp_facts(packet.decode().encode(encoding) + b"\0\n")
    assert (facts.latitude, facts.longitude) == (pytest.approx(-33.8567), pytest.approx(151.2153))
    assert (facts.altitude, facts.heading, facts.focal_length) == (-2.1, 182.5, 4.2)
    assert (facts.taken, facts.faults) == ("2024-05-01T12:00:09+02:00", ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48,8.2320N", 48.1372),
        ("48,8.2320s", -48.1372),
        ("48,8,13.92N", 48.1372),
        ("48.1372", 48.1372),
        ("-48,1372", -48.1372),
        ("48,1372N", 48.1372),
        ("48,30N", 48.5),
        ("48 deg 8' 13.92\" N", 48.1372),
        ("48° 8′ 13.92″ south", -48.1372),
        ("S 48 8.232", -48.1372),
        ("48,8.2320W", None),
        ("48,8.2320NS", None),
        ("somewhere", None),
        ("1e9", None),
        ("", None),
        ("1" * 500, None),
    ],
)
def test_angles_as_text(text: str, expected: float | None) -> None:
    assert degrees_of_text(text, "ns") == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "48,8N"><!ENTITY b "&a;&a;">]>' + elements(GPSLatitude="&b;", GPSLongitude="11,0E"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + elements(GPSLatitude="48,8N", GPSLongitude="11,0E"),
        b"<a>" * 300 + elements(GPSLatitude="48,8N", GPSLongitude="11,0E"),
        elements(GPSLatitude="48,8N", GPSLongitude="11,0E")[:-20],
        elements(GPSLatitude="north", GPSLongitude="11,0E"),
        elements(GPSLatitude="98,0N", GPSLongitude="11,0E"),
        *(
            f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + elements(GPSLatitude="8,8N", GPSLongitude="11,0E")
            for encoding in ("klingon", "shift_jis", "utf-7", "utf-32", "rot13")
        ),
        b"<a xmlns='" + b"a" * 400 + b"'>" + elements(GPSLatitude="48,8N", GPSLongitude="11,0E") + b"</a>",
        b"<a>%s%s</a>" % (b"".join(b"<a%d/>" % i for i in range(20_000)), elements(GPSLatitude="8,8N")),
        b"<a b='%s'>%s</a>" % (b"b" * (9 << 19), elements(GPSLatitude="48,8N", GPSLongitude="11,0E")),
    ],
)
def test_hostile_and_damaged_packets_say_nothing_and_are_named(packet: bytes) -> None:
    facts = xmp_facts(packet)
    assert (facts.latitude, facts.longitude) == (None, None)
    assert {kind for kind, _ in facts.faults} == {IMPOSSIBLE}
    assert all("\n" not in reason for _, reason in facts.faults)


def test_sidecars_give_positions_to_photos_without(tmp_path: Path) -> None:
    zero, own = exif_block(gps=gps_of(0, 0)), exif_block(gps=gps_of(1, 2))
    for name, block in (("a", b""), ("b", b""), ("c", own), ("d", zero), ("e", b"")):
        if block:
            save(tmp_path / f"{name}.jpg", block)
        else:
            (tmp_path / f"{name}.jpg").write_bytes(picture())
    for name, latitude in (("A.xmp", 48), ("b.jpg.XMP", 49), ("b.xmp", 50), ("c.xmp", 51), ("d.jpg.xmp", 52)):
        (tmp_path / name).write_bytes(attributes(GPSLatitude=f"{latitude},0N", GPSLongitude="11,0E"))
    (tmp_path / "e.xmp").symlink_to("/etc/passwd")
    found = read_dataset(tmp_path)
    assert [(r.path[0], r.latitude, r.position_source) for r in found.records] == [
        ("a", 48, "sidecar"),
        ("b", 49, "sidecar"),
        ("c", 1, "exif"),
        ("d", 52, "sidecar"),
        ("e", None, None),
    ]
    assert [(f.path, f.kind) for f in found.position_faults] == [("e.jpg", IMPOSSIBLE)]


def test_a_position_in_the_table_stays(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", exif_block(gps=gps_of(1, 2)))
    (tmp_path / "labels.csv").write_text("path,place,latitude,longitude\na.jpg,mill,48,11\n")
    (record,) = read_dataset(tmp_path).records
    assert (record.latitude, record.longitude, record.position_source) == (48, 11, None)
