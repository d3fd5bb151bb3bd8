"""Load a server: eight clients for a minute, and what the library does by itself on the same cores.

    python benchmarks/serving.py [--images 10000] [--clients 8] [--seconds 60]

The server is a process of its own, asked over loopback by another process. The gallery is a rendered town, whose
embeddings are repeated with a little noise until it has so many images; every photo that is asked is embedded anew.
Printed: the unloaded median, the quantiles under load, errors, memory, and the throughput as a share of that of
`Recognizer.recognize` in as many threads as the server has; then how long it takes to add an image, and how many are
added a second by all clients.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from placeprint import Gallery, Recognizer, index
from placeprint.cores import available_cores
from placeprint.dataset.decoding.images import decode
from placeprint.errors import ImageError
from placeprint.storage.ragged import Ragged
from town import render_town


def grown(source: Gallery, path: Path, images: int) -> None:
    """Write a gallery of so many images: those of another one, disturbed, each time as places of their own."""
    rows = np.arange(images) % len(source)
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((images, source.spec.dim)).astype(np.float32) / source.spec.dim**0.5
    records = [
        dataclasses.replace(
            source.records[row], path=f"{i}.jpg", places=(f"{source.records[row].place}-{i // len(source)}",)
        )
        for i, row in enumerate(rows.tolist())
    ]
    Gallery.build(
        path,
        records=records,
        vectors=source.vectors[rows] + 0.3 * noise,
        spec=source.spec,
        preset=source.preset,
        parts={name: Ragged.of([part[row] for row in rows.tolist()]) for name, part in source.parts.items()},
    )


TOKEN = "a-token-of-the-benchmark"  # noqa: S105


def whole(data: bytes) -> bool:
    """Return whether a photo can be read: some of the town's cannot, on purpose."""
    try:
        decode(data)
    except ImageError:
        return False
    return True


def memory_of(process: int) -> float:
    """Return the resident memory of a process, MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def asked(url: str, photos: list[bytes], clients: int, seconds: float) -> tuple[list[float], collections.Counter]:
    """Ask by so many clients, each with its own connection; return the times of good answers, and statuses."""
    times: list[float] = []
    statuses: collections.Counter = collections.Counter()
    end = time.monotonic() + seconds
    address = urlsplit(url)

    def client(first: int) -> None:
        wire = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        for photo in itertools.islice(itertools.cycle(photos), first, None):
            if time.monotonic() > end:
                return
            began = time.perf_counter()
            try:
                wire.request("POST", "/v1/recognize", photo, {"Content-Type": "image/jpeg"})
                answer = wire.getresponse()
                answer.read()
            except OSError as error:
                statuses[type(error).__name__] += 1
                wire.close()
                continue
            statuses[answer.status] += 1
            if answer.status == 200:
                times.append(time.perf_counter() - began)
            else:
                time.sleep(float(answer.getheader("Retry-After", "1")))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, statuses


def written(url: str, photo: bytes, clients: int) -> dict[str, float]:
    """Add photos one after the other, then by so many clients at once; return seconds, and images a second."""
    address = urlsplit(url)
    headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {TOKEN}"}

    def add(number: int) -> float:
        wire = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        began = time.perf_counter()
        # What follows the end of a JPEG is not part of it: other bytes, another content hash.
        wire.request("POST", "/v1/places/benchmark/images", photo + str(number).encode(), headers)
        answer = wire.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
        return time.perf_counter() - began

    single = [add(number) for number in range(5)]
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(add, range(100, 100 + 4 * clients)))
    return {"write_seconds": float(np.median(single)), "writes_a_second": 4 * clients / (time.perf_counter() - began)}


def alone(gallery: Path, photos: list[bytes], seconds: float) -> float:
    """Return photos a second of the library itself, in as many threads as there are cores."""
    recognizer = Recognizer(Gallery.open(gallery))
    recognizer.recognize(photos[0])
    counts, end = [0] * available_cores(), time.monotonic() + seconds

    def work(number: int) -> None:
        for photo in itertools.islice(itertools.cycle(photos), number, None):
            if time.monotonic() > end:
                return
            recognizer.recognize(photo)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def measured(gallery: Path, photos: list[bytes], clients: int, seconds: float) -> dict[str, object]:
    """Start a server, load it, and return what was measured."""
    command = [sys.executable, "-m", "placeprint.cli.program", "serve", str(gallery), "--port", "0"]
    command.append("--keep-metadata")  # or what follows the end of a JPEG would not be stored
    env = {**os.environ, "PLACEPRINT_TOKEN": TOKEN}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    assert server.stdout is not None
    url = server.stdout.readline().split(" at ")[1].split(" ")[0]
    try:
        asked(url, photos, 1, 2)
        single, _ = asked(url, photos, 1, 8)
        asked(url, photos, clients, min(15.0, seconds / 2))  # to warm up
        kept: list[float] = []
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(1.0):
                kept.append(memory_of(server.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        times, statuses = asked(url, photos, clients, seconds)
        stop.set()
        watcher.join()
        writes = written(url, photos[0], clients)
    finally:
        server.terminate()
        server.wait()
    median, p50, p99 = (1000 * float(v) for v in (np.median(single), *np.quantile(times, (0.5, 0.99))))
    middle = float(np.median(kept))
    return {
        "unloaded_median_ms": median,
        "loaded_p50_ms": p50,
        "loaded_p99_ms": p99,
        "p99_over_unloaded": p99 / median,
        "answers_a_second": len(times) / seconds,
        "statuses": dict(statuses),
        **writes,
        "memory_mib": middle,
        "memory_from_median": [min(kept) / middle - 1, max(kept) / middle - 1],
    }


def main() -> int:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        town, gallery = Path(folder) / "town", Path(folder) / "served.gallery"
        render_town(town, places=8, views=4, seed=4)
        grown(index(town, Path(folder) / "town.gallery", cache=False).gallery, gallery, options.images)
        photos = [data for path in sorted((town / "query").glob("*/*.jpg")) if whole(data := path.read_bytes())]
        library = alone(gallery, photos, min(20.0, options.seconds))
        found = measured(gallery, photos, options.clients, options.seconds)
    share = float(found["answers_a_second"]) / library  # type: ignore[arg-type]
    found |= {"library_a_second": library, "share_of_library": share, "cores": available_cores()}
    found |= {"images": options.images, "clients": options.clients, "load_average": os.getloadavg()[0]}
    for name, value in found.items():
        print(f"{name:22} {value if not isinstance(value, float) else round(value, 3)}")
    print(json.dumps(found))
    errors = {status for status in found["statuses"] if status not in (200, 503)}  # type: ignore[attr-defined]
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
