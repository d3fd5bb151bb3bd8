"""What work on the page takes: many photos dropped at once, a slow line, and the first drawing. Drawn by Chromium.

    python benchmarks/page_work.py PHOTOS [--count 200] [--rounds 3]
    python benchmarks/page_work.py PHOTOS --memory 4      # asks one server so often about all, and prints its memory

PHOTOS is a folder of real photographs. A quarter of them make the gallery, `--count` others are dropped on the page
together with two broken files, and the same photos are asked of the library in this process, by as many threads as
there are cores; each round does both, one after the other. Page, server and browser share the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from page import chromium, serving
from placeprint import Gallery, Recognizer, index

MANY_MS = 600_000
POLLING = 250
DONE = """() => document.querySelector(".hero progress")?.hidden === true"""
SLOW = {"offline": False, "latency": 0, "downloadThroughput": 60_000, "uploadThroughput": 60_000}
VERY_SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


def chosen(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Return the photos of the gallery and the photos that are asked, in an order of chance that stays."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    photos.sort(key=lambda photo: hashlib.sha256(photo.name.encode()).digest())
    return photos[count : count + max(20, count // 2)], photos[:count]


def copied(photos: list[Path], folder: Path) -> list[Path]:
    """Copy photos into one folder under names of their own, a folder for each place."""
    made = []
    for number, photo in enumerate(photos):
        target = folder / f"place-{number % 40:02d}" / f"{number:03d}{photo.suffix.lower()}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)
        made.append(target)
    return made


def by_library(gallery: Path, photos: list[Path]) -> tuple[float, float, list[str | None]]:
    """Ask the library about every photo, after the first 20; return seconds, the processor's, and places."""
    recognizer = Recognizer(Gallery.open(gallery))
    for photo in photos[:20]:
        recognizer.recognize(photo)
    began, spent = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        places = list(pool.map(lambda photo: recognizer.recognize(photo).place, photos))
    return time.perf_counter() - began, time.process_time() - spent, places


def dropped(browser: Any, url: str, photos: list[Path]) -> tuple[float, dict[str, float], dict[str, Any]]:
    """Give photos to the page; return the seconds until all are drawn, the processor's, and what is exported."""
    with browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True) as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_load_state("networkidle")
        began, before = time.perf_counter(), processor()
        page.set_input_files("input[multiple]", photos)
        page.wait_for_selector(".result")
        page.wait_for_function(DONE, timeout=MANY_MS, polling=POLLING)  # each frame, it would cost more than the page
        seconds, after = time.perf_counter() - began, processor()
        spent = {part: after[part] - before.get(part, 0.0) for part in ("server", "browser")}
        page.locator(".export summary").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="JSON", exact=True).click()
        exported = json.loads(Path(saved.value.path()).read_text())
        return seconds, spent, exported


def processor() -> dict[str, float]:
    """Return the seconds of the processor that the server and the browser took so far, with all their processes."""
    parents, rows = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            after = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[folder.name] = after[1]
            ticks = sum(map(int, after[11:15])) / os.sysconf("SC_CLK_TCK")
            rows[folder.name] = (folder / "cmdline").read_bytes().decode(errors="replace"), ticks
    told: dict[str, float] = {}
    for process, (command, seconds) in rows.items():
        above = [process]
        while above[-1] in parents:
            above.append(parents[above[-1]])
        if str(os.getpid()) not in above:
            continue
        lines = " ".join(rows[one][0] for one in above if one in rows)
        part = "server" if "cli.program" in lines else "browser" if "chrom" in command else ""
        told[part] = told.get(part, 0.0) + seconds
    return told


def memory(url: str) -> float:
    """Return the resident memory of the server, in MiB."""
    with urllib.request.urlopen(f"http://{urlsplit(url).netloc}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("process_resident_memory_bytes")) / 2**20


def many(browser: Any, gallery: Path, photos: list[Path], broken: list[Path], rounds: int) -> None:
    """Print how long many photos take, beside the library's own time, and the memory of the server.

    Each round begins with a library and a server that have not seen the photos, but for the first 20, which both are
    asked to warm up: what a pair of images gave is remembered by a process, and photos that are dropped are new ones.
    """
    own, page, shares = [], [], []
    for _ in range(rounds):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            seconds, spent, places = alone.submit(by_library, gallery, photos).result()
        own.append(seconds)
        with serving(gallery) as url:
            dropped(browser, url, photos[:20])
            seconds, took, exported = dropped(browser, url, [*photos, *broken])
            held = memory(url)
        page.append(seconds)
        shares.append(sum(took.values()) / spent)
        each = {"library": spent, **took}
        told = ", ".join(f"{part} {1000 * seconds / len(photos):.0f}" for part, seconds in each.items())
        answers = exported["answers"]
        failed = sum(one["state"] == "failed" for one in answers)
        same = sum(one["place"] == place for one, place in zip(answers, places, strict=False))
        print(
            f"{len(photos)} photos: library {own[-1]:.1f} s, page {page[-1]:.1f} s; {len(answers)} exported, "
            f"{failed} failed, {same} the place of the library; server {held:.0f} MiB; milliseconds of the processor a "
            f"photo: {told}: {shares[-1]:.2f} times",
            flush=True,
        )
    ratio = statistics.median(page) / statistics.median(own)
    print(
        f"medians: library {statistics.median(own):.1f} s, page {statistics.median(page):.1f} s, {ratio:.2f} times; "
        f"of the processor {statistics.median(shares):.2f} times"
    )


def remembered(gallery: Path, photos: list[Path], rounds: int) -> None:
    """Print the memory of one server after each time that it was asked about all photos, three at a time and whole."""
    with serving(gallery) as url, httpx.Client(base_url=url, timeout=600) as client:
        for number in range(rounds):
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda photo: client.post("v1/recognize", content=photo.read_bytes()), photos))
            print(f"{(number + 1) * len(photos)} photos asked by a program: server {memory(url):.0f} MiB", flush=True)


def slow_line(browser: Any, url: str, photo: Path) -> None:
    """Print how long one large photo takes at 60 kB/s."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.context.new_cdp_session(page).send("Network.enable")
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    began = time.perf_counter()
    page.set_input_files("input[multiple]", photo)
    page.wait_for_selector(".verdict .sure", timeout=120_000)
    print(f"{photo.stat().st_size / 1e6:.1f} MB at 60 kB/s: answered in {time.perf_counter() - began:.1f} s")
    page.close()


def first_drawing(browser: Any, url: str) -> None:
    """Print what the first visit costs at 50 kB/s and 400 ms."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", VERY_SLOW)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url, wait_until="commit")
    page.wait_for_selector("main h1", timeout=60_000)
    before = len(asked)
    drawn = page.evaluate("performance.getEntriesByType('paint').map(e => Math.round(e.startTime))")
    heading = page.evaluate("Math.round(performance.now())")
    print(f"first visit at 50 kB/s, 400 ms: drawn after {min(drawn)} ms, heading {heading} ms, {before} requests")
    page.close()


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known, asked = chosen(options.photos, options.count)
        copied(known, folder / "photos" / "gallery")
        asked = copied(asked, folder / "asked")
        broken = [folder / "broken.jpg", folder / "cut.jpg"]
        broken[0].write_text("no photo")
        broken[1].write_bytes(asked[0].read_bytes()[:5000])
        gallery = folder / "photos.gallery"
        index(folder / "photos", gallery, cache=False)
        if options.memory:
            remembered(gallery, asked, options.memory)
            return 0
        large = max(asked, key=lambda path: path.stat().st_size)
        with serving(gallery) as url, chromium() as browser:
            first_drawing(browser, url)
            slow_line(browser, url, large)
        with chromium() as browser:
            many(browser, gallery, asked, broken, options.rounds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
