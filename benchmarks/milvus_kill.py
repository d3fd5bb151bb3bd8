"""kill -9 of the client and of the server at five random moments each: `python benchmarks/milvus_kill.py [ROWS]`."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "scale"))
from engine import MilvusServer
from killing import kill_client, kill_server, saved


def main() -> None:
    """Kill, run again, compare every row; an assertion fails where one is missing or twice."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = random.Random(8)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        vectors = saved(Path(folder), count)
        server = MilvusServer(Path(folder, "milvus"))
        server.start()
        try:
            for moment in range(5):
                blocks = rng.randrange(1, count // 100)
                rows = kill_client(server.address(f"client_{moment}"), vectors, blocks=blocks)
                print(f"client killed after {blocks} blocks, {rows} of {count} rows there: complete after a rerun")
            for moment in range(5):
                blocks = rng.randrange(1, count // 100)
                said = kill_server(server, server.address(f"server_{moment}"), vectors, blocks=blocks)
                print(f"server killed after {blocks} blocks: complete after a rerun; the client said: {said}")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
