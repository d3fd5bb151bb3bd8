"""Titles: the names by which people know places with technical ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placeprint import ImageRecord
from placeprint.dataset.manifest import read_manifest
from placeprint.errors import UsageError

TABLES = {
    "a column of that name": ("path,place,title\na.jpg,t_1,Old Mill\nb.jpg,t_2,New Mill\n", ["Old Mill", "New Mill"]),
    "a name beside an id": ("relpath,class_dir,class_name\na.jpg,t_1,Old Mill\nb.jpg,t_1,Old Mill\n", ["Old Mill"] * 2),
    "name": ("path,place_id,name\na.jpg,7,Old Mill\nb.jpg,8,New Mill\n", ["Old Mill", "New Mill"]),
    "two places": ("path,place,title\na.jpg,t_1|t_2,Old Mill | New Mill\n", ["Old Mill", "New Mill"]),
    "a bar in the title of one place": ("path,place,title\na.jpg,t_1,Mill | Old\n", ["Mill | Old"]),
    "names of images": ("path,place,name\na.jpg,t_1,first\nb.jpg,t_1,second\n", []),
    "the place itself": ("path,place,title\na.jpg,Old Mill,Old Mill\n", []),
    "too few": ("path,place,title\na.jpg,t_1|t_2,Old Mill\n", []),
    "nothing": ("path,place,title\na.jpg,t_1,\n", []),
    "two titles of one place": ("path,place,title\na.jpg,t_1,Old\nb.jpg,t_1,New\n", []),
}


@pytest.mark.parametrize("case", TABLES)
def test_titles_of_a_table(case: str, tmp_path: Path) -> None:
    text, expected = TABLES[case]
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    found = read_manifest(tmp_path / "labels.csv")
    assert not found.failures
    assert [title for record in found.records for title in record.titles] == expected


def test_a_record_keeps_its_titles_and_refuses_others() -> None:
    record = ImageRecord(path="a.jpg", places=("t_1", "t_2"), titles=("Old Mill", "برج"))
    assert ImageRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert "titles" not in ImageRecord(path="a.jpg", places=("t_1",)).to_dict()
    with pytest.raises(UsageError, match="1 titles do not name 2 places"):
        ImageRecord(path="a.jpg", places=("t_1", "t_2"), titles=("Old Mill",))
