"""What the API answers, by value against the library."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from served import served_in_thread

pytest.importorskip("fastapi", reason='the extra "web" is not installed')
httpx = pytest.importorskip("httpx", reason="httpx is not installed: make test-web installs it")

from PIL import Image  # noqa: E402

from placeprint import Gallery, Recognizer, explain, recognize, recognize_many, recognize_place  # noqa: E402
from placeprint.errors import ImageError, ServerError, UsageError  # noqa: E402
from placeprint.grouping.corrections import MOST_BYTES  # noqa: E402
from placeprint.grouping.remembered import remembered  # noqa: E402
from placeprint.recognition.combined_answer import combined_answer  # noqa: E402
from placeprint.recognition.location.one_photo import position_of  # noqa: E402
from placeprint.web.routes.recognize import _keep  # noqa: E402
from placeprint.web.settings import digest_of  # noqa: E402
from placeprint.web.uploads import Upload  # noqa: E402


@pytest.fixture(scope="module")
def client(town_gallery: Path) -> Iterator[httpx.Client]:
    with served_in_thread(town_gallery) as url, httpx.Client(base_url=url, timeout=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def recognizer(town_gallery: Path) -> Recognizer:
    return Recognizer(Gallery.open(town_gallery))


def plain(row: object) -> object:
    """What JSON makes of a row."""
    return json.loads(json.dumps(row))


def without_additions(row: dict) -> dict:
    """Leave out what the server adds to an answer."""
    kept = {k: v for k, v in row.items() if k not in ("photo", "milliseconds", "photos", "filter")}
    own = ("row", "path", "places", "titles", "score", "similarity", "explanation")
    kept["matches"] = [{k: v for k, v in match.items() if k in own} for match in row["matches"]]
    return kept


def ask(client: httpx.Client, *photos: Path, **params: object) -> dict:
    files = [("photos", (photo.name, photo.read_bytes(), "image/jpeg")) for photo in photos]
    answer = client.post("/v1/recognize", files=files, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_answers_are_the_librarys(client, recognizer, queries):
    said, located = set(), set()
    for photo in queries:
        answer = recognizer.recognize(photo, k=3)
        located.add(answer.position.located)
        found = ask(client, photo, k=3)
        assert without_additions(found) == plain(answer.to_dict())
        assert found["photo"] == photo.name
        said.add(answer.unknown)
    assert said == located == {True, False}  # both kinds of answer were compared


def test_where_a_photo_was_taken_is_told_to_nobody_else(client, recognizer, queries):
    for photo in queries:
        ask(client, photo)
    told = [recognizer.recognize(photo).position for photo in queries]
    texts = client.get("/v1/doubtful").text + client.get("/metrics").text + client.get("/v1/about").text
    assert "why" in texts
    assert not [p for p in told if p.located and (repr(p.latitude) in texts or repr(p.longitude) in texts)]
    assert "position" not in client.get("/v1/doubtful").text


def test_a_raw_body_is_answered_alike(client, queries):
    for kind in ("image/jpeg", "application/octet-stream", "text/plain"):  # what it holds counts, not its name
        raw = client.post("/v1/recognize", content=queries[0].read_bytes(), headers={"content-type": kind})
        assert without_additions(raw.json()) == without_additions(ask(client, queries[0]))


def test_filters_are_the_librarys(client, town_gallery, queries):
    gallery = Gallery.open(town_gallery)
    place = gallery.places[0]
    found = ask(client, queries[0], place=place)
    assert without_additions(found) == plain(recognize(gallery, queries[0], places=[place]).to_dict())
    assert found["filter"] == {
        "places": [place],
        "near": None,
        "split": None,
        "images": len(gallery.records.rows_showing([place])),
    }
    here = gallery.records[0]
    near = (here.latitude, here.longitude, 20.0)
    found = ask(client, queries[0], near=",".join(map(str, near)))
    assert without_additions(found) == plain(recognize(gallery, queries[0], near=near).to_dict())
    wrong = client.post("/v1/recognize", params={"place": "nowhere"}, content=queries[0].read_bytes())
    with pytest.raises(UsageError) as error:
        recognize(gallery, queries[0], places=["nowhere"])
    assert (wrong.status_code, wrong.json()["detail"], wrong.json()["error"]) == (404, str(error.value), "UsageError")


def test_explanations_are_the_librarys_with_heat(client, recognizer, queries):
    found = ask(client, queries[0], k=2, explain=True)
    expected = explain(recognizer, queries[0], k=2)
    for match, reason in zip(found["matches"], expected.reasons, strict=True):
        heat = match["explanation"].pop("heat")
        assert heat["query"] == [[round(v, 2) for v in row] for row in reason.heat.tolist()]
        assert heat["match"] == [[round(v, 2) for v in row] for row in reason.match_heat.tolist()]
        assert len(heat["query"]) > 4
    assert without_additions(found) == plain(expected.to_dict())


def test_several_photos_of_one_place(client, recognizer, queries):
    answers = [recognizer.recognize(photo) for photo in queries]
    surest = sorted(zip(answers, queries, strict=True), key=lambda each: -(each[0].probability or 0))
    sure = [photo for answer, photo in surest if not answer.unknown]
    unsure = [photo for photo, answer in zip(queries, answers, strict=True) if answer.unknown]
    for photos in ([sure[0], sure[0], unsure[0]], [sure[0], unsure[0]], unsure[:2]):
        found = ask(client, *photos)
        leader, answer = combined_answer([recognizer.recognize(photo) for photo in photos])
        assert without_additions(found) == plain(answer.to_dict())
        assert [row["photo"] for row in found["photos"]] == [photo.name for photo in photos]
        assert found["photo"] == photos[leader].name
    assert ask(client, sure[0], sure[0], unsure[0])["place"] == recognizer.recognize(sure[0]).place
    silent = next(photo for photo in unsure if recognizer.recognize(photo).grade == "UNKNOWN")
    together, alone = ask(client, silent, sure[0]), ask(client, sure[0])
    assert {n: together[n] for n in ("place", "grade", "probability")} == {
        n: alone[n] for n in ("place", "grade", "probability")
    }
    assert ", one could not tell, " in together["why"]


def test_the_rate_is_asked_with_the_photo(client, town_gallery, queries, recognizer):
    """The gallery decides at 5 %; a question may be decided at another rate, and the next is decided as before."""
    kept = [point.false_accept_rate for point in Gallery.open(town_gallery).calibration.trade_off]
    for photo in queries[:3]:
        for asked, rate in ((0.5, 0.5), (0.25, 0.2), (0.05, 0.05)):
            found = ask(client, photo, false_accept_rate=asked)
            expected = Recognizer(town_gallery, false_accept_rate=asked).recognize(photo)
            assert without_additions(found) == plain(expected.to_dict())
            assert found["false_accept_rate"] == rate in kept
        assert without_additions(ask(client, photo)) == plain(recognizer.recognize(photo).to_dict())
    about = client.get("/v1/about").json()
    assert [point["false_accept_rate"] for point in about["calibration"]["trade_off"]] == kept


@pytest.mark.parametrize(
    ("rate", "why"),
    [
        ("0.001", "below the smallest rate that the gallery keeps, 0.01"),
        ("0", "above 0 and below 1"),
        ("1.5", "above 0 and below 1"),
        ("nan", "above 0 and below 1"),
        ("five", "valid number"),
    ],
)
def test_a_rate_that_is_none_is_refused(client, queries, rate, why):
    files = {"photos": queries[0].read_bytes()}
    answer = client.post("/v1/recognize", params={"false_accept_rate": rate}, files=files)
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


def test_the_python_client_answers_as_the_library(client, town_gallery, queries):
    url = str(client.base_url)
    place = Gallery.open(town_gallery).places[1]
    content = queries[-1].read_bytes()
    image = Image.open(io.BytesIO(content))
    asked = (
        (queries[-1], {"k": 3}),
        (str(queries[0]), {}),
        (content, {"places": [place]}),  # without another place the margin is NaN
        (content, {"near": (0.0, 0.0, 5000.0), "split": "gallery"}),
        (image, {}),
        (queries[0], {"false_accept_rate": 0.2}),
    )
    for photo, params in asked:
        told, expected = recognize(photo=photo, url=url, **params), recognize(town_gallery, photo, **params)
        assert told.to_dict() == expected.to_dict()
        assert [type(match) for match in told.matches] == [type(match) for match in expected.matches]
    told, expected = recognize_place(photos=queries[:2], url=url), recognize_place(town_gallery, queries[:2])
    assert told.to_dict() == expected.to_dict()
    for verb in (recognize_place, recognize_many):
        for photos in ([content, b"words"], [queries[0], "gone.jpg"], [b"", content]):
            reasons = []
            for where in ({"url": url}, {"gallery": town_gallery}):
                try:
                    reasons.append(verb(photos=photos, **where).to_list())
                except ImageError as error:
                    reasons.append((error.kind, error.reason))
            assert reasons[0] == reasons[1]
    for params in ({}, {"k": 2, "split": "gallery"}):
        photos = [queries[0], b"words", content]
        many, here = recognize_many(photos=photos, url=url, **params), recognize_many(town_gallery, photos, **params)
        assert many.to_list() == here.to_list()
        assert [one.failure is None for one in many.answers] == [True, False, True]
    with pytest.raises(UsageError, match="no place"):
        recognize(photo=content, url=url, places=["nowhere"])
    with pytest.raises(ImageError, match="not an image") as error:
        recognize(photo=b"words", url=url)
    assert error.value.kind == "unreadable"
    with pytest.raises(ServerError, match="does not answer"):
        recognize(photo=content, url="http://127.0.0.1:9")
    with pytest.raises(UsageError, match="a gallery, or the url"):
        recognize(town_gallery, content, url=url)


def test_query_asks_a_server_as_it_asks_a_gallery(client, town_gallery, queries, tmp_path):
    def program(*arguments, expect=0):
        command = [sys.executable, "-m", "placeprint.cli.program", "query", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (expect, False), done.stderr
        return done

    url, place = str(client.base_url), Gallery.open(town_gallery).places[1]
    for more in (
        queries[:1],
        queries[:3],
        [*queries[:1], "--k", 2],
        [*queries[:1], "--place", place, "--split", "gallery"],
        [*queries[:2], "--false-accept-rate", 0.25],
    ):
        told, expected = program("--url", url, *more, "--json"), program(town_gallery, *more, "--json")
        assert json.loads(told.stdout) == json.loads(expected.stdout)
    assert program("--url", url, *queries[:2]).stdout == program(town_gallery, *queries[:2]).stdout
    gone = tmp_path / "gone.jpg"
    broken = program("--url", url, gone, queries[0], "--json", expect=3)
    assert json.loads(broken.stdout) == json.loads(program(town_gallery, gone, queries[0], "--json", expect=3).stdout)
    assert "no place" in program("--url", url, queries[0], "--place", "nowhere", expect=2).stderr
    assert "does not answer" in program("--url", "http://127.0.0.1:9", queries[0], expect=3).stderr
    too_low = ("--false-accept-rate", "0.001")
    for asked in (("--url", url), (town_gallery,)):
        assert "below the smallest rate" in program(*asked, queries[0], *too_low, expect=2).stderr
    for option in (("--model", "x.onnx"), ("--unknown-threshold", "0"), ("--explain",), ("--runner", "onnx")):
        assert f"{option[0]} does not go with --url" in program("--url", url, queries[0], *option, expect=2).stderr
    assert "give a gallery and a photo" in program(town_gallery, expect=2).stderr


def test_a_server_finds_its_gallerys_own_model(town, queries, tmp_path):
    from placeprint.embedding.models import DEFAULT_MODEL, WEIGHTS
    from placeprint.indexing.index import index

    row = json.loads((WEIGHTS / f"{DEFAULT_MODEL}.json").read_text()) | {"name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(row))
    shutil.copy(WEIGHTS / f"{DEFAULT_MODEL}.onnx", tmp_path / "mine.onnx")
    made = index(town, tmp_path / "own.gallery", model=str(tmp_path / "mine.onnx"), cache=False).gallery
    with served_in_thread(tmp_path / "own.gallery") as url:
        assert recognize(photo=queries[0], url=url).to_dict() == recognize(made, queries[0]).to_dict()
        assert httpx.get(f"{url}/v1/about").json()["model"]["name"] == "mine"
        assert str(tmp_path) not in httpx.get(f"{url}/v1/about").text


def test_places_and_images_are_the_gallerys(client, town_gallery, town):
    gallery = Gallery.open(town_gallery)
    first = client.get("/v1/places", params={"limit": 2}).json()
    rest = client.get("/v1/places", params={"limit": 200, "offset": 2}).json()
    listed = first["places"] + rest["places"]
    assert [place["place"] for place in listed] == list(gallery.places)
    assert len(first["places"]) == 2
    assert first["total"] == len(gallery.places)
    seen = []
    for place in listed:
        page = client.get(place["url"]).json()
        records = [gallery.records[row] for row in gallery.records.rows_showing([place["place"]])]
        assert [item["path"] for item in page["items"]] == [record.path for record in records]
        assert place["images"] == page["total"] == len(records)
        assert place["latitude"] == pytest.approx(sum(r.latitude for r in records) / len(records))
        assert place["cover"]["image"] == page["items"][0]["image"]
        for item, record in zip(page["items"], records, strict=True):
            original = client.get(item["url"])
            assert original.content == (town / record.path).read_bytes()
            assert original.headers["content-type"] == "image/jpeg"
            assert item["content_hash"] == record.content_hash
            seen.append(item["image"])
    assert len(set(seen)) == len(seen) == len(gallery)
    named = client.get("/v1/places", params={"q": gallery.places[0][:-1].upper()}).json()
    assert gallery.places[0] in [place["place"] for place in named["places"]]
    assert client.get("/v1/places/nowhere").status_code == 404


def test_thumbnails(client):
    url = client.get("/v1/places").json()["places"][0]["cover"]["thumbnail"]
    for size, side in ((100, 120), (120, 120), (121, 240), (1600, 480)):  # the town's photographs have 480 pixels
        answer = client.get(url, params={"size": size})
        image = Image.open(io.BytesIO(answer.content))
        assert (max(image.size), image.format, dict(image.getexif())) == (side, "JPEG", {})
        again = client.get(url, params={"size": size}, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(url, params={"size": 100000}).status_code == 422
    assert client.get("/v1/images/0123456789abcdef/thumbnail").status_code == 404


def test_a_photo_that_is_gone_is_told(town, tmp_path):
    moved = Path(shutil.copytree(town, tmp_path / "town"))
    from placeprint.indexing.index import index

    gallery = index(moved, tmp_path / "gone.gallery", cache=False).gallery
    (moved / gallery.records[0].path).unlink()
    outside = tmp_path / "secret.jpg"
    Image.new("RGB", (50, 50)).save(outside)
    (moved / gallery.records[1].path).unlink()
    (moved / gallery.records[1].path).symlink_to(outside)
    (moved / gallery.records[2].path).write_text("<script>alert(1)</script>")
    from placeprint.web.identity import image_id

    with served_in_thread(tmp_path / "gone.gallery") as url, httpx.Client(base_url=url, timeout=60) as client:
        for row, said in ((0, "is not there"), (1, "leaves the dataset's folder"), (2, "no longer an image")):
            answer = client.get(f"/v1/images/{image_id(gallery.records, row)}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
            assert said in answer.json()["detail"]
            assert client.get(f"/v1/images/{image_id(gallery.records, row)}/thumbnail").status_code == 404
        for name in ("..%2f..%2fsecret.jpg", "../secret.jpg", "%2e%2e%2fsecret.jpg", quote(str(outside), safe="")):
            assert client.get(f"/v1/images/{name}").status_code == 404
            assert client.get(f"/static/{name}").status_code == 404


def test_about_and_doubtful(client, town_gallery, queries, recognizer):
    gallery = Gallery.open(town_gallery)
    about = client.get("/v1/about").json()
    assert (about["images"], about["places"]) == (len(gallery), len(gallery.places))
    assert about["model"] == {"name": gallery.spec.name, "fingerprint": gallery.spec.fingerprint()}
    assert (about["writing"], about["remembers"], about["coordinates"], about["explains"]) == (False, False, True, True)
    unsure = next(photo for photo in queries if recognizer.recognize(photo).unknown)
    found = ask(client, unsure)
    newest = client.get("/v1/doubtful", params={"limit": 1}).json()["answers"][0]
    assert (newest["answer"], newest["probability"]) == ("UNKNOWN", found["probability"])
    assert newest["matches"][0]["image"] == found["matches"][0]["image"]
    assert unsure.name not in json.dumps(newest)


def test_titles_are_told_beside_the_names_of_places(town_gallery, tmp_path, queries):
    source = Gallery.open(town_gallery)
    titled = [dataclasses.replace(r, titles=tuple(f"The {p}" for p in r.places)) for r in source.records]
    Gallery.build(
        tmp_path / "titled.gallery",
        records=titled,
        vectors=np.asarray(source.vectors),
        spec=source.spec,
        preset=source.preset,
        parts=source.parts,
        root=source.roots[0],
    )
    place = titled[0].places[0]
    with served_in_thread(tmp_path / "titled.gallery") as url, httpx.Client(base_url=url, timeout=60) as asked:
        found = ask(asked, queries[0])
        assert found["title"] == f"The {found['best_guess']}"
        assert [one["title"] for one in found["places"]] == [f"The {one['place']}" for one in found["places"]]
        assert found["matches"][0]["titles"] == [f"The {found['matches'][0]['places'][0]}"]
        listed = asked.get("/v1/places", params={"q": f"the {place}"}).json()
        assert [(one["place"], one["title"]) for one in listed["places"]][:1] == [(place, f"The {place}")]
        assert asked.get(f"/v1/places/{place}").json()["title"] == f"The {place}"
        assert recognize(url=url, photo=queries[0]).title == found["title"]


def test_photos_are_located_as_by_the_library(client, recognizer, queries):
    located = set()
    for photo in queries[::2]:
        found = client.post("/v1/locate", content=photo.read_bytes(), headers={"content-type": "image/jpeg"}).json()
        expected = position_of(recognizer, photo)
        assert found["photos"] == [plain({"photo": "photo", **dataclasses.asdict(expected)})]
        located.add(expected.located)
    assert located == {True, False}
    asked = {"share": 0.5, "false_accept_rate": 0.2}
    files = [("photos", (photo.name, photo.read_bytes(), "image/jpeg")) for photo in (queries[-1], queries[0])]
    answer = client.post("/v1/locate", files=files, params={**asked, "format": "geojson"})
    assert answer.headers["content-type"] == "application/geo+json"
    one, other = answer.json()["features"]
    expected = position_of(recognizer, queries[-1], share=0.5, rate=0.2)
    assert one["geometry"] == {"type": "Point", "coordinates": [expected.longitude, expected.latitude]}
    assert (one["properties"]["share"], one["properties"]["radius"]) == (0.5, expected.radius)
    assert [each["properties"]["photo"] for each in (one, other)] == [queries[-1].name, queries[0].name]
    assert (other["geometry"], bool(other["properties"]["why"])) == (None, True)


def test_what_cannot_be_located_is_a_problem(client, queries, town_gallery, tmp_path):
    for params in ({"share": 0.4}, {"share": 1}, {"false_accept_rate": 0}, {"format": "kml"}):
        assert client.post("/v1/locate", content=queries[0].read_bytes(), params=params).status_code == 422
    broken = client.post("/v1/locate", files=[("photos", ("b.jpg", b"no image", "image/jpeg"))])
    assert (broken.status_code, broken.json()["error"]) == (422, "ImageError")
    assert broken.json()["detail"].startswith("b.jpg: ")
    gallery = Gallery.open(town_gallery)
    bare = [dataclasses.replace(record, latitude=None, longitude=None) for record in gallery.records]
    settings = {"spec": gallery.spec, "preset": gallery.preset, "parts": gallery.parts, "root": gallery.roots[0]}
    Gallery.build(tmp_path / "bare", records=bare, vectors=np.asarray(gallery.vectors), **settings)
    with served_in_thread(tmp_path / "bare") as url:
        nowhere = httpx.post(f"{url}/v1/locate", content=queries[0].read_bytes(), timeout=60)
    assert nowhere.status_code == 422
    assert nowhere.json()["detail"] == "the gallery has no positions: index photos that have them"


def test_a_damaged_folder_of_unknown_photos_costs_no_answer(town, tmp_path):
    kept = remembered(tmp_path, make=True)
    photo = Upload("1.jpg", next(town.glob("query/*/01.jpg")).read_bytes())
    _keep([photo], kept, whole=False)
    assert len(kept.photos) == 1
    (tmp_path / "accepted.csv").write_bytes(b"\x00\xff no table")
    _keep([Upload("2.jpg", next(town.glob("query/*/02.jpg")).read_bytes())], kept, whole=False)
    assert len([*(tmp_path / "photos").iterdir()]) == 1


def test_corrections_are_bounded_and_a_folder_of_unknown_photos_that_is_gone_is_told(
    town_gallery, queries, recognizer, tmp_path
):
    unsure = next(photo for photo in queries if recognizer.recognize(photo).grade == "UNKNOWN")
    folder, token = tmp_path / "kept", "a-token-of-some-length"
    head = {"Authorization": f"Bearer {token}"}
    asked = served_in_thread(town_gallery, remember=folder, token_digest=digest_of(token))
    with asked as url, httpx.Client(base_url=url, timeout=60) as client:
        assert ask(client, unsure)["answer"] == "UNKNOWN"
        assert len(client.post("/v1/group", headers=head).json()["groups"]["alone"]) == 1
        said = {"format": 1, "answers": [{"link": "must", "a": "x", "b": "y"}]}
        assert client.put("/v1/group/corrections", headers=head, json=said).json() == {"saved": 1, "contradictions": []}
        long = client.put("/v1/group/corrections", headers=head, content=json.dumps(said) + " " * MOST_BYTES)
        assert (long.status_code, "8 MiB" in long.json()["detail"]) == (413, True)
        assert len(remembered(folder).corrections().constraints) == 1
        ways = [{"link": "must", "a": "z", "b": "y"}, {"link": "cannot", "a": "x", "b": "z"}]
        more = {"format": 1, "answers": [*said["answers"], *ways]}
        told = client.put("/v1/group/corrections", headers=head, json=more).json()
        assert told["contradictions"] == [
            '"x" and "z" are said to show two places, and the same one through "y": they count as one'
        ]
        more["answers"].append({"link": "cannot", "a": "y", "b": "x"})
        refused = client.put("/v1/group/corrections", headers=head, json=more)
        assert (refused.status_code, "must and cannot be of one place" in refused.json()["detail"]) == (422, True)
        both = {"photo": "a.jpg", "photos": ["b.jpg"], "place": "Mill"}
        for route in ("accept", "forget"):
            refused = client.post(f"/v1/group/{route}", headers=head, json=both)
            assert (refused.status_code, '"photo" beside "photos"' in refused.json()["detail"]) == (422, True)
        for gone in (folder / "photos", folder):
            shutil.rmtree(gone)
            assert ask(client, unsure)["answer"] == "UNKNOWN"
            found = [
                client.post("/v1/group", headers=head),
                client.put("/v1/group/corrections", headers=head, json={"format": 1, "answers": []}),
                client.post("/v1/group/accept", headers=head, json={"photos": ["a.jpg"], "place": "Mill"}),
                client.post("/unknown", headers=head),
            ]
            if gone == folder:
                assert [one.status_code for one in found] == [503] * 4
                assert {one.json()["detail"] for one in found} == {
                    "the folder of unknown photos is gone: who runs the server starts it again"
                }
            else:
                assert found[0].status_code == 200, "it is made again"
