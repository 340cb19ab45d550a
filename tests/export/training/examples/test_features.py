"""Features that are computed once: named after all that decides what is in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from rich.console import Console

from framestream.errors import DataError, SettingsError
from framestream_export.data.frame_cache import FrameCache
from framestream_export.encoders.building import build_encoder
from framestream_export.files import write_atomically
from framestream_export.training.examples.batches import augmentations_of
from framestream_export.training.examples.features import FeatureRequest, FeatureStore
from framestream_export.training.settings import TrainSettings
from tests.export.numbered_frames import make_cache

SETTINGS = TrainSettings(size=16, feature_dim=8, augmentations=4)


@pytest.fixture(scope="module")
def encoder() -> Any:
    return build_encoder("small", size=16, feature_dim=8)


@pytest.fixture(scope="module")
def cache() -> FrameCache:
    """Three recordings of noise, the first longer than one call of the encoder."""
    plain = make_cache(70, 9, 5)
    return replace(plain, frames=np.random.default_rng(0).integers(0, 256, plain.frames.shape, dtype=np.uint8))


def test_features_are_those_of_the_encoder(encoder: Any, cache: FrameCache, tmp_path: Path, silent: Console) -> None:
    store = FeatureStore(encoder, cache, tmp_path, SETTINGS)
    assert store.fill([FeatureRequest(0, 0), FeatureRequest(1, 0)], console=silent) == 79
    expected = np.asarray(encoder(cache.frames[60:75].astype(np.float32), training=False))
    np.testing.assert_allclose(store.read(FeatureRequest(0, 0), np.arange(60, 70)), expected[:10], atol=1e-5)
    np.testing.assert_allclose(store.of_segment(cache.segments[1])[:5], expected[10:], atol=1e-5)
    held = store.read(FeatureRequest(1, 0), np.array([78, 78, 70]))
    np.testing.assert_array_equal(held[0], held[1])
    with pytest.raises(DataError, match="delete it and resume"):
        store.read(FeatureRequest(1, 0), np.array([79]))


def test_only_what_is_new_is_encoded(encoder: Any, cache: FrameCache, tmp_path: Path, silent: Console) -> None:
    wanted = [FeatureRequest(0, 0), FeatureRequest(0, 1, mirrored=True), FeatureRequest(1, 0)]
    assert FeatureStore(encoder, cache, tmp_path, SETTINGS).fill(wanted, console=silent) == 149
    assert FeatureStore(encoder, cache, tmp_path, SETTINGS).fill(wanted, console=silent) == 0
    # The same clip in another place of another data set is the same clip.
    moved = replace(cache, segments=cache.segments[1:], recordings=cache.recordings[1:], digests=cache.digests[1:])
    moved = replace(moved, segments=tuple(replace(one, recording=one.recording - 1) for one in moved.segments))
    store = FeatureStore(encoder, moved, tmp_path, SETTINGS)
    assert store.fill([FeatureRequest(0, 0)], console=silent) == 0
    assert store.fill([FeatureRequest(0, 1, mirrored=False)], console=silent) == 9
    # Another augmentation, another clock, other weights: another file.
    assert FeatureStore(encoder, cache, tmp_path, SETTINGS).fill([FeatureRequest(0, 1)], console=silent) == 70
    faster = replace(SETTINGS, frame_rate=25.0)
    assert FeatureStore(encoder, cache, tmp_path, faster).fill([FeatureRequest(1, 0)], console=silent) == 9
    other = build_encoder("small", size=16, feature_dim=8)
    assert FeatureStore(other, cache, tmp_path, SETTINGS).fill([FeatureRequest(1, 0)], console=silent) == 9


def test_a_damaged_file_is_named(encoder: Any, cache: FrameCache, tmp_path: Path, silent: Console) -> None:
    store = FeatureStore(encoder, cache, tmp_path, SETTINGS)
    store.fill([FeatureRequest(1, 0)], console=silent)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=path.name):
        store.of_segment(cache.segments[1])


def test_two_runs_may_write_one_file_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "features"

    def write(stream: IO[bytes]) -> None:
        write_atomically(path, lambda other: other.write(b"the same"), shared=True)
        assert path.read_bytes() == b"the same"
        stream.write(b"the same")

    write_atomically(path, write, shared=True)
    assert path.read_bytes() == b"the same"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_refused(encoder: Any, cache: FrameCache, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SettingsError, match="cannot be made"):
        FeatureStore(encoder, cache, tmp_path / "taken", SETTINGS)


def test_augmentations_are_mirrored_by_turns_and_mixed_with_the_background_of_others(cache: FrameCache) -> None:
    background_frames = np.array([72, 75, 80, 83])  # of recordings 1 and 2
    requests = augmentations_of(cache, cache.segments, SETTINGS, background_frames, count=SETTINGS.augmentations)
    assert sorted(requests) == [0, 1, 2]
    for recording, of_recording in requests.items():
        plain, *others = of_recording
        assert plain == FeatureRequest(recording, 0)
        assert [request.number for request in others] == [1, 2, 3, 4]
        assert [request.mirrored for request in others] == [True, False, True, False]
        assert [request.background_frame is not None for request in others] == [False, False, True, True]
        first, last = cache.segments[recording].start, cache.segments[recording].stop
        assert all(
            not first <= request.background_frame < last for request in others if request.background_frame is not None
        )
    handed = augmentations_of(
        cache, cache.segments, replace(SETTINGS, flip=False), np.zeros(0, np.int64), count=SETTINGS.augmentations
    )
    assert not any(
        request.mirrored or request.background_frame is not None for of_one in handed.values() for request in of_one
    )
    # With one recording less, those of the others stay, but for who had its background mixed in.
    fewer = augmentations_of(cache, cache.segments[:2], SETTINGS, background_frames, count=SETTINGS.augmentations)
    assert fewer[0] == requests[0]
