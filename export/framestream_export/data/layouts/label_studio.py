"""Label Studio's JSON export of video labelled on a timeline (its "JSON" and "JSON-MIN" forms).

The `TimelineLabels` tag gives ranges of frames, counted from 1, both ends included; the older "video timeline
segmentation" template gives seconds, as `Labels` over an audio track; `Choices` label a film as a whole. A task's video
is an address of Label Studio's: an upload with eight digits before its name, or a path in a local storage.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from framestream.errors import DataError
from framestream_export.data.footage import Recording, Segment, in_order, shown_name
from framestream_export.data.footage_files import is_video
from framestream_export.data.layouts.annotated_films import as_described
from framestream_export.data.layouts.frame_ranges import FrameClock, LabelledRange, neighbours_apart
from framestream_export.data.layouts.layout import DataSetLayout, Found, Reading, missing_clips
from framestream_export.data.layouts.video_index import VideoIndex

_UPLOADED = re.compile(r"[0-9a-f]{8}-(?P<name>.+)")
_RATE_KEYS = ("fps", "framerate", "frameRate", "frame_rate")
_MIN_FORM_KEYS = {"annotation_id", "annotator"}
_BY = "Label Studio exports"
_NOT_ANNOTATED = "tasks have no annotation and are left out"
_SEVERAL = "tasks have several annotations, of which the ground truth or the newest was taken"
_OWN_TIMES = (
    "films had their labelled frames timed by their own timestamps. Label Studio counts 24 a second where a project"
    " does not say otherwise; if that was so, read them with --frame-rate 24"
)


def _exports(data: Path) -> list[Path]:
    candidates = [data] if data.is_file() else sorted(data.glob("*.json")) if data.is_dir() else []
    return [path for path in candidates if path.suffix.lower() == ".json" and _is_export(path)]


def _is_export(path: Path) -> bool:
    try:
        with path.open("rb") as stream:  # other programs' files may be large, and are seldom lists
            if not stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
                return False
        tasks = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    if not (isinstance(tasks, list) and tasks and isinstance(tasks[0], dict)):
        return False
    return {"annotations", "data"} <= set(tasks[0]) or bool(_MIN_FORM_KEYS & set(tasks[0]))


def _is_here(data: Path) -> bool:
    return bool(_exports(data))


def _read(data: Path, reading: Reading) -> Found:
    root = data if data.is_dir() else data.parent
    exports = _exports(data)
    if not exports:
        raise DataError(f"{data} has no JSON file that Label Studio has exported")
    videos = VideoIndex(root, reading.problems)
    recordings: dict[Path, Recording] = {}
    missing: list[str] = []
    notes: Counter[str] = Counter()
    for path in exports:
        for position, task in enumerate(json.loads(path.read_bytes()), start=1):
            with reading.problems.about(f"{path}, task {_number(task, position)}"), as_described(_BY):
                results = _results(task, notes)
                if results is None:
                    notes[_NOT_ANNOTATED] += 1
                    continue
                address = _address(task)
                video = _find(address, videos)
                if video is None:
                    missing.append(address)
                elif video in recordings:
                    raise DataError(f"{video} has come in an earlier task; keep one of them")
                else:
                    recordings[video] = _recording(video, results, task, root=root, reading=reading, notes=notes)
    listed = len(recordings) + len(missing) + len(reading.problems)
    by = ", ".join(path.name for path in exports)
    warnings = missing_clips(missing, listed, by=by, converted=videos.converted())
    warnings += [f"{count} {what}" for what, count in notes.items()]
    return Found(tuple(recordings.values()), tuple(warnings))


def _number(task: Any, position: int) -> Any:
    return task.get("id", position) if isinstance(task, dict) else position


def _results(task: Any, notes: Counter[str]) -> list[Mapping[str, Any]] | None:
    """The regions of the annotation that counts: the one marked as the truth, or the newest; None without any."""
    if not isinstance(task, dict):
        raise DataError("it is not an object")
    if "annotations" not in task:  # JSON-MIN: one annotation, its regions under the names of their tags
        lists = [value for value in task.values() if isinstance(value, list)]
        return [{"value": value} for values in lists for value in values if isinstance(value, dict)]
    whole = [one for one in task["annotations"] if not one.get("was_cancelled")]
    if not whole:
        return None
    if len(whole) > 1:
        notes[_SEVERAL] += 1
    chosen = max(whole, key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at", ""))))
    return [region for region in chosen.get("result", []) if isinstance(region.get("value"), dict)]


def _address(task: Mapping[str, Any]) -> str:
    """Where the task's video lies, as a path without what Label Studio puts around it."""
    for value in task.get("data", task).values():
        if not isinstance(value, str):
            continue
        parts = urlsplit(value)
        local = parse_qs(parts.query).get("d")
        path = local[0] if local else unquote(parts.path)
        if is_video(PurePosixPath(path).name):
            return path
    raise DataError("no field of its data names a video")


def _find(address: str, videos: VideoIndex) -> Path | None:
    place = PurePosixPath(address)
    names = [place.name]
    if uploaded := _UPLOADED.fullmatch(place.name):
        names.append(uploaded["name"])
    for name in names:
        if video := videos.find(name, prefer=place.parts[:-1]):
            return video
    # Uploads lose their spaces and most signs.
    alike = [name for name in videos.names() if _as_uploaded(name) in names]
    return videos.find(alike[0]) if len(alike) == 1 else None


def _as_uploaded(name: str) -> str:
    return re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_"))


def _recording(
    video: Path,
    results: Sequence[Mapping[str, Any]],
    task: Mapping[str, Any],
    *,
    root: Path,
    reading: Reading,
    notes: Counter[str],
) -> Recording:
    ranges: list[LabelledRange] = []
    segments: list[Segment] = []
    whole: list[str] = []
    for region in results:
        value = region["value"]
        if "ranges" in value:
            label = _only(value.get("timelinelabels") or ())
            ranges += [LabelledRange(int(one["start"]), int(one["end"]), label) for one in value["ranges"]]
        elif "labels" in value and "start" in value and "end" in value:
            segments.append(Segment(float(value["start"]), float(value["end"]), _only(value["labels"])))
        elif "choices" in value:
            whole.append(_only(value["choices"]))
    name = shown_name(video, root)
    if whole and not ranges and not segments:
        return Recording(video, name, (Segment(0.0, math.inf, _only(sorted(set(whole)))),), name)
    if ranges:
        clock = FrameClock(video, reading.frame_rate or _declared_rate(results, task))
        if clock.is_the_films_own:
            notes[_OWN_TIMES] += 1
        segments += [clock.segment(one) for one in neighbours_apart(ranges)]
    return Recording(video, name, in_order(segments), name, fill_background=True)


def _only(labels: Sequence[Any]) -> str:
    if len(labels) != 1 or not isinstance(labels[0], str):
        raise DataError(f"a region has {len(labels)} labels ({', '.join(map(str, labels))}); one is needed")
    return labels[0].strip()


def _declared_rate(results: Sequence[Mapping[str, Any]], task: Mapping[str, Any]) -> float | None:
    """Frames per second that the project counted, where the export says."""
    declared = [
        float(region["value"]["framesCount"]) / float(region["value"]["duration"])
        for region in results
        if region["value"].get("framesCount") and region["value"].get("duration")
    ]
    data = task.get("data", task)
    declared += [float(data[key]) for key in _RATE_KEYS if data.get(key)]
    for rate in declared:
        if not (math.isfinite(rate) and rate > 0):
            raise DataError(f"it says that the film has {rate:g} frames per second")
    return declared[0] if declared else None


LAYOUT = DataSetLayout("label-studio", _is_here, _read, frozenset({"frame_rate"}))
