"""The sample about many-to-many and many-to-one: what it prints is so, and the files that it writes prove it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from sequences import INPUTS, OUTPUTS, STEPS, UNITS, Floats, error_of, make_sequences, run, windows

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parents[3] / "samples" / "sequences.py"


@dataclass(frozen=True)
class Ran:
    """What one run printed, and its two files."""

    text: str
    many: onnxruntime.InferenceSession
    one: onnxruntime.InferenceSession

    def number(self, before: str) -> float:
        """The number that stands behind some text."""
        found = re.search(rf"{re.escape(before)} ([\d.]+(?:e-\d+)?)", self.text)
        assert found is not None, self.text
        return float(found[1])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("sequences") / "made"
    command = [sys.executable, str(SCRIPT), str(folder), "--count", "600", "--epochs", "6", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    files = (folder / f"many-to-{name}.onnx" for name in ("many", "one"))
    return Ran(done.stdout, *(onnxruntime.InferenceSession(str(path)) for path in files))


@pytest.fixture(scope="module")
def unseen() -> tuple[Floats, Floats]:
    return make_sequences(np.random.default_rng(77), 100)


def signature(session: onnxruntime.InferenceSession) -> dict[str, list[int | str]]:
    return {item.name: item.shape for item in (*session.get_inputs(), *session.get_outputs())}


def test_the_outputs_are_fading_means() -> None:
    inputs, outputs = make_sequences(np.random.default_rng(4), 300)
    assert (inputs.shape, outputs.shape) == ((300, STEPS, INPUTS), (300, STEPS, OUTPUTS))
    assert np.allclose(outputs[:, 32:].var(axis=(0, 1)), 1, atol=0.15)
    # Each is a share of itself one step before and a mix of the newest inputs; nothing else is left to explain.
    for number in range(OUTPUTS):
        known = np.concatenate([outputs[:, :-1, [number]], inputs[:, 1:]], axis=2).reshape(-1, 1 + INPUTS)
        wanted = outputs[:, 1:, number].ravel()
        shares, *_ = np.linalg.lstsq(known, wanted, rcond=None)
        assert 0.59 < shares[0] < 0.91
        assert np.abs(known @ shares - wanted).max() < 1e-4


def test_the_published_shape_cannot_be_fitted(ran: Ran) -> None:
    assert f"(None, {STEPS}, {UNITS}) cannot be fitted to (None, {STEPS}, {OUTPUTS}): " in ran.text


def test_both_learn_what_needs_memory(ran: Ran, unseen: tuple[Floats, Floats]) -> None:
    mean = ran.number("error of the mean:")
    forgetful = ran.number("without memory:")
    assert 0.8 < mean < 1.2
    assert 0.4 < forgetful < 0.7
    printed = [
        ran.number(f"({', '.join(map(str, shape))}): error") for shape in ((200, STEPS, OUTPUTS), (200, OUTPUTS))
    ]
    inputs, wanted = unseen
    found = [
        error_of(run(ran.many, inputs, steps=STEPS), wanted),
        error_of(run(ran.one, inputs, steps=STEPS)[:, -1], wanted[:, -1]),
    ]
    assert max(printed + found) < forgetful / 3 < mean / 5


def test_state_goes_in_and_comes_out(ran: Ran) -> None:
    hidden = ["cameras", UNITS]
    assert signature(ran.many) == {
        "inputs": ["cameras", "steps", INPUTS],
        "outputs": ["cameras", "steps", OUTPUTS],
        **dict.fromkeys(("hidden", "cell", "next_hidden", "next_cell"), hidden),
    }
    features = ["cameras", STEPS - 1, INPUTS]
    assert signature(ran.one) == {
        "inputs": ["cameras", "steps", INPUTS],
        "outputs": ["cameras", "steps", OUTPUTS],
        **dict.fromkeys(("features", "next_features"), features),
    }


def test_onnx_runtime_says_what_keras_says(ran: Ran) -> None:
    for what in ("step by step", "whole windows", "a stream of 1000 steps, every window"):
        assert 0 < ran.number(f"{what}: largest difference") <= 1e-5


def test_portions_do_not_matter(ran: Ran, unseen: tuple[Floats, Floats]) -> None:
    inputs, _ = unseen
    for session in (ran.many, ran.one):
        whole = run(session, inputs, steps=STEPS)
        for steps in (1, 7):
            assert np.abs(run(session, inputs, steps=steps) - whole).max() <= 1e-5


def test_many_to_one_on_a_stream_is_each_window_by_itself(ran: Ran) -> None:
    stream, _ = make_sequences(np.random.default_rng(5), 1, 150)
    found = run(ran.one, stream, steps=1)[0, STEPS - 1 :]
    alone = run(ran.one, windows(stream), steps=STEPS)[:, -1]
    assert found.shape == alone.shape == (150 - STEPS + 1, OUTPUTS)
    assert np.abs(found - alone).max() <= 1e-5


def test_many_to_many_is_lost_without_its_state(ran: Ran, unseen: tuple[Floats, Floats]) -> None:
    inputs, wanted = unseen
    forgetful = run(ran.many, inputs.reshape(-1, 1, INPUTS), steps=1).reshape(wanted.shape)
    assert error_of(forgetful, wanted) > 0.8 * ran.number("without memory:")
    assert ran.number("zeros as state each time: error") > 0.8 * ran.number("without memory:")


def test_both_go_on_beyond_the_steps_they_were_trained_on(ran: Ran) -> None:
    found = re.search(r"on that stream: many-to-many ([\d.]+), many-to-one ([\d.]+)$", ran.text.strip())
    assert found is not None, ran.text
    assert max(map(float, found.groups())) < ran.number("without memory:") / 3
