"""Compare two servers: this checkout's, and another checkout's, alive together and asked in turn.

    python benchmarks/serving_against.py CHECKOUT [--preset fast] [--rounds 12] [--images FOLDER]

CHECKOUT is a folder with another state of the project, such as `git worktree add CHECKOUT COMMIT` makes; its ``src``
runs with the packages of this environment. Each indexes the same rendered town, or `--images`, and serves it. For 1, 4
and 8 clients the two are asked in turn. Printed are answers a second, quantiles, and processor time an answer, which
other programs on the machine disturb least; ratios are the medians of rounds, this checkout's over the other's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from serving import asked, whole
from town import render_town

HERE = Path(__file__).parents[1]
_RUN = """
import sys
try:
    from placeprint.cli.program import run
except ImportError:
    from placeprint.cli.app import run
sys.exit(run())
"""


class Server:
    """The server of one checkout."""

    def __init__(self, checkout: Path, images: Path, folder: Path, preset: str) -> None:
        folder.mkdir()
        command = [sys.executable, "-c", _RUN]
        env = {**os.environ, "PYTHONPATH": str(checkout / "src"), "PLACEPRINT_CACHE": str(folder / "cache")}
        gallery = str(folder / "served.gallery")
        index = [*command, "index", str(images), "-o", gallery, "--preset", preset]
        quiet = {"env": env, "cwd": folder, "stderr": subprocess.DEVNULL}
        subprocess.run(index, check=True, stdout=subprocess.DEVNULL, **quiet)  # type: ignore[call-overload]
        self._process = subprocess.Popen(
            [*command, "serve", gallery, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            **quiet,  # type: ignore[call-overload]
        )
        line = self._process.stdout.readline()
        self.url = line.split(" at ")[1].split(" ")[0]

    def processor(self) -> float:
        """Return the processor time that it has taken, s."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()


def compared(servers: dict[str, Server], photos: list[bytes], clients: int, rounds: int, seconds: float) -> None:
    """Ask both in turn, and print a line for each and one of ratios."""
    times: dict[str, list[float]] = {name: [] for name in servers}
    rates: dict[str, list[float]] = {name: [] for name in servers}
    costs: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds):
        for name in sorted(servers, reverse=bool(number % 2)):
            before = servers[name].processor()
            found, statuses = asked(servers[name].url, photos, clients, seconds)
            assert set(statuses) == {200}, statuses
            times[name] += found
            rates[name].append(len(found) / seconds)
            costs[name].append(1000 * (servers[name].processor() - before) / len(found))
    p99 = {name: 1000 * float(np.quantile(times[name], 0.99)) for name in servers}
    for name in servers:
        middle = f"p50 {1000 * np.median(times[name]):.1f} ms, p99 {p99[name]:.1f} ms"
        rate, cost = np.median(rates[name]), np.median(costs[name])
        print(f"{clients} clients, {name}: {rate:.1f} answers/s, {middle}, {cost:.2f} ms of processor an answer")
    this, other = servers
    rate, cost = (np.median(np.divide(one[this], one[other])) for one in (rates, costs))
    print(
        f"{clients} clients: answers/s {rate:.3f}, p99 {p99[this] / p99[other]:.3f}, processor {cost:.3f}", flush=True
    )


def main() -> None:
    """Start both, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        images = options.images or folder / "town"
        if options.images is None:
            render_town(images, places=8, views=4, seed=4)
        photos = [data for path in sorted((images / "query").rglob("*.jpg")) if whole(data := path.read_bytes())]
        servers: dict[str, Server] = {}
        try:
            for name, checkout in (("this", HERE), ("other", options.checkout.resolve())):
                servers[name] = Server(checkout, images.resolve(), folder / name, options.preset)
                asked(servers[name].url, photos, 4, options.seconds)
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, {options.preset}, {len(photos)} photos")
            for clients in (1, 4, 8):
                compared(servers, photos, clients, options.rounds, options.seconds)
        finally:
            for server in servers.values():
                server.close()


if __name__ == "__main__":
    main()
