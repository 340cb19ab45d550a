"""Sources of a program's own that raise what nobody expects."""

import asyncio

import numpy as np
import pytest

from framestream import Classifier, End, SettingsError, SourceError, Status
from tests.conftest import colour_image
from tests.live_feeds import EndlessSource


class Outrage(BaseException):
    """No `Exception`."""


class Raising(EndlessSource):
    """Gives some frames and raises, or raises elsewhere."""

    def __init__(self, error: BaseException, *, where: str = "grab") -> None:
        super().__init__(colour_image("red"))
        self._error = error
        self._where = where

    def grab(self) -> float | None:
        if self._where == "grab" and self._index >= 9:
            raise self._error
        return super().grab() if self._index < 19 else None

    def retrieve(self) -> np.ndarray:
        if self._where == "retrieve" and self._index >= 9:
            raise self._error
        return super().retrieve()

    @property
    def dropped(self) -> int:
        if self._where == "dropped":
            raise self._error
        return 0


ERRORS = [
    SystemExit("boom"),
    SystemExit(3),
    KeyboardInterrupt("boom"),
    Outrage("boom"),
    GeneratorExit("boom"),
    asyncio.CancelledError("boom"),
    StopIteration("boom"),
    RuntimeError("boom"),
    ValueError(),
]


@pytest.mark.parametrize("where", ["grab", "retrieve", "dropped"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__}({error})")
def test_it_ends_its_own_camera_only(classifier: Classifier, error: BaseException, where: str) -> None:
    cameras = {"raises": Raising(error, where=where), "stays": Raising(error, where="nowhere")}
    with classifier.watch_many(cameras, predictions=False) as watch:
        records = list(watch)
    (failed,) = [record for record in records if isinstance(record, Status) and record.state == "failed"]
    assert failed.camera == "raises"
    assert failed.reason
    assert any(word in failed.reason for word in ("boom", "3", "ValueError", "StopIteration"))
    ends = {record.camera: record for record in records if isinstance(record, End)}
    assert ends["stays"].frames_read == 20
    assert ends["raises"].frames_read == {"grab": 10, "retrieve": 9, "dropped": 20}[where]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__}({error})")
def test_that_of_a_source_without_a_name_is_raised(classifier: Classifier, error: BaseException) -> None:
    is_an_end = isinstance(error, (StopIteration, GeneratorExit))
    with (
        classifier.watch(Raising(error), predictions=False) as watch,
        pytest.raises(BaseException, match=r".*") as caught,
    ):
        list(watch)
    if is_an_end:
        # It would pass for the end of the records.
        assert isinstance(caught.value, (SourceError, RuntimeError))
        assert "StopIteration" in str(caught.value) or "boom" in str(caught.value)
    else:
        assert caught.value is error


def test_one_that_cannot_be_interrupted_is_left_behind(
    classifier: Classifier, caplog: pytest.LogCaptureFixture
) -> None:
    class Stubborn(Raising):
        def interrupt(self) -> None:
            raise LookupError("boom")

    cameras = {"raises": Stubborn(ValueError(), where="nowhere"), "stays": EndlessSource(colour_image("red"))}
    with classifier.watch_many(cameras, predictions=False) as watch:
        next(watch)
        watch.stop()
        ends = [record.camera for record in watch if isinstance(record, End)]
    assert "stays" in ends


class WordlessError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_say_what_it_is_ends_its_own_camera_only(classifier: Classifier) -> None:
    error = WordlessError()
    cameras = {"raises": Raising(error), "stays": Raising(error, where="nowhere")}
    with classifier.watch_many(cameras, predictions=False) as watch:
        records = list(watch)
    (failed,) = [record for record in records if isinstance(record, Status) and record.state == "failed"]
    assert (failed.camera, failed.reason) == ("raises", "WordlessError")
    assert {record.camera for record in records if isinstance(record, End)} == {"raises", "stays"}


@pytest.mark.parametrize("cameras", [None, [], "0", [("a", "0")]])
def test_cameras_that_are_no_mapping(classifier: Classifier, cameras: object) -> None:
    with pytest.raises(SettingsError, match="give a mapping of sources by name"):
        classifier.watch_many(cameras)  # type: ignore[arg-type]
