"""The program as a person uses it, on the rendered town."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import placeprint
from placeprint import Gallery, recognize
from program import run, run_apart, run_json

pytestmark = pytest.mark.usefixtures("shared_cache")

VERBS = [
    "add",
    "calibrate",
    "check",
    "compare",
    "evaluate",
    "export",
    "index",
    "mine",
    "models",
    "mine",
    "query",
    "remove",
    "run",
    "verify",
]


@pytest.fixture
def gallery(indexed_town: Path) -> Path:
    return indexed_town


def photo_of(town: Path, split: str, number: int = 0) -> tuple[Path, str]:
    known = {p.name for p in (town / "gallery").iterdir()}
    photos = [p for p in sorted((town / split).glob("*/*.jpg")) if p.parent.name in known and p.stat().st_size > 5000]
    return photos[number], photos[number].parent.name


def test_help_lists_every_verb() -> None:
    text = run("--help").stdout
    assert [verb for verb in VERBS if f"\n  {verb} " in text] == VERBS


def test_help_of_every_verb_imports_nothing_heavy() -> None:
    heavy = ["numpy", "openvino", "faiss", "PIL", "rich.console", "jinja2", "sqlite3", "onnxruntime"]
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom placeprint.cli.app import app\n"
        f"assert CliRunner().invoke(app, ['--help']).exit_code == 0\nprint([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_query_finds_an_indexed_photo(town: Path, gallery: Path) -> None:
    photo, place = photo_of(town, "gallery")
    [row] = run_json("query", str(gallery), str(photo))
    assert "filter" not in row
    assert row["answer"] == place
    assert row["place"] == place
    assert row["matches"][0]["path"] == photo.relative_to(town).as_posix()
    assert row["matches"][0]["similarity"] == pytest.approx(1.0, abs=1e-4)
    assert row["score"] == row["matches"][0]["score"] > 1
    assert row["score"] - row["margin"] == pytest.approx(
        next(p["score"] for p in row["places"] if p["place"] != place), abs=1e-5
    )
    assert place in run("query", str(gallery), str(photo)).stdout


def test_query_asks_only_what_a_filter_lets_through(town: Path, gallery: Path) -> None:
    photo, place = photo_of(town, "gallery")
    other, third = [name for name in Gallery.open(gallery).places if name != place][:2]
    [row] = run_json("query", str(gallery), str(photo), "--place", other, "--place", third, "--unknown-threshold", "0")
    images = sum(r.place in (other, third) for r in Gallery.open(gallery).records)
    assert row["filter"] == {"places": [other, third], "near": None, "split": None, "images": images}
    assert {p for match in row["matches"] for p in match["places"]} <= {other, third}
    assert row["answer"] in (other, third)
    shown = run("query", str(gallery), str(photo), "--place", place, "--split", "gallery").stdout
    assert f'of {len(Gallery.open(gallery))} images: place "{place}", split gallery' in shown.splitlines()[0]
    assert "did you mean" in run("query", str(gallery), str(photo), "--place", place[:-1], expect=2).stderr
    answer = recognize(gallery, photo, places=[other], threshold=0.0)
    assert {p for match in answer.matches for p in match.places} == {other}


def test_query_near_a_coordinate(town: Path, gallery: Path) -> None:
    photo, place = photo_of(town, "gallery")
    records = Gallery.open(gallery).records
    here = next(r for r in records if place in r.places)
    near = ["query", str(gallery), str(photo), "--near", f"{here.latitude},{here.longitude},0.5"]
    [row] = run_json(*near, "--explain")
    assert row["filter"]["near"] == {"latitude": here.latitude, "longitude": here.longitude, "metres": 0.5}
    around = [r.path for r in records if (r.latitude, r.longitude) == (here.latitude, here.longitude)]
    assert 0 < row["filter"]["images"] == len(around) < len(records)
    assert sorted(match["path"] for match in row["matches"]) == sorted(around)[:5]
    [nowhere] = run_json("query", str(gallery), str(photo), "--near", "-33.8,151.2,500")
    assert (nowhere["answer"], nowhere["matches"], nowhere["filter"]["images"]) == ("UNKNOWN", [], 0)


def test_query_says_unknown_below_a_threshold_or_a_margin(town: Path, gallery: Path) -> None:
    photo, _ = photo_of(town, "query")
    [by_threshold] = run_json("query", str(gallery), str(photo), "--unknown-threshold", "1")
    [by_margin] = run_json("query", str(gallery), str(photo), "--unknown-margin", "1.5")
    assert (by_threshold["answer"], by_threshold["place"], by_margin["answer"]) == ("UNKNOWN", None, "UNKNOWN")
    assert "is below the threshold 1.000 that was asked for" in by_threshold["why"]
    assert (by_threshold["threshold"], by_threshold["probability_threshold"]) == (None, 1.0)
    assert "margin" in by_margin["why"]
    assert by_threshold["places"], "the candidates are told all the same"
    [by_score] = run_json("query", str(gallery), str(photo), "--preset", "fast", "--unknown-threshold", "1.01")
    assert "the best score" in by_score["why"]
    assert "below the threshold 1.010" in by_score["why"]
    assert (by_score["threshold"], by_score["probability_threshold"], by_score["grade"]) == (1.01, None, "UNKNOWN")


def test_a_score_is_refused_where_a_probability_decides(town: Path, gallery: Path) -> None:
    photo, _ = photo_of(town, "query")
    for verb in (("query", gallery, photo), ("evaluate", town, "--gallery", gallery)):
        said = run(*verb, "--unknown-threshold", "1.01", expect=2).stderr
        assert said.splitlines()[-1] == (
            "UsageError: --unknown-threshold is a probability from 0 to 1 here, because the gallery is calibrated, and "
            "not 1.01"
        )


def readable(town: Path) -> list[Path]:
    return sorted((town / "query").glob("*/0[345].jpg"))


def test_query_decides_at_a_rate_without_writing(town: Path, gallery: Path) -> None:
    """At 50 % more photos get their place, by the threshold that the gallery keeps; its files stay as they are."""
    photos = readable(town)[::2]
    head = (gallery / "gallery.json").read_bytes()
    learned = Gallery.open(gallery).calibration
    points = {point.false_accept_rate: point for point in learned.trade_off}
    named = []
    for asked, kept in (("0.01", 0.01), ("0.05", 0.05), ("0.12", 0.1), ("0.5", 0.5)):
        rows = run_json("query", str(gallery), *map(str, photos), "--false-accept-rate", asked)
        assert {row["false_accept_rate"] for row in rows} == {kept}
        assert {row["probability_threshold"] for row in rows} == {points[kept].threshold}
        named.append(sum(row["place"] is not None for row in rows))
        assert all((row["place"] is not None) == (row["probability"] >= points[kept].threshold) for row in rows)
        probable = [row["place"] is not None and row["probability"] >= 0.5 for row in rows]
        assert [row["grade"] == "sure" for row in rows] == probable
    assert named == sorted(named)
    assert named[0] < named[-1]
    assert (gallery / "gallery.json").read_bytes() == head
    refused = run("query", gallery, photos[0], "--false-accept-rate", "0.001", expect=2).stderr
    assert "--false-accept-rate 0.001 is below the smallest rate that the gallery keeps, 0.01" in refused


def test_query_prints_the_three_grades(town: Path, gallery: Path) -> None:
    photos = readable(town)
    rows = run_json("query", str(gallery), *map(str, photos))
    lines = run("query", gallery, *photos).stdout.splitlines()
    words = {"sure": "{best_guess} (sure, ", "likely": "likely {best_guess}, ", "UNKNOWN": "UNKNOWN"}
    assert {row["grade"] for row in rows} == set(words)
    for row in rows:
        told = f"{row['photo']}: {words[row['grade']].format(**row)}"
        assert sum(line.startswith(told) for line in lines) == 1, told


def test_index_calibrates_and_query_answers_with_a_probability(town: Path, gallery: Path) -> None:
    learned = Gallery.open(gallery).calibration
    assert (learned.source, learned.automatic, learned.n_places) == ("gallery", True, 5)
    photo, place = photo_of(town, "gallery")
    [row] = run_json("query", str(gallery), str(photo))
    assert row["answer"] == place
    assert row["probability_threshold"] == learned.threshold <= row["probability"]
    assert "calibrated for 5 % false accepts" in row["why"]
    assert (row["grade"], row["best_guess"], row["false_accept_rate"]) == ("sure", place, 0.05)
    [asked] = run_json("query", str(gallery), str(photo), "--unknown-threshold", "1")
    assert (asked["answer"], asked["probability"]) == ("UNKNOWN", row["probability"])


def test_calibrate_is_kept_and_changes_the_answers(town: Path, tmp_path: Path) -> None:
    made = run_json("index", str(town), "-o", str(tmp_path / "g"))
    assert made["calibration"]["false_accept_rate"] == 0.05
    loose = run_json("calibrate", str(tmp_path / "g"), "--false-accept-rate", "0.5", "--seed", "3")
    assert (loose["false_accept_rate"], loose["seed"], loose["automatic"]) == (0.5, 3, False)
    assert loose["threshold"] < made["calibration"]["threshold"]
    stored = Gallery.open(tmp_path / "g")
    kept = {"gallery": str(tmp_path / "g"), "positions": loose["positions"]} | stored.calibration.told()
    assert kept == loose
    accepted = run_json("evaluate", str(town), "--gallery", str(tmp_path / "g"))["open_set"]
    assert accepted["probability_threshold"] == loose["threshold"]
    by_queries = run_json("calibrate", str(tmp_path / "g"), "--queries", str(town))
    assert (by_queries["source"], by_queries["n_unknown"]) == ("queries", by_queries["n_known"] + 4)
    text = run("calibrate", str(tmp_path / "g"), "--false-accept-rate", "0.2").stdout
    for words in ("accepted from probability", "95 % interval", "expected to get a place", "guaranteed: nothing"):
        assert words in text
    renews = (
        f"stays as it is when images are added; placeprint calibrate {tmp_path / 'g'} --false-accept-rate 0.2 renews"
    )
    assert renews in text
    assert "it stays as it is" not in run("index", town, "-o", tmp_path / "automatic", "--preset", "fast").stdout
    points = {p.false_accept_rate: p for p in Gallery.open(tmp_path / "g").calibration.trade_off}
    for rate in (0.01, 0.05, 0.1, 0.2):
        [line] = [line for line in text.splitlines() if line.strip().startswith(f"{100 * rate:g} %")]
        point = points[rate]
        assert f"{100 * point.accepted_share:.0f} %" in line
        assert f"{100 * point.expected_rate:.1f} %" in line
        assert f"{point.threshold:.3f}" in line
        assert line.endswith("decides") == (rate == 0.2)
    assert run_json("verify", str(tmp_path / "g"))["ok"] is True


def test_add_calibrates_anew_only_what_was_automatic(town: Path, tmp_path: Path) -> None:
    photo, place = photo_of(town, "gallery")
    one = tmp_path / "one" / f"{place} again"
    one.mkdir(parents=True)
    for i, other in enumerate(sorted(photo.parent.glob("*.jpg"))[:3]):
        (one / f"{i}.jpg").write_bytes(other.read_bytes())
    gallery = str(tmp_path / "g")
    first = run_json("index", str(town), "-o", gallery)["calibration"]
    again = run_json("add", gallery, str(tmp_path / "one"))
    assert again["calibration"]["images"] == again["images"] == first["images"] + again["change"]["added"]
    mine = run_json("calibrate", gallery, "--false-accept-rate", "0.3")
    run_json("remove", gallery, "--place", one.name)
    kept = run_json("add", gallery, str(tmp_path / "one"))["calibration"]
    assert (kept["threshold"], kept["automatic"]) == (mine["threshold"], False)
    assert kept["changed"] == 2 * again["change"]["added"]


def test_several_photos_and_a_bad_one(town: Path, gallery: Path, tmp_path: Path) -> None:
    photo, place = photo_of(town, "gallery")
    (tmp_path / "bad.jpg").write_text("no photo")
    done = run("query", str(gallery), str(photo), str(tmp_path / "bad.jpg"), "--json", expect=3)
    rows = json.loads(done.stdout)
    assert rows[0]["answer"] == place
    assert rows[1]["kind"] == "unreadable"


def test_evaluate_counts_and_names(town: Path, gallery: Path) -> None:
    row = run_json("evaluate", str(town))  # calibrated by itself: its gallery has five places
    with_gallery = run_json("evaluate", str(town), "--gallery", str(gallery), "--unknown-threshold", "0.6")
    needed = ["n_gallery", "n_queries", "n_answerable", "n_unknown", "recall", "map", "map_found_at_20", "open_set"]
    needed += ["failures", "confusions", "seconds", "model"]
    assert [key for key in needed if key not in row] == []
    assert row["recall"] == with_gallery["recall"]
    assert row["map"] == pytest.approx(with_gallery["map"])
    assert row["n_unknown"] == 4
    assert all(path.startswith("query/") for path in row["unanswerable"])
    calibrated = row["open_set"]
    assert 0 < calibrated["probability_threshold"] < 1
    assert calibrated["false_accepts"] + round(calibrated["unknown_recall"] * row["n_unknown"]) == row["n_unknown"]
    assert with_gallery["open_set"]["probability_threshold"] == 0.6
    counts = [(line["grade"], line["right"] + line["wrong"] + line["unknown"]) for line in row["grades"]]
    assert [grade for grade, _ in counts] == ["sure", "likely", "UNKNOWN"]
    assert sum(count for _, count in counts) == row["n_queries"]
    at_5 = next(line for line in row["trade_off"] if line["false_accept_rate"] == 0.05)
    assert at_5["false_accepts"] == calibrated["false_accepts"]
    assert at_5["named_right"] / row["n_answerable"] == pytest.approx(calibrated["recall_at_1"])
    at_20 = run_json("evaluate", str(town), "--gallery", str(gallery), "--false-accept-rate", "0.2")
    told = next(line for line in at_20["trade_off"] if line["false_accept_rate"] == 0.2)
    assert at_20["open_set"]["probability_threshold"] == told["threshold"]
    assert at_20["open_set"]["false_accepts"] == told["false_accepts"]
    assert told["named_right"] / row["n_answerable"] == pytest.approx(at_20["open_set"]["recall_at_1"])
    opened = with_gallery["open_set"]
    assert 0 <= opened["recall_at_1"] <= 1
    assert opened["false_accepts"] + round(opened["unknown_recall"] * row["n_unknown"]) == row["n_unknown"]
    assert "Recall@1" in run("evaluate", str(town)).stdout


def test_evaluate_leaves_one_image_out(town: Path, gallery: Path) -> None:
    by_gallery = run_json("evaluate", "--gallery", str(gallery))
    by_folder = run_json("evaluate", str(town / "gallery"))
    assert by_gallery["protocol"] == "leave one image out"
    assert by_gallery["n_queries"] == by_gallery["n_gallery"]
    assert by_gallery["map"] == pytest.approx(by_folder["map"])
    assert by_gallery["recall"] == by_folder["recall"]


def test_compare_prints_every_setting_and_writes_a_page(town: Path, tmp_path: Path) -> None:
    rows = json.loads(run("compare", "index=exact", "index=faiss,threshold=0.5", "--on", str(town), "--json").stdout)
    assert [r["setting"] for r in rows] == ["index=exact", "index=faiss,threshold=0.5"]
    assert rows[1]["map_difference"]["interval"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert rows[1]["sweep"]["threshold"] == 0.5
    assert rows[0]["result"]["map"] == pytest.approx(rows[0]["map"]["value"])
    page = tmp_path / "new" / "compare.html"
    table = run("compare", "fast", "fast,threshold=0.5", "--on", str(town), "--report", str(page)).stdout
    assert "UNKNOWN rate" in table
    assert "McNemar" in table
    assert table.splitlines()[-1] == f"report: {page}"
    html = page.read_text("utf-8").replace("<wbr>", "")
    assert '<h2 id="h-against-1"><span class="name">fast,threshold=0.5</span> against' in html


def test_evaluate_prints_every_convention(town: Path) -> None:
    text = run("evaluate", str(town), "--conventions").stdout
    assert all(name in text for name in ("revisited Oxford", "Google Landmarks v2", "VPR-Bench", "micro-AP"))


def test_positions_in_file_names_judge_by_metres(town: Path, tmp_path: Path) -> None:
    photos = [p for p in sorted((town / "gallery").glob("*/*.jpg")) if p.stat().st_size > 5000]
    for i, photo in enumerate(photos):
        for split, shift in (("database", 0.0), ("queries", 10.0)):
            folder = tmp_path / "utm" / split
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"@{1000.0 * i + shift}@{5000.0}@.jpg").write_bytes(photo.read_bytes())
    row = run_json("evaluate", str(tmp_path / "utm"))
    assert row["truth"] == "within 25 m"
    assert (row["n_queries"], row["n_answerable"]) == (len(photos), len(photos))
    assert row["recall"]["1"] == 1.0
    far = run_json("evaluate", str(tmp_path / "utm"), "--radius", "5")
    assert far["n_answerable"] == 0
    assert far["recall"]["1"] is None


def test_k_of_recall_can_be_chosen(town: Path) -> None:
    assert list(run_json("evaluate", str(town), "--k", "3,2")["recall"]) == ["2", "3"]


def test_add_and_remove(town: Path, tmp_path: Path) -> None:
    gallery = str(tmp_path / "g")
    photo, place = photo_of(town, "gallery")
    one = tmp_path / "one" / place
    one.mkdir(parents=True)
    (one / "a.jpg").write_bytes(photo.read_bytes())
    assert run_json("index", str(tmp_path / "one"), "-o", gallery)["images"] == 1
    added = run_json("add", gallery, str(town))
    assert added["change"]["added"] == added["images"] - 1
    assert run_json("add", gallery, str(town))["change"]["unchanged"] == added["change"]["added"]
    left = run_json("remove", gallery, "--place", place)
    assert left["images"] == added["images"] - left["removed"]
    said = run("remove", gallery, "gone.jpg", "--place", place, expect=2).stderr
    assert f'"{gallery}" has no image or place gone.jpg, {place}: nothing was removed' in said
    assert run_json("verify", gallery)["ok"] is True


def test_index_and_add_say_how_many_images_have_no_place(town: Path, tmp_path: Path) -> None:
    gallery, bare, mixed = str(tmp_path / "g"), tmp_path / "bare", tmp_path / "mixed"
    bare.mkdir()
    for number in range(2):
        (bare / f"{number}.jpg").write_bytes(photo_of(town, "query", number)[0].read_bytes())
    (bare / "damaged.jpg").write_bytes(b"no photo")  # told elsewhere
    run("index", town, "-o", gallery, "--preset", "fast")
    told = "2 images that were given have no place: an answer calls such an image by its path; label them"
    assert told in run("add", gallery, bare).stdout
    assert "no place" not in run("add", gallery, bare).stdout, "nothing was added"
    shutil.copytree(town / "gallery", mixed)
    shutil.copy(bare / "0.jpg", mixed)
    made = run("index", mixed, "-o", tmp_path / "m", "--preset", "fast").stdout
    assert told.replace("2 images that were given have", "1 image that was given has") in made


def test_photos_that_cannot_be_used_are_counted_and_cost_only_themselves(town: Path, tmp_path: Path) -> None:
    place = tmp_path / "photos" / "Galata"
    place.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (place / name).write_bytes(b"no photo")
    gallery = str(tmp_path / "g")
    assert "none of 2 images" in run("index", place.parent, "-o", gallery, expect=3).stderr
    (place / "c.jpg").write_bytes(photo_of(town, "gallery")[0].read_bytes())
    told = "; 2 images could not be used\n"
    assert f"{gallery}: 1 image of 1 place, model" in (said := run("index", place.parent, "-o", gallery).stdout)
    assert told in said
    assert [f["path"] for f in run_json("add", gallery, place.parent)["failures"]] == ["Galata/a.jpg", "Galata/b.jpg"]
    assert told in run("add", gallery, place.parent).stdout
    for name in ("a.jpg", "b.jpg"):
        (place / name).unlink()
    assert "could not be used" not in run("add", gallery, place.parent).stdout


def test_remove_names_what_is_not_there_and_removes_the_others(town: Path, tmp_path: Path) -> None:
    gallery = str(tmp_path / "g")
    held = run_json("index", str(town), "-o", gallery, "--preset", "fast")["images"]
    first, second = (photo_of(town, "gallery", n)[0].relative_to(town).as_posix() for n in (0, 1))
    said = run("remove", gallery, first, "no/such.jpg", "--place", "Atlantis", expect=3)
    assert said.stdout.startswith("1 image removed;")
    assert said.stderr == f'"{gallery}" has no image or place no/such.jpg, Atlantis: the others were removed\n'
    for given, meant in (
        ([second + "g"], f'the image "{second}"'),
        (["--place", second], f'the image "{second}"'),
        (["--place", "Castle-Gat"], 'the place, --place "castle-gate"'),
        (["castle-gate"], 'the place, --place "castle-gate"'),
    ):
        told = run("remove", gallery, *given, expect=2).stderr
        assert told.endswith(f'nothing was removed; for "{given[-1]}", did you mean {meant}?\n'), told
    row = run_json("remove", gallery, second, first, expect=3)
    assert (row["removed"], row["images"], row["missing"]) == (1, held - 2, [first])


def test_the_cache_spares_the_second_run(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPRINT_CACHE", str(tmp_path / "cache"))
    command = ["index", str(town), "--preset", "fast", "-o"]
    first, second = (run_json(*command, str(tmp_path / name)) for name in ("a", "b"))
    without = run_json(*command, str(tmp_path / "c"), "--no-cache")
    assert (first["cached"], second["computed"], without["cached"]) == (0, 0, 0)
    assert second["cached"] == first["computed"] == without["computed"] == first["images"]


def test_run_writes_gallery_and_report(town: Path, tmp_path: Path) -> None:
    done = run_apart("run", town, "-o", tmp_path / "out", "--preset", "fast")
    assert "report.html" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    row = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "<html" in page
    assert row["n_queries"] == len(row["queries"])
    assert run_json("verify", str(tmp_path / "out" / "gallery"))["ok"] is True


def test_models_and_version() -> None:
    models = json.loads(run("models", "--json").stdout)
    assert next(m["name"] for m in models) == "efficientnet-lite0"
    assert all(m["here"] for m in models if m["bundled"])
    assert run_json("models", "--known") == [m for m in models if not m["bundled"]]
    assert [m["name"] for m in models] == [m.name for m in placeprint.models()]
    table = run("models").stdout
    assert [m["name"] for m in models if m["name"] not in table] == []
    assert run("--version").stdout.startswith("placeprint 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["query", "nowhere", "x.jpg"], 3, "GalleryNotFoundError: there is no gallery"),
        (["index", "nowhere", "-o", "g"], 3, "DatasetError: there is no dataset"),
        (["index", "-o", "g"], 2, "UsageError: give a dataset"),
        (["evaluate"], 2, "UsageError: give a dataset"),
        (["evaluate", "TOWN", "--k", "0"], 2, "at least 1"),
        (["evaluate", "TOWN", "--k", "one"], 2, "whole numbers"),
        (["evaluate", "TOWN", "--model", "resnet9000"], 2, "is not known"),
        (["evaluate", "TOWN", "--index", "tree"], 2, "auto, exact, faiss"),
        (["evaluate", "TOWN", "--radius", "-3"], 2, "above 0 metres"),
        (["query", "GALLERY", "PHOTO", "--model", "efficientnet-lite0-average"], 3, "GalleryMismatchError"),
        (["query", "GALLERY", "PHOTO", "--k", "0"], 2, "--k must be at least 1"),
        (["evaluate", "TOWN", "--no-such-option"], 2, "No such option"),
        (["add", "GALLERY", "nowhere"], 3, "no dataset"),
        (["town", "TOWN/gallery"], 2, "UsageError"),
        (["calibrate", "nowhere"], 3, "GalleryNotFoundError"),
        (["calibrate", "GALLERY", "--false-accept-rate", "1.5"], 2, "above 0 and below 1"),
        (["calibrate", "GALLERY", "--queries", "nowhere"], 3, "no dataset"),
    ],
)
def test_mistakes_get_one_clear_line(
    arguments: list[str], code: int, words: str, town: Path, gallery: Path, tmp_path: Path
) -> None:
    photo, _ = photo_of(town, "query")
    names = {"GALLERY": str(gallery), "PHOTO": str(photo), "g": str(tmp_path / "g")}
    given = [names.get(a, a.replace("TOWN", str(town))) for a in arguments]
    assert words in run(*given, expect=code).stderr
