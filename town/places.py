"""The register of places: what can be built, what it is called, and which ones look alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from town import houses, monuments, sanctuaries, squares, towers, waterside, works
from town.sites import Site

BUILDERS: dict[str, Callable[[Site], None]] = {
    "brick-terrace": houses.brick_terrace,
    "church": sanctuaries.church,
    "stone-bridge": waterside.stone_bridge,
    "clock-tower-hill": towers.clock_tower,
    "canal-houses": houses.canal_houses,
    "market-square": squares.market_square,
    "domed-hall": monuments.domed_hall,
    "lighthouse": waterside.lighthouse,
    "timber-houses": houses.timber_houses,
    "castle-gate": towers.castle,
    "glass-plaza": squares.glass_office,
    "windmill-field": works.windmill,
    "town-hall": squares.town_hall,
    "onion-church": sanctuaries.onion_church,
    "railway-station": works.station,
    "triumphal-arch": monuments.triumphal_arch,
    "water-tower": works.water_tower,
    "pagoda-garden": sanctuaries.pagoda,
    "lake-boathouses": waterside.lake_boathouses,
}
# Out of so many places, so many begin a second copy of a kind that is there already: look-alikes.
ALIKE = 0.25


@dataclass(frozen=True)
class Plan:
    """A place that is to be built.

    Attributes
    ----------
    number : int
        Position in the town; with the town's seed, all that the place depends on.
    name : str
    kind : str
        A key of `BUILDERS`.
    known : bool
        Whether the gallery has photographs of it.
    """

    number: int
    name: str
    kind: str
    known: bool


def plan_town(places: int, seed: int) -> list[Plan]:
    """Choose the kinds, names and unknown places of a town.

    Kinds are drawn without repetition for the first part of the town; the rest are second and third
    examples of the same kinds, so that a town has two brick terraces and two churches to confuse.
    """
    rng = np.random.default_rng([seed, 1])
    names = list(BUILDERS)
    order = [names[n] for n in rng.permutation(len(names)).tolist()]
    fresh = min(max(round(places * (1 - ALIKE)), 1), len(order))
    kinds = order[:fresh]
    while len(kinds) < places:
        kinds += [order[n] for n in rng.permutation(fresh).tolist()]
    kinds = kinds[:places]
    hidden = set(rng.permutation(places)[: unknown_count(places)].tolist())
    seen: dict[str, int] = {}
    plans = []
    for number, kind in enumerate(kinds):
        seen[kind] = seen.get(kind, 0) + 1
        name = kind if seen[kind] == 1 else f"{kind}-{seen[kind]}"
        plans.append(Plan(number, name, kind, number not in hidden))
    return plans


def unknown_count(places: int) -> int:
    """Return how many places the gallery does not know: about one in eight, none in a town below four."""
    return max(1, int(places * 0.13 + 0.5)) if places >= 4 else 0


def build(plan: Plan, seed: int) -> Site:
    """Build a place; the same plan and seed give the same place."""
    site = Site(np.random.default_rng([seed, 2, plan.number]), hills=1000 * seed + plan.number)
    BUILDERS[plan.kind](site)
    return site
