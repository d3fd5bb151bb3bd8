"""Distillation: a small model's embeddings are turned so that they are alike where a larger model's are.

The network stays as it is. One matrix behind it is learned in closed form from images without labels: ridge regression
of the teacher's vectors on the student's, mixed with the student's own. Images that are held out decide how strongly.
It needs no PyTorch, and the result is one ONNX file.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Unpack

import numpy as np

from placeprint.arrays import Flags, Floats, Vectors
from placeprint.dataset.manifest import Manifest
from placeprint.embedding.export.conversion import Exported
from placeprint.embedding.export.fusion import fuse
from placeprint.embedding.export.output_path import require_onnx_ending, require_room
from placeprint.embedding.whitening import Whitening
from placeprint.errors import DatasetError
from placeprint.presets import FAST
from placeprint.progress import Progress
from placeprint.training.completion import begun, finished
from placeprint.training.images import learned_vectors, manifest_of
from placeprint.training.options import DistilOptions, DistilWords

FEWEST = 50
"""Images; fewer tell too little about a teacher."""
HELD_OUT = 5
"""Every fifth image, in a seeded order, is not learned from and decides."""
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
        Agreement with the teacher on the images held out: the correlation of their similarities to all others.
    photos, held_out : int
        All images, and those of them that were held out.
    share, ridge : float
        What they decided for.

    Examples
    --------
    >>> import placeprint
    >>> done = placeprint.distil("photos", "torchvision:resnet50", "student.onnx")  # doctest: +SKIP
    >>> done.before, done.after, done.exported.path  # doctest: +SKIP
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
    out: Path | str,
    *,
    progress: Progress | None = None,
    **options: Unpack[DistilWords],
) -> Distilled:
    """Teach a small model some of what a larger one sees in images like these.

    Parameters
    ----------
    dataset : Path, str or Manifest
        Images to learn from (the gallery split); their places are not looked at.
    teacher : str
        A model by name, source or path; it looks at an image once, in its own way.
    out : Path or str
        The ONNX file.
    progress : Progress, optional
    **options
        The fields of `placeprint.training.options.DistilOptions`: ``student``, ``name``, ``measure``, ``preset``,
        ``seed``, ``cache``, ``workers``.

    Raises
    ------
    UsageError, DatasetError, ModelError, MissingExtraError

    Examples
    --------
    >>> import placeprint
    >>> placeprint.distil("photos", "torchvision:resnet50", "student.onnx").after  # doctest: +SKIP
    """
    asked, path = DistilOptions(**options), Path(out)
    require_onnx_ending(path)
    require_room(path, path.with_suffix(".md"))
    manifest = manifest_of(dataset)
    eye, _ = learned_vectors(manifest, teacher, dataclasses.replace(asked, preset=FAST), progress)
    own, _ = learned_vectors(manifest, asked.student, asked, progress)
    if len(own) != len(eye) or len(own) < FEWEST:
        raise DatasetError(f'"{manifest.root}" has {len(own)} photos that can be used: a teacher needs {FEWEST}')
    held = np.zeros(len(own), np.bool_)
    held[np.random.default_rng(asked.seed).permutation(len(own))[::HELD_OUT]] = True
    known, wanted = own.astype(np.float64)[~held], eye.astype(np.float64)[~held]
    tries = {
        (share, ridge): agreement(learn_turn(known, wanted, share, ridge).apply(own), eye, held)
        for share, ridge in product(SHARES, RIDGES)
    }
    share, ridge = max(tries, key=lambda at: tries[at])
    done = Distilled(None, agreement(own, eye, held), tries[share, ridge], len(own), int(held.sum()), share, ridge)
    if done.after < done.before + LEAST_GAIN:
        return done
    gain = f"agreement on held-out ones {done.before:.3f} to {done.after:.3f}"
    step = f"distilled from {teacher} on {done.photos} photos: {gain}"
    student = begun(asked.student)
    data, spec, cosine = fuse(student.data, student.spec, learn_turn(known, wanted, share, ridge))
    changed = dataclasses.replace(
        student, data=data, spec=spec, steps=(step,), cosine=cosine, learned_from=manifest.root
    )
    return dataclasses.replace(done, exported=finished(changed, path, asked, progress))


def agreement(student: Vectors, teacher: Vectors, held: Flags) -> float:
    """Return the correlation of two models' similarities between images held out and all others.

    `student`, `teacher`, ndarray, shape (n, dim) and (n, other dim): Unit vectors of the same images.
    `held`: shape (n,).
    """
    pairs = held[:, None] & ~np.eye(len(held), dtype=np.bool_)
    both = [(vectors.astype(np.float64) @ vectors.T.astype(np.float64))[pairs] for vectors in (student, teacher)]
    if min(float(np.ptp(similarities)) for similarities in both) < 1e-9:
        return 0.0  # one of them finds all images equally alike, and tells the other nothing
    return float(np.corrcoef(both[0], both[1])[0, 1])


def learn_turn(student: Floats, teacher: Floats, share: float, ridge: float) -> Whitening:
    """Return the change after which the cosine is about `share` of the teacher's and else the student's own.

    The teacher's vectors are regressed on the student's (ridge regression); the two kinds of similarity are added as
    one quadratic form, and its root is the matrix.

    `student`, `teacher`, ndarray of float64, shape (n, dim) and (n, other dim): Unit vectors of the same images.
    `share`: Of the teacher's similarity, 0 to 1.
    `ridge`: Times the mean variance of the student.
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
