"""A server that is down, wrong, slow, full, of another version, or wants a login: one clear line, in time."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine import MilvusServer, free_ports, missing
from making import clustered, stored

from placeprint.errors import GalleryEngineError, GalleryFormatError, GalleryNotFoundError, UsageError
from placeprint.gallery.address import is_address
from placeprint.gallery.milvus.address import Address, parse_address
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.gallery.milvus.head import FORMAT


def verb(*words: str, **environment: str) -> tuple[int, str, float]:
    """Run a verb as a program; return its exit code, what it said on stderr, and the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "placeprint.cli.program", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PLACEPRINT_MILVUS_TIMEOUT": "5"} | environment,
    )
    return done.returncode, done.stderr, time.monotonic() - began


def one_line(said: str, *parts: str) -> None:
    assert said.count("\n") == 1, said
    assert all(part in said for part in parts), said


def test_down() -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: make test-scale installs it")
    (port,) = free_ports(1)
    code, said, _ = verb("verify", f"milvus://127.0.0.1:{port}/g")
    assert code == 3
    one_line(said, "GalleryEngineError", f"nothing answers at 127.0.0.1:{port}", "start the server")


def test_another_kind_of_server() -> None:
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: make test-scale installs it")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                    one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    one.close()
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        code, said, seconds = verb("verify", f"milvus://127.0.0.1:{listener.getsockname()[1]}/g")
    assert code == 3
    one_line(said, "GalleryEngineError", "does not answer as Milvus")
    assert seconds < 40  # the limit is 5; the rest is a machine under load


def test_a_server_that_hangs(milvus: MilvusServer, address: str) -> None:
    stored(address, clustered(20, 8))
    assert milvus.process is not None
    milvus.process.send_signal(signal.SIGSTOP)
    try:
        code, said, seconds = verb("verify", address)
    finally:
        milvus.process.send_signal(signal.SIGCONT)
    assert code == 3
    one_line(said, "GalleryEngineError", "healthy")
    assert seconds < 40
    assert MilvusGallery.at(address).verify().ok


def test_no_gallery_there(address: str) -> None:
    with pytest.raises(GalleryNotFoundError, match=f"placeprint index DATASET --store {address}"):
        MilvusGallery.at(address)


@contextmanager
def impostor(version: str) -> Iterator[int]:
    """Listen as a Milvus of some version that answers nothing but which one it is; the port."""
    pytest.importorskip("pymilvus", reason="pymilvus is not installed: make test-scale installs it")
    import grpc
    from pymilvus.grpc_gen import milvus_pb2, milvus_pb2_grpc

    class Server(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
        def Connect(self, *_: object) -> object:  # noqa: N802
            return milvus_pb2.ConnectResponse(identifier=1)

        def GetVersion(self, *_: object) -> object:  # noqa: N802
            return milvus_pb2.GetVersionResponse(version=version)

    server = grpc.server(ThreadPoolExecutor(2))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(Server(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)


@pytest.mark.parametrize("version", ["v1.1.0", "2.2.16", "v3.0.1", "unknown"])
def test_another_version(version: str) -> None:
    with impostor(version) as port:
        code, said, _ = verb("verify", f"milvus://127.0.0.1:{port}/g")
    assert code == 3
    one_line(said, f"the server is Milvus {version}, and versions 2.3 to 2.6 are supported")


@pytest.mark.parametrize("version", ["v2.3.0", "2.6.4", "2.4-dev"])
def test_a_version_that_is_spoken_with(version: str) -> None:
    with impostor(version) as port:
        code, said, _ = verb("verify", f"milvus://127.0.0.1:{port}/g")
    assert code == 3
    one_line(said, "looking for the gallery failed", "not implemented")


@pytest.mark.parametrize("number", [1, FORMAT + 1])
def test_a_gallery_of_another_release(address: str, number: int) -> None:
    gallery = stored(address, clustered(10, 8))
    gallery.opened.heads.put("head", json.dumps({"kind": "placeprint gallery", "format": number}))
    code, said, _ = verb("verify", address)
    assert code == 3
    one_line(
        said, "GalleryFormatError", f"has format {number}, this release reads {FORMAT}: upgrade placeprint, or index"
    )


@pytest.mark.parametrize("name", ["g", "g_head"])
def test_a_collection_of_somebody_else_is_refused_and_stays_as_it_is(
    address: str, new_address: Callable[[], str], name: str
) -> None:
    client = MilvusGallery.at(stored(new_address(), clustered(2, 8)).where).opened.connection.client
    theirs = parse_address(address).name + name[1:]
    client.create_collection(theirs, dimension=4, consistency_level="Strong")
    client.insert(theirs, [{"id": i, "vector": [i, 1, 2, 3]} for i in range(5)])
    with pytest.raises(GalleryFormatError, match=f"{theirs} .*is a collection that placeprint did not make"):
        stored(address, clustered(10, 8))
    assert [row["id"] for row in client.query(theirs, "id >= 0", output_fields=["id"])] == [0, 1, 2, 3, 4]
    assert not client.has_collection(theirs + "_head")


@pytest.mark.parametrize(
    "reason",
    [
        "quota exceeded[reason=disk quota exceeded, please allocate more resources]",
        "quota exceeded[reason=memory quota exceeded, please allocate more resources]",
        "deny to write the message to mq: No space left on device",
    ],
)
def test_a_full_server(address: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymilvus import MilvusClient, MilvusException

    def full(*_: object, **__: object) -> None:
        raise MilvusException(code=9, message=reason)  # as Milvus says it of a disk that a test does not fill

    vectors = clustered(30, 8)
    with monkeypatch.context() as patch:
        patch.setattr(MilvusClient, "upsert", full)
        with pytest.raises(GalleryEngineError, match=r"the server is full .*run the same command again") as told:
            stored(address, vectors)
    assert told.value.exit_code == 3
    assert "\n" not in str(told.value)
    assert stored(address, vectors).verify().problems == ()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A server that wants a login and an encrypted connection, and lets nobody write."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("strict")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    server = MilvusServer(
        folder,
        common__security__authorizationEnabled="true",
        common__security__tlsMode="1",
        tls__serverPemPath=str(folder / "cert.pem"),
        tls__serverKeyPath=str(folder / "key.pem"),
        quotaAndLimits__limitWriting__forceDeny="true",
    )
    server.start()
    yield server
    server.stop()


def test_login_encryption_and_a_full_server(strict: MilvusServer, tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "v.npy", clustered(20, 8))
    (tmp_path / "r.csv").write_text("path,place\n" + "".join(f"{i}.jpg,p{i % 3}\n" for i in range(20)))
    address = f"milvus+tls://root@localhost:{strict.port}/g"
    index = ("index", "--embeddings", str(tmp_path / "v.npy"), "--records", str(tmp_path / "r.csv"), "--store", address)
    safe = {"PLACEPRINT_MILVUS_CA": str(strict.folder / "cert.pem")}
    code, said, _ = verb(*index, **safe)
    assert code == 2
    one_line(said, "UsageError", "PLACEPRINT_MILVUS_PASSWORD")
    code, said, _ = verb(*index, **safe, PLACEPRINT_MILVUS_PASSWORD="wrong")
    assert code == 3
    one_line(said, "does not answer as Milvus", "PLACEPRINT_MILVUS_TOKEN")
    code, said, _ = verb(*index, PLACEPRINT_MILVUS_PASSWORD="Milvus")  # an authority that nobody knows
    assert code == 3
    one_line(said, "does not answer as Milvus", "PLACEPRINT_MILVUS_CA")
    code, said, _ = verb(*index, **safe, PLACEPRINT_MILVUS_PASSWORD="Milvus")
    assert code == 3
    one_line(said, "the server is full", "run the same command again")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("milvus://host/name", Address("host", 19530, "name")),
        ("milvus:/host:1/name", Address("host", 1, "name")),
        ("milvus+tls://me@10.0.0.1:20/a_1", Address("10.0.0.1", 20, "a_1", "me", tls=True)),
        ("milvus://[::1]:5/n", Address("::1", 5, "n")),
    ],
)
def test_addresses(text: str, found: Address) -> None:
    assert is_address(text)
    assert parse_address(text) == found


@pytest.mark.parametrize(
    "text", ["milvus://host", "milvus://host/a-b", "milvus://h:99999/n", "milvus:///n", "milvus://h/n/m"]
)
def test_wrong_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="is not the address"):
        parse_address(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="PLACEPRINT_MILVUS_PASSWORD") as told:
        parse_address("milvus://me:hidden@host/name")
    assert "hidden" not in str(told.value)
    assert not is_address("town.gallery")
