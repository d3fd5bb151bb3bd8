"""Presets by name and with changes, and what of a ModelSpec enters its fingerprint."""

import dataclasses
import json
from typing import Any

import pytest

from placeprint.errors import GalleryFormatError, ModelError, UsageError
from placeprint.presets import DEFAULT_PRESET, FAST, PRESETS, Preset, find_preset
from placeprint.records import ModelSpec


def test_the_three_presets() -> None:
    assert list(PRESETS) == ["fast", "balanced", "best"]
    assert DEFAULT_PRESET == "balanced"
    assert [PRESETS[name].reranks for name in PRESETS] == [False, True, True]
    assert (FAST.views, FAST.cells) == ((), 0)
    assert [PRESETS[name].xfeat for name in PRESETS] == [0, 512, 512]
    assert [PRESETS[name].matched for name in PRESETS] == [0, 4, 10]
    assert all(name == preset.name and preset.about for name, preset in PRESETS.items())


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_name_finds_the_preset_itself_and_a_preset_is_left_alone(name: str) -> None:
    assert find_preset(name) is PRESETS[name]
    assert find_preset(PRESETS[name]) is PRESETS[name]
    mine = dataclasses.replace(PRESETS[name], name="mine", cells=77)
    assert find_preset(mine) is mine


def test_changes_stand_behind_colons() -> None:
    found = find_preset("balanced:verified=20:budget_ms=100:place_weight=1.5")
    wanted = dataclasses.replace(
        PRESETS["balanced"],
        name="balanced:verified=20:budget_ms=100:place_weight=1.5",
        verified=20,
        budget_ms=100.0,
        place_weight=1.5,
    )
    assert found == wanted
    assert (type(found.verified), type(found.budget_ms)) == (int, float)
    assert find_preset("fast:shortlist=5").reranks
    assert not find_preset("best:shortlist=0").reranks
    assert find_preset("fast:cells=100:cells=90").cells == 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quick", 'preset "quick" is not known: choose one of fast, balanced, best'),
        ("", 'preset "" is not known'),
        ("Balanced", "is not known"),
        ("balanced:", "what can be changed in a preset is cells, xfeat"),
        ("balanced:views=crop", '"views=crop": what can be changed'),
        ("balanced:name=x", "what can be changed"),
        ("balanced:speed=9", "what can be changed"),
        ("balanced:verified", '"" is not a valid number for verified'),
        ("balanced:verified=", "is not a valid number"),
        ("balanced:verified=2.5", '"2.5" is not a valid number for verified'),
        ("balanced:cells=63", "cells must be 0, or 64 or more, not 63"),
        ("balanced:whiten=teeth", "whiten must be one of pca, places"),
        ("balanced:budget_ms=soon", '"soon" is not a valid number'),
        ("balanced:verified=-1", "verified must lie between 0 and 1,000, not -1"),
        ("balanced:cells=2049", "cells must lie between 0 and 2,048, not 2049"),
        ("balanced:xfeat=1000000", "xfeat must lie between 0 and 2,048, not 1000000"),
        ("balanced:matched=1001", "matched must lie between 0 and 1,000, not 1001"),
        ("balanced:shortlist=10001", "shortlist must lie between 0 and 10,000, not 10001"),
        ("balanced:place_weight=nan", "place_weight must lie between 0 and 1,000,000,000, not nan"),
        ("balanced:budget_ms=inf", "budget_ms must lie between 0 and 1,000,000,000, not inf"),
    ],
)
def test_what_cannot_be_understood_is_told(text: str, words: str) -> None:
    with pytest.raises(UsageError) as told:
        find_preset(text)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", [*PRESETS, "best:cells=90:place_power=0.5"])
def test_a_preset_survives_json(text: str) -> None:
    preset = find_preset(text)
    again = Preset.from_dict(json.loads(json.dumps(preset.to_dict())))
    assert again == preset
    assert isinstance(again.views, tuple)


@pytest.mark.parametrize("row", [{"name": "x", "about": "", "telepathy": 1}, {"name": "x"}])
def test_a_preset_of_another_release_is_told(row: dict[str, Any]) -> None:
    with pytest.raises(GalleryFormatError, match="build it again"):
        Preset.from_dict(row)


def test_only_what_the_embedding_depends_on_enters_the_fingerprint() -> None:
    plain = ModelSpec(name="m", dim=8, input_size=32, resize_size=32)
    with_map = dataclasses.replace(plain, cells_output="map", cells_stride=16)
    assert with_map.fingerprint() == plain.fingerprint(), "what is not used does not matter"
    assert dataclasses.replace(with_map, licence="x", source="y").fingerprint() == plain.fingerprint()
    kept = dataclasses.replace(with_map, cells=40)
    changed = [
        kept,
        dataclasses.replace(kept, cells=41),
        dataclasses.replace(kept, cells_output="other"),
        dataclasses.replace(kept, cells_stride=8),
        dataclasses.replace(with_map, xfeat=5),
        dataclasses.replace(with_map, views=("crop",)),
        dataclasses.replace(with_map, views=("crop", "flip")),
        dataclasses.replace(with_map, views=("flip", "crop")),
    ]
    assert len({spec.fingerprint() for spec in [plain, *changed]}) == len(changed) + 1


def test_the_fingerprint_is_what_it_was() -> None:
    """A gallery that was built before is of the same model now."""
    assert ModelSpec(name="test", dim=8).fingerprint() == (
        "8ae28595cff91ba51d9e5fd5a6ba1f7c6184b53be6a7b10c7587955740063a60"
    )


def test_a_spec_with_views_and_parts_survives_json_and_an_old_one_is_read() -> None:
    spec = ModelSpec(name="m", dim=8, views=("crop", "flip"), cells=9, cells_output="c", cells_stride=16, xfeat=2)
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert ModelSpec.from_dict({"name": "m", "dim": 8}) == ModelSpec(name="m", dim=8)


def test_settings_of_keypoints_are_left_out_where_none_are_kept_and_refused_where_some_are() -> None:
    spec = ModelSpec(name="m", dim=8)
    assert ModelSpec.from_dict(spec.to_dict() | {"keypoints": 0}) == spec
    assert Preset.from_dict(FAST.to_dict() | {"keypoints": 0, "keypoint_weight": 0.0}) == FAST
    with pytest.raises(ModelError, match="RootSIFT keypoints, which this release does not read"):
        ModelSpec.from_dict(spec.to_dict() | {"keypoints": 300})
    for name in ("keypoints", "keypoint_weight"):
        with pytest.raises(GalleryFormatError, match=r"RootSIFT keypoints, which .*build it again"):
            Preset.from_dict(FAST.to_dict() | {name: 1})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"views": ("crop", "upside down")}, 'view "upside down" is not one of crop, squash, flip'),
        ({"cells": 9}, "cells need cells_output and cells_stride"),
        ({"cells": 9, "cells_output": "c"}, "cells need cells_output and cells_stride"),
    ],
)
def test_a_spec_that_cannot_be_done_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ModelSpec(name="m", dim=8, **changes)
