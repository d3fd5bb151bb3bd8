"""Several clients that change one gallery, each a process of its own: one at a time, and none undoes another's work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import clustered, records_of, stored

from placeprint.errors import GalleryBusyError, GalleryMismatchError
from placeprint.gallery.milvus import claim as milvus_claim
from placeprint.gallery.milvus.claim import Claim
from placeprint.gallery.milvus.gallery import MilvusGallery
from placeprint.recognition.calibration.calibrate import calibrate

ADDING = """
import sys
sys.path.insert(0, {here!r})
from making import clustered, records_of
from placeprint.gallery.milvus.gallery import MilvusGallery
address, first = sys.argv[1], int(sys.argv[2])
records, vectors = records_of(1000), clustered(1000, 8)
print("ready", flush=True)
sys.stdin.readline()
for i in range(first, first + 20, 5):
    gallery = MilvusGallery.at(address)
    gallery.add(records[i : i + 5], vectors[i : i + 5], spec=gallery.spec, root=f"root {{first}}")
    gallery.remove([records[i].path])
"""
READING = """
import sys
from placeprint.gallery.milvus.gallery import MilvusGallery
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    assert len(MilvusGallery.at(sys.argv[1])) >= 20
"""
HOLDING = """
import sys
from placeprint.gallery.milvus import claim
from placeprint.gallery.milvus.gallery import MilvusGallery
claim.BEAT = 0.2
gallery = MilvusGallery.at(sys.argv[1])
with claim.Claim(gallery.opened.heads, "index"):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def started(script: str, *words: object) -> subprocess.Popen[str]:
    """Start a client, and return when it is ready; a line lets it go on."""
    text = script.format(here=str(Path(__file__).parent)) if "{here" in script else script
    process = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def ended(process: subprocess.Popen[str]) -> None:
    said = process.communicate("\n", timeout=300)[1]
    assert process.returncode == 0, said


def test_clients_that_add_remove_and_read_at_once_lose_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_claim, "PATIENCE", 120.0)  # a machine under load
    vectors, records = clustered(1000, 8), records_of(1000)
    stored(address, vectors[:20], records=records[:20])
    clients = [started(ADDING, address, 100), started(ADDING, address, 500), started(READING, address)]
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("\n")
        client.stdin.flush()
    for client in clients:
        ended(client)
    gallery = MilvusGallery.at(address)
    assert gallery.verify().problems == ()
    kept = [*range(20), *(first + i for first in (100, 500) for i in range(20) if i % 5)]
    rows = {record.path: row for row, record in enumerate(gallery.download().records)}
    assert sorted(rows) == sorted(records[i].path for i in kept)
    found = gallery.download().vectors[[rows[records[i].path] for i in kept]]
    np.testing.assert_allclose(found, vectors[kept], atol=1e-7)
    assert sorted(gallery.roots) == sorted([*gallery.roots[:1], "root 100", "root 500"])
    assert gallery.opened.heads.claims() == {}


@pytest.mark.parametrize("verb", ["add", "remove", "calibrate", "index"])
def test_who_comes_while_another_writes_is_told_who(address: str, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setattr(milvus_claim, "PATIENCE", 1.0)
    vectors = clustered(60, 8)
    gallery = stored(address, vectors)
    before = gallery.opened.heads.text()
    holder = started(HOLDING, address)
    verbs: dict[str, Any] = {
        "add": lambda: gallery.add(records_of(70)[60:], clustered(10, 8, seed=9), spec=gallery.spec),
        "remove": lambda: gallery.remove(places=["place 3"]),
        "calibrate": lambda: calibrate(gallery),
        "index": lambda: stored(address, vectors[:30]),
    }
    with pytest.raises(GalleryBusyError, match=rf"another writer \(.+, process {holder.pid}: index\)"):
        verbs[verb]()
    assert gallery.opened.heads.text() == before
    assert list(gallery.opened.heads.claims()) != []
    ended(holder)
    verbs[verb]()
    assert gallery.opened.heads.text() != before
    assert gallery.opened.heads.claims() == {}
    assert MilvusGallery.at(address).verify().ok


def test_a_killed_writer_is_not_waited_for(address: str) -> None:
    gallery = stored(address, clustered(20, 8))
    holder = started(HOLDING, address)
    holder.kill()
    holder.communicate()
    assert len(gallery.opened.heads.claims()) == 1
    changed, change = gallery.remove(places=["place 3"])
    assert (change.removed, len(changed)) == (2, 18)
    assert gallery.opened.heads.claims() == {}


@pytest.mark.parametrize("beat", ["", "4"])
def test_a_writer_on_another_machine_that_fell_silent_is_not_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch, beat: str
) -> None:
    gallery = stored(address, clustered(20, 8))
    heads = gallery.opened.heads
    heads.put("claim-far", json.dumps({"who": "far, process 7", "doing": "index", "at": "there", "pid": os.getpid()}))
    if beat:
        heads.put("beat-far", beat)  # it lived once
    assert list(heads.claims()) == ["far"]  # whoever looks now sees both, or the beat would seem to be a new one
    monkeypatch.setattr(milvus_claim, "PATIENCE", 0.0)
    monkeypatch.setattr(milvus_claim, "SILENT", 3.0)
    assert len(gallery.remove(places=["place 3"])[0]) == 18
    assert heads.claims() == {}


def test_a_writer_on_another_machine_that_lives_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = stored(address, clustered(20, 8))
    holder = started(HOLDING, address)
    monkeypatch.setattr(milvus_claim, "this_machine", lambda: "elsewhere")
    monkeypatch.setattr(milvus_claim, "PATIENCE", 1.0)
    with pytest.raises(GalleryBusyError, match=rf"process {holder.pid}: index"):
        gallery.remove(places=["place 3"])
    ended(holder)


def test_who_stood_still_and_lost_its_claim_does_not_write_the_head(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = stored(address, clustered(20, 8))
    monkeypatch.setattr(milvus_claim, "FRESH", 0.0)
    heads = gallery.opened.heads
    with Claim(heads, "index") as claim:
        heads.remove(claim._name)  # as another does after SILENT seconds
        before = heads.text()
        with pytest.raises(GalleryBusyError, match="changed meanwhile by another writer: run the same command again"):
            claim.write(gallery.opened.head)
    assert heads.text() == before


def test_images_that_changed_while_they_were_calibrated_are_noticed(address: str) -> None:
    """Also where their numbers stay the same: indexing anew replaces an image in its place."""
    vectors = clustered(60, 8)
    gallery = stored(address, vectors)
    learned = calibrate(gallery).calibration
    assert learned is not None
    stored(address, vectors[::-1].copy())
    with pytest.raises(GalleryMismatchError, match="was changed while it was calibrated"):
        gallery.with_calibration(learned)
    again = MilvusGallery.at(address)
    assert again.with_calibration(learned).with_calibration(learned).calibration == learned
