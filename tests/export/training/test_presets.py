"""Presets: figures that are those of the networks, and settings that build them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from framestream.errors import SettingsError
from framestream_export.encoders.building import build_encoder
from framestream_export.graph.cost import ModelCost
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.training.presets import CHOICES, DEFAULT_PRESET, PRESETS, Preset, describe_presets, preset_named
from framestream_export.training.settings import TrainSettings


def built(preset: Preset) -> Any:
    settings = TrainSettings(**preset.to_settings())
    return build_encoder(
        settings.encoder, size=settings.size, feature_dim=settings.feature_dim, weights=settings.weights
    )


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_says_what_its_network_is_and_exports_it_lean(preset: Preset) -> None:
    encoder = built(preset)
    assert encoder.input_shape == (None, preset.size, preset.size, 3)
    feature_dim = encoder.output_shape[-1]
    graph = convert_encoder(encoder, size_wh=(preset.size, preset.size))
    no_dense = np.zeros((feature_dim, 0), np.float32)
    no_head = HeadWeights((), feature_dim, no_dense, no_dense[0])
    cost = ModelCost.of(graph, no_head, lstm_steps=1, parameters=encoder.count_params())
    assert cost == ModelCost(preset.parameters, preset.macs_per_frame)
    operators = {node.op_type for node in graph.graph.node}
    assert not {"Transpose", "Loop", "If", "Scan", "BatchNormalization", "Pad"} & operators
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), np.uint8)
    frames = np.stack([cv2.resize(picture, (preset.size, preset.size)) for picture in coarse])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    channels_first = np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
    (features,) = session.run(None, {graph.graph.input[0].name: channels_first})
    expected = np.asarray(encoder(frames.astype(np.float32), training=False))
    assert expected.std() > 0.1
    np.testing.assert_allclose(features, expected, atol=1e-4)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_a_set_of_training_settings(preset: Preset) -> None:
    settings = TrainSettings(**preset.to_settings())
    assert settings.encoder == preset.encoder
    assert preset_named(preset.name) is preset


def test_the_help_names_size_and_cost() -> None:
    lines = describe_presets()
    assert [line.split(":")[0] for line in lines] == ["auto", "tiny", "people", "small", "base"]
    assert lines[0] == "auto: people, unless small tells your clips apart clearly better: the default"
    assert lines[1] == (
        "tiny: the small encoder at 96 px, 0.44 M parameters, 0.027 GMAC a frame: people only, on the smallest machines"
    )
    assert lines[4].startswith("base: EfficientNet-Lite0 at 224 px, 3.4 M parameters, 0.38 GMAC a frame: ")
    assert [preset_named(name).size for name in CHOICES] == [preset_named(DEFAULT_PRESET).size] * len(CHOICES)
    costs = [preset.macs_per_frame for preset in PRESETS]
    assert costs == sorted(costs)


def test_a_preset_nobody_knows() -> None:
    with pytest.raises(SettingsError, match="no preset 'huge'; there are tiny, people, small, base"):
        preset_named("huge")


def test_help_costs_no_tensorflow() -> None:
    code = "import sys; from framestream_export.training.presets import describe_presets; describe_presets()"
    check = "heavy = {'tensorflow', 'keras', 'numpy', 'onnx'} & sys.modules.keys(); assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", f"{code}; {check}"], check=True)
