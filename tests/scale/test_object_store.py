"""Photographs in an object store that speaks S3 over HTTP, as far as loopback goes: with a cluster and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placeprint import Gallery, open_gallery
from placeprint.dataset.remote import RemoteFiles, read_remote
from placeprint.errors import DatasetError, ImageError

pytestmark = pytest.mark.filterwarnings("ignore")


class S3:
    """A server with one bucket, ``places``, that holds the photographs of a folder under ``photos``."""

    def __init__(self, folder: Path) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.url = "http://{}:{}".format(*self._server.get_host_and_port())
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        self._folder = folder

    def fill(self) -> None:
        self.client.create_bucket(Bucket="places")
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                key = f"photos/{path.relative_to(self._folder).as_posix()}"
                self.client.put_object(Bucket="places", Key=key, Body=path.read_bytes())

    @property
    def client(self) -> Any:
        import boto3

        return boto3.client("s3")

    def refuse(self, *, everyone: bool) -> None:
        """Let nobody in whose key is not known, and no key is."""
        most, plain = b"0" if everyone else b"inf", {"Content-Type": "text/plain"}
        asked = urllib.request.Request(f"{self.url}/moto-api/reset-auth", most, plain, method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked).close()

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def s3(town: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for needed in ("moto.server", "s3fs"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: make test-scale installs it")
    import s3fs

    server = S3(town)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.fill()
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def verb(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a verb as a program, as a person would."""
    command = [sys.executable, "-m", "placeprint.cli.program", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def indexed(*words: object) -> dict[str, Any]:
    done = verb("index", "s3://places/photos", *words, "--no-cache", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.usefixtures("s3")
def test_a_bucket_is_indexed_as_a_folder_is(town: Path, address: str, tmp_path: Path) -> None:
    """Into a folder, into Milvus, and into Milvus by a cluster: the same images, and the same rows of failures."""
    assert verb("index", town, "-o", tmp_path / "here.gallery", "--no-cache", "-q").returncode == 0
    here = Gallery.open(tmp_path / "here.gallery")
    clustered = f"{address}_ray"
    for where, words in (
        (tmp_path / "bucket.gallery", ("-o", tmp_path / "bucket.gallery")),
        (address, ("--store", address)),
        (clustered, ("--store", clustered, "--on", "local")),
    ):
        assert indexed(*words)["images"] == len(here)
        there = open_gallery(where)
        assert there.roots == ("s3://places/photos",)
        assert there.download().records == tuple(here.records)
        assert there.failures == here.failures
        assert len(there.failures) > 0
        np.testing.assert_allclose(there.download().vectors, here.vectors, atol=1e-6)
        assert there.verify().ok
    assert indexed("--store", clustered, "--on", "local")["change"]["unchanged"] == len(here)
    assert verb("remove", tmp_path / "here.gallery", "--place", "town-hall").returncode == 0
    kept = len(Gallery.open(tmp_path / "here.gallery"))
    added = verb("add", tmp_path / "here.gallery", "s3://places/photos", "--no-cache", "--json")
    change = json.loads(added.stdout)["change"]
    assert (change["added"], change["elsewhere"]) == (len(here) - kept, kept)
    assert added.stderr.startswith("s3://places/photos: read as")
    assert Gallery.open(tmp_path / "here.gallery").roots[1] == "s3://places/photos"


@pytest.mark.usefixtures("s3")
def test_a_wrong_bucket_and_nothing_there(tmp_path: Path) -> None:
    out = ("-o", tmp_path / "g.gallery")
    for source, said in (
        ("s3://nowhere/photos", '"s3://nowhere/photos" cannot be listed: The specified bucket does not exist'),
        ("s3://places/nothing", 'no photograph was found in "s3://places/nothing"'),
        ("s3://places/gone.csv", 'the manifest "s3://places/gone.csv" cannot be read: the file is not there'),
    ):
        done = verb("index", source, *out)
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert said in done.stderr
    assert not (tmp_path / "g.gallery").exists()


def test_a_key_that_the_store_does_not_take(s3: S3, tmp_path: Path) -> None:
    files = RemoteFiles("s3://places/photos")
    path = next(name for name in files.names() if name.endswith(".jpg"))
    assert files.read(path)
    s3.refuse(everyone=True)
    try:
        done = verb("index", "s3://places/photos", "-o", tmp_path / "g.gallery")
        assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
        assert '"s3://places/photos" cannot be listed: The AWS Access Key Id you provided' in done.stderr
        with pytest.raises(DatasetError, match=r'"s3://places/photos" cannot be read any more \(.+\): run the same'):
            files.read(path)  # no row of a failure: all images would be taken out of a gallery
    finally:
        s3.refuse(everyone=False)
    assert files.read(path)


def test_an_object_that_vanished_is_a_row_and_a_store_that_did_is_the_end(s3: S3) -> None:
    manifest, files = read_remote("s3://places/photos")
    one, two = (record.path for record in manifest.records[:2])
    s3.client.delete_object(Bucket="places", Key=f"photos/{one}")
    with pytest.raises(ImageError) as told:
        files.read(one)
    assert told.value.kind == "missing"
    assert files.read(two)
    s3.stop()
    with pytest.raises(DatasetError, match="cannot be read any more"):
        files.read(two)


def test_an_address_that_was_a_path(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed: make test-scale installs it")
    assert RemoteFiles(str(Path("s3://places/photos"))).address == "s3://places/photos"
    assert RemoteFiles(str(Path(f"file://{tmp_path}"))).address == f"file://{tmp_path}"
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert RemoteFiles(str(Path(f"file://{tmp_path}"))).names() == ["a.jpg"]
    assert "AWS_ENDPOINT_URL" not in os.environ
