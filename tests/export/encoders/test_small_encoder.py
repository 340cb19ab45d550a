"""The small encoder: points that say where, any size of picture, a graph without transposes."""

from collections import Counter

import keras
import numpy as np
import pytest

from framestream_export.encoders.small_encoder import build_small_encoder
from framestream_export.graph.encoder import convert_encoder


def test_a_point_is_where_its_map_is_high() -> None:
    encoder = build_small_encoder(96, 16)
    reader = keras.Model(encoder.get_layer("cells").input, encoder.get_layer("places_flat").output)
    height, width = 12, 12
    maps = np.full((1, 4, height, width), -30.0, np.float32)
    maps[0, 0, 0, 0] = maps[0, 1, 11, 0] = maps[0, 2, 3, 8] = maps[0, 3, 6, 2] = maps[0, 3, 6, 4] = 30.0
    across, down = np.asarray(reader(maps)).reshape(4, 2).T
    step = 4 / 11
    np.testing.assert_allclose(across, [-2, -2, -2 + 8 * step, -2 + 3 * step], atol=1e-5)
    np.testing.assert_allclose(down, [-2, 2, -2 + 3 * step, -2 + 6 * step], atol=1e-5)


@pytest.mark.parametrize(("size", "feature_dim"), [(16, 4), (33, 10), (100, 128)])
def test_any_size_of_picture_and_any_number_of_features(size: int, feature_dim: int) -> None:
    encoder = build_small_encoder(size, feature_dim)
    frames = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
    features = np.asarray(encoder(frames, training=False))
    assert features.shape == (2, feature_dim)
    assert np.isfinite(features).all()
    assert not np.array_equal(features[0], features[1])


def test_the_exported_graph_has_neither_transposes_nor_loops_nor_scaling_of_pixels() -> None:
    nodes = Counter(node.op_type for node in convert_encoder(build_small_encoder(64, 32), size_wh=(64, 64)).graph.node)
    assert not {"Transpose", "Loop", "If", "Scan", "BatchNormalization", "Pad"} & set(nodes)
    assert (nodes["Cast"], nodes["Add"], nodes["Mul"]) == (1, 1, 0), "batch norms and the scaling are in the weights"
