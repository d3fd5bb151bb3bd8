"""A real Milvus server for tests: in a folder of its own, on free ports of loopback, gone when the test process is."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

STARTING = 120.0
"""Seconds that a server is waited for."""
QUICK = {
    "proxy__timeTickInterval": "20",
    "queryCoord__distPullInterval": "50",
    "queryCoord__checkHandoffInterval": "500",
    "queryCoord__checkSegmentInterval": "50",
    "queryCoord__checkChannelInterval": "50",
    "queryCoord__checkIndexInterval": "100",
    "queryCoord__UpdateNextTargetInterval": "1",
    "indexCoord__scheduler__interval": "100",
}
"""Looks more often, every so many milliseconds (the target: seconds): a test of few rows waits for little else."""
STEADY = {"common__session__ttl": "1200"}
"""A machine that is busy for a minute does not end it; one that is killed takes long to come back."""
_PORTS = (
    "etcd_port",
    "root_coord_port",
    "proxy_port",
    "proxy_internal_port",
    "query_coord_port",
    "query_node_port",
    "index_coord_port",
    "index_node_port",
    "data_coord_port",
    "data_node_port",
)


def missing() -> str:
    """Return why no server can be started here; empty when one can."""
    import platform

    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "the wheel `milvus` carries a server for Linux x86-64 alone"
    try:
        import milvus  # noqa: F401
        import pymilvus  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed: make test-scale installs it"
    return ""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now.

    Below those of outgoing connections (from 32,768 on): one of these may be given away before the server starts.
    Above those that Ray's workers listen on.
    """
    found: set[int] = set()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)  # what `random` draws may be the same in two test processes
        with socket.socket() as one, suppress(OSError):
            one.bind(("", port))
            found.add(port)
    return sorted(found)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class MilvusServer:
    """A server that can be killed and started again on the same data and port."""

    def __init__(self, folder: Path, **extra: str) -> None:
        from milvus import MilvusServerConfig, _initialize_data_files

        self.folder, self._extra = folder, extra
        *ports, self.health, own, peer = free_ports(len(_PORTS) + 3)
        self.config = MilvusServerConfig(data_dir=str(folder), **dict(zip(_PORTS, ports, strict=True)))
        self.config.set("log.level", "warn")
        self.config.resolve()
        self.port = dict(zip(_PORTS, ports, strict=True))["proxy_port"]
        (folder / "etcd.yaml").write_text(  # its own ports are fixed otherwise
            f"name: default\ndata-dir: {folder}/data/etcd.data\nlog-level: error\n"
            "unsafe-no-fsync: true\n"  # else a busy disk costs the server its lease; a kill loses nothing by it
            f"listen-client-urls: http://127.0.0.1:{own}\nadvertise-client-urls: http://127.0.0.1:{own}\n"
            f"listen-peer-urls: http://127.0.0.1:{peer}\ninitial-advertise-peer-urls: http://127.0.0.1:{peer}\n"
            f"initial-cluster: default=http://127.0.0.1:{peer}\n"
        )
        _initialize_data_files(str(folder))
        self.process: subprocess.Popen[bytes] | None = None

    def address(self, name: str) -> str:
        return f"milvus://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it and wait until it says that it is well."""
        binary = self.folder / "bin" / "milvus"
        environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self.health),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "ETCD_CONFIG_PATH": str(self.folder / "etcd.yaml"),
            "LD_LIBRARY_PATH": str(binary.parent),
            "GOMAXPROCS": "2",
            "OMP_NUM_THREADS": "2",
            # by the environment: what the wheel's own list of settings does not know, its file leaves out
            **{name.replace("__", "_").upper(): value for name, value in self._extra.items()},
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binary), "run", "standalone"],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        until = time.monotonic() + STARTING
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/healthz", timeout=2) as answer:
                    if b"OK" in answer.read():
                        return
            except OSError:
                pass
            time.sleep(0.2)
        self.kill()
        raise RuntimeError(f"Milvus did not start: see {self.folder / 'server.log'}")

    def kill(self) -> None:
        """End it as a failing machine would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
