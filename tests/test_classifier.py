import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import framestream
from framestream import Classifier, Event, Prediction
from tests.conftest import WriteVideo


def test_a_classifier_says_what_it_is(classifier: Classifier, model_path: Path) -> None:
    assert classifier.provider == "CPUExecutionProvider"
    assert classifier.spec.window_seconds == pytest.approx(0.4)
    assert str(model_path) in repr(classifier)


def test_a_classifier_cannot_be_changed(classifier: Classifier) -> None:
    with pytest.raises(AttributeError):
        classifier.provider = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        classifier.extra = 1  # type: ignore[attr-defined]


def test_threads_may_share_one_classifier(classifier: Classifier, write_video: WriteVideo) -> None:
    orders = [["red", "green", "blue"], ["green", "blue", "red"], ["blue", "red", "green"], ["red", "blue", "green"]]
    paths = [
        write_video([name for name in order for _ in range(90)], name=f"{index}.avi")
        for index, order in enumerate(orders)
    ]

    def results(path: Path) -> list[Prediction | Event]:
        return [item for item in classifier.watch(path) if isinstance(item, (Prediction, Event))]

    one_by_one = [results(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(results, paths * 3))
    assert together == one_by_one * 3
    assert len({str(found) for found in one_by_one}) == 4


def test_an_installation_without_a_default_model_says_so(tmp_path: Path, write_video: WriteVideo) -> None:
    package = Path(framestream.__file__).parent
    shutil.copytree(package, tmp_path / "framestream", ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "framestream.cli", "watch", str(write_video(["red"] * 30))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "default.onnx: this installation has no default model" in done.stderr
    assert str(tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1
