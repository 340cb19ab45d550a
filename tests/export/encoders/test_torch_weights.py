"""PyTorch's legacy files: every view of a storage comes out right, and nothing in a file can do anything."""

from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from framestream.errors import DataError
from framestream_export.encoders import torch_pickle
from framestream_export.encoders.torch_pickle import PickleError, read_pickle
from framestream_export.encoders.torch_weights import read_torch_weights
from tests.export.torch_file import (
    MAGIC,
    ORDERED_DICT,
    PROTOCOL,
    STOP,
    VERSION,
    TorchFile,
    TorchTensor,
    integer,
    integers,
    machine,
    text,
)

TWELVE = np.arange(12, dtype=np.float32)
PLAIN = TorchTensor("weight", TWELVE, 0, (3, 4), (4, 1))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net.pth"
    path.write_bytes(content)
    return path


def refusal(folder: Path, content: bytes) -> str:
    path = written(folder, content)
    with pytest.raises(DataError) as caught:
        read_torch_weights(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@st.composite
def views(draw: st.DrawFn) -> tuple[TorchTensor, np.ndarray]:
    """A slice of an array with its axes in any order, as a tensor and as NumPy sees it."""
    dtype = draw(st.sampled_from(["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "i1", "u1"]))
    whole = draw(arrays.arrays(np.dtype(dtype), arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)))
    axes = draw(st.permutations(range(whole.ndim)))
    cuts = [slice(draw(st.integers(0, size - 1)), None, draw(st.integers(1, 3))) for size in whole.shape]
    seen = whole[(*cuts, ...)].transpose(axes)
    offset = (seen.__array_interface__["data"][0] - whole.__array_interface__["data"][0]) // whole.itemsize
    strides = tuple(stride // whole.itemsize for stride in seen.strides)
    name = draw(st.text(max_size=8).filter(lambda value: value.isprintable()))
    return TorchTensor(name, whole.reshape(-1), offset, seen.shape, strides), seen


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(views(), min_size=1, max_size=3, unique_by=lambda view: view[0].name))
def test_any_view_of_any_storage_is_what_numpy_sees(
    tmp_path: Path, drawn: list[tuple[TorchTensor, np.ndarray]]
) -> None:
    tensors = [replace(tensor, key=str(index)) for index, (tensor, _) in enumerate(drawn)]
    state = read_torch_weights(written(tmp_path, bytes(TorchFile(tensors))))
    assert list(state) == [tensor.name for tensor in tensors]
    for values, (_, seen) in zip(state.values(), drawn, strict=True):
        assert values.dtype == seen.dtype
        np.testing.assert_array_equal(values, seen)


def test_tensors_may_share_a_storage(tmp_path: Path) -> None:
    turned = TorchTensor("turned", TWELVE, 0, (4, 3), (1, 4))
    last = TorchTensor("last", TWELVE, 11, (), ())
    state = read_torch_weights(written(tmp_path, bytes(TorchFile([PLAIN, turned, last]))))
    np.testing.assert_array_equal(state["turned"], state["weight"].T)
    assert state["last"] == 11


class Touch:
    """Pickled, a call of os.system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_a_command_is_refused_and_runs_none(tmp_path: Path, protocol: int) -> None:
    touched = tmp_path / "touched"
    bad = pickle.dumps(Touch(touched), protocol)
    for content in (bad, MAGIC + bad, MAGIC + VERSION + bad, MAGIC + VERSION + machine() + bad):
        assert "refused" in refusal(tmp_path, content)
    assert not touched.exists()
    pickle.loads(bad)  # noqa: S301 - it was not for want of trying
    assert touched.exists()


SYSTEM = text("posix") + text("system")
ARGUMENT = text("true")
ORDERED = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
FLOATS = b"ctorch\nFloatStorage\n"
STORAGE = b"(" + text("storage") + FLOATS + text("1") + text("cpu") + integer(12) + b"NtQ"
TENSOR = REBUILD + b"(" + STORAGE + integer(0) + integers((3, 4)) + integers((4, 1)) + b"\x89NtR"


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n" + ARGUMENT + b"\x85R",
        SYSTEM + b"\x93" + ARGUMENT + b"\x85R",  # STACK_GLOBAL
        b"(" + ARGUMENT + b"iposix\nsystem\n",  # INST
        b"(cposix\nsystem\n" + ARGUMENT + b"o",  # OBJ
        b"(" + ORDERED + b"o",
        ORDERED + b")\x81",  # NEWOBJ
        ORDERED + b")}\x92",  # NEWOBJ_EX
        b"\x82\x01",  # EXT1
        b"\x83\x01\x00",
        b"\x84\x01\x00\x00\x00",
        b"cbuiltins\ngetattr\n" + ORDERED + text("__init__") + b"\x86R",
        b"c__builtin__\neval\n" + ARGUMENT + b"\x85R",
        b"ccollections\nOrderedDict.__init__.__globals__\n",
        b"ccollections.OrderedDict\n__init__\n",
        b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n",
        b"cframestream_export.encoders.torch_pickle\n_tensor\n",
        b"ctorch\nload\n" + ARGUMENT + b"\x85R",
        FLOATS + b")R",  # calls of what is no function of ours
        TENSOR + b")R",
        ORDERED + b"](KKe\x85R",  # what fills one dictionary fills any number
        ORDERED + b"}}R",
        REBUILD + b"]R",
        b"Pnamed\n",  # PERSID
        b"}Q",
        ARGUMENT + b"Q",
        b"(" + text("storage") + ORDERED + text("1") + text("cpu") + integer(12) + b"NtQ",
        b"(" + text("storage") + text("torch FloatStorage") + text("1") + text("cpu") + integer(12) + b"NtQ",
        b"(" + text("storage") + FLOATS + text("1") + text("cpu") + integer(12) + text("a view") + b"tQ",
        b"(" + text("storage") + FLOATS + integer(1) + text("cpu") + integer(12) + b"NtQ",
        b"(" + text("module") + FLOATS + text("1") + text("cpu") + integer(12) + b"NtQ",
        b"(" + text("storage") + FLOATS + text("1") + text("cpu") + b"\x88NtQ",
        b"\x96" + struct.pack("<Q", 2**40),  # BYTEARRAY8
        b"\x8e" + struct.pack("<Q", 2**40),  # BINBYTES8
        b"\x95" + struct.pack("<Q", 2**40),  # FRAME
        b"Nr\xff\xff\xff\x7f",  # a memo of two thousand million entries
        b"N\x8b" + struct.pack("<I", 2**31 - 1),  # LONG4
        b"I" + b"9" * 10_000 + b"\n",
        b"\x97",  # NEXT_BUFFER
        b"N2",  # DUP
    ],
)
def test_programs_that_weights_are_not(tmp_path: Path, program: bytes) -> None:
    tracemalloc.start()
    for content in (program + STOP, b"}" + text("a") + program + b"s."):
        refusal(tmp_path, MAGIC + VERSION + machine() + PROTOCOL + content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "value", [ORDERED, REBUILD, FLOATS, STORAGE, TENSOR, b"}", b"]", b")", ARGUMENT, b"N", b"K\x01"]
)
@pytest.mark.parametrize("name", ["make", "name", "shape", "items", "__class__", "__call__", "__defaults__", "__new__"])
def test_nothing_can_be_set_of_anything(tmp_path: Path, value: bytes, name: str) -> None:
    """BUILD sets attributes: those of an instance from a dictionary, and any others from the second of a pair."""
    state = b"}" + text(name) + ORDERED + b"s"
    for attributes in (state, b"N" + state + b"\x86", state + state + b"\x86"):
        refusal(tmp_path, MAGIC + VERSION + machine() + PROTOCOL + value + attributes + b"b.")
        # Nothing of it is left behind for the next file.
        assert list(read_torch_weights(written(tmp_path, bytes(TorchFile([PLAIN]))))) == ["weight"]


def test_attributes_of_a_state_dict_are_left_out(tmp_path: Path) -> None:
    shadows = b"}(" + text("items") + ORDERED + text("get") + ORDERED + text("__class__") + ORDERED + b"ub"
    state = read_torch_weights(written(tmp_path, bytes(replace(TorchFile([PLAIN]), attributes=shadows))))
    np.testing.assert_array_equal(state["weight"], TWELVE.reshape(3, 4))


def test_a_tensor_and_a_storage_may_be_met_again(tmp_path: Path) -> None:
    """As Python's own writer says it: kept in the memo the first time, taken from there afterwards."""
    again = b"}(" + text("a") + TENSOR + b"q\x05" + text("b") + b"h\x05u" + STOP
    whole = TorchFile([PLAIN])
    state = read_torch_weights(written(tmp_path, whole.head + PROTOCOL + again + whole.storages()))
    np.testing.assert_array_equal(state["a"], state["b"])


def test_the_global_that_is_refused_is_named(tmp_path: Path) -> None:
    bad = PROTOCOL + b"cposix\nsystem\n" + text("true") + b"\x85R."
    before = MAGIC + VERSION + machine()
    message = refusal(tmp_path, before + bad)
    assert "the global 'posix.system' is not one that weights need; refused" in message
    assert f"before byte {len(before + PROTOCOL) + len(b'cposix system ')}" in message


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (replace(PLAIN, shape=(4, 4)), "reaches beyond the 12 numbers"),
        (replace(PLAIN, offset=1), "reaches beyond"),
        (replace(PLAIN, strides=(5, 1)), "reaches beyond"),
        (replace(PLAIN, shape=(10**6, 10**6), strides=(0, 0)), "reaches beyond"),
        (replace(PLAIN, shape=(0, 2**62), strides=(2**62, 1)), "is empty"),
        (replace(PLAIN, shape=(3,)), "do not go together"),
        (replace(PLAIN, shape=(1,) * 9, strides=(1,) * 9), "do not go together"),
        (replace(PLAIN, strides=(4, -1)), "do not go together"),
        (replace(PLAIN, offset=-1), "starts nowhere"),
        (replace(PLAIN, offset=2**80), "reaches beyond"),
        (replace(PLAIN, count=2**62), "it is cut short"),
        (replace(PLAIN, count=13), "cut short"),
        (replace(PLAIN, count=-1), "length is no number"),
        (replace(PLAIN, kind="torch\nBFloat16Storage"), "'torch.BFloat16Storage' is not one"),
        (replace(PLAIN, kind="collections\nOrderedDict"), "none of PyTorch's plain ones"),
    ],
)
def test_tensors_that_cannot_be(tmp_path: Path, tensor: TorchTensor, message: str) -> None:
    assert message in refusal(tmp_path, bytes(TorchFile([tensor])))


def test_files_of_another_make(tmp_path: Path) -> None:
    whole = TorchFile([PLAIN])
    assert "_use_new_zipfile_serialization=False" in refusal(tmp_path, b"PK\x03\x04 and so on")
    assert "magic number" in refusal(tmp_path, VERSION + bytes(whole))
    assert "version is not 1001" in refusal(tmp_path, MAGIC + MAGIC + bytes(whole))
    assert "little-endian" in refusal(tmp_path, bytes(replace(whole, head=MAGIC + VERSION + machine(b"\x89"))))
    assert "no dict" in refusal(tmp_path, bytes(replace(whole, attributes=b"]b")))
    assert "save model.state_dict()" in refusal(tmp_path, bytes(replace(whole, attributes=text("a") + b"Ns")))
    listed = PROTOCOL + b"](" + text("another") + b"e."
    assert "not those its tensors need" in refusal(tmp_path, whole.head + whole.state() + listed)
    two = TorchFile([PLAIN, replace(PLAIN, name="again", count=13)])
    assert "two sizes" in refusal(tmp_path, bytes(two))
    with pytest.raises(DataError, match=r"gone\.pth cannot be read: No such file"):
        read_torch_weights(tmp_path / "gone.pth")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = bytes(TorchFile([PLAIN]))
    for length in range(len(whole)):
        refusal(tmp_path, whole[:length])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_bytes_are_an_error_or_other_numbers(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(bytes(TorchFile([PLAIN, replace(PLAIN, name="b", strides=(1, 3), key="2")])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        state = read_torch_weights(written(tmp_path, bytes(content)))
    except DataError:
        return
    assert all(values.size <= 12 for values in state.values())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*b"NKMJX}](tuseb.RQq\x85\x86\x87\x88\x89)chr\x8a\x80\n"]).map(lambda v: bytes([v]))))
def test_any_program_ends_in_a_value_or_an_error(tmp_path: Path, operations: list[bytes]) -> None:
    try:
        read_pickle(BytesIO(b"".join(operations)))
    except PickleError:
        return


def test_a_length_that_is_a_lie_reserves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, PROTOCOL + b"X\xff\xff\xff\xffshort")
    tracemalloc.start()
    with pytest.raises(DataError, match="cut short or damaged"):
        read_torch_weights(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_pickle_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_pickle, "MOST_OPERATIONS", 1000)
    assert "more than 1000 operations" in refusal(tmp_path, PROTOCOL + b")" + b"\x85" * 2000 + STOP)


# The last two do nothing to the pair (no items are set, none appended) before it is kept.
@pytest.mark.parametrize("pair", [b"q\x00h\x00\x86", b"(uq\x00h\x00\x86", b"(eq\x00h\x00\x86"])
def test_a_value_that_is_shared_a_billion_times_costs_nothing(tmp_path: Path, pair: bytes) -> None:
    bomb = b")" + pair * 200  # a pair of pairs of pairs ...
    for content in (bomb + STOP, b"}" + bomb + b"Ns.", ORDERED_DICT + bomb + b"b.", bomb + integers((1, 2)) + b"R."):
        refusal(tmp_path, MAGIC + VERSION + machine() + PROTOCOL + content)
