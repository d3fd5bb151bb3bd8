"""A site: the ground, the landmark and what stands around it, collected while a place is being made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from town import figures
from town.facades import facade
from town.solids import GROUND, WATER, Face, box, gable_roof, hip_roof, moved, polygon
from town.textures import Colour, Texture, plain, tiled
from town.walls import Style

GRASS: Colour = (104, 124, 70)
COBBLES: Colour = (150, 142, 132)
ASPHALT: Colour = (96, 97, 100)
SAND: Colour = (206, 188, 150)
_REPAVED = {"grass": GRASS, "cobbles": COBBLES, "asphalt": ASPHALT, "sand": SAND}
_WALLS: tuple[Colour, ...] = (
    (222, 200, 160),
    (214, 170, 130),
    (190, 196, 186),
    (226, 216, 200),
    (200, 150, 120),
    (170, 180, 190),
    (208, 190, 120),
)
_ROOFS: tuple[Colour, ...] = ((150, 78, 56), (128, 70, 54), (92, 92, 98), (110, 84, 66))


@dataclass(frozen=True)
class Planted:
    """A tree that waits for its season: where, how high (metres), and which."""

    at: tuple[float, float, float]
    height: float
    kind: str
    variant: int


@dataclass
class Site:
    """A place in the making: the landmark stands at the origin and faces south.

    Attributes
    ----------
    extent : float
        How many metres high and wide the part is that a picture should show.
    aim : float
        Height (metres) of the point that pictures are aimed at.
    distance : (float, float)
        How far (metres) photographers stand off.
    spread : float
        How far (radians) they go round the landmark, to either side of south.
    blocks : list of (x, y, radius)
        Where nobody can stand and what nobody looks through.
    eye : float
        How high (metres) the lowest camera is held.
    busy : float
        How many passers-by and cars there are, 0 to 1.
    parking : float or None
        How far south of the origin cars are parked.
    """

    rng: np.random.Generator
    extent: float = 20.0
    aim: float = 7.0
    distance: tuple[float, float] = (24.0, 48.0)
    spread: float = 0.6
    eye: float = 1.7
    busy: float = 0.6
    parking: float | None = None
    hills: int = 0
    faces: list[Face] = field(default_factory=list)
    trees: list[Planted] = field(default_factory=list)
    lamps: list[tuple[float, float, float]] = field(default_factory=list)
    blocks: list[tuple[float, float, float]] = field(default_factory=list)

    def add(
        self, faces: Iterable[Face], at: Sequence[float] = (0, 0, 0), *, turn: float = 0.0, block: float = 0.0
    ) -> None:
        """Add faces at a spot, and keep people out of `block` metres round it."""
        self.faces += moved(faces, at, turn=turn)
        if block:
            self.blocks.append((at[0], at[1], block))

    def pave(
        self,
        kind: str,
        corners: Sequence[tuple[float, float]] | None = None,
        *,
        lift: float = 0.0,
        colour: Colour | None = None,
    ) -> None:
        """Lay ground: as far as one sees, or inside a convex outline."""
        tone = _REPAVED[kind] if colour is None else colour
        outline = [(-420.0, -420.0), (420.0, -420.0), (420.0, 420.0), (-420.0, 420.0)] if corners is None else corners
        green = GROUND if kind == "grass" else 0
        self.faces.append(polygon([(x, y, lift) for x, y in outline], tiled(kind, tone), kind=green, flat=True))

    def pool(self, corners: Sequence[tuple[float, float]], *, colour: Colour = (58, 84, 92), lift: float = 0.0) -> None:
        """Fill a convex outline with water, at height 0 so that it mirrors rightly."""
        self.faces.append(polygon([(x, y, lift) for x, y in corners], plain(colour), kind=WATER, flat=True))

    def plant(self, x: float, y: float, height: float, kind: str = "round", *, z: float = 0.0) -> None:
        """Plant a tree."""
        self.trees.append(Planted((x, y, z), height, kind, int(self.rng.integers(60))))
        if kind != "bush":
            self.blocks.append((x, y, height * 0.12))

    def light(self, x: float, y: float, z: float = 0.0) -> None:
        """Put up a street lamp."""
        self.faces += figures.lamp((x, y, z))
        self.lamps.append((x, y, z + 4.2))

    def choose(self, options: Sequence[Colour]) -> Colour:
        """Draw one colour and vary it a little."""
        colour = options[int(self.rng.integers(len(options)))]
        light = self.rng.uniform(0.88, 1.1)
        r, g, b = (int(np.clip(v * light * self.rng.uniform(0.96, 1.04), 0, 255)) for v in colour)
        return r, g, b


def house(
    size: Sequence[float],
    style: Style,
    rng: np.random.Generator,
    *,
    roof: Texture,
    ground: str = "door",
    ridge: float = 3.4,
    hipped: bool = False,
    across: bool = True,
) -> list[Face]:
    """Make a house of (width, depth, wall height); `across` puts the gables to the sides."""
    w, d, h = size[0], size[1], size[2]
    front = facade(w, h, style, rng, ground=ground)
    side = facade(d, h, style, rng, ground="windows")
    faces = box((w, d, h), [front, side, front, side], roof)[:4]
    faces += box((w + 0.5, d + 0.5, 0.35), [plain(style.trim)], at=(0, 0, h - 0.45))
    wall = tiled(style.wall, style.colour)
    if hipped:
        return faces + hip_roof((w, d, ridge), roof, at=(0, 0, h))
    if across:
        return faces + gable_roof((w, d, ridge), roof, wall, at=(0, 0, h))
    return faces + moved(gable_roof((d, w, ridge), roof, wall), (0, 0, h), turn=math.pi / 2)


def chimney(at: Sequence[float], colour: Colour) -> list[Face]:
    """Make a chimney with two pots."""
    faces = box((0.9, 0.6, 1.6), [tiled("brick", colour)], plain((90, 84, 80)), at=at)
    for side in (-0.22, 0.22):
        faces += box((0.24, 0.24, 0.5), [plain((176, 104, 74))], at=(at[0] + side, at[1], at[2] + 1.6))
    return faces


def townsfolk_style(site: Site) -> Style:
    """Draw a style for an ordinary house."""
    rng = site.rng
    return Style(
        wall=str(rng.choice(["plaster", "plaster", "brick", "stone"])),
        colour=site.choose(_WALLS),
        head=str(rng.choice(["flat", "arch", "gable"])),
        accent=site.choose(((120, 40, 35), (40, 80, 60), (50, 60, 110), (90, 60, 40))),
        pitch=float(rng.uniform(2.1, 2.9)),
        shutters=bool(rng.random() < 0.4),
        boxes=bool(rng.random() < 0.4),
        quoins=bool(rng.random() < 0.3),
        balconies=bool(rng.random() < 0.2),
    )


def street_behind(site: Site, y: float, *, width: float = 80.0, gap: float = 0.0, low: int = 2, high: int = 4) -> None:
    """Build a row of ordinary houses north of the landmark, from west to east; `gap` leaves the middle free."""
    rng, x = site.rng, -width / 2
    while x < width / 2:
        w = float(rng.uniform(8, 14))
        style = townsfolk_style(site)
        tall = int(rng.integers(low, high + 1)) * style.storey + 0.6
        if abs(x + w / 2) > gap:
            roof = tiled("tiles", site.choose(_ROOFS))
            made = house(
                (w, 9, tall),
                style,
                rng,
                roof=roof,
                hipped=bool(rng.random() < 0.3),
                ground=str(rng.choice(["shop", "door"])),
            )
            site.add(made, (x + w / 2, y + float(rng.uniform(0, 1.5)), 0), block=6.5)
            site.add(chimney((x + w / 2 + w * 0.3, y + 1, tall + 1.6), (140, 84, 66)))
        x += w


def street_beside(
    site: Site, x: float, *, south: float = -4.0, north: float = 22.0, low: int = 2, high: int = 4
) -> None:
    """Build a row of houses along the side of a square, that look inwards."""
    rng, y = site.rng, south
    turn = -math.pi / 2 if x < 0 else math.pi / 2
    while y < north:
        w = float(rng.uniform(7, 11))
        style = townsfolk_style(site)
        tall = int(rng.integers(low, high + 1)) * style.storey + 0.6
        made = house(
            (w, 8, tall),
            style,
            rng,
            roof=tiled("tiles", site.choose(_ROOFS)),
            ground=str(rng.choice(["shop", "door", "arcade"])),
        )
        site.add([replace(f) for f in made], (x, y + w / 2, 0), turn=-turn, block=6.0)
        y += w


def grove(
    site: Site,
    count: int,
    *,
    x: tuple[float, float],
    y: tuple[float, float],
    kinds: Sequence[str] = ("round",),
    z: float = 0.0,
) -> None:
    """Plant trees at random inside a rectangle."""
    for _ in range(count):
        kind = str(site.rng.choice(list(kinds)))
        tall = (
            float(site.rng.uniform(5, 10))
            * (1.25 if kind in {"poplar", "conifer"} else 1)
            * (0.22 if kind == "bush" else 1)
        )
        site.plant(float(site.rng.uniform(*x)), float(site.rng.uniform(*y)), tall, kind, z=z)
