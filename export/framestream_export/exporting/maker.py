"""Making the variants of one run's model; what the variants have in common is made once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from framestream_export.exporting.figures import find_variant
from framestream_export.exporting.finished_run import FinishedRun
from framestream_export.exporting.float16 import halve_encoder
from framestream_export.exporting.held_out import HeldOut
from framestream_export.exporting.int8 import quantize_encoder, store_lstm
from framestream_export.graph.encoder import convert_encoder
from framestream_export.graph.parts import HeadWeights
from framestream_export.graph.streaming import GraphLayout, streaming_model


class VariantMaker:
    """Makes the graphs of a run's variants; `Exporter` measures and writes them.

    Attributes:
        finished: The run.
        path: The run's folder.
    """

    def __init__(self, finished: FinishedRun, path: Path, *, data: Path | None = None) -> None:
        """Read what the variants of a run's model have in common.

        Args:
            finished: The run.
            path: The run's folder.
            data: Where the run's data set is now; None is where it was in training.
        """
        self.finished, self.path, self._data = finished, path, data

    @cached_property
    def held_out(self) -> HeldOut:
        """The run's data set; raises DataError if it is gone."""
        return HeldOut.open(self.finished, self.path, self._data)

    @cached_property
    def encoder(self) -> Any:
        """The float32 encoder as an onnx.ModelProto."""
        return convert_encoder(self.finished.model.encoder, size_wh=self.finished.settings.size_wh)

    @cached_property
    def head(self) -> HeadWeights:
        """The recurrent part's weights."""
        return HeadWeights.of(self.finished.model.head)

    def make(self, name: str) -> Any:
        """The graph of a variant as an onnx.ModelProto without metadata; that of `ort` is float32's.

        Raises:
            SettingsError: No variant has that name.
            DataError: int8 is calibrated on training frames, and they are gone.
        """
        find_variant(name)
        settings, encoder = self.finished.settings, self.encoder
        if name == "float16":
            encoder = halve_encoder(encoder)
        elif name == "int8":
            encoder = quantize_encoder(encoder, self.held_out.calibration_batches())
        layout = GraphLayout(
            settings.kind,
            settings.window,
            settings.size,
            settings.size,
            fixed=name == "static",
            lstm_op=name != "no-lstm-op",
        )
        model = streaming_model(encoder, self.head, layout)
        if name == "int8":
            store_lstm(model)
        return model
