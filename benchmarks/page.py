"""How long a person waits: from a photo dropped on the page of `placeprint serve` to its answer, drawn by Chromium.

    python benchmarks/page.py [--images 10000] [--runs 15]      # prints a table
    python benchmarks/page.py --shots docs                      # takes the screenshots of docs/ instead

The gallery is a rendered town of phone-sized photographs (4000 x 3000), filled up with places whose vectors lie around
made-up ones and whose cells and files are those of the town's photographs: every answer is searched, ranked again and
explained among as many images as were asked for. Page, server and browser share the machine. "drawn" is when the place
is on the screen, two frames after it entered the page; "with pictures" when all matches are there too.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from placeprint import Gallery, Recognizer, index
from placeprint.records import ImageRecord, Split
from town import render_town

A_PLACE, WARM = 20, 3
SCREENS: dict[int, dict[str, Any]] = {
    1440: {"viewport": {"width": 1440, "height": 1000}},
    390: {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
}
GERMAN = {("answer", 1440, "light"), ("answer", 390, "dark")}
"""Of these there is a screenshot in German, too."""
DROP = """async ({ name, text }) => {
  const moved = new DataTransfer();
  moved.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name, { type: "image/jpeg" }));
  const frame = () => new Promise(requestAnimationFrame);
  const until = async there => { while (!there()) await frame(); await frame(); await frame(); };
  const began = performance.now();
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true }));
  await until(() => document.querySelector(".verdict .sure"));
  const drawn = performance.now() - began;
  await until(() => [...document.querySelectorAll(".pair img, .matches img")].every(i => i.complete));
  return [drawn, performance.now() - began, document.querySelector(".verdict h1").textContent];
}"""


@contextlib.contextmanager
def serving(gallery: Path) -> Iterator[str]:
    """Serve a gallery in a process of its own; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "placeprint.cli.program", "serve", str(gallery), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/ready"):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])


def large_town(folder: Path, images: int) -> tuple[Path, list[Path]]:
    """Return a gallery of so many images, and the town's own queries in both sizes."""
    town = folder / "town"
    render_town(town, places=12, views=5, seed=3)
    queries = [path for path in sorted(town.glob("query/*/*.jpg")) if enlarged(path, folder / "large" / path.name)]
    for path in town.glob("gallery/*/*.jpg"):
        enlarged(path, path)
    made = index(town, folder / "town.gallery", cache=False).gallery
    fill(made, town, images)
    return folder / "town.gallery", queries


def enlarged(source: Path, target: Path) -> bool:
    """Write a photograph as large as a phone's; False when it cannot be read."""
    from PIL import Image

    try:
        with Image.open(source) as opened:
            large = opened.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    except OSError:
        return False
    target = target.with_stem(f"{source.parent.name}-{source.stem}") if target != source else target
    target.parent.mkdir(exist_ok=True)
    large.save(target, "JPEG", quality=90)
    return True


def fill(gallery: Gallery, town: Path, images: int) -> None:
    """Add made-up places until the gallery has so many images; their files are the town's, under other names."""
    rng, own = np.random.default_rng(0), len(gallery)
    count = images - own
    like = np.arange(count) % own
    centres = np.abs(np.asarray(gallery.vectors)[rng.permutation(own)[: 1 + count // A_PLACE % own]])
    centres = centres[np.arange(count) // A_PLACE % len(centres)]
    apart = rng.standard_normal((1 + count // A_PLACE, centres.shape[1]), np.float32).repeat(A_PLACE, axis=0)[:count]
    vectors = centres + centres.std() * (apart + 0.5 * rng.standard_normal(centres.shape, np.float32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    records = []
    for i in range(count):
        path = Path("more", f"place-{i // A_PLACE:04d}", f"{i:05d}.jpg")
        (town / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(town / gallery.records[int(like[i])].path, town / path)
        records.append(
            ImageRecord(
                path=path.as_posix(), places=(path.parent.name,), split=Split.GALLERY, content_hash=f"{i:064x}",
                width=4000, height=3000, latitude=(i // A_PLACE) / 1000, longitude=(i // A_PLACE % 37) / 500,
            )
        )  # fmt: skip
    parts = {name: kept.kept(like) for name, kept in gallery.parts.items()}
    gallery.add(records, vectors.astype(np.float32), spec=gallery.spec, root=str(town.resolve()), parts=parts)


def measure(images: int, runs: int) -> None:
    """Print how long answers take, by the size of the photo that is dropped."""
    with tempfile.TemporaryDirectory() as name:
        gallery, small = large_town(Path(name), images)
        sizes = {"480 x 360": small, "4000 x 3000": sorted((Path(name) / "large").iterdir())}
        print(f"{len(Gallery.open(gallery))} images, {os.cpu_count()} cores, medians of {runs} (90th percentile)")
        print(f"{'photo':<12}{'bytes':>10}{'drawn, ms':>16}{'with pictures, ms':>20}")
        with serving(gallery) as url, chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.wait_for_load_state("networkidle")
            for size, photos in sizes.items():
                found = [dropped(page, photos[turn % len(photos)]) for turn in range(runs + WARM)][WARM:]
                weight = statistics.median(photo.stat().st_size for photo in photos)
                drawn, whole = (spread([row[column] for row in found]) for column in (0, 1))
                print(f"{size:<12}{weight:>10,.0f}{drawn:>16}{whole:>20}", flush=True)


def dropped(page: Any, photo: Path) -> list[Any]:
    """Drop a photo and return milliseconds until drawn, and until its pictures were, and what was said."""
    page.goto(page.url.partition("#")[0] + "#/")
    page.wait_for_selector(".drop")
    page.wait_for_load_state("networkidle")
    found: list[Any] = page.evaluate(DROP, {"name": photo.name, "text": base64.b64encode(photo.read_bytes()).decode()})
    return found


def spread(values: list[float]) -> str:
    """Return the median and the 90th percentile."""
    return f"{statistics.median(values):.0f} ({np.quantile(values, 0.9):.0f})"


def shots(out: Path) -> None:
    """Take the screenshots of the page: two widths, light and dark; of an answer two in German."""
    with tempfile.TemporaryDirectory() as name:
        town, gallery = Path(name) / "town", Path(name) / "town.gallery"
        render_town(town, places=40, views=5, seed=7)
        index(town, gallery, cache=False)
        known, unknown = chosen(town, Recognizer(Gallery.open(gallery)))
        with serving(gallery) as url, chromium() as browser:
            views = {"answer": [known], "unknown": [unknown], "many": many(town)}
            for (width, screen), scheme, tag in product(SCREENS.items(), ("light", "dark"), ("en", "de")):
                with browser.new_context(**screen, color_scheme=scheme, reduced_motion="reduce", locale=tag) as context:
                    page = context.new_page()
                    for view, photos in views.items():
                        if tag == "en":
                            shoot(page, url, photos, out / f"page-{view}-{width}-{scheme}.png")
                        elif (view, width, scheme) in GERMAN:
                            shoot(page, url, photos, out / f"page-{view}-{width}-{scheme}-de.png")


def chosen(town: Path, recognizer: Recognizer) -> tuple[Path, Path]:
    """Return the surest right answer, and the UNKNOWN whose place the gallery surely lacks."""
    answers = {photo: recognizer.recognize(photo) for photo in sorted(town.glob("query/*/0[145].jpg"))}
    sure = {photo: answer.probability or 0 for photo, answer in answers.items()}
    right = [photo for photo, answer in answers.items() if answer.place == photo.parent.name]
    lacking = [p for p, a in answers.items() if a.place is None and not (town / "gallery" / p.parent.name).is_dir()]
    return max(right, key=lambda photo: sure[photo]), min(lacking, key=lambda photo: sure[photo])


def many(town: Path) -> list[Path]:
    """Return queries, each under a name of its own, and one file that is no photo."""
    folder = town.parent / "many"
    folder.mkdir(exist_ok=True)
    made = [folder / "meeting notes.jpg"]
    made[0].write_text("no photo")
    for photo in sorted(town.glob("query/*/0[1-5].jpg"))[:23]:
        made.append(folder / f"IMG_{4000 + 7 * len(made)}.jpg")
        shutil.copy(photo, made[-1])
    return [*made[1:4], made[0], *made[4:]]


def shoot(page: Any, url: str, photos: list[Path], out: Path) -> None:
    """Write one screenshot, at three quarters of its size and in 256 colours: a quarter of its bytes."""
    from PIL import Image

    page.goto(f"{url}#/")
    page.wait_for_selector(".drop")
    page.set_input_files("input[multiple]", photos)
    page.wait_for_selector(".verdict .sure" if len(photos) == 1 else ".hero progress[hidden]", state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    page.screenshot(path=out)
    with Image.open(out) as drawn:
        small = drawn.convert("RGB").resize((drawn.width * 3 // 4, drawn.height * 3 // 4), Image.Resampling.LANCZOS)
    few = small.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(out, optimize=True)
    print(f"{out}: {out.stat().st_size // 1000} kB")


def main() -> int:
    """Measure, or take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--shots", type=Path, help="A folder for screenshots; nothing is measured then.")
    options = parser.parse_args()
    if options.shots:
        shots(options.shots)
    else:
        measure(options.images, options.runs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
