"""Places that are rows of houses: brick terraces, quays with gables, timber towns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from town.facades import facade
from town.sites import Site, chimney, grove, house
from town.solids import box, gable_roof, hip_roof, lathe, moved, polygon
from town.textures import DOORS, PAINTS, Colour, Texture, make_texture, plain, tiled
from town.walls import Style, Wall

_BRICKS: tuple[Colour, ...] = ((158, 82, 62), (148, 74, 58), (172, 98, 70), (128, 76, 64))


def brick_terrace(site: Site) -> None:
    """Build a terrace of brick houses with bays and chimneys along a street."""
    rng, brick = site.rng, site.choose(_BRICKS)
    style = Style(
        "brick", brick, head=str(rng.choice(["flat", "arch"])), window=(1.15, 1.8), pitch=2.7, storey=3.2, panes=(2, 2)
    )
    roof = tiled("slate", site.choose(((92, 94, 102), (104, 92, 88))))
    storeys, wide = int(rng.integers(2, 4)), float(rng.uniform(5.6, 7.0))
    bays, tall = bool(rng.random() < 0.6), storeys * 3.2 + 0.6
    for n in range(-4, 5):
        own = replace(style, accent=site.choose(DOORS), trim=(226, 216, 198))
        if rng.random() < 0.2:
            own = replace(own, wall="plaster", colour=site.choose(PAINTS))
        site.add(house((wide, 9, tall), own, rng, roof=roof, ridge=3.0), (n * wide, 4.5, 0), block=4.6)
        site.add(chimney((n * wide + wide / 2 - 0.4, 4.5, tall + 1.9), brick))
        if bays:
            bay = facade(
                2.4, tall * 0.62, replace(own, window=(1.7, 1.7), pitch=2.4), rng, ground="windows", cornice=False
            )
            site.add(
                box((2.4, 1.1, tall * 0.62), [bay, plain(own.trim), bay, plain(own.trim)], at=(0, 0, 0)),
                (n * wide - 1.2, -0.5, 0),
            )
            site.add(hip_roof((2.4, 1.1, 0.8), roof, eaves=0.15, ridge=0.5), (n * wide - 1.2, -0.5, tall * 0.62))
    site.pave("asphalt")
    site.pave("cobbles", [(-60, -5), (60, -5), (60, 0.2), (-60, 0.2)], lift=0.06)
    for x in (-16, -3, 11):
        site.light(x + float(rng.uniform(-2, 2)), -4.2)
    for x in range(-24, 30, 12):
        if rng.random() < 0.45:
            site.plant(x + float(rng.uniform(-3, 3)), -3.6, float(rng.uniform(4, 6)))
    site.extent, site.aim, site.distance, site.parking, site.spread = 17, 4.2, (17, 27), 6.6, 0.55


def _stepped(width: float, height: float, style: Style, rng: np.random.Generator, steps: int) -> Texture:
    """Paint a gable with steps or a bell shape, with holes where the sky shows."""
    wall = Wall(width, height, style, rng)
    wall.window(width / 2, height * 0.22, 1.0, 1.4, "arch")
    texture_rows = np.asarray(wall.image).copy()
    rows, columns = texture_rows.shape[:2]
    down = np.linspace(0, 1, rows)[:, None]
    aside = np.abs(np.linspace(-1, 1, columns))[None, :]
    edge = np.ceil(down * steps) / steps if steps else 0.25 + 0.75 * down**2.2
    texture_rows[aside > edge] = 0
    rim = (aside <= edge) & (aside > edge - 0.06)
    texture_rows[rim] = (*style.trim, 255)
    return make_texture(texture_rows)


def canal_houses(site: Site) -> None:
    """Build a row of tall painted houses with gables on a quay, mirrored in a canal."""
    rng, x = site.rng, -30.0
    while x < 30:
        w = float(rng.uniform(4.6, 7.0))
        storeys = int(rng.integers(3, 5))
        style = Style(
            str(rng.choice(["plaster", "plaster", "brick"])),
            site.choose(PAINTS),
            window=(0.95, 1.7),
            pitch=1.7,
            storey=3.0,
            panes=(2, 4),
            accent=site.choose(DOORS),
            shutters=bool(rng.random() < 0.25),
            head=str(rng.choice(["flat", "arch"])),
        )
        tall = storeys * 3.0 + 0.5
        roof, peak = tiled("tiles", (140, 74, 54)), float(rng.uniform(2.6, 4.0))
        site.add(
            house(
                (w, 10, tall),
                style,
                rng,
                roof=roof,
                ground=str(rng.choice(["door", "shop"])),
                ridge=peak * 0.8,
                across=False,
            ),
            (x + w / 2, 5, 1.1),
            block=4,
        )
        gable = _stepped(w, peak, style, rng, int(rng.choice([0, 4, 5])))
        h = 1.1 + tall
        site.faces.append(
            polygon(
                [(x, -0.45, h), (x + w, -0.45, h), (x + w, -0.45, h + peak), (x, -0.45, h + peak)], gable, flat=True
            )
        )
        x += w
    site.add(box((90, 6, 1.1), [tiled("stone", (120, 112, 104))], tiled("cobbles", (140, 130, 120)), at=(0, -2.6, 0)))
    site.add(box((90, 12, 1.1), [tiled("stone", (120, 112, 104))], tiled("cobbles", (140, 130, 120)), at=(0, 5, 0)))
    site.pool([(-300, -26), (300, -26), (300, 40), (-300, 40)])
    site.pave("cobbles", [(-300, -80), (300, -80), (300, -26), (-300, -26)], lift=0.35)
    for n in range(int(rng.integers(2, 5))):
        _boat(site, -18 + 12 * n + float(rng.uniform(-3, 3)), -8.0, site.choose(PAINTS))
    for x in (-14, 0, 14):
        site.light(x, -4.6, 1.1)
    grove(site, 4, x=(-26, 26), y=(-4.8, -4.2), z=1.1)
    site.trees = [replace(t, height=4.2) for t in site.trees]
    site.extent, site.aim, site.distance, site.busy, site.spread = 25, 5.5, (30, 42), 0.3, 0.5


def _boat(site: Site, x: float, y: float, colour: Colour) -> None:
    hull = lathe([(0.55, 0), (1, 0.75)], [plain(colour)], sides=10)
    deck = lathe([(1, 0.75), (0, 0.8)], [tiled("planks", (150, 110, 70))], sides=10)
    stretched = [replace(f, points=f.points * (2.6, 0.9, 1), origin=f.origin * (2.6, 0.9, 1)) for f in hull + deck]
    site.add(stretched, (x, y, 0))
    site.add(box((1.6, 1.0, 0.9), [plain((230, 226, 214))], plain((120, 80, 50)), at=(-0.5, 0, 0.75)), (x, y, 0))
    site.add(lathe([(0.07, 0.8), (0.04, 6.5)], [plain((110, 80, 52))], sides=5), (x + 0.8, y, 0))


def timber_houses(site: Site) -> None:
    """Build half-timbered houses round a lane, each storey jutting out."""
    rng = site.rng
    dark: Colour = site.choose(((70, 48, 36), (96, 42, 32), (54, 52, 50)))
    x = -22.0
    while x < 22:
        w, storeys = float(rng.uniform(6, 9)), int(rng.integers(2, 4))
        style = Style(
            "plaster",
            site.choose(((232, 222, 200), (226, 200, 150), (220, 208, 190))),
            trim=dark,
            frame=(235, 230, 215),
            window=(0.9, 1.2),
            pitch=1.9,
            storey=2.8,
            panes=(2, 3),
            beams=True,
            boxes=True,
            accent=site.choose(DOORS),
        )
        for n in range(storeys):
            front = facade(
                w,
                2.8,
                style,
                rng,
                ground="shop" if n == 0 and rng.random() < 0.4 else ("door" if n == 0 else "windows"),
                cornice=False,
            )
            out = 0.35 * n
            site.add(box((w, 8 + 2 * out, 2.8), [front, front, front, front], at=(0, 0, 0)), (x + w / 2, 4, 2.8 * n))
        peak, h = w * 0.62, 2.8 * storeys
        gable = facade(w, peak, style, rng, ground="windows", cornice=False)
        roof = moved(
            gable_roof(
                (8 + 0.7 * storeys, w, peak), tiled("tiles", site.choose(((146, 74, 54), (120, 66, 50)))), gable
            ),
            (0, 0, 0),
            turn=math.pi / 2,
        )
        site.add(roof, (x + w / 2, 4, h), block=5)
        x += w + (0.0 if rng.random() < 0.7 else 1.4)
    well_x = float(rng.uniform(-6, 6))
    site.add(
        lathe([(1.1, 0), (1.1, 0.9), (0.8, 0.9)], [tiled("stone", (140, 134, 124)), plain((60, 60, 60))], sides=12),
        (well_x, -6, 0),
        block=1.4,
    )
    site.add(hip_roof((2.2, 2.2, 1.2), tiled("tiles", (130, 70, 52)), ridge=0.0), (well_x, -6, 2.5))
    for dx in (-0.9, 0.9):
        site.add(box((0.16, 0.16, 1.7), [plain(dark)], at=(well_x + dx, -6, 0.9)))
    site.pave("cobbles", colour=(156, 140, 120))
    grove(site, 6, x=(-40, 40), y=(14, 24), kinds=("round", "conifer"))
    site.light(-9, -5)
    site.light(10, -4)
    site.extent, site.aim, site.distance = 17, 4.6, (18, 28)
