"""Hour, season and weather, and what they do to the light and the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from town.textures import Floats, cloudy

SEASONS = ("spring", "summer", "autumn", "winter")
_COVER = {"clear": 0.3, "cloudy": 0.62, "overcast": 0.97, "haze": 0.45, "rain": 1.0, "snow": 1.0}
_FOG = {"clear": 1 / 900, "cloudy": 1 / 700, "overcast": 1 / 450, "haze": 1 / 130, "rain": 1 / 260, "snow": 1 / 190}
_HEIGHT_OF_SUN = {"spring": 48.0, "summer": 60.0, "autumn": 36.0, "winter": 25.0}


@dataclass(frozen=True)
class Conditions:
    """When a picture is taken, and in what weather."""

    hour: float
    season: str
    weather: str
    clouds: int

    @property
    def elevation(self) -> float:
        """Height of the sun over the horizon, in degrees."""
        return _HEIGHT_OF_SUN[self.season] * math.sin(math.pi * (self.hour - 6) / 12)

    @property
    def night(self) -> float:
        """0 by day, 1 by night, between them at dusk."""
        return min(max((4 - self.elevation) / 12, 0.0), 1.0)

    @property
    def sun(self) -> Floats:
        """Direction towards the sun (at night the moon), as a unit vector."""
        height = math.radians(self.elevation if self.elevation > 2 else 35.0)
        angle = math.pi * (self.hour - 6) / 12
        flat = math.cos(height)
        return np.array([flat * math.cos(angle), -flat * math.sin(angle), math.sin(height)], np.float32)

    @property
    def cover(self) -> float:
        """How much of the sky the clouds cover, 0 to 1."""
        return _COVER[self.weather]

    @property
    def fog(self) -> float:
        """How much light the air takes away, a metre."""
        return _FOG[self.weather]

    @property
    def snowy(self) -> bool:
        """Whether snow lies."""
        return self.weather == "snow" or (self.season == "winter" and self.clouds % 2 == 0)


@dataclass(frozen=True, eq=False)
class Light:
    """Colours of light, linear: the sun's, the sky's overhead and at the horizon, and the ambient light's."""

    sun: Floats
    zenith: Floats
    horizon: Floats
    ambient: Floats
    haze: Floats


def _mix(a: Floats, b: Floats, part: float) -> Floats:
    return a * np.float32(1 - part) + b * np.float32(part)


def _rgb(*values: float) -> Floats:
    return np.array(values, np.float32)


def light_of(conditions: Conditions) -> Light:
    """Return the light of an hour and a weather."""
    low = min(max(1 - conditions.elevation / 22, 0.0), 1.0)
    night, grey = conditions.night, max(conditions.cover - 0.45, 0) / 0.55
    sun = _mix(_rgb(2.9, 2.7, 2.35), _rgb(2.6, 1.25, 0.5), low) * np.float32((1 - night) * (1 - 0.94 * grey))
    sun = sun + _rgb(0.05, 0.07, 0.12) * np.float32(night * (1 - 0.7 * grey))
    zenith = _mix(_mix(_rgb(0.16, 0.36, 0.82), _rgb(0.2, 0.27, 0.5), low), _rgb(0.012, 0.02, 0.055), night)
    horizon = _mix(_mix(_rgb(0.72, 0.84, 0.98), _rgb(1.05, 0.62, 0.36), low), _rgb(0.05, 0.055, 0.1), night**0.7)
    overcast = _mix(_rgb(0.74, 0.78, 0.84), _rgb(0.05, 0.05, 0.065), night**0.8)
    zenith, horizon = _mix(zenith, overcast * np.float32(0.8), grey), _mix(horizon, overcast, grey * 0.9)
    ambient = _mix(_mix(_rgb(0.62, 0.74, 0.98), _rgb(0.62, 0.52, 0.6), low), _rgb(0.06, 0.075, 0.14), night)
    ambient = _mix(ambient, _mix(_rgb(1.05, 1.08, 1.12), _rgb(0.07, 0.075, 0.1), night), grey)
    return Light(sun, zenith, horizon, ambient, _mix(horizon, _rgb(0.8, 0.8, 0.8) * np.float32(1 - night * 0.93), 0.25))


@lru_cache(maxsize=4)
def _cloud_map(seed: int) -> Floats:
    return cloudy((512, 512), np.random.default_rng([99, seed]), octaves=(3, 6, 13, 29, 61, 120))


def sky_colour(rays: tuple[Floats, Floats, Floats], conditions: Conditions, light: Light) -> Floats:
    """Colour the sky along unit rays (east, north, up), each of shape (n,); returns (n, 3)."""
    east, north, up = rays
    up = np.maximum(up, np.float32(0.004))
    blend = np.sqrt(np.minimum(up * np.float32(1.5), 1))[:, None]
    colour = light.horizon * (1 - blend) + light.zenith * blend
    toward = np.maximum(east * conditions.sun[0] + north * conditions.sun[1] + up * conditions.sun[2], 0)
    toward = np.square(np.square(np.square(toward)))
    glow = toward * np.float32(0.22) + np.square(np.square(np.square(toward))) * np.float32(0.5)
    shown = max(1 - conditions.cover, 0.02) * (1 - conditions.night)
    colour = colour + glow[:, None] * light.sun * np.float32(shown * 0.8)
    scale = 150 / (up + np.float32(0.09))
    column = (east * scale + np.float32(conditions.clouds * 37)).astype(np.int32) & 511
    row = (north * scale + np.float32(conditions.clouds * 91)).astype(np.int32) & 511
    density = _cloud_map(conditions.clouds % 3).ravel()[row * 512 + column]
    soft = np.clip((density - np.float32(0.78 - 0.62 * conditions.cover)) * np.float32(3.2), 0, 1)
    soft = (soft * np.minimum(up * np.float32(9), 1) * np.float32(0.85))[:, None]
    bright = light.haze * np.float32(1.05) + light.sun * np.float32(0.07)
    shade = bright * (1 - (density * density)[:, None] * np.float32(0.45))
    return np.asarray(colour * (1 - soft) + shade * soft, np.float32)


@lru_cache(maxsize=8)
def _skyline(layer: int, seed: int) -> Floats:
    """Return the height (radians) of a range of hills at each of 2048 azimuths."""
    rng = np.random.default_rng([seed, layer])
    waves: NDArray[np.int64] = np.array([2, 3, 5, 8, 13, 21, 55])
    high = rng.uniform(0.4, 1.0, waves.size) / waves**0.85
    phase = rng.uniform(0, 2 * math.pi, waves.size)
    turns = np.arange(2048) * (2 * math.pi / 2048)
    line = (high * np.sin(turns[:, None] * waves + phase)).sum(axis=1)
    tall = rng.uniform(0.015, 0.055) if layer else rng.uniform(0.02, 0.11)
    return np.asarray(np.maximum(line + 0.6, 0) * tall, np.float32)


def hills(azimuth: Floats, layer: int, seed: int) -> Floats:
    """Return how high (radians) a range of hills stands over the horizon at each azimuth, shape (n,)."""
    cell = (azimuth * np.float32(2048 / (2 * math.pi))).astype(np.int32) & 2047
    return np.asarray(_skyline(layer, seed)[cell], np.float32)
