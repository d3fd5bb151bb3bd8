"""Places on a hill: clock towers and castles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, grove
from town.solids import GROUND, box, dome, hip_roof, lathe
from town.textures import Colour, Texture, plain, tiled
from town.walls import Style, Wall, clock_face

_STONES: tuple[Colour, ...] = ((186, 176, 156), (160, 152, 140), (204, 190, 160), (176, 140, 112))
_COPPER: Colour = (96, 148, 128)


def tower_wall(
    w: float, h: float, style: Style, rng: np.random.Generator, *, clock: bool = True, door: bool = False
) -> Texture:
    """Paint one side of a tower: bands, slits, a clock and bell openings at the top."""
    wall = Wall(w, h, style, rng)
    for y in np.arange(5.0, h - 1, 5.2):
        wall.band(float(y), 0.25)
        if y < h - 9:
            wall.window(w / 2, float(y) + 1.5, 0.7, 1.7)
    for x in (w * 0.32, w * 0.68):
        wall.opening(x, h - 3.6, w * 0.2, 2.6, style.head, style.trim, grow=0.14)
        wall.opening(x, h - 3.6, w * 0.2, 2.6, style.head, (38, 34, 32))
        for n in range(6):
            wall.box(x - w * 0.1, h - 3.4 + 0.36 * n, w * 0.2, 0.1, (96, 88, 80))
    if clock:
        clock_face(wall, w / 2, h - 5.6, min(w * 0.26, 1.5))
    if door:
        wall.door(w / 2, 1.8, 3.2, style.head)
    wall.band(h - 0.5, 0.5, teeth=True)
    return wall.aged(0.3)


def clock_tower(site: Site) -> None:
    """Build a clock tower on a green hill with steps."""
    rng = site.rng
    style = Style(
        str(rng.choice(["brick", "ashlar", "stone"])),
        site.choose((*_STONES, (160, 84, 64))),
        trim=site.choose(((224, 214, 194), (120, 60, 50))),
        head="arch",
        quoins=True,
    )
    green = tiled("grass", (104, 124, 70))
    rise = float(rng.uniform(3, 5))
    mound = lathe([(26, 0), (15, rise * 0.75), (8, rise), (0, rise)], [green], sides=20)
    site.add([replace(f, kind=GROUND) for f in mound], block=10)
    for n in range(int(rise / 0.25)):
        site.add(box((3, 1.1, 0.3), [plain((172, 164, 150))], at=(0, -8.2 - 1.35 * n, rise - 0.3 - n * 0.25)))
    w, tall = float(rng.uniform(4.2, 5.4)), float(rng.uniform(15, 21))
    site.add(box((w + 1.6, w + 1.6, 1.4), [tiled("stone", style.colour)], plain(style.trim)), (0, 0, rise))
    site.add(
        box((w, w, tall), [tower_wall(w, tall, style, rng, door=True), tower_wall(w, tall, style, rng)]),
        (0, 0, rise + 1.2),
    )
    top, roof = rise + 1.2 + tall, tiled("slate", site.choose(((90, 94, 104), _COPPER, (130, 72, 54))))
    site.add(box((w + 0.9, w + 0.9, 0.6), [plain(style.trim)]), (0, 0, top))
    kind = int(rng.integers(3))
    if kind == 0:
        site.add(hip_roof((w, w, 4.5), roof, ridge=0), (0, 0, top + 0.6))
    elif kind == 1:
        site.add(dome(w * 0.5, roof, tall=1.2), (0, 0, top + 0.6))
    else:
        _battlements(site, w + 0.9, top + 0.6, style)
    grove(
        site,
        int(rng.integers(3, 16)),
        x=(-34, 34),
        y=(12, 30),
        kinds=(str(rng.choice(["round", "conifer", "poplar"])), "round"),
    )
    site.pave("grass")
    site.pave("sand", [(-1.8, -60), (1.8, -60), (1.8, -25), (-1.8, -25)], lift=0.03)
    site.light(-4, -27)
    site.extent, site.aim, site.distance, site.busy = 30, 12.5, (38, 56), 0.35


def _battlements(site: Site, w: float, z: float, style: Style) -> None:
    stone = tiled(style.wall, style.colour)
    for n in range(4):
        for side in (-1, 1):
            x = -w / 2 + w * (n + 0.5) / 4
            site.add(box((w / 8, 0.5, 1.1), [stone]), (x, side * (w / 2 - 0.25), z))
            site.add(box((0.5, w / 8, 1.1), [stone]), (side * (w / 2 - 0.25), x, z))


def castle(site: Site) -> None:
    """Build a castle: walls with battlements, round towers and a gate behind a moat."""
    rng = site.rng
    style = Style(
        "stone",
        site.choose(_STONES),
        head="arch",
        window=(0.6, 1.3),
        pitch=4.4,
        storey=4.2,
        panes=(1, 2),
        accent=(86, 56, 36),
    )
    stone, cone = (
        tiled("stone", style.colour),
        tiled("slate", site.choose(((86, 90, 104), (132, 70, 54), (80, 104, 92)))),
    )
    w, h = float(rng.uniform(24, 32)), float(rng.uniform(7, 9.5))
    site.add(box((w, 2, h), [facade(w, h, style, rng, ground="blind", cornice=False)]), (0, 0, 0))
    for n in range(int(w / 1.8)):
        site.add(box((0.9, 0.6, 1.1), [stone]), (-w / 2 + 1 + n * 1.8, -0.7, h))
    for x, y, r in (
        (-w / 2, 0, 3.2),
        (w / 2, 0, 3.2),
        (-3.6, -0.4, 1.9),
        (3.6, -0.4, 1.9),
        (float(rng.uniform(-6, 6)), 15, 4.2),
    ):
        up = h + float(rng.uniform(2, 5)) + (6 if y > 5 else 0)
        pane = facade(2 * math.pi * r / 12, up, replace(style, pitch=1.5), rng, ground="blind", cornice=False)
        blank = tiled("stone", style.colour)
        rim = [(r, up), (r * 1.14, up + 0.5), (r * 1.14, up + 1.6)]
        site.add(lathe([(r * 1.06, 0), *rim], [pane, blank, blank], sides=12), (x, y, 0), block=r + 1)
        if rng.random() < 0.62:
            site.add(lathe([(r * 1.3, 0), (0, r * 2.1)], [cone], sides=12), (x, y, up + 1.6))
    gate = Wall(5, h, style, rng)
    gate.opening(2.5, 0, 3, 4.4, "arch", style.trim, grow=0.3)
    gate.opening(2.5, 0, 3, 4.4, "arch", (52, 40, 32))
    gate.shape(
        [(1.7, 6.6), (3.3, 6.6), (3.3, 5.6), (2.5, 4.9), (1.7, 5.6)],
        site.choose(((150, 40, 40), (40, 60, 130), (200, 160, 60))),
    )
    site.add(box((5, 0.6, h), [gate.aged()]), (0, -1.2, 0))
    site.blocks += [(x, 2, 6) for x in np.linspace(-w / 2, w / 2, 5).tolist()]
    site.pave("grass", [(-200, -6), (200, -6), (200, 300), (-200, 300)], lift=0.3)
    site.pave("grass", [(-200, -200), (200, -200), (200, -19), (-200, -19)], lift=0.3)
    site.pool([(-200, -19), (200, -19), (200, -6), (-200, -6)])
    site.add(box((3.4, 19, 0.5), [tiled("planks", (140, 104, 70))], tiled("planks", (150, 114, 80))), (0, -11, 0.2))
    grove(site, 7, x=(-36, 36), y=(20, 34), kinds=("round", "conifer"), z=0.3)
    site.extent, site.aim, site.distance, site.busy = 35, 7, (34, 50), 0.25
    site.eye = 4.4
