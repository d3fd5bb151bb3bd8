"""Learn the prior calibration that the package ships: what to expect where a gallery is too small to tell.

    python tools/learn_prior.py TOWN        # TOWN: a folder made by `python -m town TOWN --places 20 --seed 7`

It reads ../shared/data/poznan_bovw and the town, draws small galleries of 2, 3 and 4 places from them, by `fast` and by
`balanced`, and writes src/placeprint/recognition/calibration/prior.json. No photograph and no embedding goes in: three
coefficients a size, and the standing and agreement of 200 unknown queries.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from placeprint.presets import PRESETS
from placeprint.recognition.calibration import prior as shipped
from tools.prior_fit import SIZES, labelled_set, learn_prior, remember_votes, row_of

POZNAN = Path(__file__).parents[2] / "shared" / "data" / "poznan_bovw" / "labels.csv"
SOURCE = (
    "scores of efficientnet-lite0 by fast, and by balanced where matched, on poznan_bovw (5 buildings by day and "
    "night) and on a rendered town (python -m town --places 20 --seed 7), by tools/learn_prior.py; no photograph "
    "and no embedding is in here"
)


def main() -> None:
    """Write the file."""
    remember_votes()
    priors = []
    for preset, galleries in ((PRESETS["fast"], 20), (PRESETS["balanced"], 10)):
        sets = [labelled_set(path, preset) for path in (POZNAN, Path(sys.argv[1]))]
        priors += [learn_prior(sets, places=places, galleries=galleries) for places in SIZES]
    for prior in priors:
        print(
            prior.places,
            "places",
            "matched:" if prior.matched else "plain:",
            [round(c, 3) for c in prior.coefficients],
            f"gap {prior.gap:.3f}",
        )
    out = Path(shipped.__file__).with_name(shipped.FILE)
    rows = json.dumps({"format": 1, "source": SOURCE, "priors": [row_of(p) for p in priors]})
    out.write_text(rows + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
