"""Sources that join, leave and take each other's place in a watch that began with one recording."""

import pytest

from framestream import Classifier, End, Event, Record, SettingsError, Start, Status, UnreadableSourceError
from tests.conftest import WriteVideo, colour_image, times_open
from tests.image_source import ImageSource
from tests.live_feeds import EndlessSource, timed


def test_a_lone_recording_says_how_it_is_without_a_record(classifier: Classifier, write_video: WriteVideo) -> None:
    watch = classifier.watch(write_video(["blue"] * 60 + ["red"] * 60))
    assert watch.statuses[None].state == "connecting"
    states, records = [], []
    for record in watch:
        records.append(record)
        states.append(watch.statuses[None].state)
    assert states[0] == "live"
    assert watch.statuses[None].state == "ended"
    assert not any(isinstance(record, Status) for record in records)


def test_another_source_joins_a_lone_recording(classifier: Classifier, write_video: WriteVideo) -> None:
    watch = classifier.watch(write_video(["blue"] * 60 + ["red"] * 60))
    watch.add("b", write_video(["blue"] * 60 + ["green"] * 60))
    records = list(watch)
    assert {(record.camera, record.label) for record in records if isinstance(record, Event)} == {
        (None, "red"),
        ("b", "green"),
    }
    assert {record.camera for record in records if isinstance(record, End)} == {None, "b"}
    assert {name: status.state for name, status in watch.statuses.items()} == {None: "ended", "b": "ended"}


def test_a_lone_recording_that_fails_lets_the_others_end_first(classifier: Classifier) -> None:
    failing = ImageSource([*timed([colour_image("red")] * 30), UnreadableSourceError("film: damaged")])
    watch = classifier.watch(failing)
    watch.add("b", EndlessSource(colour_image("green")))
    records: list[Record] = []
    with pytest.raises(UnreadableSourceError, match="film: damaged"):
        watch.run(records.append)
    assert [record.camera for record in records if isinstance(record, End)] == ["b"]
    assert watch.statuses[None].state == "failed"
    assert list(watch) == []


def test_a_recording_is_replaced_by_another(classifier: Classifier, write_video: WriteVideo) -> None:
    first, second = write_video(["blue"] * 600), write_video(["blue"] * 30 + ["green"] * 60)
    watch = classifier.watch(first)
    records = [next(watch)]
    watch.replace(None, second)
    records += watch
    assert [record.source for record in records if isinstance(record, Start)] == [str(first), str(second)]
    assert [record.interrupted for record in records if isinstance(record, End)] == [True, False]
    assert times_open(first) == times_open(second) == 0


def test_a_recording_that_leaves_before_the_first_record_leaves_nothing(
    classifier: Classifier, write_video: WriteVideo
) -> None:
    path = write_video(["red"] * 30)
    watch = classifier.watch(path)
    watch.remove(None)
    assert list(watch) == []
    assert times_open(path) == 0


def test_what_comes_too_late_is_refused_and_closed(classifier: Classifier, write_video: WriteVideo) -> None:
    first, late = write_video(["red"] * 30), write_video(["green"] * 30)
    watch = classifier.watch(first)
    records = list(watch)
    assert isinstance(records[-1], End)
    with pytest.raises(SettingsError, match="source without a name comes too late"):
        watch.replace(None, late)
    assert times_open(late) == 0
    assert watch.info is not None
    assert watch.info.name == str(first)


def test_messages_name_what_is_there(classifier: Classifier, write_video: WriteVideo) -> None:
    watch = classifier.watch(write_video(["red"] * 30))
    with watch, pytest.raises(SettingsError, match="there is no camera x; there is source without a name"):
        watch.remove("x")


def test_standard_input_is_read_once_in_a_watch(classifier: Classifier) -> None:
    watch = classifier.watch_many({"a": "-"})
    with watch, pytest.raises(SettingsError, match="standard input can be read by one camera only, not by a and b"):
        watch.add("b", "-")
    with classifier.watch_many({}, until_stopped=True) as other:
        other.add("b", "-")
