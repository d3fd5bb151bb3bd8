"""Places made by engineers: windmills, stations, water towers."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, grove, house
from town.solids import Face, box, dome, hip_roof, lathe, polygon
from town.textures import Colour, coloured, make_texture, plain, tiled
from town.walls import Style, Wall, clock_face

_STONES: tuple[Colour, ...] = ((186, 176, 156), (156, 150, 140), (196, 176, 146), (170, 134, 110))


def windmill(site: Site) -> None:
    """Build a windmill with four sails in fields of flowers."""
    rng = site.rng
    tall = float(rng.uniform(11, 14))
    style = Style(
        str(rng.choice(["brick", "plaster", "planks"])),
        site.choose(((156, 84, 64), (234, 228, 214), (110, 84, 60), (90, 110, 96))),
        window=(0.8, 1.2),
        pitch=2.2,
        storey=3.2,
    )
    skin = facade(2 * math.pi * 3.6 / 8, tall, style, rng, ground="door", cornice=False)
    site.add(lathe([(4.4, 0), (2.9, tall)], [skin], sides=8, turn=math.pi / 8), block=5)
    thatch = tiled("tiles", site.choose(((120, 96, 64), (96, 84, 76), (70, 80, 92))))
    site.add(dome(3.2, thatch, tall=1.0, sides=10), (0, 0, tall))
    site.add(lathe([(5.8, 4.2), (5.8, 4.4), (4.0, 4.4)], [plain((90, 66, 48))], sides=16))
    turn, hub = float(rng.uniform(0, math.pi / 2)), (0.0, -3.7, tall + 1.0)
    for n in range(4):
        a = turn + n * math.pi / 2
        site.faces += _sail(hub, a, float(rng.uniform(8.5, 8.6)))
    site.add(box((0.5, 2.4, 0.5), [plain((70, 54, 40))], at=(0, -2.8, tall + 0.8)))
    site.pave("grass")
    tones: tuple[Colour, ...] = ((206, 60, 70), (230, 190, 60), (190, 90, 170), (236, 130, 60), (240, 236, 226))
    for n in range(5):
        y = -8 - n * 2.4
        colour = site.choose(tones)
        site.pave("grass", [(-40, y), (-3, y), (-3, y + 1.5), (-40, y + 1.5)], lift=0.04, colour=colour)
        site.pave("grass", [(3, y), (40, y), (40, y + 1.5), (3, y + 1.5)], lift=0.04, colour=colour)
    site.pave("sand", [(-1.8, -60), (1.8, -60), (1.8, 0), (-1.8, 0)], lift=0.03)
    site.add(
        house((10, 6, 3.2), replace(style, shutters=True), rng, roof=thatch, ridge=3.6),
        (float(rng.choice([-1, 1])) * 14, 4, 0),
        block=6,
    )
    grove(site, 6, x=(-36, 36), y=(12, 26), kinds=("round", "poplar"))
    site.light(-6, -6)
    site.extent, site.aim, site.distance, site.busy = 27, 8.5, (27, 44), 0.2


def _sail(hub: tuple[float, float, float], angle: float, length: float) -> list[Face]:
    lattice = np.zeros((200, 48, 4), np.uint8)
    lattice[::10] = lattice[1::10] = lattice[:, ::12] = lattice[:, 1::12] = (92, 68, 50, 255)
    lattice[20:150, 4:24] = np.where(
        lattice[20:150, 4:24, 3:] > 0, lattice[20:150, 4:24], np.array([226, 216, 196, 255], np.uint8)
    )
    texture = make_texture(lattice)
    along = np.array([math.cos(angle), 0, math.sin(angle)])
    aside = np.array([-math.sin(angle), 0, math.cos(angle)])
    foot = np.array(hub) + along * 0.8
    corners = [foot, foot + aside * 1.9, foot + aside * 1.9 + along * length, foot + along * length]
    return [polygon([c.tolist() for c in corners], texture, flat=True)]


def station(site: Site) -> None:
    """Build a railway station: a glazed arch between two wings, with a clock and a canopy."""
    rng = site.rng
    style = Style(
        str(rng.choice(["brick", "ashlar", "plaster"])),
        site.choose(((166, 90, 70), (206, 190, 160), (224, 196, 140), (150, 140, 130))),
        trim=(228, 220, 204),
        head="arch",
        window=(1.3, 2.3),
        pitch=2.9,
        storey=4.2,
        panes=(2, 3),
        quoins=True,
        accent=site.choose(((40, 70, 60), (110, 40, 36), (40, 54, 90))),
    )
    w, h = float(rng.uniform(13, 17)), float(rng.uniform(11, 13))
    wall = Wall(w, h + 2, style, rng)
    wall.opening(w / 2, 3.6, w * 0.72, h - 4.6, "arch", style.trim, grow=0.5)
    wall.opening(w / 2, 3.6, w * 0.72, h - 4.6, "arch", (70, 90, 104), 60)
    for n in range(1, 8):
        x = w / 2 + (n - 4) * w * 0.09
        wall.box(
            x - 0.07,
            3.6,
            0.14,
            math.sqrt(max((w * 0.36) ** 2 - (x - w / 2) ** 2, 0)) + h - 4.6 - w * 0.36,
            (60, 60, 62),
        )
    wall.box(w * 0.14, 5.4, w * 0.72, 0.2, (60, 60, 62))
    for x in (w * 0.3, w * 0.5, w * 0.7):
        wall.door(x, 1.7, 2.7)
    clock_face(wall, w / 2, h + 0.4, 1.05)
    wall.text(
        w / 2,
        3.25,
        0.6,
        str(rng.choice(["CENTRAL", "NORTH STATION", "SEA ROAD", "WEST HALT", "HARBOUR"])),
        (60, 44, 38),
    )
    wall.band(h + 1.6, 0.4, teeth=True)
    site.add(box((w, 12, h + 2), [wall.aged(), tiled(style.wall, style.colour)]), (0, 5, 0), block=8)
    roof = tiled("metal", site.choose(((110, 124, 120), (96, 104, 116), (130, 84, 66))))
    vault = [(w / 2 * math.cos(t), 3.4 * math.sin(t)) for t in np.linspace(0, math.pi, 9)]
    for (x0, z0), (x1, z1) in itertools.pairwise(vault):
        site.faces.append(
            polygon(
                [(x0, -1, h + 2 + z0), (x0, 11, h + 2 + z0), (x1, 11, h + 2 + z1), (x1, -1, h + 2 + z1)],
                roof,
                flat=True,
            )
        )
    for sign in (-1, 1):
        wing = float(rng.uniform(13, 16))
        x = sign * (w / 2 + wing / 2)
        site.add(
            box((wing, 9, 8.6), [facade(wing, 8.6, style, rng, ground="arcade"), tiled(style.wall, style.colour)]),
            (x, 5.5, 0),
            block=7,
        )
        site.add(hip_roof((wing, 9, 3), roof, ridge=0.7), (x, 5.5, 8.6))
    iron = plain((54, 62, 60))
    site.add(box((w + 6, 3.4, 0.25), [iron]), (0, -2.8, 3.9))
    for x in np.linspace(-w / 2 - 2.4, w / 2 + 2.4, 6).tolist():
        site.add(lathe([(0.13, 0), (0.1, 3.9)], [iron], sides=6), (x, -4.1, 0))
    site.pave("asphalt")
    site.pave("cobbles", [(-50, -9), (50, -9), (50, 0), (-50, 0)], lift=0.06)
    for x in (-13, 13):
        site.light(x, -8)
    site.extent, site.aim, site.distance, site.busy, site.parking = 34, 6.5, (30, 44), 1.0, 11.0


def water_tower(site: Site) -> None:
    """Build a water tower: a brick shaft or a ball on legs, among allotments."""
    rng = site.rng
    tall = float(rng.uniform(14, 19))
    brick = site.choose(((156, 84, 64), (172, 120, 90), (180, 172, 158)))
    style = Style("brick", brick, head="arch", window=(0.7, 2.2), pitch=1.8, storey=5.0, panes=(1, 3))
    cover = tiled("metal", site.choose(((96, 148, 128), (120, 70, 54), (100, 106, 116))))
    if rng.random() < 0.5:
        shaft = facade(2 * math.pi * 3 / 12, tall, style, rng, ground="windows", cornice=False)
        tank = facade(
            2 * math.pi * 4.2 / 12,
            5,
            replace(style, colour=site.choose(_STONES), window=(0.6, 1.4), storey=4.5),
            rng,
            ground="windows",
        )
        site.add(
            lathe(
                [(3.2, 0), (2.8, tall), (4.2, tall + 1.2), (4.2, tall + 6.2), (4.6, tall + 6.4), (0, tall + 9.5)],
                [shaft, plain((190, 180, 164)), tank, plain((200, 190, 170)), cover],
                sides=12,
            ),
            block=4.4,
        )
    else:
        for n in range(6):
            a = n * math.pi / 3
            foot, top = (4.2 * math.cos(a), 4.2 * math.sin(a)), (3.2 * math.cos(a), 3.2 * math.sin(a))
            leg = [
                (foot[0] - 0.25, foot[1], 0),
                (foot[0] + 0.25, foot[1], 0),
                (top[0] + 0.2, top[1], tall),
                (top[0] - 0.2, top[1], tall),
            ]
            site.faces.append(polygon(leg, plain((120, 124, 126)), flat=True))
        site.add(
            lathe(
                [(0.8, 0), (0.8, tall), (4.4, tall + 1.4), (4.6, tall + 5.4), (4.2, tall + 6), (0, tall + 8)],
                [
                    plain((130, 134, 136)),
                    cover,
                    make_texture(coloured(np.ones((8, 8), np.float32), site.choose(_STONES)), repeats=True),
                    cover,
                ],
                sides=16,
            ),
            block=5,
        )
    for x in (-15.0, 13.0):
        site.add(
            house(
                (7, 5, 3),
                Style(
                    "planks", site.choose(((120, 60, 48), (90, 110, 84), (196, 176, 130))), pitch=2.4, window=(1, 1.2)
                ),
                rng,
                roof=tiled("tiles", (120, 74, 56)),
                ridge=2,
            ),
            (x, 4, 0),
            block=4.5,
        )
    site.pave("grass")
    site.pave("sand", [(-30, -9), (30, -9), (30, -6), (-30, -6)], lift=0.03)
    grove(site, 8, x=(-32, 32), y=(9, 22), kinds=("round", "conifer", "poplar"))
    grove(site, 7, x=(-16, 16), y=(-5.6, -4), kinds=("bush",))
    site.light(5, -5.4)
    site.extent, site.aim, site.distance, site.busy = 30, 10, (32, 48), 0.25
