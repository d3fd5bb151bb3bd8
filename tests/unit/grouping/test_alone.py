"""Why a photo is alone: a document, a screen or a blank photo has few shades, a photograph has not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from placeprint.grouping.groups import reasoned
from placeprint.grouping.result import Alone


def document() -> Image.Image:
    page = Image.new("RGB", (600, 800), "#fdfaf0")
    for line in range(40, 760, 30):
        ImageDraw.Draw(page).text((40, line), "the old mill by the river " * 2, "#222", ImageFont.load_default(16))
    return page


def dusk() -> Image.Image:
    """A smooth sky over a dark wall."""
    sky = np.linspace(200, 60, 300)[:, None] + np.random.default_rng(0).normal(0, 3, (300, 400))
    sky[220:] = 20 + np.random.default_rng(1).normal(0, 6, (80, 400))
    return Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(
    ("image", "plain"),
    [(document(), True), (Image.new("RGB", (200, 100), "white"), True), (dusk(), False)],
    ids=["document", "blank", "dusk"],
)
def test_what_has_few_shades_is_said_to_show_no_place(image: Image.Image, plain: bool, tmp_path: Path) -> None:
    image.save(tmp_path / "a.jpg", quality=85)
    alone = (Alone("a.jpg", "alone"), Alone("gone.jpg", "alone"))
    told = reasoned(alone, tmp_path)
    assert ["no place" in one.why for one in told] == [plain, False]
    assert [one.path for one in told] == ["a.jpg", "gone.jpg"]
