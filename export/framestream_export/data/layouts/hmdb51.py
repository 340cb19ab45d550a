"""HMDB51: for every class and each of three divisions a file CLASS_test_splitN.txt, with a clip and a number a row.

Kuehne, Jhuang, Garrote, Poggio and Serre, "HMDB: A Large Video Database for Human Motion Recognition", ICCV 2011. The
number is 1 for training, 2 for testing, 0 for neither. A clip is called FILM_CLASS_…: what was cut from one film stays
together.
"""

from __future__ import annotations

import math
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Recording, Segment, shown_name
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading, list_folder, missing_clips
from framestream_export.data.layouts.video_index import VideoIndex
from framestream_export.data.tables import read_lines

_SPLIT_OF = {"0": None, "1": "train", "2": "test"}


def _is_here(data: Path) -> bool:
    return list_folder(data, "*_test_split[123].txt") is not None


def _read(data: Path, reading: Reading) -> Found:
    lists = list_folder(data, "*_test_split[123].txt")
    ending = f"_test_split{reading.split_number}.txt"
    paths = sorted(lists.glob(f"*{ending}")) if lists else []
    if not paths:
        others = sorted({path.stem[-1] for path in lists.glob("*_test_split[123].txt")}) if lists else []
        hint = f"; there is --split-number {' or '.join(others)}" if others else ""
        raise DataError(f"{data} has no CLASS{ending}, neither in it nor in a folder right below it{hint}")
    videos = VideoIndex(data, reading.problems)
    recordings: dict[Path, Recording] = {}
    missing: list[str] = []
    listed = unused = 0
    warnings = []
    for path in paths:
        label = path.name.removesuffix(ending)
        before = listed
        for number, line in read_lines(path):
            with reading.problems.about(f"{path}, row {number}"):
                clip, _, code = line.rpartition(" ")
                if code not in _SPLIT_OF or not clip:
                    raise DataError(f"{line!r} is not a clip and 0, 1 or 2")
                split = _SPLIT_OF[code]
                if split is None:
                    unused += 1
                    continue
                listed += 1
                video = videos.find(clip.strip(), prefer=(label,))
                if video is None:
                    missing.append(clip.strip())
                elif video in recordings:
                    raise DataError(f"{clip} has come before, as {recordings[video].segments[0].label!r}")
                else:
                    group = f"{label}/{_film(video.stem, label)}"
                    whole = (Segment(0.0, math.inf, label),)
                    recordings[video] = Recording(video, shown_name(video, data), whole, group, split)
        if listed == before:
            warnings.append(f"{path.name} lists no clip for training or testing, so there is no class {label!r}")
    by = f"split {reading.split_number}"
    warnings += missing_clips(missing, listed, by=by, converted=videos.converted())
    if unused:
        warnings.append(f"{unused} clips are neither for training nor for testing in {by} and left out")
    return Found(tuple(recordings.values()), tuple(warnings))


def _film(stem: str, label: str) -> str:
    film, found, _ = stem.partition(f"_{label}_")
    return film if found else stem


LAYOUT = DataSetLayout("hmdb51", _is_here, _read, frozenset({"split_number"}))
