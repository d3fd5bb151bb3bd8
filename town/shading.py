"""From what the camera sees to light: sun and shadow, sky, windows, lamps, snow, water and haze."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from town.camera import Buffer, Camera, look_at
from town.solids import GLOW, GROUND, LEAVES, WATER, Face
from town.textures import MATTER, Floats
from town.weather import Conditions, Light, hills, light_of, sky_colour

_LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)
_LEAF = {
    "spring": (0.95, 1.12, 0.62),
    "summer": (0.72, 0.9, 0.55),
    "autumn": (1.75, 0.82, 0.3),
    "winter": (0.85, 0.72, 0.6),
}
_GRASS = {
    "spring": (0.92, 1.05, 0.72),
    "summer": (1.0, 0.95, 0.7),
    "autumn": (1.2, 0.95, 0.6),
    "winter": (0.95, 0.88, 0.75),
}
SHADOW_SIDE = 640
BLOCK = 1 << 14
_LAMP = np.array([1.0, 0.66, 0.3], np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """All there is to draw for one view.

    Attributes
    ----------
    faces : list of Face
    lamps : ndarray of shape (n, 3)
        Where lamps hang.
    reach : float
        Radius (metres) round the origin in which shadows fall.
    hills : int
        Seed of the skyline.
    """

    faces: list[Face]
    lamps: NDArray[np.float64]
    reach: float
    hills: int


def shine(scene: Scene, camera: Camera, conditions: Conditions) -> Floats:
    """Return the light that reaches the camera, linear, of shape (height, width, 3)."""
    shadow = _shadow_map(scene, conditions)
    picture, buffer = _develop(scene, scene.faces, camera, conditions, shadow)
    wet = [n for n, f in enumerate(scene.faces) if f.kind == WATER]
    if wet:
        upside = [
            replace(
                f,
                points=f.points[::-1] * (1, 1, -1),
                origin=f.origin * (1, 1, -1),
                across=f.across * (1, 1, -1),
                upward=f.upward * (1, 1, -1),
                flat=True,
            )
            for f in scene.faces
            if f.kind not in (WATER, GROUND)
        ]
        mirrored, _ = _develop(scene, upside, camera, conditions, None)
        _reflect(picture, mirrored, buffer, np.isin(buffer.face, wet), conditions)
    return picture.reshape(camera.height, camera.width, 3)


def _shadow_map(scene: Scene, conditions: Conditions) -> Buffer:
    sun = conditions.sun.astype(np.float64)
    camera = look_at(
        (sun * 200).tolist(),
        (0, 0, 0),
        focal=SHADOW_SIDE / (2 * scene.reach),
        size=(SHADOW_SIDE, SHADOW_SIDE),
        parallel=True,
    )
    buffer = Buffer(camera)
    buffer.draw([f for f in scene.faces if f.kind not in (GROUND, WATER)])
    return buffer


def _rays(camera: Camera) -> list[Floats]:
    """Return the direction of each pixel's ray, not of unit length: its forward part is 1."""
    x = ((np.arange(camera.width) + 0.5 - camera.width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(camera.height) + 0.5 - camera.height / 2) / camera.focal).astype(np.float32)
    axes = camera.axes.astype(np.float32)
    return [(axes[0, k] * x + (axes[1, k] * y + axes[2, k])[:, None]).ravel() for k in range(3)]


def _develop(
    scene: Scene, faces: Sequence[Face], camera: Camera, conditions: Conditions, shadow: Buffer | None
) -> tuple[Floats, Buffer]:
    buffer = Buffer(camera)
    buffer.draw(faces)
    light, rays, table = light_of(conditions), _rays(camera), _Table(faces, conditions)
    picture = np.empty((buffer.near.size, 3), np.float32)
    for cells in _blocks(np.flatnonzero(buffer.face < 0)):
        picture[cells] = _sky([r[cells] for r in rays], scene, conditions, light, mirrored=shadow is None)
    for cells in _blocks(np.flatnonzero(buffer.face >= 0)):
        depth = 1 / buffer.near[cells]
        spots: list[Floats] = [np.float32(p) + depth * r[cells] for p, r in zip(camera.position, rays, strict=True)]
        number, texel = buffer.face[cells], buffer.texel[cells]
        normals = [n[number] for n in table.normals]
        received = _received(spots, normals, scene, conditions, light, shadow)
        colour = np.stack([_LINEAR[(texel >> s) & 255] for s in (0, 8, 16)], axis=1) * table.tints[number]
        _snow(colour, normals, spots, table.takes_snow[number], conditions)
        lit = colour * received
        _windows(lit, texel >> 24, table.glows[number], conditions, light)
        clear = np.exp(depth * np.float32(-conditions.fog))[:, None]
        picture[cells] = lit * clear + light.haze * (1 - clear)
    return picture, buffer


def _blocks(cells: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Cut cells into blocks whose intermediate arrays fit into the processor's cache."""
    for start in range(0, cells.size, BLOCK):
        yield cells[start : start + BLOCK]


class _Table:
    """Per face: normal, tint, and what the season does to it."""

    def __init__(self, faces: Sequence[Face], conditions: Conditions) -> None:
        self.normals = np.array([f.normal for f in faces], np.float32).T
        season = {LEAVES: _LEAF[conditions.season], GROUND: _GRASS[conditions.season]}
        self.tints = np.array([np.multiply(f.tint, season.get(f.kind, (1, 1, 1))) for f in faces], np.float32)
        self.takes_snow = np.array(
            [
                f.kind not in (WATER, GLOW) and not (f.flat and f.kind != LEAVES and abs(f.normal[2]) < 0.4)
                for f in faces
            ]
        )
        self.glows = np.array([f.kind == GLOW for f in faces])


def _sky(rays: list[Floats], scene: Scene, conditions: Conditions, light: Light, *, mirrored: bool) -> Floats:
    length = np.sqrt(rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2)
    east, north, up = (r / length for r in rays)
    up = np.abs(up) if mirrored else up
    colour = sky_colour((east, north, up), conditions, light)
    azimuth = np.arctan2(north, east) + np.float32(math.pi)
    grass = np.array(_GRASS[conditions.season], np.float32) * np.array([0.07, 0.1, 0.045], np.float32)
    grass = np.array([0.75, 0.78, 0.85], np.float32) if conditions.snowy else grass
    ground = grass * (light.ambient + light.sun * np.float32(0.5))
    for layer, far in ((1, 650.0), (0, 260.0)):
        clear = math.exp(-(conditions.fog + 1 / 600) * far)
        behind = np.flatnonzero(up < hills(azimuth, layer, scene.hills))
        colour[behind] = ground * np.float32(clear) + light.haze * np.float32(1 - clear)
    return colour


def _received(
    spots: list[Floats],
    normals: list[Floats],
    scene: Scene,
    conditions: Conditions,
    light: Light,
    shadow: Buffer | None,
) -> Floats:
    sun = conditions.sun
    facing = np.maximum(normals[0] * sun[0] + normals[1] * sun[1] + normals[2] * sun[2], 0)
    if shadow is not None:
        facing *= _in_sun(spots, normals, shadow)
    corner = np.minimum(np.abs(spots[2]) * np.float32(0.22), 1) * np.float32(0.3) + np.float32(0.7)
    corner = np.where(normals[2] > 0.9, np.float32(1), corner)
    open_sky = (np.float32(0.62) + np.float32(0.38) * normals[2]) * corner
    total = facing[:, None] * light.sun + open_sky[:, None] * light.ambient
    bounce = (np.float32(0.1) * (1 - normals[2]))[:, None] * light.sun * np.float32(max(float(sun[2]), 0.2))
    total += bounce
    if conditions.night > 0.3:
        for lamp in scene.lamps:
            total += _lamp_light(spots, normals, lamp)[:, None] * (_LAMP * np.float32(conditions.night))
    return np.asarray(total, np.float32)


def _lamp_light(spots: list[Floats], normals: list[Floats], lamp: NDArray[np.float64]) -> Floats:
    way = [np.float32(p) - s for p, s in zip(lamp, spots, strict=True)]
    square = way[0] ** 2 + way[1] ** 2 + way[2] ** 2 + 1
    toward = sum((w * n for w, n in zip(way, normals, strict=True)), np.float32(0)) / np.sqrt(square)
    return np.asarray(
        (np.float32(0.25) + np.float32(0.75) * np.maximum(toward, 0)) * np.float32(14) / (square + 12), np.float32
    )


def _in_sun(spots: list[Floats], normals: list[Floats], shadow: Buffer) -> Floats:
    """Return 1 in the sun and 0 in shadow, by comparison with the sun's own view (Williams, 1978)."""
    camera = shadow.camera
    axes = camera.axes.astype(np.float32)
    local = [s + np.float32(0.12) * n - np.float32(p) for s, n, p in zip(spots, normals, camera.position, strict=True)]
    x, y, depth = (axes[k, 0] * local[0] + axes[k, 1] * local[1] + axes[k, 2] * local[2] for k in range(3))
    column = (x * np.float32(camera.focal)).astype(np.int32) + camera.width // 2
    row = (y * np.float32(camera.focal)).astype(np.int32) + camera.height // 2
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    cell = np.where(inside, row * camera.width + column, 0)
    free = -shadow.near[cell] > depth - np.float32(0.25)
    return np.asarray(free | ~inside, np.float32)


def _snow(
    colour: Floats, normals: list[Floats], spots: list[Floats], takes: NDArray[np.bool_], conditions: Conditions
) -> None:
    if not conditions.snowy:
        return
    bend = np.sin(spots[0] * np.float32(0.31) + spots[1] * np.float32(0.47)) * 3
    uneven = (
        np.sin(spots[0] * np.float32(0.9) + bend)
        * np.sin(spots[1] * np.float32(0.73) - bend + spots[2])
        * np.float32(0.1)
    )
    cover = np.clip((normals[2] + uneven - np.float32(0.32)) * np.float32(4), 0, 0.93) * takes
    colour *= (1 - cover)[:, None]
    colour += cover[:, None] * np.array([0.78, 0.82, 0.9], np.float32)


def _windows(
    lit: Floats, code: NDArray[np.integer[Any]], glows: NDArray[np.bool_], conditions: Conditions, light: Light
) -> None:
    glass = np.flatnonzero(code < MATTER)
    order = code[glass].astype(np.float32) / 254
    lit[glass] = (
        lit[glass] * np.float32(0.6)
        + light.horizon * np.float32(0.26) * (np.float32(0.7) + np.float32(0.6) * order)[:, None]
    )
    if conditions.night > 0.05:
        on = glass[order < 0.15 + 0.5 * conditions.night]
        warm = (np.float32(0.55) + np.float32(0.9) * (code[on] % 7).astype(np.float32) / 6)[:, None]
        lit[on] += warm * np.array([0.95, 0.6, 0.24], np.float32) * np.float32(conditions.night * 0.7)
        lit[glows] += np.array([2.2, 1.6, 0.8], np.float32) * np.float32(conditions.night)


def _reflect(picture: Floats, mirrored: Floats, buffer: Buffer, wet: NDArray[np.bool_], conditions: Conditions) -> None:
    """Lay the mirrored scene over the water, moved about by ripples that get finer with the distance."""
    cells = np.flatnonzero(wet)
    camera = buffer.camera
    row, column = cells // camera.width, cells % camera.width
    near = buffer.near[cells] * camera.focal
    wave = np.sin(row * 0.9 + np.sin(column * 0.02 + row * 0.11) * 3) + np.sin(row * 0.37 + column * 0.013)
    rough = 0.05 if conditions.weather in {"clear", "haze"} else 0.11
    column = np.clip(column + (wave * rough * np.clip(near * 0.6, 6, 40)).astype(np.int64), 0, camera.width - 1)
    row = np.clip(row + (wave * rough * 14).astype(np.int64), 0, camera.height - 1)
    glint = (0.62 + 0.06 * wave).astype(np.float32)[:, None]
    picture[cells] = picture[cells] * (1 - glint) + mirrored[row * camera.width + column] * glint
