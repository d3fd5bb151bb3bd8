"""Places to be quiet in: churches, onion domes, pagodas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, grove
from town.solids import box, gable_roof, hip_roof, lathe, moved, onion
from town.textures import Colour, plain, tiled
from town.towers import tower_wall
from town.walls import Style

_STONES: tuple[Colour, ...] = ((186, 176, 156), (160, 152, 140), (204, 190, 160), (176, 140, 112))
_COPPER: Colour = (96, 148, 128)


def church(site: Site) -> None:
    """Build a church: a nave with buttresses, and a tower with a spire, in a churchyard."""
    rng = site.rng
    style = Style(
        str(rng.choice(["stone", "ashlar", "brick", "plaster"])),
        site.choose((*_STONES, (164, 92, 70), (228, 220, 204))),
        trim=(210, 202, 186),
        head=str(rng.choice(["pointed", "arch"])),
        window=(1.3, 3.8),
        pitch=3.6,
        storey=7.5,
        panes=(2, 6),
        accent=(84, 50, 36),
    )
    roof = tiled("slate", site.choose(((84, 88, 98), (122, 72, 54), _COPPER)))
    w, tall = float(rng.uniform(4.8, 6.4)), float(rng.uniform(15, 21))
    tower = box(
        (w, w, tall), [tower_wall(w, tall, style, rng, door=True), tower_wall(w, tall, style, rng)], plain(style.trim)
    )
    spire = float(rng.uniform(7, 15))
    kind = int(rng.integers(3))
    if kind == 0:
        tower += lathe([(w * 0.62, tall), (0.0, tall + spire)], [roof], sides=8, turn=math.pi / 8)
    elif kind == 1:
        tower += hip_roof((w, w, spire * 0.7), roof, at=(0, 0, tall), ridge=0)
    else:
        tower += onion(w * 0.46, roof, at=(0, 0, tall), sides=8)
    side = float(rng.choice([-1, 1]))
    site.add(tower, (side * 9, 3, 0), block=4)
    site.add(box((w + 0.5, w + 0.5, 0.4), [plain(style.trim)], at=(side * 9, 3, tall - 0.4)))
    long, nave = float(rng.uniform(13, 19)), float(rng.uniform(6.4, 8.6))
    long_wall = facade(long, nave, replace(style, storey=nave - 0.1), rng, ground="windows")
    gable = facade(9, 12, style, rng, ground="windows", cornice=False)
    middle = side * (8 - long / 2)
    site.add(box((long, 9, nave), [long_wall, gable]), (middle, 3, 0), block=8)
    site.add(gable_roof((long, 9, float(rng.uniform(4, 7))), roof, gable), (middle, 3, nave))
    stone = tiled(style.wall, style.colour)
    if rng.random() < 0.5:
        for x in np.arange(-long / 2 + 0.8, long / 2 - 0.4, 3.6):
            site.add(box((0.7, 0.9, nave - 2), [stone], plain(style.trim), at=(middle + float(x), -1.9, 0)))
    else:
        porch = facade(3.6, 3.4, replace(style, window=(0.6, 1.2), pitch=1.8), rng)
        at = middle - side * float(rng.uniform(-2, 4))
        site.add(box((3.6, 3, 3.4), [porch, stone]), (at, -3, 0))
        site.add(moved(gable_roof((3, 3.6, 2.2), roof, stone), (0, 0, 0), turn=math.pi / 2), (at, -3, 3.4))
    site.pave("grass")
    site.pave(
        "sand", [(side * 9 - 1.4, -40), (side * 9 + 1.4, -40), (side * 9 + 1.4, 0), (side * 9 - 1.4, 0)], lift=0.03
    )
    _graves(site, 14)
    grove(site, 6, x=(-26, 26), y=(9, 20), kinds=("round", "conifer", "poplar"))
    site.plant(-side * 15, -2, 8)
    site.light(side * 6, -6)
    site.extent, site.aim, site.distance, site.busy = 30, 8.5, (30, 46), 0.3


def _graves(site: Site, count: int) -> None:
    for _ in range(count):
        x, y = float(site.rng.uniform(-14, 14)), float(site.rng.uniform(-12, -5))
        stone = tiled("stone", site.choose(_STONES))
        site.add(box((0.6, 0.16, float(site.rng.uniform(0.6, 1.1))), [stone], at=(x, y, 0)))


def onion_church(site: Site) -> None:
    """Build a bright church with one large and several small onion domes."""
    rng = site.rng
    style = Style(
        "plaster",
        site.choose(((236, 230, 218), (214, 120, 96), (120, 160, 190), (226, 190, 110))),
        trim=(244, 240, 230),
        head="arch",
        window=(0.8, 2.4),
        pitch=2.4,
        storey=5,
        quoins=True,
    )
    gold = tiled("metal", site.choose(((204, 164, 60), (70, 120, 90), (60, 90, 150))))
    w, h = float(rng.uniform(11, 14)), float(rng.uniform(9, 11))
    site.add(
        box((w, w, h), [facade(w, h, style, rng), facade(w, h, style, rng, ground="windows")], plain((140, 140, 136))),
        (0, 4, 0),
        block=8,
    )
    spots = [(0.0, 4.0, 2.3, 6.5)] + [(sx * w * 0.34, 4 + sy * w * 0.34, 1.25, 3.6) for sx in (-1, 1) for sy in (-1, 1)]
    for x, y, r, up in spots:
        drum = facade(
            2 * math.pi * r / 10,
            up,
            replace(style, window=(0.5, up * 0.55), pitch=1.0, storey=up, panes=(1, 4), quoins=False),
            rng,
            ground="windows",
            cornice=False,
        )
        site.add(lathe([(r, 0), (r, up), (r * 1.15, up + 0.2)], [drum, plain(style.trim)], sides=10), (x, y, h))
        site.add(onion(r * 1.15, gold), (x, y, h + up + 0.2))
    site.add(gable_roof((4.4, 5, 2.0), gold, plain(style.trim)), (0, -3.4, 4.2))
    site.add(box((4, 4, 4.2), [facade(4, 4.2, replace(style, window=(0.7, 1.6)), rng)]), (0, -3.4, 0))
    site.pave("grass")
    site.pave("cobbles", [(-12, -40), (12, -40), (12, -2), (-12, -2)], lift=0.03)
    grove(site, 8, x=(-32, 32), y=(12, 24), kinds=("conifer", "round"))
    site.light(-8, -6)
    site.light(8, -6)
    site.extent, site.aim, site.distance, site.busy = 27, 9.5, (28, 42), 0.5


def pagoda(site: Site) -> None:
    """Build a pagoda of several roofs in a garden with a pond."""
    rng = site.rng
    red: Colour = site.choose(((170, 52, 40), (120, 60, 44), (196, 90, 60)))
    tiles = tiled("tiles", site.choose(((84, 92, 92), (70, 104, 84), (112, 84, 60))))
    style = Style(
        "plaster",
        (232, 224, 204),
        trim=red,
        frame=red,
        window=(0.9, 1.3),
        pitch=1.7,
        storey=2.9,
        panes=(3, 3),
        beams=True,
        accent=red,
    )
    tiers, w = int(rng.integers(3, 6)), float(rng.uniform(7.5, 9.5))
    site.add(box((w + 3, w + 3, 1.0), [tiled("stone", (160, 154, 144))], plain((176, 170, 158))), block=6)
    z = 1.0
    for n in range(tiers):
        wide = w * (1 - 0.13 * n)
        wall = facade(wide, 2.9, style, rng, ground="door" if n == 0 else "windows", cornice=False)
        site.add(box((wide, wide, 2.9), [wall]), (0, 0, z))
        skirt = wide / math.sqrt(2) + 1.9
        site.add(
            lathe([(skirt, 2.7), (skirt * 0.78, 3.1), (wide * 0.6, 4.1)], [tiles], sides=4, turn=math.pi / 4), (0, 0, z)
        )
        z += 3.9
    site.add(lathe([(w * 0.5, 0), (w * 0.2, 1.1), (0, 2.8)], [tiles], sides=4, turn=math.pi / 4), (0, 0, z - 0.2))
    site.add(lathe([(0.18, 0), (0.12, 2.6), (0.3, 2.8), (0, 4.4)], [plain((200, 164, 70))], sides=6), (0, 0, z + 1.8))
    site.pave("grass", lift=0.0)
    site.pool([(-22, -15), (-5, -15), (-4, -8), (-9, -6.5), (-20, -7)], lift=0.04)
    site.pave("sand", [(-1.6, -40), (1.6, -40), (1.6, -5), (-1.6, -5)], lift=0.03)
    grove(site, 10, x=(-26, 26), y=(7, 22), kinds=("round", "conifer", "bush"))
    grove(site, 4, x=(-14, 14), y=(-7, -5.6), kinds=("bush",))
    for x in (-4.0, 4.0):
        site.light(x, -7)
    site.extent, site.aim, site.distance, site.busy = 26, 9, (26, 42), 0.35
