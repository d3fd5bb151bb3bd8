"""Places that are squares: the market, the town hall, offices of glass."""

from __future__ import annotations

import numpy as np

from town.facades import facade
from town.sites import Site, grove, street_behind, street_beside
from town.solids import box, dome, hip_roof, lathe, polygon
from town.textures import DOORS, PAINTS, Colour, Texture, make_texture, plain, tiled
from town.walls import Style, Wall, clock_face


def market_square(site: Site) -> None:
    """Build a square with striped stalls, a fountain and houses on three sides."""
    rng = site.rng
    street_behind(site, 14, width=58, low=3, high=4)
    street_beside(site, -27)
    street_beside(site, 27)
    stripes = [site.choose(((190, 50, 44), (44, 110, 80), (50, 80, 150), (210, 150, 40))) for _ in range(3)]
    for n in range(7):
        x, y = -15 + 5 * n + float(rng.uniform(-0.8, 0.8)), float(rng.choice([2.0, 5.5]))
        _stall(site, x, y, stripes[n % 3])
    stone = tiled("ashlar", (190, 182, 168))
    basin = lathe(
        [
            (3.2, 0),
            (3.2, 0.8),
            (2.8, 0.8),
            (2.8, 0.55),
            (0.5, 0.6),
            (0.4, 2.2),
            (1.3, 2.6),
            (0.3, 2.8),
            (0.25, 3.6),
            (0.0, 4.3),
        ],
        [stone, stone, stone, plain((70, 100, 110)), stone],
        sides=14,
    )
    site.add(basin, (float(rng.uniform(-5, 5)), -3, 0), block=3.8)
    site.pave("cobbles")
    for x in (-13, 13):
        site.light(x, -5)
    site.extent, site.aim, site.distance, site.busy = 26, 5.0, (22, 34), 1.0


def _stall(site: Site, x: float, y: float, colour: Colour) -> None:
    rng = site.rng
    cloth = np.full((96, 96, 4), 255, np.uint8)
    cloth[..., :3] = (236, 230, 216)
    cloth[:, np.arange(96) // 12 % 2 == 0, :3] = colour
    awning = make_texture(cloth)
    site.faces.append(
        polygon(
            [(x - 2, y - 1.6, 2.1), (x + 2, y - 1.6, 2.1), (x + 2, y + 1.2, 3.0), (x - 2, y + 1.2, 3.0)],
            awning,
            flat=True,
        )
    )
    site.faces.append(
        polygon(
            [(x - 2, y - 1.6, 1.75), (x + 2, y - 1.6, 1.75), (x + 2, y - 1.6, 2.1), (x - 2, y - 1.6, 2.1)],
            awning,
            flat=True,
        )
    )
    goods = rng.integers(60, 240, (10, 40, 3)).repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)
    table = make_texture(np.dstack([goods, np.full(goods.shape[:2], 255, np.uint8)]), scale=20.0)
    site.add(box((3.6, 1.2, 0.9), [tiled("planks", (140, 104, 70))], table, at=(x, y - 0.6, 0)), block=0.0)
    for dx in (-1.9, 1.9):
        site.add(box((0.1, 0.1, 2.2), [plain((90, 70, 54))], at=(x + dx, y - 1.5, 0)))
    site.blocks.append((x, y, 2.0))


def town_hall(site: Site) -> None:
    """Build a town hall with arcades, a balcony, a clock gable and a little turret."""
    rng = site.rng
    style = Style(
        str(rng.choice(["ashlar", "plaster", "brick"])),
        site.choose(((214, 200, 170), (206, 150, 110), (176, 96, 74), (196, 200, 196))),
        head=str(rng.choice(["arch", "pointed", "gable"])),
        window=(1.3, 2.4),
        pitch=2.8,
        storey=4.4,
        panes=(2, 4),
        quoins=True,
        accent=site.choose(DOORS),
    )
    w, h = float(rng.uniform(22, 28)), 13.6
    roof = tiled("slate", site.choose(((86, 92, 104), (120, 72, 56), (80, 118, 104))))
    front, side = facade(w, h, style, rng, ground="arcade"), facade(12, h, style, rng)
    site.add(box((w, 12, h), [front, side]), (0, 6, 0), block=9)
    site.blocks += [(-w / 3, 6, 7), (w / 3, 6, 7)]
    site.add(hip_roof((w, 12, 5), roof, ridge=0.8), (0, 6, h))
    gable = Wall(9, 8, style, rng)
    gable.band(0, 0.4, teeth=True)
    clock_face(gable, 4.5, 3.6, 1.5)
    site.add(
        box((9, 2, h + 0.5), [facade(9, h + 0.5, style, rng, ground="arcade"), tiled(style.wall, style.colour)]),
        (0, -0.5, 0),
    )
    texture = gable.aged()
    site.faces.append(
        polygon(
            [(-4.5, -1.5, h + 0.5), (4.5, -1.5, h + 0.5), (1.2, -1.5, h + 7.5), (-1.2, -1.5, h + 7.5)],
            texture,
            flat=True,
        )
    )
    site.add(
        lathe([(1.6, 0), (1.6, 3), (1.9, 3), (0, 8)], [tiled("planks", (200, 196, 180)), roof], sides=8), (0, 6, h + 4)
    )
    site.faces.append(
        polygon(
            [(0, 6, h + 12.4), (2.2, 6, h + 12.4), (2.2, 6, h + 13.6), (0, 6, h + 13.6)],
            plain(site.choose(PAINTS)),
            flat=True,
        )
    )
    street_beside(site, -w / 2 - 12, south=2, north=20)
    street_beside(site, w / 2 + 12, south=2, north=20)
    site.pave("cobbles", colour=(166, 158, 146))
    for x in (-9, 9):
        site.light(x, -7)
    site.extent, site.aim, site.distance, site.busy = 32, 9, (30, 46), 0.8


def glass_office(site: Site) -> None:
    """Build towers of glass and concrete over a plaza with a sculpture."""
    rng = site.rng
    for n, (x, y) in enumerate(((0.0, 8.0), (-19.0, 16.0), (18.0, 20.0))):
        w, d, h = float(rng.uniform(12, 16)), 12.0, float(rng.uniform(24, 46) if n else rng.uniform(26, 36))
        site.add(
            box(
                (w, d, h),
                [_curtain(site, w, h), _curtain(site, d, h)],
                plain((120, 122, 124)),
                at=(0, 0, 3.6 if n == 0 else 0),
            ),
            (x, y, 0),
            block=9.5,
        )
    for x in (-4.5, 0, 4.5):
        site.add(lathe([(0.4, 0), (0.4, 3.6)], [plain((170, 172, 174))], sides=10), (x, 3.2, 0))
    site.add(
        box(
            (9, 8, 3.6),
            [
                facade(
                    9,
                    3.6,
                    Style("metal", (120, 126, 130), window=(2.2, 2.6), pitch=2.6, storey=3.6, panes=(2, 1)),
                    rng,
                    ground="windows",
                )
            ],
        ),
        (0, 9, 0),
    )
    site.add(
        dome(2.0, tiled("metal", site.choose(((190, 60, 40), (60, 110, 160), (200, 160, 50)))), tall=1.6),
        (float(rng.uniform(-9, 9)), -5, 0),
        block=2.6,
    )
    site.pave("cobbles", colour=site.choose(((168, 168, 166), (190, 160, 130), (130, 132, 138))))
    grove(
        site, int(rng.integers(2, 9)), x=(-24, 24), y=(-3, 2), kinds=(str(rng.choice(["round", "poplar", "conifer"])),)
    )
    site.light(-7, -8)
    site.light(8, -7)
    site.extent, site.aim, site.distance, site.busy = 34, 13, (36, 56), 0.8


def _curtain(site: Site, w: float, h: float) -> Texture:
    rng = site.rng
    style = Style(
        "metal",
        site.choose(((120, 132, 140), (190, 160, 120), (70, 84, 96), (206, 208, 204), (156, 96, 76), (110, 130, 110))),
        trim=(150, 156, 160),
    )
    wall = Wall(w, h, style, rng)
    bay, storey = float(rng.uniform(1.3, 2.4)), float(rng.uniform(3.0, 3.6))
    base = rng.integers((30, 50, 60), (96, 120, 140))
    for floor in range(int(h / storey)):
        for n in range(int(w / bay)):
            tone = tuple(int(v) for v in np.clip(base * rng.uniform(0.75, 1.3), 0, 255))
            wall.box(
                n * bay + 0.1,
                floor * storey + 0.5,
                bay - 0.16,
                storey - 0.7,
                (tone[0], tone[1], tone[2]),
                int(rng.integers(1, 255)),
            )
        wall.box(0, floor * storey, w, 0.2, style.trim)
    return wall.aged(0.1)
