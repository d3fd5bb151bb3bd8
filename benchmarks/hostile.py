"""What hostile files cost: each is indexed by itself, asked, and sent twice at once to a server whose health is asked.

    python benchmarks/hostile.py [--only WORDS] [--before SOURCES]

Prints a table in Markdown, whose first row is of a photograph: for `index` and `query` the seconds of the processor and
the peak memory, for a server the time of both answers, with reasons and previews as the page asks for them, the memory
above what it had before, and the longest wait of ``/v1/health``. `--before` names the ``src`` folder of another
version, which is measured instead of this one. Memory is that of the program and of all its children, read every 10 ms;
the system is Linux, the address is 127.0.0.1.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hostile_files import LARGE

SECONDS = 60
"""After so long a program is ended, and a request given up."""
MOST_UPLOADED = 32 << 20
_PAUSE = 0.01


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="words that the names of files hold")
    parser.add_argument("--before", type=Path, help="the src folder of another version")
    asked = parser.parse_args()
    env = {**os.environ, **({"PYTHONPATH": str(asked.before.resolve())} if asked.before else {})}
    print(
        "| File | MB | `index` s | MB | `query` s | MB | Server s | MB above idle | `/v1/health` ms |\n"
        + "|---" * 9
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        env["PLACEPRINT_CACHE"] = str(root / "cache")
        subprocess.run([sys.executable, "-m", "town", str(root / "town")], check=True, env=env)
        _run(env, "index", str(root / "town"), "-o", str(root / "gallery"))
        photo = next((root / "town").rglob("*.jpg")).read_bytes()
        _indexed(env, root, photo)  # compiles what the cache keeps
        server = _Server(env, root / "gallery", photo)
        for name, make in {"a photograph": lambda: photo, **LARGE}.items():
            if asked.only in name:
                data = make()
                served = server.asked(data) if len(data) <= MOST_UPLOADED else "| | "
                cells = f"{len(data) / 1e6:.2f} | {_indexed(env, root, data)} | {_queried(env, root, data)}"
                print(f"| {name} | {cells} | {served} |", flush=True)
        server.end()


def _program(env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "placeprint.cli.program", *words]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _run(env: dict[str, str], *words: str) -> None:
    _program(env, *words).communicate()


def _indexed(env: dict[str, str], root: Path, data: bytes) -> str:
    """Return how long indexing one file takes, and its peak memory."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        (Path(folder) / "photos" / "place").mkdir(parents=True)
        (Path(folder) / "photos" / "place" / "photo.jpg").write_bytes(data)
        return _measured(env, "index", f"{folder}/photos", "-o", f"{folder}/gallery", "--quiet")


def _queried(env: dict[str, str], root: Path, data: bytes) -> str:
    (root / "query.jpg").write_bytes(data)
    return _measured(env, "query", str(root / "gallery"), str(root / "query.jpg"))


def _measured(env: dict[str, str], *words: str) -> str:
    """Return two cells: seconds of the processor, and megabytes."""
    program, began, peak, ended = _program(env, *words), time.perf_counter(), 0, 0
    while not ended:
        peak = max(peak, _memory(program.pid))
        if time.perf_counter() - began > SECONDS:
            program.kill()
        time.sleep(_PAUSE)
        ended, _, used = os.wait4(program.pid, os.WNOHANG)
    return f"{used.ru_utime + used.ru_stime:.1f} | {peak / 1e6:.0f}"


class _Server:
    """A server of a gallery, started anew when a file ended it."""

    def __init__(self, env: dict[str, str], gallery: Path, photo: bytes) -> None:
        self._start = lambda: _program(env, "serve", str(gallery), "--port", "0")
        self._photo, self._port = photo, 0
        self._program: subprocess.Popen[str] | None = None

    def asked(self, data: bytes) -> str:
        """Send a file twice at once, and return three cells."""
        pid = self._running()
        idle, waits, began = _memory(pid), [0.0], time.perf_counter()
        posts = [threading.Thread(target=_post, args=(self._port, data), daemon=True) for _ in range(2)]
        health = threading.Thread(target=_ask_health, args=(self._port, posts, waits), daemon=True)
        for thread in (*posts, health):
            thread.start()
        peak = _peak_while(pid, lambda: any(post.is_alive() for post in posts))
        seconds = time.perf_counter() - began
        health.join()
        if seconds > SECONDS / 2:
            self.end()
        return f"{seconds:.1f} | {max(0, peak - idle) / 1e6:.0f} | {1000 * max(waits):.0f}"

    def end(self) -> None:
        """Stop it."""
        if self._program is not None:
            self._program.kill()
            self._program.communicate()
        self._program = None

    def _running(self) -> int:
        if self._program is None or self._program.poll() is not None:
            self._program = self._start()
            assert self._program.stdout is not None
            self._port = int(self._program.stdout.readline().split(" at http://127.0.0.1:")[1].split(" ")[0])
        for _ in range(2):
            _post(self._port, self._photo)
        return self._program.pid


def _post(port: int, data: bytes) -> None:
    _answer(port, "POST", "/v1/recognize?explain=true&preview=true", data)


def _ask_health(port: int, posts: list[threading.Thread], waits: list[float]) -> None:
    while any(post.is_alive() for post in posts):
        began = time.perf_counter()
        _answer(port, "GET", "/v1/health", None)
        waits.append(time.perf_counter() - began)
        time.sleep(2 * _PAUSE)


def _answer(port: int, method: str, path: str, body: bytes | None) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        link.request(method, path, body=body)
        link.getresponse().read()
    except OSError:
        pass  # it was given up
    finally:
        link.close()


def _peak_while(pid: int, running: Callable[[], bool]) -> int:
    peak = 0
    while running():
        peak = max(peak, _memory(pid))
        time.sleep(_PAUSE)
    return peak


def _memory(pid: int) -> int:
    """Return the resident bytes of a process and of all that it started.

    One that has not begun its own program yet is left out: its memory is that of the process that started it.
    """
    try:
        process = Path(f"/proc/{pid}")
        own, command = int((process / "statm").read_text().split()[1]), (process / "cmdline").read_bytes()
        children = [child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()]
        begun = [int(child) for child in children if Path(f"/proc/{child}/cmdline").read_bytes() != command]
    except (OSError, IndexError):  # it ended
        return 0
    return own * os.sysconf("SC_PAGE_SIZE") + sum(map(_memory, begun))


if __name__ == "__main__":
    main()
