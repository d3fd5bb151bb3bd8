"""The pinhole camera, the sun's camera, and the drawing of faces into a buffer of depths and texels.

The method is the scanline z-buffer with perspective-correct textures: over a flat face, 1/z and u/z are
linear in the picture (Heckbert, "Survey of texture mapping", 1986).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from town.solids import Face
from town.textures import Floats, Texture

NEAR = 0.3
_DITHER = np.random.default_rng(7).random(1 << 16, dtype=np.float32) - np.float32(0.5)


@dataclass(frozen=True, eq=False)
class Camera:
    """Where pictures are taken from.

    Attributes
    ----------
    position : ndarray of shape (3,)
    axes : ndarray of shape (3, 3)
        Unit rows: right, down, forward.
    focal : float
        Focal length in pixels; for a parallel camera, pixels per metre.
    width, height : int
    parallel : bool
        Sees along parallel rays, as the sun does.
    """

    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    focal: float
    width: int
    height: int
    parallel: bool = False


def look_at(
    position: Sequence[float],
    target: Sequence[float],
    *,
    focal: float,
    size: tuple[int, int],
    roll: float = 0.0,
    parallel: bool = False,
) -> Camera:
    """Place a camera that looks at a point; `roll` in radians tilts the horizon."""
    here = np.asarray(position, np.float64)
    forward = np.asarray(target, np.float64) - here
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    axes = np.stack([c * right + s * down, c * down - s * right, forward])
    return Camera(here, axes, focal, size[0], size[1], parallel)


class Buffer:
    """What the camera sees at each pixel: nearness, texel and face number (-1 is sky)."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        n = camera.width * camera.height
        self.near = np.full(n, -np.inf if camera.parallel else 1e-6, np.float32)
        self.texel = np.zeros(n, np.uint32)
        self.face = np.full(n, -1, np.int32)

    def draw(self, faces: Sequence[Face]) -> None:
        """Draw all faces; the order changes the speed, not the picture."""
        if not faces:
            return
        cam = self.camera
        fields, seen = _fields(faces, cam)
        lengths = np.array([len(f.points) for f in faces])
        starts = np.cumsum(lengths) - lengths
        corners = (np.concatenate([f.points for f in faces]) - cam.position) @ cam.axes.T
        middle = np.add.reduceat(corners[:, 2], starts) / lengths
        seen &= np.maximum.reduceat(corners[:, 2], starts) > NEAR
        for number in np.argsort(middle, kind="stable").tolist():
            if seen[number]:
                outline = corners[starts[number] : starts[number] + lengths[number]]
                self._draw(number, faces[number].texture, outline, fields[number])

    def _draw(self, number: int, texture: Texture, corners: NDArray[np.float64], field: NDArray[np.float64]) -> None:
        cam = self.camera
        if not cam.parallel:
            corners = _clip(corners)
            if len(corners) < 3:
                return
            corners = corners[:, :2] / corners[:, 2:]
        outline = corners[:, :2] * cam.focal + (cam.width / 2, cam.height / 2)
        rows, cells, xs = _spans(outline, cam.width, cam.height)
        if not cells.size:
            return
        near = _linear(field[0], rows, xs)
        keep = np.flatnonzero(near > self.near[cells])
        if not keep.size:
            return
        if keep.size < cells.size:
            cells, xs, near = cells[keep], xs[keep], near[keep]
            rows = (rows[0], rows[1][keep])
        if cam.parallel and not texture.holes:
            self.near[cells] = near
            return
        depth = np.float32(1) if cam.parallel else 1 / near
        u, v = _linear(field[1], rows, xs) * depth, _linear(field[2], rows, xs) * depth
        texel = _sample(texture, u, v, depth * np.float32(texture.scale / cam.focal), cells)
        if texture.holes:
            solid = np.flatnonzero(texel >> 24)
            cells, near, texel = cells[solid], near[solid], texel[solid]
        self.near[cells] = near
        self.texel[cells] = texel
        self.face[cells] = number


def _clip(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut away what lies behind the near plane (Sutherland and Hodgman, 1974)."""
    inside = corners[:, 2] > NEAR
    if inside.all():
        return corners
    kept = []
    for n in range(len(corners)):
        a, b = corners[n - 1], corners[n]
        if inside[n - 1] != inside[n]:
            kept.append(a + (b - a) * (NEAR - a[2]) / (b[2] - a[2]))
        if inside[n]:
            kept.append(b)
    return np.array(kept).reshape(-1, 3)


_NEXT = {n: np.roll(np.arange(n), -1) for n in range(3, 40)}
_Rows = tuple[Floats, NDArray[np.int32]]


def _spans(outline: NDArray[np.float64], width: int, height: int) -> tuple[_Rows, NDArray[np.int32], Floats]:
    """List the pixels inside a convex outline: (row centres, row of each), cell number, column centre."""
    (left, high), (right, low) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    top, bottom = max(0, math.ceil(max(high, -1.0) - 0.5)), min(height, math.ceil(min(low, height + 1.0) - 0.5))
    empty = (np.zeros(0, np.float32), np.zeros(0, np.int32)), np.zeros(0, np.int32), np.zeros(0, np.float32)
    if top >= bottom or right < 0 or left > width:
        return empty
    ends = outline[_NEXT[len(outline)]]
    turning = float((outline[:, 0] * ends[:, 1] - ends[:, 0] * outline[:, 1]).sum())
    steep = np.abs(ends[:, 1] - outline[:, 1]) > 1e-9
    a, b = outline[steep], ends[steep]
    centres = np.arange(top, bottom) + 0.5
    cuts = a[:, :1] + (centres - a[:, 1:]) * ((b[:, :1] - a[:, :1]) / (b[:, 1:] - a[:, 1:]))
    falling = (b[:, 1] > a[:, 1]) == (turning > 0)
    first = np.minimum(np.maximum(np.ceil(cuts[~falling].max(axis=0, initial=-1.0) - 0.5), 0), width).astype(np.int32)
    after = np.minimum(np.maximum(np.ceil(cuts[falling].min(axis=0, initial=width + 1.0) - 0.5), 0), width).astype(
        np.int32
    )
    counts = np.maximum(after - first, 0)
    total = int(counts.sum())
    which = np.repeat(np.arange(len(centres), dtype=np.int32), counts)
    shift = (first - (np.cumsum(counts) - counts)).astype(np.int32)
    columns = np.arange(total, dtype=np.int32) + shift[which]
    cells = columns + (which + np.int32(top)) * np.int32(width)
    return (centres.astype(np.float32), which), cells, columns.astype(np.float32) + np.float32(0.5)


def _fields(faces: Sequence[Face], cam: Camera) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, per face, the coefficients (x, y, 1) of nearness, u and v, and whether the face can be seen.

    For a pinhole camera u and v are over z. The shape is (n_faces, 3, 3).
    """
    across, upward = np.array([f.across for f in faces]), np.array([f.upward for f in faces])
    shift = cam.position - np.array([f.origin for f in faces])
    outward = np.cross(across, upward)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    n, u, v = outward @ cam.axes.T, across @ cam.axes.T, upward @ cam.axes.T
    reach, du, dv = (-(outward * shift).sum(axis=1), (across * shift).sum(axis=1), (upward * shift).sum(axis=1))
    flat = np.array([f.flat for f in faces])
    if cam.parallel:
        seen = np.where(flat, np.abs(n[:, 2]) > 0.02, n[:, 2] < -0.02)
        steep = np.where(seen, n[:, 2], 1.0)
        depth = np.column_stack([-n[:, 0], -n[:, 1], reach]) / steep[:, None]
        fields = [-depth, *(np.column_stack([w[:, 0], w[:, 1], s]) + w[:, 2:] * depth for w, s in ((u, du), (v, dv)))]
    else:
        seen = np.where(flat, np.abs(reach) > 1e-6, reach < -1e-6)
        near = n / np.where(seen, reach, 1.0)[:, None]
        fields = [near, u + du[:, None] * near, v + dv[:, None] * near]
    k = np.stack(fields, axis=1)
    k[:, :, :2] /= cam.focal
    k[:, :, 2] -= k[:, :, 0] * (cam.width / 2) + k[:, :, 1] * (cam.height / 2)
    return k, seen


def _linear(field: NDArray[np.float64], rows: _Rows, xs: Floats) -> Floats:
    centres, which = rows
    by_row = (field[1] * centres + field[2]).astype(np.float32)
    return np.asarray(by_row[which] + np.float32(field[0]) * xs, np.float32)


def _sample(
    texture: Texture,
    u: Floats,
    v: Floats,
    footprint: Floats | np.floating[Any],
    cells: NDArray[np.int32],
) -> NDArray[np.uint32]:
    """Look texels up; the place within a texel is drawn by lot, which the later averaging turns into smoothness."""
    top = len(texture.starts) - 1
    level = np.clip(np.log2(np.maximum(footprint, 1e-3)) + np.float32(0.3), 0, top).astype(np.int32)
    if level.ndim and int(level.min()) == int(level.max()):
        level = level[0]
    scale = (texture.scale * 0.5 ** np.arange(top + 1)).astype(np.float32)[level]
    column = np.floor(u * scale + _DITHER[cells & 0xFFFF]).astype(np.int32)
    row = np.floor(v * scale + _DITHER[(cells * 7 + 13) & 0xFFFF]).astype(np.int32)
    width, height = texture.widths[level], texture.heights[level]
    if texture.repeats:
        column, row = column & (width - 1), row & (height - 1)
    else:
        column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    return np.asarray(texture.texels[texture.starts[level] + row * width + column], np.uint32)
