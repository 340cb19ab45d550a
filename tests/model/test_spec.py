import dataclasses
import json

import pytest

from framestream import EventSettings, MetadataError, ModelSpec, SettingsError
from tests.tiny_model import make_spec

CONTROLS = "\x00\x1b\r\t\x7f\x85\x9b\u200f\u2028\u202e\u2066"
FULL = dataclasses.replace(
    make_spec(),
    frame_rate=12.5,
    accuracy=0.1 + 0.2,
    parity=3e-7,
    created="2030-01-02T03:04:05Z",
    head="bidirectional",
    temperature=1.25,
    outputs=("keypoints",),
)
OPTIONAL = {f"framestream.{name}" for name in ("accuracy", "parity", "created", "head", "temperature", "outputs")}
AHEAD = dataclasses.replace(make_spec(), anchor_frames=-7)


@pytest.mark.parametrize("spec", [FULL, make_spec(), make_spec(kind="stateful"), make_spec(background=None), AHEAD])
def test_metadata_and_sidecar_give_back_the_same_spec(spec: ModelSpec) -> None:
    assert ModelSpec.from_metadata(spec.to_metadata()) == spec
    assert ModelSpec.from_json(spec.to_json()) == spec


def test_each_field_has_a_key_in_the_order_of_the_fields() -> None:
    names: list[str] = []
    for field in dataclasses.fields(ModelSpec):
        parts = [f"event_{part.name}" for part in dataclasses.fields(EventSettings)]
        names += parts if field.name == "events" else [field.name]
    assert list(FULL.to_metadata()) == [f"framestream.{name}" for name in names]


def test_metadata_is_flat_text_any_language_can_read() -> None:
    metadata = FULL.to_metadata()
    assert metadata["framestream.labels"] == "red\ngreen\nblue"
    assert metadata["framestream.frame_rate"] == "12.5"
    assert metadata["framestream.window"] == "4"
    assert json.loads(FULL.to_json()) == metadata


@pytest.mark.parametrize("key", sorted(set(FULL.to_metadata()) - OPTIONAL))
def test_a_missing_key_is_named(key: str) -> None:
    metadata = FULL.to_metadata()
    del metadata[key]
    with pytest.raises(MetadataError, match=rf"m\.onnx .*{key}"):
        ModelSpec.from_metadata(metadata, path="m.onnx")


@pytest.mark.parametrize("key", sorted(OPTIONAL))
def test_facts_that_were_not_measured_may_be_missing(key: str) -> None:
    metadata = FULL.to_metadata()
    del metadata[key]
    assert getattr(ModelSpec.from_metadata(metadata), key.removeprefix("framestream.")) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "other"),
        ("labels", "only"),
        ("labels", "twice\ntwice"),
        *(("labels", f"red\ngreen\nblue{control}sky") for control in CONTROLS),
        ("background", "unknown"),
        ("frame_rate", "fast"),
        ("frame_rate", "0.0"),
        ("frame_rate", "nan"),
        ("window", "4.0"),
        ("window", "0"),
        ("stride", "2"),
        ("anchor_frames", "4"),
        ("anchor_frames", "-10001"),
        ("anchor_frames", "-0.5"),
        ("temperature", "0"),
        ("temperature", "inf"),
        ("temperature", "warm"),
        ("height", "0"),
        ("color", "bgr"),
        ("resize", "letterbox"),
        ("spec_version", "2"),
        ("event_enter", "1.5"),
        ("event_leave", "0.9"),
        ("accuracy", "good"),
        ("accuracy", "nan"),
        ("accuracy", "1.5"),
        ("parity", "inf"),
        ("parity", "-1"),
        ("frame_rate", "1001"),
        ("window", "99999999999999999999"),
        ("width", "1000000000"),
        ("height", "1000000000"),
        ("state_names", "features\nfeatures"),
        ("state_names", "frames"),
        ("event_smoothing_seconds", "1e300"),
    ],
)
def test_a_value_nobody_can_use_is_refused_by_key_and_file(key: str, value: str) -> None:
    metadata = FULL.to_metadata() | {f"framestream.{key}": value}
    with pytest.raises(MetadataError) as caught:
        ModelSpec.from_metadata(metadata, path="m.onnx")
    expected = "event_" if key.startswith("event_") else key
    assert str(caught.value).startswith("m.onnx: ")
    assert f"framestream.{expected}" in str(caught.value)


def test_only_a_negative_anchor_is_ahead() -> None:
    assert [dataclasses.replace(AHEAD, anchor_frames=anchor).ahead_seconds for anchor in (3, 0, -1, -7)] == [
        0,
        0,
        0.1,
        0.7,
    ]
    stateful = dataclasses.replace(make_spec(kind="stateful"), anchor_frames=-10_000)
    assert ModelSpec.from_metadata(stateful.to_metadata()).ahead_seconds == 1000


def test_a_file_without_any_key_is_told_apart_from_an_incomplete_one() -> None:
    with pytest.raises(MetadataError, match=r"no FrameStream metadata .*framestream\.spec_version"):
        ModelSpec.from_metadata({"author": "somebody"}, path="m.onnx")


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_a_sidecar_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MetadataError, match=r"m\.json"):
        ModelSpec.from_json(text, path="m.json")


@pytest.mark.parametrize(
    "values",
    [
        {"enter": 0.0},
        {"enter": 1.01},
        {"enter": float("nan")},
        {"leave": 0.7},
        {"leave": 0.0},
        {"min_seconds": -1.0},
        {"min_seconds": float("inf")},
        {"smoothing_seconds": float("nan")},
        {"smoothing_seconds": 60.5},
    ],
)
def test_event_settings_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        EventSettings(**values)


def test_a_file_that_is_called_like_a_key_is_still_named_once() -> None:
    metadata = FULL.to_metadata() | {"framestream.window": "0"}
    with pytest.raises(MetadataError) as caught:
        ModelSpec.from_metadata(metadata, path="framestream")
    assert str(caught.value).startswith("framestream: framestream.window cannot be used")
