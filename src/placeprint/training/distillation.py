"""A larger model's eye for a smaller one: the student's embeddings are turned to be alike where the teacher's are.

The network stays as it is. What is learned is one matrix behind it, in closed form, from photos without labels: ridge
regression of the teacher's vectors on the student's, mixed with the student's own. How strongly, photos that were held
out decide. It needs no PyTorch, and the result is one ONNX file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placeprint.arrays import Flags, Floats
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.export.conversion import Exported
from placeprint.embedding.export.fusion import fuse
from placeprint.embedding.export.output_path import require_room
from placeprint.embedding.models import DEFAULT_MODEL, find_model
from placeprint.embedding.whitening import Whitening
from placeprint.errors import DatasetError, UsageError
from placeprint.presets import DEFAULT_PRESET, FAST, Preset, find_preset
from placeprint.progress import Progress
from placeprint.training.completion import Made, finished, refuse_what_fails
from placeprint.training.images import learned_vectors, manifest_of

FEWEST = 50
"""Photos: fewer tell too little about a teacher."""
HELD_OUT = 5
"""Every fifth photo, in a seeded order, decides and is not learned from."""
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the teacher in the similarity; the rest is the student's own."""
RIDGES = (0.01, 0.1, 1.0, 10.0)
"""Times the mean variance of the student's vectors."""
LEAST_GAIN = 0.005
"""Of the agreement: less is not worth a file."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """What was learned from a teacher.

    Attributes
    ----------
    exported : Exported or None
        The file; None when the student agrees as well as it is, and nothing was kept.
    before, after : float
        Agreement with the teacher on the photos held out: the correlation of their similarities to all others.
    photos, held_out : int
        All, and those of them that were held out.
    share, ridge : float
        What they decided for.
    """

    exported: Exported | None
    before: float
    after: float
    photos: int
    held_out: int
    share: float
    ridge: float


def distil(
    dataset: Path | str | Manifest,
    teacher: str,
    out: Path,
    *,
    student: str = DEFAULT_MODEL,
    name: str | None = None,
    measure: Path | str | Manifest | None = None,
    preset: str | Preset = DEFAULT_PRESET,
    seed: int = 0,
    cache: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Distilled:
    """Give a small model some of what a larger one sees in photos like these.

    Parameters
    ----------
    dataset : Path, str or Manifest
        Photos to learn from (the gallery split); their places are not looked at.
    teacher, student : str
        Models by name, source or path; the teacher looks at a photo once, in its own way.
    out : Path
        The ONNX file.
    name : str, optional
        What the new model is called; the file's stem by default.
    measure : Path, str or Manifest, optional
        Labelled photos, on which the new model is compared with the student.
    preset : str or Preset
        How the student looks, and is asked.
    seed : int
        Of which photos are held out.
    cache, workers, progress
        As in `placeprint.index`.

    Raises
    ------
    UsageError, DatasetError, ModelError, MissingExtraError
    """
    if out.suffix.lower() != ".onnx":
        raise UsageError(f'the file to write must end with .onnx, not "{out}"')
    require_room(out, out.with_suffix(".md"))
    asked, manifest = find_preset(preset), manifest_of(dataset)
    both = {
        model: learned_vectors(
            *(manifest, manifest.gallery(), model), preset=looks, cache=cache, workers=workers, progress=progress
        )[0]
        for model, looks in ((teacher, FAST), (student, asked))
    }
    known, wanted = (both[model].astype(np.float64) for model in (student, teacher))
    if len(known) != len(wanted) or len(known) < FEWEST:
        raise DatasetError(f'"{manifest.root}" has {len(known)} photos that can be used: a teacher needs {FEWEST}')
    held = np.zeros(len(known), np.bool_)
    held[np.random.default_rng(seed).permutation(len(known))[::HELD_OUT]] = True
    before = agreement(known, wanted, held)
    tries = {
        (share, ridge): agreement(
            learn_turn(known[~held], wanted[~held], share, ridge).apply(both[student]), wanted, held
        )
        for share, ridge in product(SHARES, RIDGES)
    }
    share, ridge = max(tries, key=lambda at: tries[at])
    after, exported = tries[share, ridge], None
    if after >= before + LEAST_GAIN:
        refuse_what_fails(student)
        base = find_model(student)
        turn = learn_turn(known[~held], wanted[~held], share, ridge)
        data, spec, cosine = fuse(base.read(), base.spec, turn)
        done = (
            f"distilled from {teacher} on {len(known)} photos: agreement on held-out ones {before:.3f} to {after:.3f}"
        )
        exported = finished(
            Made(data, spec, (done,), cosine),
            student,
            base,
            out,
            name=name,
            measure=None if measure is None else manifest_of(measure),
            learned_root=manifest.root,
            preset=asked,
            cache=cache,
            progress=progress,
        )
    return Distilled(exported, before, after, len(known), int(held.sum()), share, ridge)


def agreement(student: NDArray[np.floating], teacher: Floats, held: Flags) -> float:
    """Return the correlation of two models' similarities between photos held out and all others.

    Parameters
    ----------
    student, teacher : ndarray, shape (n, dim) and (n, other dim)
        Unit vectors of the same photos.
    held : ndarray of bool, shape (n,)
    """
    pairs = held[:, None] & ~np.eye(len(held), dtype=np.bool_)
    both = [(vectors.astype(np.float64) @ vectors.T.astype(np.float64))[pairs] for vectors in (student, teacher)]
    return float(np.corrcoef(both[0], both[1])[0, 1])


def learn_turn(student: Floats, teacher: Floats, share: float, ridge: float) -> Whitening:
    """Return the change after which the cosine is about `share` of the teacher's and else the student's own.

    The teacher's vectors are regressed on the student's (ridge regression); the two kinds of similarity are added as
    one quadratic form, and its root is the matrix.

    Parameters
    ----------
    student, teacher : ndarray of float64, shape (n, dim) and (n, other dim)
        Unit vectors of the same photos.
    share : float
    ridge : float
        Times the mean variance of the student.
    """
    mean = student.mean(axis=0)
    centred, wanted = student - mean, teacher - teacher.mean(axis=0)
    square = centred.T @ centred
    dim = len(square)
    weights = np.linalg.solve(square + ridge * np.trace(square) / dim * np.eye(dim), centred.T @ wanted)
    own, learned = (max(float((each**2).sum()), 1e-12) for each in (centred, centred @ weights))
    form = (1 - share) / own * np.eye(dim) + share / learned * (weights @ weights.T)
    values, basis = np.linalg.eigh(form)
    kept = values > 1e-9 * values[-1]
    return Whitening(mean.astype(np.float32), (basis[:, kept] * np.sqrt(values[kept] * own)).astype(np.float32))
