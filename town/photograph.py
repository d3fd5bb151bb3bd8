"""One photograph of a place: where from, when, through which lens, and what the sensor makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from town import figures
from town.camera import Camera, look_at
from town.shading import Scene, shine
from town.sites import Site
from town.solids import WATER, Face
from town.textures import Colour, Floats
from town.weather import SEASONS, Conditions

if TYPE_CHECKING:
    from PIL import Image

OVERSAMPLE = 2
_CARS: tuple[Colour, ...] = (
    (176, 34, 36),
    (40, 60, 120),
    (220, 220, 216),
    (30, 32, 36),
    (130, 134, 138),
    (60, 104, 84),
    (226, 180, 60),
)


@dataclass(frozen=True)
class View:
    """What was drawn by lot for one photograph."""

    conditions: Conditions
    camera: Camera
    people: int
    quality: int


def take(site: Site, rng: np.random.Generator, *, size: tuple[int, int], query: bool) -> tuple[bytes, View]:
    """Take one photograph of a place.

    Parameters
    ----------
    site : Site
    rng : numpy.random.Generator
    size : (int, int)
        Width and height in pixels.
    query : bool
        Queries are taken at odder hours, in worse weather and from further round.

    Returns
    -------
    jpeg : bytes
    view : View
    """
    conditions = _conditions(rng, query=query)
    camera = _camera(site, rng, size, query=query)
    faces = list(site.faces)
    toward = math.atan2(-float(camera.position[1]), -float(camera.position[0])) + math.pi
    for n, t in enumerate(site.trees):
        faces += figures.tree(t.at, t.height, t.kind, t.variant + n, season=conditions.season, facing=toward)
    people = _crowd(site, camera, rng, conditions, faces)
    if site.parking is not None:
        for n in range(int(rng.integers(1, 5))):
            at = (float(rng.uniform(-5, 5)) + 7 * (n - 2), -site.parking, 0.05)
            faces += figures.car(at, _CARS[int(rng.integers(len(_CARS)))], turn=math.pi * float(rng.integers(2)))
    lamps = np.array(site.lamps, np.float64).reshape(-1, 3)
    light = shine(Scene(faces, lamps, max(30.0, site.extent * 1.3), site.hills), camera, conditions)
    quality = int(rng.integers(62, 95))
    return _jpeg(_expose(light, size, conditions, rng), quality), View(conditions, camera, people, quality)


def _conditions(rng: np.random.Generator, *, query: bool) -> Conditions:
    season = SEASONS[int(rng.integers(4))]
    choices = ("clear", "cloudy", "overcast", "haze", "rain", "snow")
    odds = (0.32, 0.26, 0.16, 0.09, 0.13, 0.04) if query else (0.4, 0.3, 0.14, 0.07, 0.07, 0.02)
    weather = str(rng.choice(choices, p=odds))
    if weather == "snow":
        season = "winter"
    kind, draw = rng.random(), float(rng.random())
    late, dusk = (0.11, 0.29) if query else (0.07, 0.2)
    hour = 20.5 + 2.5 * draw if kind < late else (16.9 + 1.5 * draw if kind < dusk else 8.5 + 7.5 * draw)
    return Conditions(round(hour, 2), season, weather, int(rng.integers(40)))


def _camera(site: Site, rng: np.random.Generator, size: tuple[int, int], *, query: bool) -> Camera:
    """Find a standpoint from which nothing solid blocks the view."""
    wide = 1.15 if query else 1.0
    for _ in range(40):
        angle = -math.pi / 2 + float(np.clip(rng.normal(0, 0.55), -1, 1)) * site.spread * wide
        near, far = site.distance
        distance = float(rng.uniform(near, far * (1.12 if query else 1.0)))
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        if not _blocked(site, x, y):
            break
    zoom = float(rng.uniform(0.62, 0.95) if rng.random() < 0.75 else rng.uniform(0.95, 1.25))
    width, height = size[0] * OVERSAMPLE, size[1] * OVERSAMPLE
    focal = float(np.clip(zoom * min(width, height * 1.15) * distance / site.extent, 0.62 * width, 2.2 * width))
    slip = site.extent * 0.09
    target = (float(rng.normal(0, slip)), 1.0, site.aim + float(rng.normal(0, slip * 0.5)))
    up = site.eye + float(rng.exponential(0.5))
    return look_at((x, y, up), target, focal=focal, size=(width, height), roll=float(rng.normal(0, 0.022)))


def _blocked(site: Site, x: float, y: float) -> bool:
    length = math.hypot(x, y)
    for bx, by, radius in site.blocks:
        if math.hypot(bx - x, by - y) < radius + 2.5:
            return True
        along = (bx * x + by * y) / length
        if along > 0.45 * length and abs(bx * y - by * x) / length < radius:
            return True
    return False


def _crowd(site: Site, camera: Camera, rng: np.random.Generator, conditions: Conditions, faces: list[Face]) -> int:
    """Add passers-by between the camera and the landmark; return how many."""
    hour = 0.25 if conditions.night > 0.5 else 1.0
    count = int(rng.poisson(7 * site.busy * hour))
    x, y = float(camera.position[0]), float(camera.position[1])
    facing = math.atan2(y, x)
    dry = [f for f in faces if f.kind == WATER]
    for _ in range(count):
        part, aside = float(rng.uniform(0.2, 0.72)), float(rng.normal(0, 5))
        spot = (x * part - math.sin(facing) * aside, y * part + math.cos(facing) * aside)
        if not any(_inside(f, *spot) for f in dry):
            faces.append(
                figures.passer(
                    (*spot, 0.05), int(rng.integers(64)), facing=facing, height=float(rng.uniform(1.55, 1.88))
                )
            )
    return count


def _inside(face: Face, x: float, y: float) -> bool:
    a, b = face.points[:, :2], np.roll(face.points[:, :2], -1, axis=0)
    side = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])
    return bool((side >= 0).all() or (side <= 0).all())


def _expose(
    light: Floats, size: tuple[int, int], conditions: Conditions, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Turn light into pixels: averaging, glow, exposure, white balance, rain, vignette, noise.

    The tone curve is Narkowicz's fit of the ACES film curve (2016).
    """
    small: Floats = (light[::2, ::2] + light[1::2, ::2] + light[::2, 1::2] + light[1::2, 1::2]) * np.float32(0.25)
    if conditions.night > 0.2:
        small = small + _glow(small) * np.float32(0.5 * conditions.night)
    level = float(np.exp(np.log(small.mean(axis=2) + 0.002).mean()))
    gain = (0.21 - 0.12 * conditions.night) / level * math.exp(float(rng.normal(0, 0.16)))
    balance = np.exp(rng.normal(0, 0.035, 3)).astype(np.float32)
    small = small * (np.float32(min(gain, 3.2)) * balance)
    small = (
        small
        * (np.float32(2.51) * small + np.float32(0.03))
        / (small * (np.float32(2.43) * small + np.float32(0.59)) + np.float32(0.14))
    )
    if conditions.weather in {"rain", "snow"}:
        small = _falling(small, conditions, rng)
    y, x = np.ogrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    small = small * (1 - np.float32(rng.uniform(0.04, 0.16)) * (x * x + y * y)).astype(np.float32)[..., None]
    pixels = 255 * np.clip(small, 0, 1) ** np.float32(1 / 2.2)
    noise = (1.2 + 5.0 * conditions.night) * float(rng.uniform(0.6, 1.6))
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(noise)
    return np.asarray(np.clip(pixels + np.float32(0.5), 0, 255), np.uint8)


def _glow(picture: Floats) -> Floats:
    """Return the halo round bright spots."""
    from PIL import Image, ImageFilter

    bright = np.clip(picture - 0.5, 0, 2)
    blurred = []
    for k in range(3):
        image = Image.fromarray(np.clip(bright[::2, ::2, k] * 127, 0, 255).astype(np.uint8)).filter(
            ImageFilter.GaussianBlur(5)
        )
        blurred.append(
            np.asarray(image.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BILINEAR), np.float32) / 127
        )
    return np.stack(blurred, axis=2)


def _falling(picture: Floats, conditions: Conditions, rng: np.random.Generator) -> Floats:
    """Draw rain or snow that falls in front of the lens."""
    from PIL import Image, ImageDraw

    height, width = picture.shape[:2]
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    slant = float(rng.normal(0, 0.12))
    for _ in range(int(width * height / 480)):
        x, y, near = float(rng.uniform(0, width)), float(rng.uniform(0, height)), float(rng.random()) ** 3
        if conditions.weather == "rain":
            long = (0.015 + 0.05 * near) * height
            draw.line([(x, y), (x + slant * long, y + long)], fill=int(26 + 40 * near))
        else:
            r = (0.0012 + 0.0042 * near) * height
            draw.ellipse((x - r, y - r, x + r, y + r), fill=int(130 + 90 * near))
    veil = (np.asarray(image, np.float32) / 255)[..., None]
    return picture * (1 - veil) + veil * np.float32(0.75 * (1 - 0.75 * conditions.night))


def _jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    from PIL import Image as Pictures

    image: Image.Image = Pictures.fromarray(pixels)
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
