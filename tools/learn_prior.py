"""Learn the prior calibration that the package ships: what to expect where a gallery is too small to tell.

    python tools/learn_prior.py TOWN        # TOWN: a folder made by `python -m town TOWN --places 20 --seed 7`

It reads ../shared/data/poznan_bovw and the town, draws small galleries from them, of 2, 3 and 4 places with all their
images and of 2, 4 and 12 with one each, by `fast` and by `balanced`, and writes
src/placeprint/recognition/calibration/prior.json. No photograph and no embedding goes in: three coefficients a size,
and the standing and agreement of 200 unknown queries.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from placeprint.presets import PRESETS, Preset
from placeprint.recognition.calibration import prior as shipped
from placeprint.recognition.calibration.prior import Prior
from placeprint.recognition.dataset_embeddings import opened_cache
from tools.prior_fit import SINGLE_SIZES, SIZES, labelled_set, learn_prior, remember_votes, row_of

POZNAN = Path(__file__).parents[2] / "shared" / "data" / "poznan_bovw" / "labels.csv"
SOURCE = (
    "scores of efficientnet-lite0 by fast, and by balanced where matched, on poznan_bovw (5 buildings by day and "
    "night) and on a rendered town (python -m town --places 20 --seed 7), by tools/learn_prior.py; no photograph "
    "and no embedding is in here"
)


def main() -> None:
    """Write the file."""
    remember_votes()
    with opened_cache(True):  # keeps what is matched
        priors = [*_learned(PRESETS["fast"], 20), *_learned(PRESETS["balanced"], 10)]
    for prior in priors:
        print(
            prior.places,
            "places" if not prior.single else "places of one image",
            "matched:" if prior.matched else "plain:",
            [round(c, 3) for c in prior.coefficients],
            f"low {prior.low:.3f}, gap {prior.gap:.3f}",
        )
    out = Path(shipped.__file__).with_name(shipped.FILE)
    rows = json.dumps({"format": 1, "source": SOURCE, "priors": [row_of(p) for p in priors]})
    out.write_text(rows + "\n", encoding="ascii")


def _learned(preset: Preset, galleries: int) -> Iterator[Prior]:
    """Learn from galleries of several sizes, with all images of their places and with one."""
    sets = [labelled_set(path, preset) for path in (POZNAN, Path(sys.argv[1]))]
    for single, sizes in ((False, SIZES), (True, SINGLE_SIZES)):
        for places in sizes:
            large = [one for one in sets if len(one.places) > places]
            yield learn_prior(large, places=places, galleries=galleries, single=single)


if __name__ == "__main__":
    main()
