"""``placeprint query --explain`` as a person uses it, on the rendered town."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from program import Said, run


def query(*arguments: str | Path, folder: Path, expect: int = 0) -> Said:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return run("query", *arguments, expect=expect)


@pytest.fixture
def gallery(indexed_town: Path) -> Path:
    return indexed_town


@pytest.fixture(scope="module")
def photo(town: Path) -> Path:
    return sorted((town / "gallery").glob("town-hall/*.jpg"))[0]


def test_it_prints_why_and_writes_a_page_named_after_the_photo(gallery: Path, photo: Path, tmp_path: Path) -> None:
    text = query(gallery, photo, "--explain", folder=tmp_path).stdout
    assert re.search(r"1 +\d+ points match; \d+ of \d+ spots lie alike, \d+ times the usual: all over the photo", text)
    assert text.count(" spots") == 5
    page = tmp_path / f"{photo.stem}-explained.html"
    assert f"pictures: {page.name}" in text
    assert [p.name for p in tmp_path.iterdir()] == [page.name], "nothing else is left"
    html = page.read_text("utf-8")
    assert html.count('class="drawing lines"') == html.count('class="drawing heat"') == 5
    assert html.count('<input type="radio"') == 2
    for line in re.findall(r"\d+ of \d+ spots[^\n]*", text):
        assert line.strip() in unescape(html)
    assert "town-hall" in html.replace("<wbr>", "")


def test_the_page_needs_no_network_and_no_script(gallery: Path, photo: Path, tmp_path: Path) -> None:
    query(gallery, photo, "--explain", "--out", "a/b", folder=tmp_path)
    html = (tmp_path / "a" / "b" / "explain.html").read_text("utf-8")
    assert "default-src 'none'; img-src data:" in html
    assert "<script" not in html
    assert not re.search(r"https?:|url\(|@import", html)
    assert {a.partition(",")[0] for a in re.findall(r'href="([^"]*)"', html)} == {"data:image/jpeg;base64"}


def test_the_json_carries_the_numbers(gallery: Path, photo: Path, tmp_path: Path) -> None:
    [row] = json.loads(query(gallery, photo, "--explain", "--json", "-k", "2", folder=tmp_path).stdout)
    [plain] = json.loads(query(gallery, photo, "--json", "-k", "2", folder=tmp_path).stdout)
    assert list(tmp_path.iterdir()) == [], "with --json there is a page only where --out asks for it"
    first = row["matches"][0]["explanation"]
    assert len(first["ends"]) == len(first["weights"]) == 40
    assert all(0 <= v <= 1 and round(v, 4) == v for ends in first["ends"] for v in ends)
    assert all(ends[:2] == ends[2:] for ends in first["ends"]), "it is the very same photo"
    assert first["alike"] == first["spots"]
    assert row.pop("missing") is None
    for match in row["matches"]:
        del match["explanation"]
    assert row == plain
    query(gallery, photo, "--explain", "--json", "--out", "here", folder=tmp_path)
    assert (tmp_path / "here" / "explain.html").is_file()


def test_several_photos_share_a_page_and_a_bad_one_is_told(gallery: Path, photo: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror='1'>&\u202e.jpg"
    shutil.copy(photo, hostile)
    (tmp_path / "bad.jpg").write_bytes(b"not a picture")
    done = query(gallery, hostile, photo, tmp_path / "bad.jpg", "--explain", "-k", "1", folder=tmp_path, expect=3)
    assert "bad.jpg: the content is not an image" in done.stderr
    html = (tmp_path / "explain.html").read_text("utf-8")
    assert html.count("<section id=") == 3
    assert "<img" not in html
    assert "&lt;img src=x onerror=&#39;1&#39;&gt;&amp;\\u202e" in html.replace("<wbr>", "")
    assert "bad.jpg" not in html


def test_a_fast_gallery_says_what_to_do(town: Path, photo: Path, tmp_path: Path) -> None:
    from placeprint import index

    made = index(town, tmp_path / "fast", preset="fast", cache=False).gallery
    text = query(made.path, photo, "--explain", folder=tmp_path).stdout
    assert "build it again with placeprint index DATASET -o GALLERY --preset balanced" in text
    assert "1  chosen by overall likeness (cosine 1.00)" in text
    html = (tmp_path / f"{photo.stem}-explained.html").read_text("utf-8")
    assert html.count('class="drawing lines"') == 5
    assert 'type="radio"' not in html
    assert "this gallery does not keep where photos agree" in html


def test_out_goes_with_explain(gallery: Path, photo: Path, tmp_path: Path) -> None:
    done = query(gallery, photo, "--out", "x", folder=tmp_path, expect=2)
    assert "--out is the folder for the page of --explain" in done.stderr


def test_a_very_long_name_still_names_a_page(gallery: Path, photo: Path, tmp_path: Path) -> None:
    long = tmp_path / ("ä" * 120 + ".jpg")
    shutil.copy(photo, long)
    query(gallery, long, "--explain", "-k", "1", folder=tmp_path)
    assert (tmp_path / ("ä" * 50 + "-explained.html")).is_file()
