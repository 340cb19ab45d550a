from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framestream_export.encoders.building import build_encoder
from framestream_export.training.examples.frame_encoders import GraphEncoder, TracedEncoder

SIZE = 32


@pytest.fixture(scope="module")
def encoder() -> Any:
    return build_encoder("EfficientNetLite0", size=SIZE, feature_dim=8, weights="imagenet")


@pytest.fixture(scope="module")
def graph(encoder: Any) -> GraphEncoder:
    return GraphEncoder(encoder, size=SIZE)


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (75, SIZE, SIZE, 3), dtype=np.uint8)


def test_the_graph_gives_what_the_network_gives(encoder: Any, graph: GraphEncoder, frames: NDArray[np.uint8]) -> None:
    traced = TracedEncoder(encoder, size=SIZE)
    assert traced.feature_dim == graph.feature_dim == encoder.output_shape[-1]
    expected = np.asarray(encoder(frames.astype(np.float32), training=False))
    assert np.ptp(expected) > 1
    for found in (traced.encode(frames), graph.encode(frames)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_frame_s_features_do_not_depend_on_its_neighbours_or_on_other_threads(
    graph: GraphEncoder, frames: NDArray[np.uint8]
) -> None:
    # Or a run that is killed and resumed would end with other numbers.
    together = graph.encode(frames)
    chunks = [frames[first : first + 7] for first in range(0, len(frames), 7)]
    with ThreadPoolExecutor(4) as pool:
        apart = np.concatenate(list(pool.map(graph.encode, chunks)))
    assert apart.tobytes() == together.tobytes()
