"""A rendered town: photographs of made-up places, with the truth about each, that anyone may use.

The photographs are drawn from a small three-dimensional model of each place, so that views of one place
agree with each other. The flow::

    textures ─► walls ─► facades ─► solids ─► sites        (materials and geometry)
    houses, squares, sanctuaries, towers, monuments, waterside, works ─► places   (what stands where)
    figures, weather ─► camera ─► shading ─► photograph    (what one picture shows)
    receiver: where a photograph was taken, and what it says of that
    shoot ─► render                                        (one place, then the whole town with its manifest)
"""

from town.render import TownResult, render_town

__all__ = ["TownResult", "render_town"]
