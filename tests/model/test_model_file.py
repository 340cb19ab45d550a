"""Weights in other files, and the digest: what a model file is, before anything runs it."""

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from framestream import ModelError
from framestream.model.model_file import DIGEST_KEY, check_external_data, digest_of, external_files
from framestream.model.onnx_runtime import open_runtime_session
from framestream.model.session import ModelSession
from tests.tiny_model import write_model


def pointing_at(path: Path, location: str) -> onnx.ModelProto:
    """The tiny model, with the constant `scale` in another file."""
    write_model(path)
    model = onnx.load(str(path))
    scale = next(item for item in model.graph.initializer if item.name == "scale")
    keep_in(scale, location)
    path.write_bytes(model.SerializeToString())
    return model


def keep_in(tensor: TensorProto, location: str) -> None:
    """Say that a tensor's data are in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def write_scale(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.array(1 / 255, np.float32).tofile(path)


def test_weights_beside_the_model_are_read(tmp_path: Path) -> None:
    for name in ("scale.bin", "weights/scale.bin", "weights/../scale.bin"):
        write_scale(tmp_path / name)
        pointing_at(tmp_path / "m.onnx", name)
        frames = np.full((1, 4, 8, 8, 3), 255, np.uint8)
        session = ModelSession(tmp_path / "m.onnx", device="cpu")
        assert np.ptp(session.run(frames, session.zero_state())[0][0, -1]) < 1e-6


@pytest.mark.parametrize(
    "location",
    ["../scale.bin", "weights/../../scale.bin", "{outside}/scale.bin", "link.bin", "linked/scale.bin"],
)
def test_weights_outside_the_models_folder_are_refused(tmp_path: Path, location: str) -> None:
    outside, folder = tmp_path, tmp_path / "folder"
    (folder / "weights").mkdir(parents=True)
    write_scale(outside / "scale.bin")
    (folder / "link.bin").symlink_to(outside / "scale.bin")
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    location = location.format(outside=outside)
    pointing_at(folder / "m.onnx", location)
    with pytest.raises(ModelError, match=r"m\.onnx would read weights from '.*', outside its own folder; refused"):
        ModelSession(folder / "m.onnx")


def test_a_folder_named_like_the_models_is_not_the_models(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write_scale(tmp_path / "folder-2" / "scale.bin")
    pointing_at(tmp_path / "folder" / "m.onnx", "../folder-2/scale.bin")
    with pytest.raises(ModelError, match="outside its own folder"):
        ModelSession(tmp_path / "folder" / "m.onnx")


def test_the_working_directory_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    write_scale(tmp_path / "scale.bin")
    write_scale(tmp_path / "folder" / "scale.bin")
    pointing_at(tmp_path / "folder" / "m.onnx", "scale.bin")
    monkeypatch.chdir(tmp_path / "folder")
    ModelSession("m.onnx")
    monkeypatch.chdir(tmp_path)
    ModelSession("folder/m.onnx")
    pointing_at(tmp_path / "folder" / "m.onnx", "../scale.bin")
    with pytest.raises(ModelError, match="outside its own folder"):
        ModelSession("folder/m.onnx")


@pytest.mark.parametrize("location", ["*/_ORT_MEM_ADDR_/*", "*/_ORT_MEM_ADDR_/../scale.bin", "nul\0"])
def test_addresses_in_memory_are_refused(tmp_path: Path, location: str) -> None:
    """ONNX Runtime's own mark for data that are already in memory, at the address in `offset`."""
    write_scale(tmp_path / location.replace("*", "star").replace("\0", ""))
    pointing_at(tmp_path / "m.onnx", location)
    with pytest.raises(ModelError, match="refused"):
        ModelSession(tmp_path / "m.onnx")


def hide_in(place: str) -> onnx.ModelProto:
    """A model with a tensor in another file, wherever ONNX lets a tensor be."""
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1])
    keep_in(tensor, "../secret")
    sparse = helper.make_sparse_tensor(tensor, numpy_helper.from_array(np.zeros(1, np.int64), "i"), [4])
    inner = helper.make_graph([], "inner", [], [], initializer=[tensor])
    model = helper.make_model(helper.make_graph([], "outer", [], []))
    node = model.graph.node.add(op_type="Constant", output=["t"])
    attribute = node.attribute.add(name="value")
    if place == "initializer":
        model.graph.initializer.append(tensor)
    elif place == "sparse initializer":
        model.graph.sparse_initializer.append(sparse)
    elif place == "attribute":
        attribute.t.CopyFrom(tensor)
    elif place == "attributes":
        attribute.tensors.append(tensor)
    elif place == "sparse attribute":
        attribute.sparse_tensor.CopyFrom(sparse)
    elif place == "sparse attributes":
        attribute.sparse_tensors.append(sparse)
    elif place == "inner graph":
        attribute.g.CopyFrom(inner)
    elif place == "inner graphs":
        attribute.graphs.append(inner)
    elif place == "graph in graph":
        deep = helper.make_graph([helper.make_node("If", [], ["x"], then_branch=inner)], "deep", [], [])
        attribute.g.CopyFrom(deep)
    elif place == "function":
        model.functions.add(name="f").node.append(helper.make_node("Constant", [], ["t"], value=tensor))
    elif place == "function attribute":
        model.functions.add(name="f").attribute_proto.append(helper.make_attribute("a", tensor))
    elif place == "training":
        model.training_info.add().algorithm.CopyFrom(inner)
    elif place == "training start":
        model.training_info.add().initialization.CopyFrom(inner)
    else:
        raise AssertionError(place)
    return model


PLACES = (
    *("initializer", "sparse initializer", "attribute", "attributes", "sparse attribute", "sparse attributes"),
    *("inner graph", "inner graphs", "graph in graph", "function", "function attribute", "training", "training start"),
)


@pytest.mark.parametrize("place", PLACES)
def test_no_place_in_a_model_is_overlooked(tmp_path: Path, place: str) -> None:
    content = hide_in(place).SerializeToString()
    assert list(external_files(content)) == ["../secret"]
    with pytest.raises(ModelError, match=r"'\.\./secret'"):
        check_external_data(tmp_path / "m.onnx", content)


def test_every_message_that_holds_tensors_is_known() -> None:
    """Walks onnx.proto itself: a newer one may have new places for tensors."""
    seen: dict[str, set[str]] = {}

    def leads_to_tensor(message, above: tuple[str, ...] = ()) -> bool:
        if message.name == "TensorProto":
            return True
        if message.name in above:
            return False
        ways = {
            field.name
            for field in message.fields
            if field.message_type is not None and leads_to_tensor(field.message_type, (*above, message.name))
        }
        seen.setdefault(message.name, set()).update(ways)
        return bool(ways)

    assert leads_to_tensor(onnx.ModelProto.DESCRIPTOR)
    assert {name: ways for name, ways in seen.items() if ways} == {
        "ModelProto": {"graph", "training_info", "functions"},
        "GraphProto": {"node", "initializer", "sparse_initializer"},
        "NodeProto": {"attribute"},
        "AttributeProto": {"t", "g", "tensors", "graphs", "sparse_tensor", "sparse_tensors"},
        "SparseTensorProto": {"values", "indices"},
        "TrainingInfoProto": {"initialization", "algorithm"},
        "FunctionProto": {"node", "attribute_proto"},
    }


def test_the_last_of_two_locations_is_seen(tmp_path: Path) -> None:
    model = pointing_at(tmp_path / "m.onnx", "scale.bin")
    scale = next(item for item in model.graph.initializer if item.name == "scale")
    entry = scale.external_data.add()
    entry.key, entry.value = "location", "../scale.bin"
    # The same field twice in one message: the last counts, for protobuf.
    hidden = bytes([10, 8]) + b"location" + bytes([18, 5]) + b"a.bin" + bytes([18, 7]) + b"../evil"
    content = model.SerializeToString()
    tensor = TensorProto.FromString(scale.SerializeToString() + bytes([106, len(hidden)]) + hidden)
    assert tensor.external_data[-1].value == "../evil"
    assert set(external_files(content)) == {"scale.bin", "../scale.bin"}
    raw = scale.SerializeToString() + bytes([106, len(hidden)]) + hidden
    graph = bytes([42, *varint(len(raw))]) + raw
    assert "../evil" in list(external_files(bytes([58, *varint(len(graph))]) + graph))


def varint(value: int) -> list[int]:
    return [value] if value < 128 else [value & 127 | 128, *varint(value >> 7)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(ModelError):
        assert all(isinstance(name, str) for name in external_files(content))


@given(st.data())
def test_whatever_protobuf_reads_is_seen(data: st.DataObject) -> None:
    """Damage a model that points elsewhere; whenever ONNX still reads a place out of it, so must we."""
    content = bytearray(hide_in(data.draw(st.sampled_from(PLACES))).SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        model = onnx.ModelProto.FromString(bytes(content))
    except (DecodeError, ValueError, TypeError):
        return
    text = [tensor.external_data for tensor in model.graph.initializer]
    places = (entry.value for entries in text for entry in entries if entry.key == "location")
    # Some versions of protobuf give bytes for what is no UTF-8.
    names = {place.decode(errors="replace") if isinstance(place, bytes) else place for place in places}
    with suppress(ModelError):  # refused: safe, too
        assert names <= set(external_files(bytes(content)))


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    graph = b""
    for _ in range(200):
        attribute = bytes([50, *varint(len(graph))]) + graph
        node = bytes([42, *varint(len(attribute))]) + attribute
        graph = bytes([10, *varint(len(node))]) + node
    with pytest.raises(ModelError, match="without end"):
        check_external_data(tmp_path / "m.onnx", bytes([58, *varint(len(graph))]) + graph)


def test_the_digest_covers_everything_but_itself(tmp_path: Path) -> None:
    write_model(tmp_path / "m.onnx")
    content = (tmp_path / "m.onnx").read_bytes()
    assert digest_of(content) == f"sha256:{hashlib.sha256(content).hexdigest()}"
    model = onnx.load_from_string(content)
    entry = model.metadata_props.add()
    entry.key, entry.value = DIGEST_KEY, digest_of(content)
    assert digest_of(model.SerializeToString()) == digest_of(content)
    entry.value = "something else"
    assert digest_of(model.SerializeToString()) == digest_of(content)
    for change in (
        lambda m: m.metadata_props[0].__setattr__("value", "2"),
        lambda m: m.graph.node[0].__setattr__("name", "other"),
        lambda m: m.graph.initializer[0].__setattr__("raw_data", b"\0\0\0\0"),
        lambda m: m.__setattr__("ir_version", 8),
        lambda m: m.opset_import[0].__setattr__("version", 16),
    ):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        change(changed)
        assert digest_of(changed.SerializeToString()) != digest_of(content)


def test_a_model_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        open_runtime_session(tmp_path)
