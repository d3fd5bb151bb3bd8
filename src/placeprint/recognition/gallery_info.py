"""The verb `info`: what a gallery holds, what asks it, and whether anything is wrong with it at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from placeprint.gallery.facts import GalleryFacts
from placeprint.gallery.head import HEAD, listed_bytes, read_head
from placeprint.gallery.inventory import PlaceRow
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.verification import problems_of
from placeprint.notebooks import Tabular, html_table
from placeprint.recognition.verify import FoundModel, model_of
from placeprint.storage import published
from placeprint.storage.data_folder import DataFolder
from placeprint.terminal import counted, sized


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryInfo(Tabular):
    """What a gallery holds and how it is.

    Attributes
    ----------
    gallery : str
        Where it is kept.
    facts : GalleryFacts
    model : FoundModel
        What a question would be embedded by, and whether it is here.
    dim : int
        Of an embedding.
    index : str
        The index that was asked for.
    parts : tuple of str
        What is kept of each image beside its embedding.
    roots : tuple of str
        Folders that paths of images are relative to.
    bytes : int or None
        On disk; None for a gallery on a server.
    failures : int
        Images that could not be used when it was built.
    recall : float or None
        What `verify` measured of the index, if it did.
    notes : tuple of str
        What is wrong or needs care, one line each; usually nothing. Only `placeprint.verify` reads every byte.
    place_rows : sequence of PlaceRow
        Each place with its images; empty unless asked for.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.info("town.gallery")
    >>> found.facts.images, found.facts.places, found.model.name
    (11, 5, 'efficientnet-lite0')
    """

    gallery: str
    facts: GalleryFacts
    model: FoundModel
    dim: int
    index: str
    parts: tuple[str, ...]
    roots: tuple[str, ...]
    bytes: int | None
    failures: int
    recall: float | None
    notes: tuple[str, ...]
    place_rows: Sequence[PlaceRow] = ()

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What people read of it: a word and what it is."""
        facts, learned = self.facts, self.facts.calibration
        places = "" if facts.places is None else f" of {counted(facts.places, 'place')}"
        where = "" if facts.located is None else f"{facts.located} of {facts.images} images"
        found = [
            ("holds", f"{counted(facts.images, 'image')}{places}"),
            ("positions", where),
            ("model", f"{self.model.name} ({facts.fingerprint[:6]}), {self.dim} numbers an image"),
            ("", f"{'here' if self.model.here else 'not here'}: {self.model.says}"),
            ("preset", facts.preset + (f", keeps {' and '.join(self.parts)}" if self.parts else "")),
            ("index", self.index + ("" if self.recall is None else f", finds {self.recall:.1%} of the neighbours")),
            ("calibration", "none: every photo gets a place" if learned is None else ""),
            ("size", "" if self.bytes is None else sized(self.bytes)),
            ("photos", ", ".join(self.roots)),
            ("left out", f"{counted(self.failures, 'image')} that could not be used" if self.failures else ""),
        ]
        if learned is not None:
            says = f"accepted from probability {learned.threshold:.3f}, for {100 * learned.false_accept_rate:g} % "
            kept = "" if learned.automatic else "; add keeps it as it is"
            found[6] = ("calibration", says + f"false accepts, from the {learned.source}{kept}")
        return [row for row in found if row[1]]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; the places themselves only where they were asked for."""
        own = ("gallery", "dim", "index", "parts", "roots", "bytes", "failures", "recall", "notes")
        said = {name: list(v) if isinstance(v := getattr(self, name), tuple) else v for name in own}
        listed = {"place_rows": self.table()} if self.place_rows else {}
        return self.facts.to_dict() | said | {"model": asdict(self.model)} | listed

    def table(self) -> list[dict[str, Any]]:
        """Return one row a place, where places were asked for."""
        return [row.to_dict() for row in self.place_rows]

    def _repr_html_(self) -> str:
        """Return it as a table, for notebooks."""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return html_table(self.gallery, ("", ""), self.rows) + notes


def info(gallery: AnyGallery | Path | str, *, places: bool = False) -> GalleryInfo:
    """Say what a gallery holds: places, images, model, preset, calibration, sizes and health.

    Parameters
    ----------
    gallery : Gallery, Path or str
        An open gallery, a folder or an address.
    places : bool
        Also list each place with its images; every row of a gallery on a server is read for it.

    Raises
    ------
    GalleryError
        When it cannot be opened.

    Examples
    --------
    >>> import placeprint
    >>> [(row.place, row.images) for row in placeprint.info("town.gallery", places=True).place_rows][:2]
    [('castle-gate', 3), ('town-hall', 2)]
    """
    opened = open_gallery(gallery)
    here = opened.path is not None or not opened.where.startswith("milvus")
    held = opened.inventory() if places or here else None
    facts = GalleryFacts.of(opened, len(held.places) if held else None, held.located if held else None)
    model, audit = model_of(opened), opened.audit
    size, notes = _on_disk(opened.path) if opened.path is not None else (None, [])
    return GalleryInfo(
        gallery=opened.where,
        facts=facts,
        model=model,
        dim=opened.spec.dim,
        index=opened.index_name,
        parts=tuple(sorted(opened.spec.parts)),
        roots=opened.roots,
        bytes=size,
        failures=len(opened.failures),
        recall=None if audit is None else audit.recall,
        notes=(*notes, *_notes(opened, model)),
        place_rows=tuple(held.places) if held and places else (),
    )


def _on_disk(path: Path) -> tuple[int, list[str]]:
    """Return the bytes of a gallery's files, and what is wrong with them at a glance."""
    head = read_head(path)
    left = [f"{folder.name} is left from an interrupted write" for folder in published.leftovers(path, HEAD)]
    return listed_bytes(path, head), [*problems_of(head, DataFolder.missized), *left]


def _notes(gallery: AnyGallery, model: FoundModel) -> list[str]:
    learned, positions, audit = gallery.calibration, gallery.position_evidence, gallery.audit
    return [
        *([] if model.here or gallery.spec.imported else [f"no photo can be asked: {model.says}"]),
        *(learned.doubts if learned else ()),
        *([old] if learned and (old := learned.outdated(gallery.where)) else []),
        *([old] if positions and (old := positions.outdated(gallery.where)) else []),
        *([] if audit is None or audit.ok else ["the index finds too few neighbours: build the gallery again"]),
        *(f'its photos are not at "{root}" any more' for root in gallery.roots if _gone(root)),
    ]


def _gone(root: str) -> bool:
    return Path(root).is_absolute() and not Path(root).exists()
