"""The report, read as a browser reads it, of real evaluations on small generated photographs."""

import base64
import csv
import hashlib
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from placeprint.dataset.checks.check import check
from placeprint.dataset.scan import read_dataset
from placeprint.evaluation.evaluate import evaluate
from placeprint.evaluation.inputs import gather
from placeprint.evaluation.result import EvaluationResult
from placeprint.gallery.gallery import Gallery
from placeprint.indexing.index import index
from placeprint.recognition.rerank.cells import votes
from placeprint.report.cases import MAX_RIGHT, choose_cases
from placeprint.report.histogram import score_histogram
from placeprint.report.html import Findings, render, write_report
from placeprint.report.templates import breakable, number
from placeprint.report.thumbnails import SIDE, ImageFile, thumbnails
from placeprint.report.verdict import headline, more

pytestmark = pytest.mark.usefixtures("shared_cache")

VOID = {"meta", "br", "wbr", "link", "img"}
HOSTILE = "<script>alert('1')</script> \"&quot; \u202e"


class Page(HTMLParser):
    """Text by section, numbers by their name, attributes; an element that is not closed is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.section, self.text = "", {"": ""}
        self.terms: dict[str, str] = {}  # of the numbers, the remarks in small print left out
        self.rows: dict[str, list[list[str]]] = {"": []}
        self._term = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, attrs)
        if tag == "section":
            self.section = dict(attrs)["id"]
            self.text[self.section], self.rows[self.section] = "", []
        elif tag == "tr":
            self.rows[self.section].append([])
        elif tag == "td":
            self.rows[self.section][-1].append("")
        elif tag == "dt":
            self._term = ""

    def handle_startendtag(self, tag, attrs):
        self._note(tag, attrs)

    def _note(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.text[self.section] += data
        if "td" in self.open:
            self.rows[self.section][-1][-1] += data
        elif "dt" in self.open:
            self._term += data
        elif "dd" in self.open and "small" not in self.open and self.section == "numbers":
            self.terms[self._term] = self.terms.get(self._term, "") + data

    def values(self, tag: str, name: str) -> list[str]:
        return [v for t, n, v in self.attributes if (t, n) == (tag, name)]


def photograph(place: int, view: int) -> Image.Image:
    """Coloured stripes that are a place's own, seen through a little noise."""
    rng = np.random.default_rng(place)
    stripes = np.repeat(np.repeat(rng.integers(0, 256, (6, 8, 3)), 40, 0), 40, 1).astype(np.float64)
    noise = np.random.default_rng(100 * place + view).normal(0, 6, stripes.shape)
    return Image.fromarray(np.clip(stripes + noise, 0, 255).astype(np.uint8))


def dataset(folder: Path, rows: list[tuple[str, str, str, int, int]]) -> Path:
    """Write photographs and a manifest: path, split, place, and the place and view that are seen."""
    folder.mkdir(parents=True)
    with (folder / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "split", "place"))
        for path, split, place, seen, view in rows:
            table.writerow((path, split, place))
            if seen >= 0:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                photograph(seen, view).save(folder / path, "JPEG", quality=90)
    return folder / "photos.csv"


ROWS = [
    *((f"g/{place}-{view}.jpg", "gallery", place, seen, view) for seen, place in enumerate("abc") for view in (0, 1)),
    ("q/a.jpg", "query", "a", 0, 5),
    ("q/b.jpg", "query", "b", 1, 5),
    ("q/c-looks-like-a.jpg", "query", "c", 0, 6),
    ("q/nowhere.jpg", "query", "nowhere", 9, 5),
    ("q/gone.jpg", "query", "b", -1, 0),
]


def evaluated(manifest: Path, folder: Path, **options: float) -> tuple[EvaluationResult, Gallery]:
    with pytest.MonkeyPatch.context() as patch:  # a score decides here, and not a calibration
        patch.setattr("placeprint.indexing.folder.calibrated_alone", lambda made, **_: (made, "not asked for"))
        gallery = index(manifest, folder / "gallery").gallery
    return evaluate(manifest, gallery=gallery, **options), gallery


@pytest.fixture(scope="module")
def town3(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EvaluationResult, Gallery]:
    """Three places, one query taken for another place, one of nowhere, one whose file is missing."""
    folder = tmp_path_factory.mktemp("report")
    manifest = dataset(folder / "photos", ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPRINT_CACHE", str(folder / "cache"))
        result, gallery = evaluated(manifest, folder, threshold=0.5)
    return manifest, result, gallery


def page_of(result: EvaluationResult, gallery: Gallery, root: Path, **options) -> Page:
    return Page(render(result, Findings(**options), gallery=gallery, query_root=root))


def test_the_page_opens_without_a_network(town3):
    manifest, result, gallery = town3
    html = render(result, Findings(check=check(manifest)), gallery=gallery, query_root=manifest.parent)
    page = Page(html)
    addresses = [v for _, name, v in page.attributes if name in ("src", "href", "srcset", "xlink:href", "action")]
    assert addresses
    assert all(a.startswith(("#", "data:image/jpeg;base64,")) for a in addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"https?:|[\"'(]//", html)
    assert not [n for _, n, _ in page.attributes if n.startswith("on")]
    policy = dict(zip(page.values("meta", "http-equiv"), page.values("meta", "content"), strict=False))
    assert "default-src 'none'" in policy["Content-Security-Policy"]
    [script] = re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL)  # one, and the policy lets no other run
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*);", policy["Content-Security-Policy"]) == [f"'sha256-{digest}'"]
    assert len(script) < 8000
    assert page.values("html", "lang") == ["en"]


def test_every_reference_leads_somewhere_and_every_picture_has_words(town3):
    manifest, result, gallery = town3
    page = page_of(result, gallery, manifest.parent)
    assert len(page.ids) == len(set(page.ids))
    links = [v[1:] for tag, name, v in page.attributes if name == "href" and tag in ("a", "use")]
    assert set(links) <= set(page.ids)
    words = [v for _, name, v in page.attributes if name == "aria-labelledby"]
    assert set(words) <= set(page.ids)
    pictures = page.values("svg", "role")
    assert len(pictures) == len([v for v in page.values("svg", "aria-label") if v])


def test_a_photograph_is_embedded_once_however_often_it_is_shown(town3):
    manifest, result, gallery = town3
    page = page_of(result, gallery, manifest.parent)
    embedded, shown = page.values("image", "href"), page.values("use", "href")
    assert len(embedded) == len(set(embedded)) == 6 + 4  # the gallery and the queries that could be read
    sheets = choose(result)
    cases = (*sheets.misses.cases, *sheets.unknown.cases, *sheets.right.cases)
    assert len(shown) == sum(1 + len(case.tiles) for case in cases) == 4 * (1 + 5)
    assert len(set(shown)) == len(embedded)


def test_numbers_are_those_of_the_result(town3):
    manifest, result, gallery = town3
    page, opened = page_of(result, gallery, manifest.parent), result.open_set
    for k, value in result.recall.items():
        assert page.terms[f"Recall@{k}"] == f"{value:.3f}"
    assert page.terms["mAP"] == f"{result.map:.3f}"
    assert page.terms["Open-set AUROC"] == f"{opened.auroc:.3f}"
    assert page.terms["Recall@1, UNKNOWN a miss"] == f"{opened.recall_at_1:.3f}"
    assert page.terms["UNKNOWN precision"] == number(opened.unknown_precision)
    assert page.terms["UNKNOWN recall"] == number(opened.unknown_recall)
    assert (page.terms["False accepts"], page.terms["False rejects"]) == (
        str(opened.false_accepts),
        str(opened.false_rejects),
    )
    [recall] = [h.over_places for h in result.headlines if h.name == "recall_at_1"]
    assert f"{recall.low:.3f} to {recall.high:.3f}" in page.text["numbers"]
    assert f"{result.map_found_at_20:.3f}: over the 20 best" in page.text["made"]
    assert page.rows["places"][1:] == [
        [p.place, str(p.gallery), str(p.queries), number(p.recall_at_1), number(p.average_precision)]
        for p in result.places
    ]
    assert result.fingerprint in page.text["made"]
    assert f"{result.failures[0].score:.3f} rank 1" in page.text["misses"]


def test_the_verdict_says_what_happened(town3):
    _, result, _ = town3
    assert headline(result) == "3 known photos: 2 named right, 0 not named, 1 named wrong."
    first, lacking, threshold, unusable, *_ = more(result)
    assert first == "The right place comes first for 2 of 3, named or not (Recall@1 0.667)."
    told = "; none of them is given a place" if result.open_set.false_accepts == 0 else ""
    assert lacking == f"1 photo shows a place that the gallery does not have: nowhere{told}."
    assert threshold == "A place is named from a score of 0.500 on; else it is UNKNOWN."
    assert unusable == "1 image could not be used and took no part."
    undecided = replace(result, open_set=replace(result.open_set, threshold=None, recall_at_1=None, false_accepts=None))
    assert headline(undecided) == (
        "2 of 3 query photos that have a right answer in the gallery got the right place (Recall@1 0.667)."
    )
    assert more(undecided)[0] == "1 photo shows a place that the gallery does not have: nowhere."


def test_tables_come_first_then_misses_unknown_queries_and_right_answers(town3):
    manifest, result, gallery = town3
    html = render(result, gallery=gallery, query_root=manifest.parent)
    places = [
        html.index(f'<section id="{name}"')
        for name in ("numbers", "queries", "confusions", "misses", "unknown", "right")
    ]
    assert places == sorted(places)
    text = Page(html).text
    assert "q/c-looks-like-a.jpg" in text["misses"]
    assert "q/nowhere.jpg" in text["unknown"]
    assert "q/a.jpg" in text["right"]
    assert "q/b.jpg" in text["right"]
    assert "q/a.jpg" not in text["misses"]
    assert Page(html).rows["confusions"][1:] == [["c", "a", "1"]]
    assert Page(html).rows["unusable"][1:] == [["q/gone.jpg", "missing", "the file is not there"]]


def test_right_and_wrong_have_a_mark_besides_the_colour(town3):
    manifest, result, gallery = town3
    page = page_of(result, gallery, manifest.parent)
    assert page.text["unknown"].count("✗") == 5
    assert page.text["unknown"].count("✓") == 0
    shown = [c.tiles for c in choose(result).right.cases]
    assert page.text["right"].count("✓") == sum(t.right for tiles in shown for t in tiles) == 4
    assert page.text["right"].count("✗") == sum(not t.right for tiles in shown for t in tiles) == 6


def choose(result: EvaluationResult):
    photos = [ImageFile(Path(), q.path) for q in result.queries]
    return choose_cases(result, query_images=photos, gallery_image=lambda row: ImageFile(Path(), str(row)))


def test_a_late_positive_is_shown_with_its_rank(town3):
    _, result, _ = town3
    late = replace(result.failures[0], first_positive=6, correct=(False,) * 5 + (True,))
    assert [t.rank for t in choose(_with(result, late)).misses.cases[0].tiles] == [1, 2, 3, 4, 5, 6]
    beyond = replace(late, first_positive=40)
    assert [t.rank for t in choose(_with(result, beyond)).misses.cases[0].tiles] == [1, 2, 3, 4, 5]


def _with(result: EvaluationResult, miss) -> EvaluationResult:
    queries = tuple(miss if q.path == miss.path else q for q in result.queries)
    return replace(result, queries=queries, failures=(miss,))


def test_the_dangerous_and_the_unsure_come_first_and_caps_are_told(town3):
    manifest, result, gallery = town3
    unknown = next(q for q in result.queries if not q.known)
    right = next(q for q in result.queries if q.right)
    strangers = [replace(unknown, path=f"u{i}", score=s) for i, s in enumerate((0.2, math.nan, 0.9))]
    sure = [replace(right, path=f"r{i:02}", margin=0.01 * i) for i in range(MAX_RIGHT + 9, -1, -1)]
    rejected = replace(right, path="rejected", margin=0.9, accepted=False)
    changed = replace(result, queries=(*strangers, *sure, rejected), failures=())
    sheets = choose(changed)
    assert [c.query.path for c in sheets.unknown.cases] == ["u2", "u0", "u1"]
    assert [c.query.path for c in sheets.right.cases[:3]] == ["rejected", "r00", "r01"]
    text = page_of(changed, gallery, manifest.parent).text
    assert f"The first {MAX_RIGHT} of {MAX_RIGHT + 11} are shown" in text["right"]
    assert "are shown" not in text["unknown"]
    assert "None." in text["misses"]


def test_hostile_names_are_text(tmp_path):
    rows = [
        ("g/\"on\"error='x'.jpg", "gallery", HOSTILE, 0, 0),
        ("g/b.jpg", "gallery", "b", 1, 0),
        ("q/<img src=x>.jpg", "query", "b", 0, 5),
        ("q/two\nlines.jpg", "query", "b", -1, 0),
    ]
    manifest = dataset(tmp_path / "photos", rows)
    result, gallery = evaluated(manifest, tmp_path)
    assert [q.path for q in result.failures] == ["q/<img src=x>.jpg"]
    html = render(result, gallery=gallery, query_root=manifest.parent)
    page = Page(html)
    assert "<script>alert" not in html
    assert "<img" not in html
    shown = HOSTILE.replace("\u202e", "\\u202e")  # a mark that turns what follows round
    assert shown in page.text["misses"]
    assert shown in page.text["confusions"]
    assert any("rank 1, wrong: g/\"on\"error='x'.jpg" in v for v in page.values("svg", "aria-label"))
    assert "q/two\\x0alines.jpg" in page.text["unusable"]
    bytes_name = replace(result, dataset="caf\udce9\x1b[31m", index="ex\udce9\x07act")
    text = page_of(bytes_name, gallery, manifest.parent).text
    assert "caf\\udce9\\x1b[31m" in text[""]
    assert "ex\\udce9\\x07act" in text["numbers"]


def test_what_nothing_defines_is_a_dash(tmp_path):
    manifest = dataset(tmp_path / "photos", [("g/a.jpg", "gallery", "a", 0, 0), ("q/a.jpg", "query", "a", 0, 5)])
    result, gallery = evaluated(manifest, tmp_path)
    assert math.isnan(result.open_set.auroc)
    assert math.isnan(result.queries[0].margin)
    html = render(result, gallery=gallery, query_root=manifest.parent)
    page = Page(html)
    assert page.terms["Open-set AUROC"] == "–"
    assert "Margin to another place –." in page.text["right"]
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)
    assert "UNKNOWN precision" not in page.terms
    assert 'id="unknown"' not in html


def test_a_photograph_that_is_gone_is_named(tmp_path):
    manifest = dataset(tmp_path / "photos", ROWS)
    result, gallery = evaluated(manifest, tmp_path)
    (manifest.parent / "g/a-0.jpg").unlink()
    (manifest.parent / "q/a.jpg").write_bytes(b"not a picture")
    page = page_of(result, gallery, manifest.parent)
    assert len(page.values("image", "href")) == 8
    words = page.values("div", "aria-label")
    assert "query photo q/a.jpg: not shown, the content is not an image that can be read" in " ".join(words)
    assert any(re.fullmatch(r"rank \d, right: g/a-0\.jpg: not shown, the file is not there", w) for w in words)


def test_a_path_out_of_the_folder_is_not_followed(tmp_path):
    photograph(0, 0).save(tmp_path / "secret.jpg")
    (tmp_path / "photos").mkdir()
    photo = ImageFile(tmp_path / "photos", "../secret.jpg")
    made = thumbnails([photo])[photo]
    assert (made.uri, made.reason) == ("", "the path leaves the dataset's folder: it is not followed")


def test_a_thumbnail_is_small_upright_and_holds_only_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x010E] = "where I live"
    photograph(0, 0).resize((1600, 1200)).save(tmp_path / "a.jpg", exif=exif, comment=b"a remark")
    photo = ImageFile(tmp_path, "a.jpg")
    gone = ImageFile(tmp_path, "gone.jpg")
    made = thumbnails([photo, photo, gone])
    assert [(p, t.key) for p, t in made.items()] == [(photo, "p0"), (gone, "p1")]
    assert (made[photo].width, made[photo].height) == (SIDE * 3 // 4, SIDE)
    data = base64.b64decode(made[photo].uri.removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(data)).size == (180, 240)
    assert b"remark" not in data
    assert b"where I live" not in data
    assert b"Exif" not in data


def test_histogram_counts_every_query_and_places_the_threshold(town3):
    _, result, _ = town3
    scores = {"right": [0.52, 0.61, 0.9], "wrong": [0.55], "unknown": [0.41, math.nan]}
    make = {
        "right": next(q for q in result.queries if q.right),
        "wrong": result.failures[0],
        "unknown": next(q for q in result.queries if not q.known),
    }
    queries = tuple(replace(make[kind], score=s) for kind, values in scores.items() for s in values)
    made = score_histogram(replace(result, queries=queries, open_set=replace(result.open_set, threshold=0.6)))
    assert made.ticks == ("0.4", "0.5", "0.6", "0.7", "0.8", "0.9")
    assert made.threshold == pytest.approx(0.4)
    assert [(s.kind, s.count, sum(b.count for b in s.bars)) for s in made.strips] == [
        ("right", 3, 3),
        ("wrong", 1, 1),
        ("unknown", 1, 1),
    ]
    right = made.strips[0]
    assert (right.median, right.low, right.high) == (0.61, 0.52, 0.9)
    assert [round(b.left, 2) for b in right.bars] == [0.24, 0.4, 0.96]  # bins of 0.02 from 0.4; 0.9 is in the last
    assert score_histogram(replace(result, queries=())) is None


def test_the_threshold_is_drawn_only_when_asked_for(town3):
    manifest, result, gallery = town3
    html = render(result, gallery=gallery, query_root=manifest.parent)
    assert html.count('<line class="limit"') == 3
    asked_nothing = replace(result, open_set=replace(result.open_set, threshold=None, recall_at_1=None))
    assert '<line class="limit"' not in render(asked_nothing, gallery=gallery, query_root=manifest.parent)


def test_both_files_are_written_and_the_json_is_the_result(town3, tmp_path):
    manifest, result, gallery = town3
    report = write_report(result, tmp_path / "new" / "out", gallery=gallery, query_root=manifest.parent)
    assert sorted(p.name for p in report.parent.iterdir()) == ["report.html", "report.json"]
    assert report.read_text("utf-8") == render(result, gallery=gallery, query_root=manifest.parent)
    assert json.loads((report.parent / "report.json").read_text()) == json.loads(
        json.dumps(result.to_dict(every_query=True), allow_nan=False)
    )


def test_the_gallerys_own_images_can_be_the_queries(town3):
    _, _, gallery = town3
    result = evaluate(gallery=gallery)
    page = Page(render(result, gallery=gallery, query_root=None))
    assert len(page.values("image", "href")) == 6
    assert page.values("div", "aria-label") == []  # nothing is gone
    assert "leave one image out" in page.text["numbers"]


def test_findings_of_the_check_are_listed(town3):
    manifest, result, gallery = town3
    checked = check(read_dataset(manifest))
    text = page_of(result, gallery, manifest.parent, check=checked).text["check"]
    for row in checked.summary():
        assert row.check in text
        assert row.advice in text
    assert "missing" in text
    assert "check" not in page_of(result, gallery, manifest.parent).text


def test_names_wrap_after_separators_and_stay_themselves():
    assert str(breakable("a_b/<c>")) == "a_<wbr>b/<wbr>&lt;c&gt;"
    assert number(0.91176) == "0.912"
    assert number(math.inf) == number(None) == number(math.nan) == "–"


def test_the_whole_run_teaches(tmp_path: Path, town: Path) -> None:
    """Kinds of failures, leaks, what the gallery lacks, curves and conventions are in the page and the JSON."""
    from placeprint.report.run import run

    done = run(town, tmp_path / "out")
    page = done.report.read_text(encoding="utf-8").replace("<wbr>", "")
    row = json.loads(done.report.with_suffix(".json").read_text())
    order = ["numbers", "queries", "kinds", "lacks", "curves", "misses", "right", "conventions", "made"]
    places = [page.index(f'<section id="{name}"') for name in order]
    assert places == sorted(places)
    assert done.diagnosis.coverage.says.split(";")[0] in page
    assert {p["place"] for p in row["lessons"]["lacks"]["places"]} == {p.place for p in done.diagnosis.coverage.places}
    assert sum(k["count"] for k in row["lessons"]["kinds"]) == sum(k.count for k in done.diagnosis.kinds)
    assert row["lessons"]["leaks"]["leaked"] == done.diagnosis.leaks.leaked >= 1, "the town has a copy across splits"
    assert all(f">{c.value:.4f}<" in page for c in done.evaluation.conventions if c.value == c.value)


def explained_page(town3, **changes) -> Page:
    """Render the report of the three places with what is kept of each query."""
    manifest, result, gallery = town3
    inputs = gather_inputs(manifest, gallery)
    given = {"gallery": gallery, "query_root": manifest.parent, "parts": inputs.queries.parts} | changes
    told = Findings(parts=given.pop("parts"))
    return Page(render(given.pop("result", result), told, **given))


def gather_inputs(manifest, gallery):
    return gather(manifest, gallery)


def test_the_first_misses_and_doubtful_cases_are_explained(town3):
    page = explained_page(town3)
    pictures = [v for v in page.values("svg", "aria-label") if v.endswith("lines between what lies alike")]
    drawn = [v for v in page.values("svg", "class") if v == "drawing lines"]
    assert len(pictures) == len(drawn) == 2 + 1 + 2  # a miss has its best positive too
    assert pictures[0].startswith("q/c-looks-like-a.jpg beside g/a-")
    assert pictures[1].startswith("q/c-looks-like-a.jpg beside g/c-")
    assert "Rank 1, wrong: " in page.text["misses"]
    assert re.search(r"Rank \d, right: ", page.text["misses"])
    assert re.search(r"Rank 1, wrong: .* of \d+ spots", page.text["unknown"])
    assert page.text["right"].count("Rank 1, right: ") == 2
    assert "Lines lead from spots" in page.text["misses"]
    assert len(page.ids) == len(set(page.ids))
    assert all(v.startswith("data:image/jpeg;base64,") for v in page.values("image", "href"))
    for address in page.values("image", "href"):
        Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).verify()


def test_a_positive_far_behind_is_explained_by_the_one_that_agrees_most(town3):
    _, result, _ = town3
    far = _with(result, replace(result.failures[0], first_positive=40))
    page = explained_page(town3, result=far)
    assert "Right, and far behind: " in page.text["misses"]
    assert "nan" not in page.text["misses"]
    assert any("beside g/c-" in v for v in page.values("svg", "aria-label"))
    several = _with(result, replace(result.failures[0], first_positive=40, places=("b", "c")))
    page, number = explained_page(town3, result=several), result.queries.index(result.failures[0])
    manifest, _, gallery = town3
    kept, ours = gallery.parts["cells"], gather_inputs(manifest, gallery).queries.parts["cells"][number]
    rows = [row for row, record in enumerate(gallery.records) if record.place in ("b", "c")]
    best = rows[int(np.argmax(votes(ours, [kept[row] for row in rows])))]
    assert best != rows[0]
    assert any(f"beside {gallery.records[best].path}:" in v for v in page.values("svg", "aria-label"))
    # A photo of the gallery that is asked, and left out, does not explain itself.
    itself = replace(result.failures[0], first_positive=40, path="g/c-0.jpg")
    queries = tuple(itself if q.path == "q/c-looks-like-a.jpg" else q for q in result.queries)
    page = explained_page(town3, result=replace(result, queries=queries, failures=(itself,)))
    words = [v for v in page.values("svg", "aria-label") if v.startswith("g/c-0.jpg beside ")]
    assert [v.split(":")[0] for v in words[1:]] == ["g/c-0.jpg beside g/c-1.jpg"]


def test_without_cells_the_report_says_what_to_do(town3):
    manifest, result, gallery = town3
    assert "where photos agree" not in page_of(result, gallery, manifest.parent).text["misses"]
    text = explained_page(town3, parts={}).text["misses"]
    assert "the photo's cells were not kept: where it agrees cannot be shown." in text


def test_explanations_hold_hostile_names_as_text(tmp_path):
    rows = [
        ("g/\"on\"error='x'.jpg", "gallery", HOSTILE, 0, 0),
        ("g/b.jpg", "gallery", "b", 1, 0),
        ("q/<img src=x>.jpg", "query", "b", 0, 5),
    ]
    manifest = dataset(tmp_path / "photos", rows)
    result, gallery = evaluated(manifest, tmp_path)
    parts = gather_inputs(manifest, gallery).queries.parts
    html = render(result, Findings(parts=parts), gallery=gallery, query_root=manifest.parent)
    page = Page(html)
    assert "<script>alert" not in html
    assert "<img" not in html
    words = "q/<img src=x>.jpg beside g/\"on\"error='x'.jpg: lines between what lies alike"
    assert words in page.values("svg", "aria-label")
    assert not [n for _, n, _ in page.attributes if n.startswith("on")]


def test_an_explained_photo_that_is_gone_is_named(tmp_path):
    manifest = dataset(tmp_path / "photos", ROWS)
    result, gallery = evaluated(manifest, tmp_path)
    parts = gather_inputs(manifest, gallery).queries.parts
    for path in ("g/a-0.jpg", "g/a-1.jpg", "q/a.jpg"):
        (manifest.parent / path).unlink()
    page = page_of(result, gallery, manifest.parent, parts=parts)
    assert len([v for v in page.values("svg", "class") if v == "drawing lines"]) < 5
    assert "Rank 1, wrong" in page.text["misses"]
    assert "the file is not there" in page.text["misses"]
