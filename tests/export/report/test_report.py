"""The report as JSON, as a page and as a picture, for labels as people write them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console

from framestream.errors import DataError
from framestream.model.spec import EventSettings
from framestream_export.measures.event_settings import SuggestedEvents
from framestream_export.measures.prediction_timelines import PredictionTimeline
from framestream_export.report.extras import ReportExtras
from framestream_export.report.report_files import write_report
from framestream_export.report.svg import inline_svg
from tests.export.prediction_timelines import BACKGROUND, LABELS, TIMING, clip, film, sure

AWKWARD = ("<script>alert(1)</script>", '"><img src=x onerror=y>', "$bad{$", "手を振る 👋", "&lt;", "x" * 90)
EVENTS = [(2.0, 6.0, "wave"), (8.0, 11.0, "clap")]


class Page(HTMLParser):
    """What is in a page: elements, addresses, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.descriptions: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag == "svg":
            self.descriptions.append(dict(attrs)["aria-label"] or "")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self.open  # elsewhere in HTML, no element is closed so
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def write(
    folder: Path,
    timelines: list[PredictionTimeline],
    extras: ReportExtras | None = None,
    labels: tuple[str, ...] = LABELS,
) -> tuple[dict[str, Any], Page]:
    report = write_report(
        timelines,
        labels=labels,
        background=BACKGROUND if BACKGROUND in labels else None,
        folder=folder,
        extras=extras or ReportExtras(timing=TIMING),
        console=Console(quiet=True),
    )
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == report
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    page = Page(text)
    assert page.open == []
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert {"script", "link", "iframe"}.isdisjoint(page.tags)
    assert "http" not in text.replace("http-equiv", "")
    # Of several charts in one page, none can be taken for another: they have no identifiers.
    assert {"use", "style"}.isdisjoint(page.tags[page.tags.index("body") :])
    assert 'id="' not in text
    assert "url(" not in text
    return report, page


def some_clips(*, groups: int = 6, wrong: int = 3) -> list[PredictionTimeline]:
    timelines = []
    for number in range(24):
        label = number % 3
        said = (label + 1) % 3 if number < wrong else label
        timelines.append(clip(LABELS[label], [said] * 8, name=f"{number}.mp4", group=f"person {number % groups}"))
    return timelines


@pytest.mark.parametrize("label", AWKWARD)
def test_any_label_can_be_shown(label: str, tmp_path: Path) -> None:
    events = [(1.0, 2.0, "clap")]
    predictions = film(events, sure([1] * 30)).labels.tolist()
    timelines = [clip("clap", [0, 0], name=f"{label}.mp4"), clip("idle", [0, 0]), film(events, sure(predictions))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report, page = write(tmp_path, timelines, labels=(label, "idle", "wave"))
    assert report["per_class"][label]["recall"] == 1.0
    assert label in page.text
    assert f"Confusion matrix. {label}: 2 of 2 right; idle: 2 of 3 right, 1 taken for {label};" in page.descriptions[0]
    picture = cv2.imread(str(tmp_path / "confusion_matrix.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    # Nothing is cut off: the margin is blank.
    assert min(edge.min() for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1])) == 255


def test_the_page_says_how_good_of_how_many_and_how_sure(tmp_path: Path) -> None:
    report, page = write(tmp_path, some_clips(), ReportExtras(timing=TIMING, title="gestures", held_out=True))
    assert (report["segments"], report["segments_right"], report["files"], report["groups"]) == (24, 21, 24, 6)
    assert report["segment_accuracy"] == report["accuracy"] == pytest.approx(21 / 24)
    low, high = report["segment_accuracy_interval"]
    assert 0.6 < low < 0.8 < 0.9 < high < 1
    assert "87.5 % 21 of 24 clips right, in 24 files of 6 groups" in page.text
    assert "which nothing was trained on" in page.text
    assert "95 % confidence interval by group" in page.text
    assert np.array(report["segment_confusion"]).sum() == 24
    assert report["streaming"] is report["baseline"] is None
    assert "Events in untrimmed video" not in page.text


@pytest.mark.parametrize(
    ("wrong", "verdict", "reported"),
    [
        (16, "helps", "Looking at the order of frames helps, by 54.2 points"),
        (4, "unclear", "which on so few clips may be chance"),
        (3, "unclear", "makes no difference"),
    ],
)
def test_the_baseline_stands_beside_it(tmp_path: Path, wrong: int, verdict: str, reported: str) -> None:
    report, page = write(tmp_path, some_clips(), ReportExtras(timing=TIMING, baseline=some_clips(wrong=wrong)))
    assert report["baseline"]["verdict"] == verdict
    assert report["baseline"]["segment_gain"] == pytest.approx((wrong - 3) / 24)
    assert reported in page.text


def test_a_baseline_of_other_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not measured on the same recordings"):
        write(tmp_path, some_clips(), ReportExtras(timing=TIMING, baseline=some_clips()[1:]))


def test_a_baseline_that_begins_to_predict_later(tmp_path: Path) -> None:
    """A baseline, like a window's mean beside a stateful model, has fewer predictions and none about the beginning."""
    rows = sure([2] * 3 + [1] * 20 + [2] * 10)
    whole = film([(0.0, 0.35, "wave"), (2.35, 9.0, "wave")], rows)
    late = PredictionTimeline(whole.recording, whole.pts_seconds[5:], rows[5:], whole.labels[5:], whole.breaks)
    assert len(whole.labels) == 33
    report, _ = write(tmp_path, [whole], ReportExtras(timing=TIMING, baseline=[late]))
    assert report["segments"] == report["baseline"]["segments"] + 1 == 3
    assert report["baseline"]["verdict"] == "unclear"


def test_the_worst_clips_come_with_pictures(tmp_path: Path) -> None:
    asked: list[tuple[str, float, float]] = []

    def frames_of(timeline: PredictionTimeline, start_seconds: float, stop_seconds: float) -> NDArray[np.uint8]:
        asked.append((timeline.recording.name, start_seconds, stop_seconds))
        return np.full((5, 200, 100, 3), (250, 0, 0), np.uint8)

    report, page = write(tmp_path, some_clips(), ReportExtras(timing=TIMING, frames_of=frames_of))
    assert [one["right"] for one in report["worst"]] == [False] * 3 + [True] * 5
    assert [name for name, _, _ in asked] == [one["name"] for one in report["worst"][:3]]
    assert all(start < stop for _, start, stop in asked)
    images = [address for address in page.addresses if address.startswith("data:")]
    assert len(images) == 3 * 5
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(images[0].partition(",")[2]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (96, 48, 3)
    np.testing.assert_allclose(picture[48, 24], (0, 0, 250), atol=6)  # red, as given: OpenCV reads blue first


def test_a_film_has_a_timeline_and_thresholds(tmp_path: Path) -> None:
    timeline = film(EVENTS, sure([1] * 20 + [2] * 40 + [1] * 20 + [0] * 30 + [1] * 10))
    suggested = SuggestedEvents(EventSettings(enter=0.55, leave=0.3), "untrimmed", "chosen on <two> films", 0.9)
    extras = ReportExtras(timing=TIMING, suggested=suggested, temperature=1.5)
    report, page = write(tmp_path, [*some_clips(), timeline], extras)
    assert report["streaming"]["events"]["0.5"]["f1"] == 1.0
    assert report["events"]["suggested"]["settings"]["enter"] == 0.55
    assert "--enter 0.55 --leave 0.3 --min-seconds 0.5" in page.text
    assert "chosen on <two> films" in page.text
    assert report["calibration"]["before"]["log_loss"] != report["calibration"]["after"]["log_loss"]
    assert "truth" in page.texts
    assert any("nothing happens for 0.1 minutes only" in warning for warning in report["warnings"])


def test_learning_curves_and_warnings(tmp_path: Path) -> None:
    history = [
        {"loss": 2 / (epoch + 1), "validation_loss": 3 / (epoch + 1), "seconds": 1.0, "accuracy": float("nan")}
        for epoch in range(12)
    ]
    extras = ReportExtras(timing=TIMING, history=history, best_epoch=12, warnings=["3 < 4 & so on"])
    report, page = write(tmp_path, some_clips(groups=2), extras)
    _, reliability, loss = page.descriptions
    assert reliability == "Reliability: the model, off by 2.5\N{NO-BREAK SPACE}%"
    assert loss == "loss by epoch: training from 2 to 0.167, validation from 3 to 0.25"
    assert "3 < 4 & so on" in page.text
    assert any("only 2 groups" in warning for warning in report["warnings"])
    write(tmp_path, some_clips(), ReportExtras(timing=TIMING, history=history[:1], best_epoch=1))


def test_the_same_figures_make_the_same_page(tmp_path: Path) -> None:
    history = [{"loss": 2.0, "validation_loss": float("nan")}] * 3
    pages = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, some_clips(), ReportExtras(timing=TIMING, history=history, temperature=2.0))
        pages.append((tmp_path / name / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_charts_have_colours_in_the_dark(tmp_path: Path) -> None:
    write(tmp_path, some_clips())
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    style, body = text.split("</style>")
    assert not re.findall("#[0-9a-f]{6}", body)
    used = set(re.findall(r"var\((--[a-z-]+)\)", body))
    assert used >= {"--blue", "--soft", "--cell"}
    assert used <= set(re.findall(r"(--[a-z-]+):", style))


def test_a_chart_that_would_lose_elements_in_a_page_is_refused() -> None:
    figure = Figure()
    figure.add_subplot().plot([0, 1], [0, 1], marker="o", clip_on=False)
    with pytest.raises(ValueError, match="markers or clipped elements"):
        inline_svg(figure, description="a line")


def test_one_group_has_no_interval(tmp_path: Path) -> None:
    report, page = write(tmp_path, some_clips(groups=1))
    assert report["accuracy_interval"] is report["segment_accuracy_interval"] is None
    assert "how it does with others is unknown" in page.text
    assert any("everything measured here is of one group (person 0)" in warning for warning in report["warnings"])


def test_nothing_labelled_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to measure"):
        write(tmp_path, [])


def test_measures_and_report_need_no_tensorflow() -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        "from framestream_export import measures, report\n"
        "names = [item.name for room in (measures, report)"
        " for item in pkgutil.walk_packages(room.__path__, room.__name__ + '.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names), sorted({'tensorflow', 'keras', 'onnx', 'tf2onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    count, _, loaded = done.stdout.strip().partition(" ")
    assert int(count) > 20
    assert loaded == "[]"
