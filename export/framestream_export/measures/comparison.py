"""The model beside one that does not look at the order of frames: is time worth anything on these data?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from framestream.errors import DataError
from framestream_export.measures.intervals import difference_interval
from framestream_export.measures.labelled import accuracy, answers_of, pieces_of
from framestream_export.measures.tracks import Track


def compare_with_baseline(tracks: Sequence[Track], baseline: Sequence[Track]) -> dict[str, Any]:
    """The baseline's accuracy, and what the model gains over it, piece by piece on the same pieces.

    Raises:
        DataError: The tracks are not of the same recordings.
    """
    ours, theirs = pieces_of(tracks), pieces_of(baseline)
    if [(piece.track, piece.label) for piece in ours] != [(piece.track, piece.label) for piece in theirs]:
        raise DataError("the baseline was not measured on the same labelled pieces as the model")
    gains = np.array([float(one.right) - float(other.right) for one, other in zip(ours, theirs, strict=True)])
    interval = difference_interval(gains, [tracks[piece.track].recording.group for piece in ours])
    verdict = "unclear"
    if interval is not None and interval.low > 0:
        verdict = "helps"
    elif interval is not None and interval.high < 0:
        verdict = "hurts"
    return {
        "accuracy": accuracy(answers_of(baseline)),
        "piece_accuracy": float(np.mean([piece.right for piece in theirs])),
        "piece_gain": float(gains.mean()),
        "piece_gain_interval": None if interval is None else interval.to_json(),
        "verdict": verdict,
    }
