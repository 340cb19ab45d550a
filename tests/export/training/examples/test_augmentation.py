from __future__ import annotations

import numpy as np
import pytest

from framestream_export.training.examples.augmentation import Augmentation

RAMP = np.ascontiguousarray(
    np.broadcast_to(np.arange(16, dtype=np.uint8)[None, None, :, None] * 10 + 40, (6, 16, 16, 3))
)


@pytest.mark.parametrize("mirrored", [True, False])
def test_an_augmentation_is_the_same_for_all_frames_and_mirrors_only_if_it_should(mirrored: bool) -> None:
    for seed in range(8):
        augmentation = Augmentation.draw(np.random.default_rng(seed), size_wh=(16, 16), mirrored=mirrored)
        seen = augmentation.apply(RAMP)
        assert seen.shape == RAMP.shape
        assert seen.dtype == np.uint8
        assert all(np.array_equal(seen[0], frame) for frame in seen)
        assert (int(seen[0, 8, 2].sum()) > int(seen[0, 8, -3].sum())) == mirrored
    assert RAMP[0, 0, 0, 0] == 40  # what it is given stays as it is


def test_augmentations_differ_and_follow_from_their_source_of_chance() -> None:
    first, again, other = (
        Augmentation.draw(np.random.default_rng(seed), size_wh=(16, 16), mirrored=False).apply(RAMP)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other.astype(int)).mean() > 2


def test_a_background_shows_through() -> None:
    background = np.zeros((16, 16, 3), np.uint8)
    background[:8] = 255
    grey = np.full((2, 16, 16, 3), 128, np.uint8)
    plain, mixed = (
        Augmentation.draw(np.random.default_rng(3), size_wh=(16, 16), mirrored=False, background=picture).apply(grey)
        for picture in (None, background)
    )
    # Brighter where the background is white, darker where it is black.
    assert mixed[0, :4].mean() > plain[0, :4].mean() + 5
    assert mixed[0, -4:].mean() < plain[0, -4:].mean() - 5
