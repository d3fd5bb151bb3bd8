"""A protocol's images as they lie on disk: in which form, whether it is the published set, what is known of each.

A set that is another published variant is refused by name; one that is none is measured, and says why it cannot stand
beside published figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from placeprint.dataset.manifest import Manifest
from placeprint.dataset.protocols import file_names, listed_truth, msls, struct_file
from placeprint.dataset.protocols.found import Found, Listed
from placeprint.dataset.protocols.protocol import Form, Protocol, Reads
from placeprint.dataset.protocols.table import find_protocol, protocols
from placeprint.errors import DatasetError
from placeprint.records import ImageRecord, Split
from placeprint.terminal import counted

_READERS = {
    Reads.NAMES: file_names.read_positions,
    Reads.NUMBERS: file_names.read_numbers,
    Reads.ORDER: file_names.read_order,
    Reads.GSV: file_names.read_gsv,
    Reads.STRUCT: struct_file.read_struct,
    Reads.MSLS: msls.read_msls,
    Reads.REVISITED: listed_truth.read_revisited,
    Reads.GLD: listed_truth.read_gld,
}


@dataclass(frozen=True, slots=True)
class ProtocolSet:
    """The images of a protocol, read from a folder.

    Attributes
    ----------
    protocol : Protocol
    form : Form
        In which they lie there.
    manifest : Manifest
        The images; paths are relative to the folder that was given.
    lists : mapping of str to Listed
        For each query's path the gallery images that are right and that count neither way, where lists say so.
    doubts : tuple of str
        Why this is not the published set; empty when it is.

    Examples
    --------
    >>> import placeprint
    >>> try:
    ...     placeprint.read_protocol("town", "pitts30k")
    ... except placeprint.PlaceprintError as error:
    ...     print(str(error)[:62])
    "town" has none of the forms of pitts30k; what is needed there
    """

    protocol: Protocol
    form: Form
    manifest: Manifest
    lists: Mapping[str, Listed] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    def known(self, records: Sequence[ImageRecord]) -> tuple[ImageRecord, ...]:
        """Return the protocol's own records of images, by path.

        Raises
        ------
        DatasetError
            When one of them is not of the protocol, as in a gallery of other images.
        """
        by_path = {record.path: record for record in self.manifest.records}
        strange = next((record.path for record in records if record.path not in by_path), None)
        if strange is not None:
            raise DatasetError(
                f'"{strange}" is in the gallery and not among the images of {self.protocol.name} in '
                f'"{self.manifest.root}": index that very folder, or leave out --gallery'
            )
        return tuple(by_path[record.path] for record in records)


def read_protocol(path: Path | str, protocol: Protocol | str) -> ProtocolSet:
    """Read the images of a protocol from the folder that they were downloaded to.

    Parameters
    ----------
    path : Path or str
    protocol : Protocol or str
        See `placeprint.protocols`.

    Raises
    ------
    UsageError
        When there is no protocol of the name.
    DatasetError
        When the folder has none of its forms, or is another protocol's set.
    MissingExtraError
        When a MATLAB file must be read and SciPy is not there.

    Examples
    --------
    >>> import placeprint
    >>> try:
    ...     placeprint.read_protocol("town", "nordland")
    ... except placeprint.PlaceprintError as error:
    ...     print(type(error).__name__)
    DatasetError
    """
    root, wanted = Path(path), protocol if isinstance(protocol, Protocol) else find_protocol(protocol)
    if not root.is_dir():
        raise DatasetError(f'there is no folder "{root}" with the files of {wanted.name}')
    form, inside = _form_of(root, wanted)
    found = _READERS[form.reads](root, inside, form, wanted)
    manifest = _manifest(root, form, found)
    doubts = (*_size(root, wanted, manifest), *found.doubts)
    return ProtocolSet(wanted, form, manifest, found.lists, doubts)


def _form_of(root: Path, protocol: Protocol) -> tuple[Form, str]:
    """Return the form that a folder has, and the folders inside it that are around the images."""
    for form in protocol.forms:
        if (inside := _inside(root, form)) is not None:
            return form, inside
    others = [p.name for p in protocols() if p.family == protocol.family and _fits_alone(root, p, protocol)]
    if others:
        raise DatasetError(
            f'"{root}" is laid out as {" or ".join(others)}, not as {protocol.name}: their numbers are not comparable'
        )
    pickles = ""
    if any(root.glob("gnd_*.pkl")):
        pickles = "; a pickle runs what is in it and is never opened: take gnd_*.mat, or JSON of a copy you trust"
    ways = "; or ".join(dict.fromkeys(" and ".join(form.needs) for form in protocol.forms))
    raise DatasetError(f'"{root}" has none of the forms of {protocol.name}; what is needed there: {ways}{pickles}')


def _inside(root: Path, form: Form) -> str | None:
    """Return the folders around the images that are there; the outer ones may have been entered already."""
    parts = form.inside.split("/") if form.inside else []
    for entered in range(len(parts) + 1):
        inside = "/".join(parts[entered:])
        if all((root / inside / part).exists() for part in (form.gallery, form.queries, form.table) if part):
            return inside
    return None


def _fits_alone(root: Path, other: Protocol, protocol: Protocol) -> bool:
    """Return whether a folder has a form of another protocol that this one has not."""
    own = {(form.inside, *form.needs) for form in protocol.forms}
    return any((form.inside, *form.needs) not in own and _inside(root, form) is not None for form in other.forms)


def _manifest(root: Path, form: Form, found: Found) -> Manifest:
    if not found.records:
        raise DatasetError(f'no photograph was found in "{root}" ({" and ".join(form.needs)})')
    return Manifest(
        root,
        tuple(sorted(found.records, key=lambda record: record.path.split("/"))),
        tuple(sorted(found.failures, key=lambda failure: failure.path)),
        source=f"form {form.about}",
        layout="protocol",
        name=str(root),
        boxes=found.boxes,
    )


def _size(root: Path, protocol: Protocol, manifest: Manifest) -> tuple[str, ...]:
    """Return why the numbers of images are not the published ones.

    Raises `DatasetError` when they are those of another protocol of the same dataset.
    """
    gallery, queries = len(manifest.gallery()), len(manifest.split(Split.QUERY))
    if protocol.fits(gallery, queries):
        return ()
    has = f"{counted(gallery, 'gallery image')} and {counted(queries, 'query', 'queries')}"
    family = [p for p in protocols() if p.family == protocol.family and p is not protocol]
    others = [p.name for p in family if p.fits(gallery, queries)]
    if others:
        raise DatasetError(
            f'"{root}" has {has}: that is {" or ".join(others)}, not {protocol.name}, which has {protocol.size}; their '
            "numbers are not comparable"
        )
    if protocol.gallery is None or protocol.queries is None:
        return (f"{has}; no published count to compare them with",)
    return (f"{has}, where the published set has {protocol.size}",)
