"""NetVLAD's ``dbStruct``: a MATLAB file of names and positions."""

from __future__ import annotations

from pathlib import Path

from placeprint.dataset.protocols.found import Found, below
from placeprint.dataset.protocols.mat_file import load_mat
from placeprint.dataset.protocols.protocol import Form, Protocol
from placeprint.errors import DatasetError
from placeprint.records import ImageRecord, Split

_SUFFIXES = (".jpg", ".png")


def read_struct(root: Path, inside: str, form: Form, protocol: Protocol) -> Found:  # noqa: ARG001 - as all readers
    """Read names and UTM positions of gallery and queries from ``dbStruct``.

    Its fields by their order, as every reader takes them: which set, gallery names, gallery positions, query names,
    query positions. The zone is not named; all of one set are in one.
    """
    path = root / inside / form.table
    try:
        fields = load_mat(path)["dbStruct"].item()
        sides = ((fields[1], fields[2], form.gallery, Split.GALLERY), (fields[3], fields[4], form.queries, Split.QUERY))
        records = []
        for names, positions, folder, split in sides:
            ending = _ending(root / inside / folder, str(names[0][0].item()))
            for name, (east, north) in zip(names, positions.T.tolist(), strict=True):
                there = below(inside, folder, _renamed(str(name[0].item()), ending))
                records.append(ImageRecord(path=there, split=split, easting=float(east), northing=float(north)))
    except DatasetError:
        raise
    except Exception as error:  # whatever a strange structure makes of being asked
        raise DatasetError(f'"{path}" has no dbStruct of names and positions as NetVLAD publishes it') from error
    return Found.of(records)


def _ending(folder: Path, first: str) -> str:
    """Return the suffix of the first image as it is on disk; archives were packed anew as PNG."""
    stem = first.rpartition(".")[0]
    return next((s for s in _SUFFIXES if (folder / f"{stem}{s}").is_file()), Path(first).suffix)


def _renamed(name: str, ending: str) -> str:
    return name.rpartition(".")[0] + ending
