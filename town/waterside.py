"""Places by the water: bridges, lighthouses, boathouses."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, chimney, grove, house, street_behind
from town.solids import GLOW, box, gable_roof, hip_roof, lathe, moved, polygon
from town.textures import Colour, plain, tiled
from town.walls import Style, Wall

_STONES: tuple[Colour, ...] = ((186, 176, 156), (156, 150, 140), (196, 176, 146), (170, 134, 110))


def stone_bridge(site: Site) -> None:
    """Build a bridge of stone arches over a river, with houses on the far bank."""
    rng = site.rng
    arches, span = int(rng.integers(2, 5)), float(rng.uniform(9, 12))
    w, h, d = arches * span + 6, float(rng.uniform(6.0, 7.5)), 5.0
    style = Style("stone", site.choose(_STONES), trim=(206, 198, 180))
    wall, centres = Wall(w, h, style, rng), [(n - (arches - 1) / 2) * span for n in range(arches)]
    half = min(span * 0.4, h - 1.8)
    for x in centres:
        wall.opening(x + w / 2, 0, half * 2, h - 1.6, "arch", (206, 198, 180), grow=0.45)
        wall.opening(x + w / 2, 0, half * 2, h - 1.6, "arch", (0, 0, 0), 0)
    wall.band(h - 1.1, 0.3)
    for n in range(int(w / 0.9)):
        wall.box(n * 0.9 + 0.3, h - 0.7, 0.35, 0.45, (120, 112, 102))
    side, stone = wall.aged(), tiled("stone", style.colour)
    for y, flip in ((-d / 2, 1), (d / 2, -1)):
        site.faces.append(
            polygon(
                [(-flip * w / 2, y, 0), (flip * w / 2, y, 0), (flip * w / 2, y, h), (-flip * w / 2, y, h)],
                side,
                flat=True,
            )
        )
    for x in centres:
        spring = h - 1.6 - half
        curve = [(x + half * math.cos(t), spring + half * math.sin(t)) for t in np.linspace(0, math.pi, 9)]
        inner = [(x + half, 0.0), *curve, (x - half, 0.0)]
        for (x0, z0), (x1, z1) in itertools.pairwise(inner):
            site.faces.append(
                polygon([(x0, -d / 2, z0), (x0, d / 2, z0), (x1, d / 2, z1), (x1, -d / 2, z1)], stone, flat=True)
            )
    for x in [c + span / 2 for c in centres[:-1]]:
        site.add(lathe([(1.5, 0), (1.5, h * 0.55), (0, h * 0.75)], [stone], sides=4), (x, -d / 2, 0))
    site.add(box((w + 60, d - 0.2, 0.3), [stone], tiled("cobbles", (150, 142, 132)), at=(0, 0, h - 1.1)))
    for sign in (-1, 1):
        site.add(box((30, d, h), [stone], tiled("cobbles", (150, 142, 132))), (sign * (w / 2 + 15), 0, 0), block=5)
        site.lamps.append((sign * 7, -d / 2, h + 1))
    if rng.random() < 0.5:
        site.add(
            box((4, 4.6, 8), [facade(4, 8, replace(style, window=(0.7, 1.3), storey=3.5), rng, ground="arcade")]),
            (-w / 2, 0, h - 0.6),
        )
        site.add(hip_roof((4, 4.6, 4), tiled("slate", (92, 88, 92)), ridge=0), (-w / 2, 0, h + 7.4))
    site.pool([(-300, -25), (300, -25), (300, 22), (-300, 22)], colour=(66, 84, 76))
    site.pave("grass", [(-300, -300), (300, -300), (300, -25), (-300, -25)], lift=0.4)
    site.pave("grass", [(-300, 22), (300, 22), (300, 300), (-300, 300)], lift=0.5)
    street_behind(site, 30, width=76, low=2, high=3)
    grove(site, 8, x=(-40, 40), y=(23, 25), kinds=("round", "poplar"), z=0.4)
    site.extent, site.aim, site.distance, site.busy, site.spread = 36, 4.0, (31, 44), 0.2, 0.55
    site.eye = 5.0


def lighthouse(site: Site) -> None:
    """Build a striped lighthouse with a keeper's house by the sea."""
    rng = site.rng
    tall, sides = float(rng.uniform(16, 23)), 14
    paint, white = site.choose(((196, 44, 40), (40, 60, 110), (36, 36, 40), (214, 120, 40))), (240, 236, 226)
    bands = int(rng.choice([3, 4, 5, 6]))
    zs = np.linspace(0, tall, bands * 2)
    profile = [(3.1 - 1.2 * float(z) / tall, float(z)) for z in zs]
    skins = []
    for n in range(len(profile) - 1):
        wall = Wall(
            2 * math.pi * profile[n][0] / sides,
            max(profile[n + 1][1] - profile[n][1], 1.0),
            Style("plaster", paint if n % 2 == 0 else white, trim=(200, 196, 186)),
            rng,
        )
        if n % 2 == 1 and wall.height > 1.9:
            wall.window(wall.width / 2, 0.5, 0.5, 1.0)
        skins.append(wall.aged(0.3))
    site.add(lathe(profile, skins, sides=sides), (0, 2, 1.6), block=3.6)
    dark = plain((44, 46, 50))
    lantern = lathe(
        [(2.6, 0), (2.6, 0.25), (1.3, 0.3), (1.3, 2.3), (1.7, 2.4), (0, 4)],
        [dark, dark, plain((220, 216, 180)), dark, plain(paint)],
        sides=sides,
    )
    site.add(
        [replace(f, kind=GLOW) if 2 * sides <= n < 3 * sides else f for n, f in enumerate(lantern)], (0, 2, tall + 1.6)
    )
    cottage = Style("plaster", (236, 230, 218), accent=paint, window=(1.0, 1.3), pitch=2.4, storey=3.0, shutters=True)
    side = float(rng.choice([-1, 1]))
    site.add(
        house((9, 6, 3.4), cottage, rng, roof=tiled("tiles", (150, 70, 54)), ridge=3), (side * 8.5, 3, 1.2), block=5.5
    )
    site.add(chimney((side * 8.5 + 3, 3, 6.4), (200, 190, 180)))
    rock = tiled("stone", (128, 118, 106))
    mound = lathe([(24, -0.5), (17, 0.9), (11, 1.5), (0, 1.7)], [rock, tiled("grass", (116, 126, 76))], sides=18)
    site.add(mound, (2, 2, 0))
    for _ in range(12):
        r, a = float(rng.uniform(13, 20)), float(rng.uniform(math.pi, 2 * math.pi))
        site.add(
            lathe([(1.3, 0), (0.9, float(rng.uniform(0.6, 1.3))), (0, 1.5)], [rock], sides=6, turn=a),
            (r * math.cos(a), 2 + r * math.sin(a), 0.4),
        )
    site.pool([(-420, -24), (420, -24), (420, 420), (-420, 420)], colour=(44, 84, 104))
    site.pave("sand", [(-420, -420), (420, -420), (420, -24), (-420, -24)], lift=0.3)
    site.lamps.append((side * 4, -5, 4.5))
    site.extent, site.aim, site.distance, site.busy = 31, 9.5, (32, 50), 0.2
    site.eye = 3.2


def lake_boathouses(site: Site) -> None:
    """Build painted boathouses on stilts by a lake below mountains."""
    rng, x = site.rng, -17.0
    while x < 15:
        w, h = float(rng.uniform(4.6, 6.4)), float(rng.uniform(3.2, 5.4))
        style = Style(
            "planks",
            site.choose(((168, 50, 40), (196, 150, 60), (70, 96, 110), (214, 206, 190), (96, 110, 70))),
            trim=(238, 234, 224),
            window=(0.9, 1.2),
            pitch=1.9,
            storey=2.8,
            accent=site.choose(((60, 44, 36), (40, 60, 80))),
        )
        peak = w * 0.5
        gable = facade(w, peak, replace(style, window=(0.8, 0.9)), rng, ground="windows", cornice=False)
        front = facade(w, h, style, rng, cornice=False)
        made = box((w, 7, h), [front, front])
        made += moved(
            moved(gable_roof((7, w, peak), tiled("slate", (96, 84, 76)), gable), (0, 0, h)), (0, 0, 0), turn=math.pi / 2
        )
        site.add(made, (x + w / 2, 2, 1.0), block=4.5)
        for dx in (-w / 2 + 0.3, 0, w / 2 - 0.3):
            site.add(lathe([(0.16, 0), (0.16, 1.0)], [plain((84, 66, 52))], sides=6), (x + w / 2 + dx, -1.6, 0))
        x += w + float(rng.uniform(0.6, 2.2))
    jetty = float(rng.uniform(-8, 8))
    plank = tiled("planks", (160, 130, 96))
    site.add(box((40, 2.2, 0.2), [plank]), (0, -2.6, 0.8))
    site.add(box((2, 10, 0.2), [plank]), (jetty, -8, 0.7))
    site.pool([(-400, -28), (400, -28), (400, 12), (-400, 12)], colour=(50, 88, 104))
    site.pave("grass", [(-400, 6), (400, 6), (400, 400), (-400, 400)], lift=0.9)
    site.pave("sand", [(-400, -300), (400, -300), (400, -28), (-400, -28)], lift=0.3)
    grove(site, 12, x=(-36, 36), y=(8, 22), kinds=("conifer", "round"), z=0.9)
    site.lamps.append((jetty, -8, 4))
    site.extent, site.aim, site.distance, site.busy, site.spread = 30, 4.5, (30, 42), 0.2, 0.5
    site.eye = 2.6
