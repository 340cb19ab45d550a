"""A FAKE Triton Inference Server, for want of a real one: it serves a model repository over gRPC on 127.0.0.1.

It refuses what Triton refuses when it loads a model for its ONNX Runtime backend and when it takes a request, as far
as our repository and client come near it. That it accepts something does not prove that Triton does. Requests and
answers are Triton's own protocol, by tritonclient's protobuf; the model runs in ONNX Runtime.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from google.protobuf import text_format
from numpy.typing import NDArray
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from tests.consumers.fake_sequence_batcher import FakeRefusalError, FakeSequenceBatcher, SequenceRequest

_ELEMENTS = {"TYPE_UINT8": "tensor(uint8)", "TYPE_FP32": "tensor(float)"}
_MAX_ID_BYTES = 128


class FakeLoadError(Exception):
    """The fake would not load the model, for a reason for which Triton would not."""


class FakeTriton:
    """A fake server with one model; a context manager."""

    def __init__(self, repository: Path, name: str, *, first_batch: int = 1) -> None:
        """Load a model.

        Args:
            repository: The folder `tritonserver --model-repository` would be pointed to.
            name: The model.
            first_batch: Cameras whose requests must wait before anything runs, so that a batch is sure to be made.
        """
        self.config, session = load(repository, name)
        self.batcher = FakeSequenceBatcher(self.config, session, first_batch=first_batch)
        self._server = grpc.server(ThreadPoolExecutor(16))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_Service(self.config, self.batcher), self._server)
        self.url = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> FakeTriton:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(grace=1).wait()
        self.batcher.close()


def load(repository: Path, name: str) -> tuple[Any, onnxruntime.InferenceSession]:
    """Read and check a model's configuration against its graph, as Triton does."""
    folder = repository / name
    config = text_format.Parse((folder / "config.pbtxt").read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    if config.name != name:
        raise FakeLoadError(f"directory name must equal model name, found {config.name}")
    if config.backend != "onnxruntime" or config.max_batch_size < 1:
        raise FakeLoadError("this fake has ONNX Runtime and batching only")
    versions = sorted(int(item.name) for item in folder.iterdir() if item.is_dir() and item.name.isdigit())
    if not versions:
        raise FakeLoadError("no version directory")
    session = onnxruntime.InferenceSession(
        str(folder / str(versions[-1]) / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    for output in config.output:
        if output.label_filename and not (folder / output.label_filename).is_file():
            raise FakeLoadError(f"no {output.label_filename}")
    _check_tensors(config, session)
    _check_sequences(config.sequence_batching)
    return config, session


def _check_tensors(config: Any, session: onnxruntime.InferenceSession) -> None:
    inputs = {item.name: item for item in session.get_inputs()}
    outputs = {item.name: item for item in session.get_outputs()}
    states = config.sequence_batching.state
    if len(inputs) != len(config.input) + len(states):
        raise FakeLoadError(f"configuration expects {len(config.input) + len(states)} inputs, model has {len(inputs)}")
    described = [(item.name, item, inputs) for item in config.input] + [
        (item.name, item, outputs) for item in config.output
    ]
    described += [(item.input_name, item, inputs) for item in states]
    described += [(item.output_name, item, outputs) for item in states]
    for name, item, tensors in described:
        if name not in tensors:
            raise FakeLoadError(f"the model has no {name}")
        tensor = tensors[name]
        if tensor.type != _ELEMENTS.get(model_config_pb2.DataType.Name(item.data_type)):
            raise FakeLoadError(f"{name} is {tensor.type} in the model")
        shape = [size if isinstance(size, int) else -1 for size in tensor.shape]
        if shape[0] != -1:
            raise FakeLoadError(f"model does not support batching: the first axis of {name} is {shape[0]}")
        if shape[1:] != list(item.dims):
            raise FakeLoadError(f"{name} has dims {list(item.dims)}, the model {shape[1:]}")


def _check_sequences(batching: Any) -> None:
    if batching.WhichOneof("strategy_choice") != "oldest" or batching.oldest.max_candidate_sequences < 1:
        raise FakeLoadError("this fake has the strategy `oldest` only, and Triton has no candidates by default")
    for state in batching.state:
        if len(state.initial_state) > 1:
            raise FakeLoadError(f"more than one initial_state for {state.input_name}")
        for initial in state.initial_state:
            if not initial.name or initial.data_type != state.data_type or initial.dims != state.dims:
                raise FakeLoadError(f"initial_state of {state.input_name} does not fit it, or has no name")
            if initial.WhichOneof("state_data") != "zero_data":
                raise FakeLoadError("this fake starts states from zeros only")


class _Service(service_pb2_grpc.GRPCInferenceServiceServicer):
    """The requests that our client makes."""

    def __init__(self, config: Any, batcher: FakeSequenceBatcher) -> None:
        self._config, self._batcher = config, batcher

    def ModelConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (Triton's name)
        self._check_name(request.name, context)
        return service_pb2.ModelConfigResponse(config=self._config)

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (Triton's name)
        self._check_name(request.model_name, context)
        try:
            frames = self._frames(request)
            wanted = [item.name for item in request.outputs] or [item.name for item in self._config.output]
            unknown = set(wanted) - {item.name for item in self._config.output}
            if unknown:
                raise FakeRefusalError(f"unexpected inference output {sorted(unknown)} for model '{self._config.name}'")
            outputs = self._batcher.submit(_sequence_request(request, frames)).result()
        except FakeRefusalError as refusal:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))
        answer = service_pb2.ModelInferResponse(model_name=self._config.name, model_version="1")
        for name in wanted:
            answer.outputs.add(name=name, datatype="FP32", shape=outputs[name].shape)
            answer.raw_output_contents.append(outputs[name].tobytes())
        return answer

    def _frames(self, request: Any) -> NDArray[np.uint8]:
        (known,) = self._config.input
        for item in request.inputs:
            if item.name != known.name:
                raise FakeRefusalError(f"unexpected inference input '{item.name}' for model '{self._config.name}'")
        if len(request.inputs) != 1 or len(request.raw_input_contents) != 1:
            raise FakeRefusalError(f"expected 1 input but got {len(request.inputs)}")
        item, content = request.inputs[0], request.raw_input_contents[0]
        shape = list(item.shape)
        fits = len(shape) == 5 and all(want in (-1, size) for want, size in zip(known.dims, shape[1:], strict=True))
        if item.datatype != "UINT8" or not fits:
            raise FakeRefusalError(f"unexpected {item.datatype} {shape} for input '{item.name}'")
        if len(content) != int(np.prod(shape)):
            raise FakeRefusalError(f"unexpected total byte size {len(content)} for input '{item.name}'")
        return np.frombuffer(content, np.uint8).reshape(shape)

    def _check_name(self, name: str, context: grpc.ServicerContext) -> None:
        if name != self._config.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{name}' is not found")


def _sequence_request(request: Any, frames: NDArray[np.uint8]) -> SequenceRequest:
    given = request.parameters
    sequence: int | str = 0
    if "sequence_id" in given:
        identifier = given["sequence_id"]
        sequence = identifier.string_param if identifier.HasField("string_param") else identifier.int64_param
    if isinstance(sequence, str) and len(sequence.encode()) > _MAX_ID_BYTES:
        raise FakeRefusalError(f"string correlation ID cannot be longer than {_MAX_ID_BYTES} bytes")
    flags = {name: name in given and given[name].bool_param for name in ("sequence_start", "sequence_end")}
    return SequenceRequest(sequence, frames, start=flags["sequence_start"], end=flags["sequence_end"])
