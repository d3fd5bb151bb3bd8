"""Kill a server in the middle of writes, again and again: what it acknowledged must be there.

    python benchmarks/serving_kill.py [--rounds 10] [--writes 200]

In each round a server of one gallery is asked for many writes by four clients, additions and removals, and is killed
(SIGKILL) at a random moment. Then `verify` must be clean, every acknowledged addition there and every acknowledged
removal gone, and a server started again must show every photo that the gallery speaks of.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from placeprint import Gallery, index
from town import render_town

TOKEN = "a-token-of-the-benchmark"  # noqa: S105


def started(gallery: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a server; return it and its address."""
    command = [sys.executable, "-m", "placeprint.cli.program", "serve", str(gallery), "--port", "0", "--waiting", "64"]
    env = {**os.environ, "PLACEPRINT_TOKEN": TOKEN}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    assert server.stdout is not None
    return server, server.stdout.readline().split(" at ")[1].split(" ")[0]


def sent(url: str, method: str, body: bytes | None = None) -> dict:
    """Send a request with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "image/jpeg"}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.loads(answer.read())


def photo(number: int) -> bytes:
    """Make a small photograph of nothing, another one for each number."""
    image = Image.new("RGB", (64, 48), (number % 251, number // 251 % 251, 90))
    image.paste(Image.effect_noise((32, 48), 80), (0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


class Round:
    """The writes of one round, and what was acknowledged of them."""

    def __init__(self, url: str, first: int, writes: int) -> None:
        self.url, self.numbers = url, iter(range(first, first + writes))
        self.lock = threading.Lock()
        self.added: dict[str, str] = {}
        self.asked_away: set[str] = set()
        self.removed: set[str] = set()

    def work(self) -> None:
        """Write until there is nothing left, or the server is gone; every fifth write removes an image."""
        while True:
            with self.lock:
                number = next(self.numbers, None)
                victim = None
                if number is not None and number % 5 == 4 and self.added:
                    victim = random.choice(sorted(self.added.items()))  # noqa: S311
                    self.added.pop(victim[0])
                    self.asked_away.add(victim[0])
            if number is None:
                return
            try:
                self.write(number, victim)
            except urllib.error.HTTPError as error:
                print("refused:", error.code, error.read()[:200])
            except OSError:
                return

    def write(self, number: int, victim: tuple[str, str] | None) -> None:
        """Add a photo, or remove one."""
        if victim is None:
            made = sent(f"{self.url}/v1/places/place-{number % 7}/images", "POST", photo(number))["images"][0]
            with self.lock:
                self.added[made["path"]] = made["url"]
        else:
            sent(self.url + victim[1], "DELETE")
            with self.lock:
                self.removed.add(victim[0])

    @property
    def acknowledged(self) -> int:
        """How many writes were."""
        return len(self.added) + len(self.asked_away) + len(self.removed)


def listed(url: str, place: str) -> list[dict]:
    """Return all images of a place, or none where there is no such place."""
    found: list[dict] = []
    while True:
        try:
            page = sent(f"{url}/v1/places/{place}?limit=200&offset={len(found)}", "GET")
        except urllib.error.HTTPError:
            return found
        found += page["items"]
        if len(found) >= page["total"]:
            return found


def killed_once(gallery: Path, number: int, writes: int) -> tuple[int, list[str]]:
    """Play one round; return how many writes were acknowledged, and what is wrong afterwards."""
    server, url = started(gallery)
    played = Round(url, 1000 * number, writes)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(played.work)
        wanted = random.randrange(writes // 4, writes)  # noqa: S311
        while played.acknowledged < wanted and any(thread.is_alive() for thread in pool._threads):
            time.sleep(random.random() / 100)  # noqa: S311
        server.send_signal(signal.SIGKILL)
        server.wait()
    opened = Gallery.open(gallery)
    there = {record.path for record in opened.records}
    wrong = [f"lost: {path}" for path in played.added.keys() - there]
    wrong += [f"came back: {path}" for path in played.removed & there]
    wrong += [f"verify: {problem}" for problem in opened.verify().problems]
    again, url = started(gallery)
    for place in range(7):
        for item in listed(url, f"place-{place}"):
            with urllib.request.urlopen(url + item["url"], timeout=60) as answer:  # noqa: S310
                wrong += [] if answer.read() else [f"empty: {item['path']}"]
    again.terminate()
    again.wait()
    return played.acknowledged, wrong


def main() -> int:
    """Play the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--writes", type=int, default=200)
    options = parser.parse_args()
    random.seed(11)
    total, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        render_town(Path(folder) / "town", places=5, views=3, seed=3)
        gallery = index(Path(folder) / "town", Path(folder) / "town.gallery", cache=False).gallery.path
        for number in range(options.rounds):
            acknowledged, wrong = killed_once(gallery, number, options.writes)
            total, failed = total + acknowledged, failed + len(wrong)
            print(f"round {number + 1}: killed after {acknowledged} acknowledged writes; wrong: {wrong or 'nothing'}")
    print(f"{options.rounds} kills, {total} acknowledged writes, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
