"""Galleries that keep parts in few bytes: what is on disk, what a change keeps, and what is refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from placeprint.embedding.models import find_model
from placeprint.embedding.xfeat import ROW_BYTES
from placeprint.errors import GalleryCorruptError, GalleryFormatError, UsageError
from placeprint.gallery.gallery import Gallery
from placeprint.gallery.head import HEAD
from placeprint.gallery.milvus import head as milvus_head
from placeprint.gallery.part_codes import NEWEST, code_named, codes_for
from placeprint.presets import LARGEST, PRESETS, Preset, find_preset
from placeprint.records import ImageRecord, ModelSpec
from placeprint.storage import published
from placeprint.storage.ragged import Ragged

BALANCED = find_preset("balanced:cell_bytes=56:point_bytes=19")
WHOLE = PRESETS["balanced"]
SPEC = dataclasses.replace(find_model("efficientnet-lite0").spec, dim=8, cells=360, xfeat=512)
CODES = {"cells": "cells-56-a", "xfeat": "xfeat-19-a"}
COUNTS = {"cells": (3, 5, 112), "xfeat": (4, 1, ROW_BYTES)}


def raw(count: int, seed: int = 0) -> dict[str, Ragged]:
    rng = np.random.default_rng(seed)
    kinds = {"cells": np.int8, "xfeat": np.uint8}
    return {
        name: Ragged.of([rng.integers(0, 100, shape).astype(kinds[name]) for _ in range(count)])
        for name, shape in COUNTS.items()
    }


def built(path: Path | None, preset: Preset, count: int = 3, spec: ModelSpec = SPEC) -> Gallery:
    rows = [ImageRecord(path=f"{i}.jpg", places=(f"place {i}",)) for i in range(count)]
    vectors = np.eye(8, dtype=np.float32)[:count]
    if path is None:
        return Gallery.in_memory(rows, vectors, spec=spec, preset=preset, parts=raw(count))
    return Gallery.build(path, records=rows, vectors=vectors, spec=spec, preset=preset, parts=raw(count))


def added(gallery: Gallery) -> Gallery:
    more, _ = gallery.add(
        [ImageRecord(path="new.jpg", places=("place 9",))],
        np.eye(8, dtype=np.float32)[7:],
        spec=SPEC,
        parts=raw(1, seed=9),
    )
    return more


def assert_coded(gallery: Gallery, wanted: dict[str, list[np.ndarray]]) -> None:
    assert gallery.codes == CODES
    for name, parts in wanted.items():
        code = code_named(name, CODES[name])
        for found, stored, part in zip(gallery.parts[name], gallery.parts[name].stored, parts, strict=True):
            np.testing.assert_array_equal(stored, code.encoded(part))
            np.testing.assert_array_equal(found, code.decoded(code.encoded(part)))
            assert (found.shape, found.dtype) == (part.shape, part.dtype)


def test_a_gallery_keeps_codes_on_disk_and_in_memory_and_gives_parts(tmp_path: Path) -> None:
    first = {name: list(parts) for name, parts in raw(3).items()}
    with_new = {name: [*parts, *raw(1, seed=9)[name]] for name, parts in first.items()}
    for gallery in (built(tmp_path / "g", BALANCED), built(None, BALANCED)):
        assert_coded(gallery, first)
        more = added(gallery)
        assert_coded(more, with_new)
        left, _ = more.remove(["0.jpg"])
        assert_coded(left, {name: parts[1:] for name, parts in with_new.items()})
    assert_coded(Gallery.open(tmp_path / "g", mapped=False).held(), {n: p[1:] for n, p in with_new.items()})
    kept = {np.load(file).shape[1] for file in (tmp_path / "g").glob("data-*/cells.npy")}
    kept |= {np.load(file).shape[1] for file in (tmp_path / "g").glob("data-*/xfeat.npy")}
    assert kept == {56, 19}
    assert sorted(published.read_head(tmp_path / "g", HEAD)["parts"]) == sorted(CODES.values())


def test_a_gallery_of_parts_as_they_are_stays_so_when_it_grows(tmp_path: Path) -> None:
    more = added(built(tmp_path / "g", WHOLE))
    assert (more.codes, published.read_head(tmp_path / "g", HEAD)["parts"]) == ({}, ["cells", "xfeat"])
    np.testing.assert_array_equal(more.parts["cells"][3], raw(1, seed=9)["cells"][0])
    assert more.asked_as(BALANCED).calibrated_for == ""  # it is asked as it is: only what is kept differs


def test_nothing_is_coded_as_well_as_something() -> None:
    empty = Gallery.in_memory(
        [],
        np.empty((0, 8), np.float32),
        spec=SPEC,
        preset=BALANCED,
        parts={name: parts.kept([]) for name, parts in raw(1).items()},
    )
    assert_coded(empty, {"cells": [], "xfeat": []})
    assert added(empty).parts["cells"][0].shape == (3, 5, 112)


def test_cells_of_another_model_are_kept_as_they_are_and_its_points_in_few_bytes() -> None:
    other = dataclasses.replace(SPEC, weights_sha256="0" * 64)
    assert codes_for(other, BALANCED) == {"xfeat": "xfeat-19-a"}
    assert codes_for(SPEC, PRESETS["fast"]) == {}
    assert codes_for(SPEC, find_preset("balanced:point_bytes=19")) == {"xfeat": "xfeat-19-a"}


@pytest.mark.parametrize("name", ["cells-28-z", "cells-", "cells-28-a.centres", "-", "cells-\udcff", "trees-1"])
def test_a_code_that_is_not_known_is_refused_by_name(tmp_path: Path, name: str) -> None:
    built(tmp_path / "g", BALANCED)
    head = json.loads((tmp_path / "g" / HEAD).read_text())
    published.update_head(tmp_path / "g", HEAD, {"parts": [name, "xfeat-19-a"]})
    with pytest.raises(GalleryFormatError, match=r"kept in code .* does not know: upgrade placeprint"):
        Gallery.open(tmp_path / "g")
    assert head["parts"] == list(CODES.values())


def test_points_are_not_read_by_the_code_of_cells(tmp_path: Path) -> None:
    built(tmp_path / "g", WHOLE)
    published.update_head(tmp_path / "g", HEAD, {"parts": list(CODES.values())})
    with pytest.raises(Exception, match="are not of code cells-56-a"):
        Gallery.open(tmp_path / "g")


def test_the_head_on_a_server_names_codes_and_one_without_them_is_as_before() -> None:
    coded = milvus_head.Head(spec=SPEC, preset=BALANCED, codes=CODES)
    values = milvus_head.values_of(coded)
    assert (values["format"], values["parts"]) == (3, list(CODES.values()))
    assert milvus_head.head_of(values, milvus_head.blobs_of(coded)).codes == CODES
    plain = milvus_head.Head(spec=SPEC)
    values = milvus_head.values_of(plain)
    assert values["format"] == 2
    del values["parts"]  # as an older release writes it
    assert milvus_head.head_of(values, milvus_head.blobs_of(plain)).codes == {}
    with pytest.raises(GalleryFormatError, match="its parts"):
        milvus_head.head_of(values | {"parts": ["xfeat"]}, milvus_head.blobs_of(plain))


def test_only_the_sizes_that_there_are_can_be_asked_for() -> None:
    assert {size for _, size in NEWEST} == {8, 28, 56, 19}
    assert codes_for(SPEC, find_preset("balanced:cell_bytes=28"))["cells"] == "cells-28-a"
    with pytest.raises(UsageError, match="cell_bytes must be 0 or 8 or 28 or 56, not 7"):
        find_preset("balanced:cell_bytes=7")
    for nothing in ("fast:cell_bytes=56", "balanced:cells=0:cell_bytes=28", "fast:cells=64:point_bytes=19"):
        with pytest.raises(UsageError, match=f'preset "{nothing}" keeps no (cells|xfeat): leave out '):
            find_preset(nothing)


THIN = find_preset("balanced:cell_bytes=28:point_bytes=19:kept_cells=80:kept_points=2")


def test_of_an_image_with_many_parts_only_some_are_kept_and_the_others_read_as_zeros(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    cells = [rng.integers(-100, 100, (*shape, 112)).astype(np.int8) for shape in ((16, 22), (8, 10), (9, 9))]
    points = [rng.integers(0, 100, (n, 1, ROW_BYTES)).astype(np.uint8) for n in (4, 0, 2)]
    parts = {"cells": Ragged.of(cells), "xfeat": Ragged.of(points)}
    rows = [ImageRecord(path=f"{i}.jpg", places=("here",)) for i in range(3)]
    vectors = np.eye(8, dtype=np.float32)[:3]
    built = Gallery.build(tmp_path / "g", records=rows, vectors=vectors, spec=SPEC, preset=THIN, parts=parts)
    assert built.codes == {"cells": "cells-28-a-80", "xfeat": "xfeat-19-a-2"}
    assert [np.load(next((tmp_path / "g").glob(f"data-*/{name}.npy"))).shape for name in COUNTS] == [(242, 28), (4, 19)]
    more, _ = built.add(
        rows[:1], vectors[2:], spec=SPEC, root="elsewhere", parts={n: p.kept([0]) for n, p in parts.items()}
    )
    for gallery in (Gallery.in_memory(rows, vectors, spec=SPEC, preset=THIN, parts=parts), built, more):
        for i, whole in enumerate(cells):
            some = gallery.parts["cells"][i]
            near = code_named("cells", "cells-28-a").decoded(code_named("cells", "cells-28-a").encoded(whole))
            there = some.any(axis=2)
            assert (some.shape, there.sum()) == (whole.shape, 80)
            np.testing.assert_array_equal(some[there], near[there])
            short = code_named("xfeat", "xfeat-19-a")
            np.testing.assert_array_equal(gallery.parts["xfeat"][i], short.decoded(short.encoded(points[i]))[:2])
    np.testing.assert_array_equal(more.parts["cells"][3], built.parts["cells"][0])


def test_cells_in_8_bytes_are_kept_in_squares_and_read_on_their_grid(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    coarse = [rng.integers(-100, 100, (down, across, 112)).astype(np.int8) for down, across in ((4, 6), (3, 3), (1, 2))]
    cells = [each.repeat(4, axis=0).repeat(4, axis=1)[: -1 - i, : 22 - i] for i, each in enumerate(coarse)]
    parts = {"cells": Ragged.of(cells), "xfeat": raw(3)["xfeat"]}
    rows = [ImageRecord(path=f"{i}.jpg", places=("here",)) for i in range(3)]
    preset, vectors = find_preset("balanced:cell_bytes=8:point_bytes=19"), np.eye(8, dtype=np.float32)[:3]
    Gallery.build(tmp_path / "g", records=rows, vectors=vectors, spec=SPEC, preset=preset, parts=parts)
    gallery = Gallery.open(tmp_path / "g")
    assert gallery.codes == {"cells": "cells-8-a", "xfeat": "xfeat-19-a"}
    assert [np.load(next((tmp_path / "g").glob(f"data-*/{name}.npy"))).shape for name in COUNTS] == [
        (24 + 9 + 2, 128),
        (12, 19),
    ]
    code = code_named("cells", "cells-8-a")
    for found, whole in zip(gallery.parts["cells"], cells, strict=True):
        np.testing.assert_array_equal(found, code.decoded(code.encoded(whole)))
        assert found.shape == whole.shape
        assert (found.astype(float) * whole).sum() > 0.5 * np.linalg.norm(found.astype(float)) * np.linalg.norm(whole)


def test_of_cells_in_squares_none_can_be_left_out() -> None:
    with pytest.raises(UsageError, match="8 bytes are kept all: leave out kept_cells, or say cell_bytes=28"):
        find_preset("balanced:cell_bytes=8:kept_cells=80")
    with pytest.raises(GalleryFormatError, match="does not know: upgrade placeprint"):
        code_named("cells", "cells-8-a-80")


def test_as_many_are_kept_as_a_preset_may_say() -> None:
    for most in (1_000_000, LARGEST):
        codes = codes_for(SPEC, find_preset(f"balanced:cell_bytes=28:kept_cells={most}"))
        assert code_named("cells", codes["cells"]).most == most


def test_a_grid_that_no_image_has_is_refused() -> None:
    code = code_named("cells", "cells-28-a-80")
    kept = code.encoded(np.ones((16, 22, 112), np.int8))
    for rows, columns in ((65535, 65535), (65535, 1), (256, 256), (2049, 1), (0, 22), (8, 10)):
        kept[0, 0, :4] = np.array([rows, columns], "<u2").view(np.uint8)
        with pytest.raises(GalleryCorruptError, match="parts is damaged"):
            code.decoded(kept)
    with pytest.raises(GalleryCorruptError, match="parts is damaged"):
        code.decoded(kept[:-1].repeat(2, axis=0))


@pytest.mark.parametrize("name", [f"cells-28-a-{most}" for most in ("", "0", "12345678901", "80-80", "x")])
def test_only_a_number_says_how_many_are_kept(name: str) -> None:
    with pytest.raises(GalleryFormatError, match="does not know: upgrade placeprint"):
        code_named("cells", name)


@pytest.mark.parametrize("setting", ["kept_cells=80", "kept_points=9", "cell_bytes=28:kept_points=9"])
def test_what_is_kept_as_it_is_cannot_be_thinned(setting: str) -> None:
    with pytest.raises(UsageError, match=r"is for what is kept in few bytes: say (cell_bytes=28|point_bytes=19) too"):
        find_preset(f"balanced:{setting}")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kept_cells": 80}, "kept_cells is for what is kept in few bytes: say cell_bytes=28 too"),
        ({"kept_points": 9, "cell_bytes": 28}, "kept_points is for what is kept in few bytes: say point_bytes=19 too"),
        ({"cells": 0, "cell_bytes": 28}, "keeps no cells: leave out cell_bytes"),
    ],
)
def test_a_preset_made_in_python_is_refused_as_its_text_is_but_one_that_a_gallery_has_is_read(
    tmp_path: Path, said: dict[str, int], words: str
) -> None:
    mine = dataclasses.replace(WHOLE, name="mine", **said)
    with pytest.raises(UsageError, match=f'^preset "mine"(:)? {words}'):
        built(None, mine)
    built(tmp_path / "g", WHOLE)
    published.update_head(tmp_path / "g", HEAD, {"preset": mine.to_dict()})
    assert Gallery.open(tmp_path / "g").preset == mine
