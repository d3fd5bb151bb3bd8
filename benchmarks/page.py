"""How long a person waits: from a photo dropped on the page of `placeprint serve` to its answer, drawn by Chromium.

    python benchmarks/page.py [--images 10000] [--runs 15]

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
from pathlib import Path
from typing import Any

import numpy as np

from placeprint import Gallery, index
from placeprint.records import ImageRecord, Split
from town import render_town

A_PLACE, WARM = 20, 3
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


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    measure(options.images, options.runs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
