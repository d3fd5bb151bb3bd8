"""Measure how many photographs, documents and screens have so few shades that `group` says that they show no place.

    python benchmarks/no_place.py TOWN        # TOWN: made by `python -m town TOWN --places 60 --views 6`

Photographs are those of ../shared/data and of the town. Documents and screens are rendered, as a scanner or the screen
itself gives them, and as a camera does: a little turned, with shade from one side and noise.
"""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from placeprint.dataset.checks.measurements import ImageFacts, measure_files, measure_image
from placeprint.dataset.scan import read_dataset
from placeprint.grouping.groups import FEW_GREYS
from tools.same_place_fit import DATA, sets_of

DRAWN = 30
WORDS = "the report of this year shows that more people than before came to see old places".split()  # noqa: SIM905


def document(rng: random.Random) -> Image.Image:
    """Draw a page of text."""
    page = Image.new("RGB", (900, 1200), rng.choice(["#fff", "#fdfaf0", "#eee"]))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(rng.choice([16, 20, 26, 34]))
    for line in range(60, 1120, rng.choice([30, 36, 44])):
        draw.text((60, line), " ".join(rng.choices(WORDS, k=9)), "#222", font)
    return page


def screen(rng: random.Random) -> Image.Image:
    """Draw windows and lines of text."""
    made = Image.new("RGB", (1280, 720), rng.choice(["#1e1e1e", "#fafafa", "#f0f4f8"]))
    draw, font = ImageDraw.Draw(made), ImageFont.load_default(18)
    for _ in range(8):
        x, y = rng.randrange(1100), rng.randrange(600)
        window = (x, y, x + rng.randrange(50, 500), y + rng.randrange(20, 120))
        draw.rectangle(window, rng.choice(["#2d6cdf", "#ddd", "#333", "#fff"]), "#999")
    for _ in range(20):
        draw.text((rng.randrange(900), rng.randrange(690)), " ".join(rng.choices(WORDS, k=5)), "#888", font)
    return made


def photographed(image: Image.Image, seed: int) -> Image.Image:
    """Shade, disturb and turn a picture."""
    pixels = np.asarray(image, np.float32)
    pixels *= np.linspace(0.65, 1, pixels.shape[1], dtype=np.float32)[None, :, None]
    pixels += np.random.default_rng(seed).normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).rotate(4, fillcolor="#5a4a3a", expand=True)


def measured(image: Image.Image) -> float:
    """Return the share that eight greys fill, of a JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return measure_image(data.getvalue()).few_greys


def told(name: str, shares: list[float]) -> str:
    """Return a row."""
    return f"{name}: {sum(one >= FEW_GREYS for one in shares)} of {len(shares)}, {min(shares):.2f} to {max(shares):.2f}"


def main() -> None:
    """Print a row for each set, and for what is rendered."""
    for name, folder in {**sets_of(Path(sys.argv[1])), "vprbench_corridor": DATA / "vprbench_corridor"}.items():
        found = read_dataset(folder)
        facts = measure_files(found.root, [record.path for record in found.records])
        print(told(name, [one.few_greys for one in facts if isinstance(one, ImageFacts)]), flush=True)
    for kind in (document, screen):
        drawn = [kind(random.Random(seed)) for seed in range(DRAWN)]  # noqa: S311 - no secret
        print(told(f"{kind.__name__}s", [measured(one) for one in drawn]))
        print(told(f"{kind.__name__}s, photographed", [measured(photographed(one, n)) for n, one in enumerate(drawn)]))


if __name__ == "__main__":
    main()
