import dataclasses
import io
import json

import pytest

from framestream import End, Event, Gap, Prediction, Start, Status, records
from framestream.records import Record
from framestream.sinks import Sink
from framestream.sinks.jsonl import JsonLinesSink
from framestream.sinks.text import TextSink, format_time

START = Start(
    source="füm.mp4",
    size_wh=(640, 480),
    declared_fps=None,
    declared_frames=300,
    model="m.onnx",
    provider="CPUExecutionProvider",
    threads=2,
    labels=("idle", "wave"),
    background="idle",
    frame_rate=10.0,
    model_window_seconds=1.6,
)
PREDICTION = Prediction(
    pts_seconds=1.5, label="wave", score=0.9, probabilities={"idle": 0.1, "wave": 0.9}, anchor_seconds=1.0
)
EVENT = Event(label="wave", score=0.9712345678, start_seconds=3.2, end_seconds=5.96)
GAP = Gap(pts_seconds=7.0, reason="timestamp jump", resume_seconds=20.0)
END = End(
    frames_read=300,
    frames_sampled=100,
    frames_held=0,
    frames_skipped=200,
    frames_dropped=0,
    predictions=85,
    events=1,
    gaps=1,
    media_seconds=10.0,
    wall_seconds=0.5,
    interrupted=False,
)
ALL: list[Record] = [START, PREDICTION, EVENT, GAP, END]

STATUS = Status(state="reconnecting", reason="connection refused", retry_seconds=2.0, camera="door")
OF_MANY: list[Record] = [
    STATUS,
    dataclasses.replace(START, camera="door", predict_ahead_seconds=1.0, decoder="av", insecure=True),
    dataclasses.replace(
        PREDICTION, camera="door", zone="mat", staleness_seconds=0.1234567, keypoints=((0.25, 0.5, 0.9),)
    ),
    dataclasses.replace(EVENT, camera="door", zone="mat", staleness_seconds=0.2),
    dataclasses.replace(GAP, camera="door", frames_lost=17),
    dataclasses.replace(END, camera="door", frames_dropped=2, dropped={"too slow": 2}, frames_undecodable=3),
]


def write_all(sink: Sink) -> None:
    for record in ALL:
        sink.write(record)
    sink.close()


def test_json_lines_carry_every_field() -> None:
    output = io.StringIO()
    write_all(JsonLinesSink(output))
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["type"] for line in lines] == ["start", "prediction", "event", "gap", "end"]
    for record, line in zip(ALL, lines, strict=True):
        assert set(line) == {"type", *(field.name for field in dataclasses.fields(record))} - record.left_out
    assert lines[0]["source"] == "füm.mp4"
    assert lines[0]["size_wh"] == [640, 480]
    assert lines[0]["declared_fps"] is None
    assert lines[1]["probabilities"] == {"idle": 0.1, "wave": 0.9}
    assert lines[2] == {"type": "event", "label": "wave", "score": 0.971235, "start_seconds": 3.2, "end_seconds": 5.96}


def test_json_lines_name_camera_and_zone_where_there_are_any_and_all_else_that_may_be_left_out() -> None:
    lines = [record.to_dict() for record in OF_MANY]
    for record, line in zip(OF_MANY, lines, strict=True):
        assert set(line) == {"type", *(field.name for field in dataclasses.fields(record))}
    assert lines[0] == {
        "type": "status",
        "state": "reconnecting",
        "reason": "connection refused",
        "retry_seconds": 2.0,
        "camera": "door",
    }
    assert Status(state="live").to_dict() == {"type": "status", "state": "live"}
    assert (lines[2]["zone"], lines[2]["staleness_seconds"]) == ("mat", 0.123457)
    assert lines[2]["keypoints"] == [[0.25, 0.5, 0.9]]
    assert lines[-1]["dropped"] == {"too slow": 2}


def test_text_begins_with_the_camera_where_there_are_many() -> None:
    output, messages = io.StringIO(), io.StringIO()
    sink = TextSink(output, messages, bar=False)
    for record in OF_MANY:
        sink.write(record)
    sink.write(Status(state="live", camera="door"))
    sink.write(Status(state="live", camera="yard"))
    assert output.getvalue() == "door/mat  00:03.20 – 00:05.96  wave  0.97\n"
    assert messages.getvalue().splitlines() == [
        "door  reconnecting: connection refused; next attempt in 2.0 s",
        "door  gap at 00:07.00: timestamp jump, some 17 frames lost",
        # Of a camera that never was in trouble there is nothing to tell.
        "door  live",
    ]


@pytest.mark.parametrize("record", [*ALL, STATUS], ids=lambda record: record.type)
def test_every_field_is_documented(record: Record) -> None:
    assert records.__doc__ is not None
    section = records.__doc__.split(f"`{record.type}`", 1)[1]
    assert [field.name for field in dataclasses.fields(record) if f"`{field.name}`" not in section] == []


def test_text_without_a_terminal_is_one_line_per_event() -> None:
    output, messages = io.StringIO(), io.StringIO()
    write_all(TextSink(output, messages))
    assert output.getvalue() == "00:03.20 – 00:05.96  wave  0.97\n"
    assert messages.getvalue() == "gap at 00:07.00: timestamp jump\n"


def test_text_says_when_a_source_is_slower_than_the_model() -> None:
    output, messages = io.StringIO(), io.StringIO()
    TextSink(output, messages).write(dataclasses.replace(START, declared_fps=2.5, slower_than_model=True))
    assert output.getvalue() == ""
    assert messages.getvalue().startswith("füm.mp4 has 2.5 frames a second and the model sees 10: each is held")
    assert messages.getvalue().count("\n") == 1


def test_text_shows_predictions_on_request() -> None:
    output = io.StringIO()
    write_all(TextSink(output, io.StringIO(), predictions=True))
    assert output.getvalue().splitlines()[0] == "00:01.50  wave  0.90"


def test_with_progress_the_output_stays_clean_and_a_summary_closes() -> None:
    output, messages = io.StringIO(), io.StringIO()
    write_all(TextSink(output, messages, progress=True))
    assert output.getvalue() == "00:03.20 – 00:05.96  wave  0.97\n"
    assert messages.getvalue().endswith("1 event in 00:10.00 of video, 300 frames, 0.5 s (20 x real time)\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "00:00.00"),
        (59.994, "00:59.99"),
        (59.996, "01:00.00"),
        (3599.999, "1:00:00.00"),
        (36610.5, "10:10:10.50"),
        (-0.5, "-00:00.50"),
    ],
)
def test_times_carry_over(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


class Terminal(io.StringIO):
    """What Rich takes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_there_is_a_bar_on_a_terminal_but_not_around_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    texts = []
    for predictions in (False, True):
        messages = Terminal()
        write_all(TextSink(io.StringIO(), messages, predictions=predictions, progress=True))
        texts.append(messages.getvalue())
    assert "\x1b[" in texts[0]
    # Each line would stop the bar and start it again, nine times slower than the model.
    assert "\x1b[" not in texts[1]
    assert [line.split(" ")[0] for line in texts[1].splitlines()] == ["füm.mp4", "gap", "1"]


def test_without_anybody_to_tell_only_the_output_is_written() -> None:
    output = io.StringIO()
    write_all(TextSink(output, None, progress=True))
    assert output.getvalue() == "00:03.20 – 00:05.96  wave  0.97\n"


def test_json_lines_hold_no_numbers_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        JsonLinesSink(io.StringIO()).write(dataclasses.replace(PREDICTION, score=float("nan")))
