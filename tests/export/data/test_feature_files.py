"""Files of features: they read back as they were written, and whatever else lies there is refused in one line."""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framestream.errors import DataError, UnreadableSourceError
from framestream_export.data.feature_files import RecordedFeatures, read_features, read_maker, write_features
from framestream_export.data.feature_maker import FeatureMaker

MAKER = FeatureMaker("small", "people", "0a" * 32, 96, 12.5, 3, False)
MANY = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def features(**changes: Any) -> RecordedFeatures:
    plain = RecordedFeatures(
        MAKER, np.arange(15, dtype=np.float32).reshape(5, 3), np.array([0, 0.1, 0.2, 9, 9.1]), (3, 2), "a.mp4 1234"
    )
    return replace(plain, **changes)


def write_members(path: Path, members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def as_npy(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def members(**note_changes: Any) -> dict[str, bytes]:
    note = {"format": "framestream-features", "version": 1, "source": "a.mp4", **asdict(MAKER), **note_changes}
    plain = features()
    return {
        "features": as_npy(plain.features),
        "pts_seconds": as_npy(plain.pts_seconds),
        "segment_frames": as_npy(np.array(plain.segment_frames, np.int64)),
        "note": as_npy(np.frombuffer(json.dumps(note).encode(), np.uint8)),
    }


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableSourceError) as refused:
        read_features(path)
    message = str(refused.value)
    assert message.startswith(f"{path} cannot be read as features (")
    assert message.endswith("make it again with `framestream embed`")
    assert message.isprintable()
    return message


def test_a_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    write_features(tmp_path / "a.npz", features())
    found = read_features(tmp_path / "a.npz")
    assert (found.maker, found.segment_frames, found.source) == (MAKER, (3, 2), "a.mp4 1234")
    np.testing.assert_array_equal(found.features, features().features)
    np.testing.assert_array_equal(found.pts_seconds, features().pts_seconds)
    assert read_maker(tmp_path / "a.npz") == (MAKER, "a.mp4 1234")
    write_features(tmp_path / "b.npz", features())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    write_features(tmp_path / "a.npz", features())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert {name: stored[name].dtype.str for name in stored.files} == {
            "features": "<f4",
            "pts_seconds": "<f8",
            "segment_frames": "<i8",
            "note": "|u1",
        }
        assert json.loads(stored["note"].tobytes())["encoder"] == "small"


@MANY
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.npz"
    write_features(path, features())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        found = read_features(path)
    except UnreadableSourceError:
        refusal(path)
    else:
        assert len(found.features) == len(found.pts_seconds) == sum(found.segment_frames)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('a pickle was run')",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("features", as_npy(np.array([Bomb()], object), allow_pickle=True), "features is object [1]"),
        ("note", pickle.dumps(Bomb()), "magic"),
        ("features", as_npy(np.zeros((5, 3), np.float64)), "features is float64 [5, 3], and not float32"),
        ("features", as_npy(np.zeros((3, 5), np.float32).T), "by rows"),
        ("features", as_npy(np.zeros((5, 4), np.float32)), "features are [5, 4], and not [5, 3]"),
        ("features", as_npy(np.full((5, 3), np.nan, np.float32)), "not all finite"),
        ("features", as_npy(np.zeros((5, 3), np.float32))[:-4], "reshape"),
        ("pts_seconds", as_npy(np.array([0, 0.1, 0.2, 0.1, 9])), "run backwards"),
        ("pts_seconds", as_npy(np.array([0, 0.1, 0.2, 0.3, math.inf])), "not all finite"),
        ("pts_seconds", as_npy(np.zeros(0)), "no frame"),
        ("segment_frames", as_npy(np.array([3, 3])), "segments have 6 frames, and not 5"),
        ("segment_frames", as_npy(np.array([6, -1])), "segments have 5 frames"),
        ("note", as_npy(np.frombuffer(b"[" * 5000, np.uint8)), "("),
        ("note", as_npy(np.zeros(1 << 17, np.uint8)), "its note is too long"),
        ("note", as_npy(np.frombuffer(b"[1, 2]", np.uint8)), "its note is none of features"),
    ],
)
def test_files_made_to_deceive_are_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert said in refusal(write_members(tmp_path / "a.npz", members() | {name: content}))


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 3)})
    assert "reshape" in refusal(write_members(tmp_path / "a.npz", members() | {"features": header.getvalue()}))


def test_compressed_arrays_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    zeros = as_npy(np.zeros((1_000_000, 3), np.float32))
    path = write_members(tmp_path / "a.npz", members() | {"features": zeros}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    assert "is compressed" in refusal(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "it is of version 2, and this FrameStream reads 1"),
        ({"format": "other"}, "none of features"),
        ({"source": 5}, "names no source"),
        ({"encoder": "x\ny"}, "is no name"),
        ({"weights": ["people"]}, "is no name"),
        ({"weights_digest": "abc"}, "is no SHA-256"),
        ({"size": 96.5}, "size 96.5 is no number from 16 to 4096"),
        ({"size": True}, "size True"),
        ({"frame_rate": math.nan}, "frame_rate nan"),
        ({"feature_dim": 10**9}, "feature_dim"),
        ({"keypoints": 1}, "neither true nor false"),
    ],
)
def test_notes_that_cannot_be_true_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in refusal(write_members(tmp_path / "a.npz", members(**change)))
    with pytest.raises(UnreadableSourceError):
        read_maker(tmp_path / "a.npz")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = members()
    del found["pts_seconds"]
    assert "pts_seconds" in refusal(write_members(tmp_path / "a.npz", found))
    assert "No such file" in refusal(tmp_path / "none.npz")
    with pytest.raises(DataError, match=r"its note lacks size, frame_rate$"):
        FeatureMaker.from_json(dict(list(asdict(MAKER).items())[:3]) | {"feature_dim": 3, "keypoints": False})


def test_weights_of_another_name_may_be_the_same() -> None:
    assert MAKER.makes_the_same(replace(MAKER, weights="copy.h5"))
    assert not MAKER.makes_the_same(replace(MAKER, weights_digest="0b" * 32))
    assert not MAKER.makes_the_same(replace(MAKER, frame_rate=10.0))
