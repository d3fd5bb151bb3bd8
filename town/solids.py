"""Geometry: boxes, roofs, towers, domes and arches as flat convex faces that carry a texture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from town.textures import Texture

Points = NDArray[np.float64]
SOLID, LEAVES, WATER, GROUND, GLOW = range(5)


@dataclass(frozen=True, eq=False)
class Face:
    """One flat convex polygon.

    Attributes
    ----------
    points : ndarray of shape (n, 3), float64
        Corners in metres (east, north, up), anticlockwise when looked at from outside.
    origin, across, upward : ndarray of shape (3,), float64
        Where the texture's corner lies, and the unit directions of its columns and rows.
    texture : Texture
    tint : (float, float, float)
        Multiplies the texture's colour.
    kind : int
        SOLID, LEAVES (takes the season's colour), WATER, GROUND (takes snow) or GLOW (a lamp).
    normal : ndarray of shape (3,), float64
        Direction that the light sees; a tree's card has one of its own.
    flat : bool
        A card, seen from both sides.
    """

    points: Points
    origin: Points
    across: Points
    upward: Points
    texture: Texture
    tint: tuple[float, float, float]
    kind: int
    normal: Points
    flat: bool = False


def polygon(
    points: Sequence[Sequence[float]],
    texture: Texture,
    *,
    tint: tuple[float, float, float] = (1, 1, 1),
    kind: int = SOLID,
    flat: bool = False,
    normal: Points | None = None,
) -> Face:
    """Make a face whose texture starts at the first corner and runs along the first edge."""
    corners = np.asarray(points, np.float64)
    across = corners[1] - corners[0]
    across = across / np.linalg.norm(across)
    outward = np.cross(across, corners[2] - corners[0])
    outward = outward / np.linalg.norm(outward)
    upward = np.cross(outward, across)
    return Face(corners, corners[0], across, upward, texture, tint, kind, outward if normal is None else normal, flat)


def moved(faces: Iterable[Face], at: Sequence[float], *, turn: float = 0.0) -> list[Face]:
    """Turn faces about the vertical axis by `turn` radians, then shift them by `at` (metres)."""
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    shift = np.array([*at, 0.0][:3])
    return [
        replace(
            f,
            points=f.points @ rotation + shift,
            origin=f.origin @ rotation + shift,
            across=f.across @ rotation,
            upward=f.upward @ rotation,
            normal=f.normal @ rotation,
        )
        for f in faces
    ]


def box(
    size: Sequence[float],
    walls: Sequence[Texture],
    top: Texture | None = None,
    *,
    at: Sequence[float] = (0, 0, 0),
    tint: tuple[float, float, float] = (1, 1, 1),
) -> list[Face]:
    """Make a box of (width, depth, height), its foot centred on `at`; walls: south first, then east, north, west."""
    w, d, h = size[0] / 2, size[1] / 2, size[2]
    ring = [(-w, -d), (w, -d), (w, d), (-w, d)]
    faces = [
        polygon([(*a, 0), (*b, 0), (*b, h), (*a, h)], walls[n % len(walls)], tint=tint)
        for n, (a, b) in enumerate(zip(ring, ring[1:] + ring[:1], strict=True))
    ]
    faces.append(polygon([(x, y, h) for x, y in ring], top if top is not None else walls[-1], tint=tint))
    return moved(faces, at)


def gable_roof(
    size: Sequence[float], tiles: Texture, gable: Texture, *, at: Sequence[float] = (0, 0, 0), eaves: float = 0.4
) -> list[Face]:
    """Make a roof of (width, depth, height) whose ridge runs east to west, with gables at both ends."""
    w, d, h = size[0] / 2, size[1] / 2, size[2]
    low = -h * eaves / d
    reach, over = d + eaves, w + eaves
    faces = [
        polygon([(-over, -reach, low), (over, -reach, low), (over, 0, h), (-over, 0, h)], tiles, flat=True),
        polygon([(over, reach, low), (-over, reach, low), (-over, 0, h), (over, 0, h)], tiles, flat=True),
        polygon([(w, -d, 0), (w, d, 0), (w, 0, h)], gable),
        polygon([(-w, d, 0), (-w, -d, 0), (-w, 0, h)], gable),
    ]
    return moved(faces, at)


def hip_roof(
    size: Sequence[float], tiles: Texture, *, at: Sequence[float] = (0, 0, 0), ridge: float = 0.4, eaves: float = 0.4
) -> list[Face]:
    """Make a roof that slopes on four sides; `ridge` is its length as a part of the width (0 is a pyramid)."""
    w, d, h = size[0] / 2 + eaves, size[1] / 2 + eaves, size[2]
    r = max(size[0] / 2 * ridge, 0.02)
    a, b, c, e = (-w, -d, 0), (w, -d, 0), (w, d, 0), (-w, d, 0)
    left, right = (-r, 0, h), (r, 0, h)
    faces = [polygon(p, tiles) for p in ([a, b, right, left], [b, c, right], [c, e, left, right], [e, a, left])]
    return moved(faces, at)


def lathe(
    profile: Sequence[tuple[float, float]],
    textures: Sequence[Texture],
    *,
    sides: int = 12,
    at: Sequence[float] = (0, 0, 0),
    turn: float = 0.0,
) -> list[Face]:
    """Turn a profile of (radius, height) pairs, lowest first, about the vertical axis.

    Parameters
    ----------
    textures : sequence of Texture
        One for each ring between two heights; the last is used for what remains.
    """
    angles = [turn + 2 * math.pi * n / sides for n in range(sides + 1)]
    faces = []
    for ring, ((r0, z0), (r1, z1)) in enumerate(itertools.pairwise(profile)):
        texture = textures[min(ring, len(textures) - 1)]
        for a, b in itertools.pairwise(angles):
            lower = [(r0 * math.cos(a), r0 * math.sin(a), z0), (r0 * math.cos(b), r0 * math.sin(b), z0)]
            upper = [(r1 * math.cos(b), r1 * math.sin(b), z1), (r1 * math.cos(a), r1 * math.sin(a), z1)]
            corners = (
                [*lower, *upper]
                if min(r0, r1) > 1e-3
                else ([*lower, upper[0]] if r1 <= 1e-3 else [upper[1], lower[0], upper[0]])
            )
            faces.append(polygon(corners, texture))
    return moved(faces, at)


def dome(
    radius: float,
    texture: Texture,
    *,
    at: Sequence[float] = (0, 0, 0),
    sides: int = 14,
    tall: float = 1.0,
    steps: int = 6,
) -> list[Face]:
    """Make half a ball, `tall` times as high as its radius."""
    turns = [math.pi / 2 * n / steps for n in range(steps + 1)]
    profile = [(radius * math.cos(t), radius * tall * math.sin(t)) for t in turns]
    profile[-1] = (0.0, radius * tall)
    return lathe(profile, [texture], sides=sides, at=at)


def onion(radius: float, texture: Texture, *, at: Sequence[float] = (0, 0, 0), sides: int = 12) -> list[Face]:
    """Make an onion dome with its point."""
    shape = [(0.75, 0), (1.0, 0.35), (1.06, 0.7), (0.92, 1.1), (0.6, 1.5), (0.28, 1.85), (0.1, 2.2), (0.0, 2.9)]
    return lathe([(radius * r, radius * z) for r, z in shape], [texture], sides=sides, at=at)


def card(
    width: float,
    height: float,
    texture: Texture,
    *,
    at: Sequence[float],
    facing: float,
    kind: int = SOLID,
    tint: tuple[float, float, float] = (1, 1, 1),
    lean: float = 0.0,
) -> Face:
    """Make an upright card, for trees and passers-by, that faces the direction `facing` (radians from east)."""
    side = np.array([-math.sin(facing), math.cos(facing), 0.0]) * width / 2
    foot = np.array([*at], np.float64)
    tip = np.array([0, 0, height])
    look = np.array([math.cos(facing), math.sin(facing), lean])
    return polygon(
        [p.tolist() for p in (foot - side, foot + side, foot + side + tip, foot - side + tip)],
        texture,
        kind=kind,
        tint=tint,
        flat=True,
        normal=look / np.linalg.norm(look),
    )
