"""UCF101: classInd.txt (it may be missing), and for each of three divisions trainlist0N.txt and testlist0N.txt.

Soomro, Zamir and Shah, "UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild", 2012. A file is called
v_Class_gNN_cNN.avi; clips of one g were cut from one video, and the official divisions keep them together.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

from framestream.errors import DataError
from framestream_export.data.clip_names import group_of_ucf101
from framestream_export.data.footage import Recording, Segment, shown_name
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading, list_folder, missing_clips
from framestream_export.data.layouts.video_index import VideoIndex
from framestream_export.data.tables import read_lines


def _is_here(data: Path) -> bool:
    lists = list_folder(data, "trainlist0[123].txt")
    if lists is None or (lists / "classInd.txt").is_file():
        return lists is not None
    # Others call their lists so as well; those of UCF101 have the class before the clip.
    try:
        return all("/" in line for path in lists.glob("trainlist0[123].txt") for _, line in read_lines(path)[:1])
    except DataError:
        return False


def _read(data: Path, reading: Reading) -> Found:
    lists = list_folder(data, "trainlist0[123].txt")
    if lists is None:
        raise DataError(f"{data} has no trainlist01.txt, neither in it nor in a folder right below it")
    class_list = lists / "classInd.txt"
    classes = _read_classes(class_list) if class_list.is_file() else None
    videos = VideoIndex(data, reading.problems)
    recordings: dict[Path, Recording] = {}
    missing: list[str] = []
    listed = 0
    for split in ("train", "test"):
        path = lists / f"{split}list{reading.split_number:02}.txt"
        for number, line in read_lines(path):
            with reading.problems.about(f"{path}, row {number}"):
                clip, label = _parse(line, classes)
                listed += 1
                video = videos.find(clip, prefer=(label,))
                if video is None:
                    missing.append(clip)
                elif video in recordings:
                    raise DataError(f"{clip} has come before, in {recordings[video].split}; a clip is in one list only")
                else:
                    group = group_of_ucf101(video.stem) or video.stem
                    whole = (Segment(0.0, math.inf, label),)
                    recordings[video] = Recording(video, shown_name(video, data), whole, group, split)
    by = f"split {reading.split_number}"
    warnings = missing_clips(missing, listed, by=by, converted=videos.converted())
    if unlisted := len(videos.paths()) - len(recordings):
        warnings.append(f"{unlisted} clips are in no list of {by} and left out")
    return Found(tuple(recordings.values()), tuple(warnings))


def _read_classes(path: Path) -> dict[str, str]:
    """Names of the classes by their number."""
    classes = {}
    for number, line in read_lines(path):
        digits, _, name = line.partition(" ")
        if not (digits.isdecimal() and name.strip()):
            raise DataError(f"{path}, row {number}: {line!r} is not a number and a class")
        classes[digits] = name.strip()
    return classes


def _parse(line: str, classes: dict[str, str] | None) -> tuple[str, str]:
    """The clip and the class that a row names: Class/clip.avi, for training with the number of the class behind it.

    Without classInd.txt the folder's name is believed.
    """
    line = line.replace("\\", "/")  # as lists are written anew on Windows
    path, _, digits = line.rpartition(" ") if line.rpartition(" ")[2].isdecimal() else (line, "", "")
    place = PurePosixPath(path.strip())
    label = place.parent.name
    if classes is None and label:
        return place.name, label
    if classes is None:
        raise DataError(f"{line!r} names no class; it is written Class/clip.avi")
    if label not in classes.values():
        raise DataError(f"{label or line!r} is no class of classInd.txt")
    if digits and classes.get(digits) != label:
        raise DataError(f"class {digits} is {classes.get(digits, 'none')} in classInd.txt, not {label}")
    return place.name, label


LAYOUT = DataSetLayout("ucf101", _is_here, _read, frozenset({"split_number"}))
