"""The picture of the confusion matrix, for labels as people write them."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from framestream_export.measures.answers import Answers
from framestream_export.measures.report import write_report


@pytest.mark.parametrize(
    "label",
    [r"$\bad{$", "手を振る", "a very long label of a machine's state that goes on and on and will not end", "x" * 90],
    ids=["dollars", "letters the font lacks", "long", "long without a space"],
)
def test_any_label_can_be_drawn(label: str, tmp_path: Path, silent: Console) -> None:
    answers = Answers(np.eye(2, dtype=np.float32), np.array([0, 1]), np.array([0, 1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = write_report(answers, ["idle", label], tmp_path, console=silent)
    assert report["per_class"][label]["recall"] == 1.0
    picture = cv2.imread(str(tmp_path / "confusion_matrix.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    # Nothing is cut off: the margin is blank.
    assert min(edge.min() for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1])) == 255
