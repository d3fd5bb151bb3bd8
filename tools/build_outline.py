"""Build the outline that the page's map draws: coastlines, and the names of large cities.

    pip download --no-deps geopandas==0.14.4
    pip install pyshp shapely
    python tools/build_outline.py geopandas-0.14.4-py3-none-any.whl

The wheel carries two sets of Natural Earth at 1:110 million, which are in the public domain
(naturalearthdata.com/about/terms-of-use): countries, whose union ends at the coasts, and cities. Coastlines are
simplified to a tenth of a degree and written as steps of a twentieth; Antarctica is left out. Cities stay in the order
of the set, turned round: the largest first.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shapefile
import shapely

OUT = Path(__file__).parents[1] / "src/placeprint/web/page/outline.json"
SHA256 = "3bb6473cb59d51e1a7fe2dbc24a1a063fb0ebdeddf3ce08ddbf8c7ddc99689aa"
COAST, CITIES = (f"geopandas/datasets/naturalearth_{name}/naturalearth_{name}" for name in ("lowres", "cities"))
SIMPLE, STEPS = 0.1, 20
"""Degrees that a line may be moved by, and steps a degree in the file."""
EDGE = 179.99
"""Longitude from which on a line is where the map is cut, and no coast."""
SOUTH = -60.0
"""Latitude below which there is Antarctica alone."""
SOURCE = (
    "Natural Earth 1:110m, public domain, from geopandas 0.14.4 "
    f"(sha256 {SHA256}), simplified by tools/build_outline.py"
)

MENDED = {"?saka": "Ōsaka", "Chi?in?u": "Chișinău", "Washington,  D.C.": "Washington, D.C."}
"""Names that the set spells in an alphabet that lacks their letters."""

Point = tuple[float, float]


def main() -> None:
    """Write the file."""
    wheel = Path(sys.argv[1]).read_bytes()
    if (found := hashlib.sha256(wheel).hexdigest()) != SHA256:
        sys.exit(f"{sys.argv[1]}: this is another file (sha256 {found}): take geopandas 0.14.4 from PyPI")
    with zipfile.ZipFile(io.BytesIO(wheel)) as files:
        land = shapely.union_all(
            [shapely.geometry.shape(one.__geo_interface__) for one in _read(files, COAST).shapes()]
        )
        cities = [(str(row.record[0]), row.shape.points[0]) for row in _read(files, CITIES).shapeRecords()]
    coasts = [
        steps
        for line in land.boundary.simplify(SIMPLE).geoms
        for part in _uncut(line.coords)
        if (steps := _steps(part))
    ]
    towns = [[MENDED.get(name, name), round(y, 2), round(x, 2)] for name, (x, y) in reversed(cities)]
    written = json.dumps(
        {"source": SOURCE, "steps": STEPS, "coasts": coasts, "towns": towns}, ensure_ascii=False, separators=(",", ":")
    )
    OUT.write_text(written + "\n", encoding="utf-8")
    print(f"{OUT}: {OUT.stat().st_size:,} bytes, {len(coasts)} coastlines, {len(towns)} cities")


def _read(files: zipfile.ZipFile, name: str) -> Any:
    parts = {kind: io.BytesIO(files.read(f"{name}.{kind}")) for kind in ("shp", "shx", "dbf")}
    return shapefile.Reader(**parts, encoding="latin-1")


def _uncut(points: Any) -> Iterator[list[Point]]:
    """Yield the stretches of a line that are coasts: not the cuts at 180 degrees, and not Antarctica."""
    for coast, run in itertools.groupby(points, lambda point: abs(point[0]) < EDGE and point[1] > SOUTH):
        if coast:
            yield list(run)


def _steps(points: list[Point]) -> list[int]:
    """Return latitude and longitude of the first point, then the way to each next one; nothing of a dot."""
    whole = [(round(y * STEPS), round(x * STEPS)) for x, y in points]
    whole = [at for at, _ in itertools.groupby(whole)]
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise([(0, 0), *whole])]
    return [number for move in moves for number in move] if len(whole) > 1 else []


if __name__ == "__main__":
    main()
