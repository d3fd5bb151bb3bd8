"""The verb `verify`: whether a gallery is as it was written, its model is here, and its index finds what it should."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from placeprint.embedding.models import ModelFile
from placeprint.errors import GalleryMismatchError, ModelError
from placeprint.gallery.index.audit import Audit
from placeprint.gallery.opening import open_gallery
from placeprint.gallery.protocol import AnyGallery
from placeprint.gallery.verification import VerifyReport
from placeprint.recognition.model_lookup import find_gallery_model


@dataclass(frozen=True, slots=True)
class FoundModel:
    """What a question to a gallery would be embedded by."""

    name: str
    fingerprint: str
    file: str | None  # Where it lies, unless it is found by its name.
    here: bool
    says: str  # Where it is, or why it is not here.


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What `verify` found.

    Attributes
    ----------
    gallery : Gallery, or one that a server keeps
    report : VerifyReport
    model : FoundModel
    audit : Audit or None
        How much the index finds, where that was asked and no file is damaged.

    Examples
    --------
    >>> import placeprint
    >>> found = placeprint.verify("town.gallery")
    >>> found.ok, found.model.here
    (True, True)
    """

    gallery: AnyGallery
    report: VerifyReport
    model: FoundModel
    audit: Audit | None = None

    @property
    def ok(self) -> bool:
        """True when no file is damaged."""
        return self.report.ok

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        audit = {"audit": self.audit.to_dict()} if self.audit else {}
        return {**asdict(self.report), "ok": self.ok, "model": asdict(self.model), **audit}


def verify(gallery: AnyGallery | Path | str, *, recall: bool = False, k: int = 10, queries: int = 200) -> VerifyResult:
    """Read every byte of a gallery and compare it with its checksum.

    Parameters
    ----------
    gallery : Gallery, Path or str
        An open gallery, a folder or an address.
    recall : bool
        Also measure the index against the exact one, and store what was found.
    k : int
        Neighbours that are compared.
    queries : int
        Slightly altered images of the gallery that are searched for.

    Raises
    ------
    GalleryError
        When it cannot be opened.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.verify("town.gallery").ok
    True
    """
    opened = open_gallery(gallery)
    report = opened.verify()
    audit = opened.audited(k=k, queries=queries) if recall and report.ok else None
    return VerifyResult(opened, report, model_of(opened), audit)


def model_of(gallery: AnyGallery) -> FoundModel:
    """Return what a question to a gallery would be embedded by, and whether it is here."""
    name, fingerprint = gallery.spec.name, gallery.spec.fingerprint()
    if gallery.spec.imported:
        return FoundModel(name, fingerprint, None, False, "its embeddings were imported: ask with embeddings")
    try:
        found = find_gallery_model(gallery)
    except (ModelError, GalleryMismatchError) as error:
        return FoundModel(name, fingerprint, None, False, str(error))
    file = str(found.path) if isinstance(found, ModelFile) else None
    return FoundModel(name, fingerprint, file, True, file or "found by its name")
