"""Places to be proud of: domed halls and triumphal arches."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, grove, street_behind, street_beside
from town.solids import box, dome, gable_roof, lathe, moved, polygon
from town.textures import Colour, plain, tiled
from town.walls import Style, Wall

_COPPER: Colour = (96, 148, 128)


def domed_hall(site: Site) -> None:
    """Build a hall with a portico of columns, a drum and a great dome."""
    rng = site.rng
    style = Style(
        "ashlar",
        site.choose(((214, 204, 184), (226, 220, 208), (202, 172, 140))),
        head=str(rng.choice(["arch", "gable"])),
        window=(1.4, 2.6),
        pitch=3.4,
        storey=5.2,
        panes=(2, 4),
    )
    stone, cover = (
        tiled("ashlar", style.colour),
        tiled("metal", site.choose((_COPPER, (120, 124, 134), (196, 164, 84)))),
    )
    w, h = float(rng.uniform(20, 26)), 10.8
    site.add(
        box(
            (w, 14, h),
            [facade(w, h, style, rng, ground="windows"), facade(14, h, style, rng, ground="windows")],
            plain((150, 148, 140)),
        ),
        (0, 8, 0),
        block=10,
    )
    columns = int(rng.choice([4, 6, 6, 8]))
    wide = columns * 1.9
    for n in range(columns):
        x = (n - (columns - 1) / 2) * 1.9
        site.add(lathe([(0.75, 0), (0.62, 0.4), (0.5, 7.4), (0.8, 7.9)], [stone], sides=10), (x, -1.6, 0.9))
    for n in range(4):
        site.add(box((wide + 2.4 - 0.7 * n, 5.4 - 0.9 * n, 0.24), [plain((196, 190, 178))]), (0, -0.8, 0.23 * n))
    frieze = Wall(wide + 0.6, 1.3, style, rng)
    frieze.band(0, 1.3)
    frieze.text(
        wide / 2,
        0.6,
        0.75,
        str(rng.choice(["MUSEUM", "CONCORDIA", "LIBRARY", "SALUS CIVIUM", "ACADEMIA"])),
        (70, 60, 50),
    )
    site.add(box((wide + 0.6, 4, 1.3), [frieze.aged()]), (0, 0, 8.7))
    site.add(moved(gable_roof((4, wide + 0.6, 2.8), cover, stone, eaves=0.2), (0, 0, 10), turn=math.pi / 2))
    radius, sides = float(rng.uniform(5.2, 6.6)), 16
    drum = facade(
        2 * math.pi * radius / sides,
        4.4,
        replace(style, window=(1.0, 2.4), pitch=2.0, storey=4.0),
        rng,
        ground="windows",
    )
    site.add(
        lathe([(radius, 0), (radius, 4.4), (radius + 0.5, 4.6)], [drum, plain(style.trim)], sides=sides), (0, 8, h)
    )
    site.add(dome(radius, cover, sides=sides, tall=float(rng.uniform(0.85, 1.25))), (0, 8, h + 4.6))
    site.add(lathe([(1.0, 0), (1.0, 2.4), (1.3, 2.5), (0, 5)], [stone, cover], sides=8), (0, 8, h + 4.2 + radius))
    site.pave(str(rng.choice(["cobbles", "sand"])))
    for x in (-14, 14):
        site.plant(x, -3, 7, str(rng.choice(["round", "poplar", "conifer"])))
        site.light(x * 0.6, -6)
    grove(site, 6, x=(-36, 36), y=(18, 26))
    site.extent, site.aim, site.distance, site.busy = 32, 10, (32, 48), 0.7


def triumphal_arch(site: Site) -> None:
    """Build an arch of stone over a boulevard."""
    rng = site.rng
    w, h, d = float(rng.uniform(12, 15)), float(rng.uniform(12, 15)), 4.6
    style = Style("ashlar", site.choose(((212, 198, 170), (190, 180, 164), (206, 170, 134))))
    wall = Wall(w, h, style, rng)
    for x in (0.8, w * 0.26, w * 0.68, w - 1.7):
        wall.box(x, 0, 0.9, h - 4, (226, 216, 194))
        wall.box(x - 0.15, h - 4.2, 1.2, 0.5, (234, 226, 206))
    for x in (w * 0.19, w * 0.81):
        wall.ellipse(x, h * 0.52, 0.8, 0.8, (150, 140, 120))
        for _ in range(12):
            wall.ellipse(
                x + float(rng.uniform(-0.6, 0.6)), h * 0.52 + float(rng.uniform(-0.6, 0.6)), 0.16, 0.24, (200, 190, 168)
            )
    wall.band(h - 4, 0.7, teeth=True)
    wall.band(h - 0.7, 0.7, teeth=True)
    wall.text(
        w / 2, h - 2, 0.9, str(rng.choice(["PAX ET LABOR", "URBI FELICI", "MDCCCXII", "PATRIA GRATA"])), (84, 72, 58)
    )
    wall.opening(w / 2, 0, w * 0.36, h * 0.62, "arch", (150, 138, 116), grow=0.4)
    wall.opening(w / 2, 0, w * 0.36, h * 0.62, "arch", (0, 0, 0), 0)
    face, stone = wall.aged(), tiled("ashlar", style.colour)
    for y, flip in ((-d / 2, 1), (d / 2, -1)):
        site.faces.append(
            polygon(
                [(-flip * w / 2, y, 0), (flip * w / 2, y, 0), (flip * w / 2, y, h), (-flip * w / 2, y, h)],
                face,
                flat=True,
            )
        )
    half, spring = w * 0.18, h * 0.62 - w * 0.18
    curve = [(half * math.cos(t), spring + half * math.sin(t)) for t in np.linspace(0, math.pi, 11)]
    inner = [(half, 0.0), *curve, (-half, 0.0)]
    for (x0, z0), (x1, z1) in itertools.pairwise(inner):
        site.faces.append(
            polygon([(x0, -d / 2, z0), (x0, d / 2, z0), (x1, d / 2, z1), (x1, -d / 2, z1)], stone, flat=True)
        )
    site.add(
        box((w, d, h), [stone])[1:4:2]
        + [box((w + 0.6, d + 0.6, 0.4), [plain(style.trim)], at=(0, 0, h))[n] for n in range(5)]
    )
    site.blocks += [(-w / 2 + 2, 0, 3), (w / 2 - 2, 0, 3)]
    street_behind(site, 34, width=90, gap=8, low=4, high=5)
    if rng.random() < 0.6:
        street_beside(site, -26, south=4, north=26, low=4, high=5)
    site.pave("asphalt")
    site.pave("cobbles", [(-14, -12), (14, -12), (14, 12), (-14, 12)], lift=0.05, colour=(176, 168, 154))
    for x in (-10, 10):
        site.light(x, -6)
    grove(site, 6, x=(12, 30), y=(0, 20))
    site.extent, site.aim, site.distance, site.parking, site.busy = 22, 6.5, (24, 40), 9.0, 0.7
