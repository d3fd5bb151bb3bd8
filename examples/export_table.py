"""What became of each query, as a table for pandas, FiftyOne or a spreadsheet.

    python examples/export_table.py photos answers.csv

With pandas, `result.to_frame()` is the same table. In FiftyOne each row becomes a sample:
``fiftyone.Sample(filepath=row["path"], ground_truth=Classification(label=row["places"]), …)``.
"""

import csv
import sys
from pathlib import Path

import placeprint


def main(dataset: str, out: Path) -> None:
    """Evaluate a dataset by its default preset, and write one row a query."""
    rows = placeprint.evaluate(dataset).table()
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(row | {"places": "|".join(row["places"])} for row in rows)
    print(f"{out}: {len(rows)} queries")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
