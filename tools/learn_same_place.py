"""Learn what speaks for two photos showing one place: the weights that `placeprint group` uses.

    python tools/learn_same_place.py TOWN [--trials 90]    # TOWN: made by `python -m town TOWN --places 60 --views 6`

It reads landmarks, poznan_bovw, smvs_landmarks and 105 places of cohog_sped_thumbs in ../shared/data, and the town,
groups their photos without labels by weights that are drawn at random, and writes those that keep the most at the rates
into src/placeprint/grouping/same_place.json: six numbers and the bounds of four rates. No photograph and no embedding
goes in. Pairs that are matched are kept in the user's cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from placeprint.grouping import same_place as shipped
from placeprint.progress import on_stderr
from tools.same_place_fit import as_one_building, labelled_looks, learn, row_of, sets_of, tried

SOURCE = (
    "photos of landmarks, poznan_bovw, smvs_landmarks (labels of one building as one), 105 places of cohog_sped_thumbs "
    "and a rendered town (python -m town --places 60 --views 6), grouped by efficientnet-lite0 and balanced, by "
    "tools/learn_same_place.py; no photograph and no embedding is in here"
)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("town", type=Path)
    parser.add_argument("--trials", type=int, default=90)
    parser.add_argument("--seed", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        sets = [labelled_looks(name, [path], Path(room), on_stderr()) for name, path in sets_of(asked.town).items()]
    learned = learn(
        sets, tried([as_one_building(one) for one in sets], trials=asked.trials, seed=asked.seed), range(len(sets))
    )
    out = Path(shipped.__file__).with_name(shipped.FILE)
    out.write_text(json.dumps({"source": SOURCE} | row_of(learned), indent=1) + "\n", encoding="ascii")
    print(out.read_text(encoding="ascii"))


if __name__ == "__main__":
    main()
