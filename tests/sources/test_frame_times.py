import pytest

from framestream.sources.frame_times import FrameTimes


def place(*pts: float | None, step: float = 0.1, is_avi: bool = False) -> list[float]:
    times = FrameTimes(step_seconds=step, is_avi=is_avi)
    return [times.place(one) for one in pts]


@pytest.mark.parametrize(
    ("pts", "expected"),
    [
        pytest.param([0.0, 0.1, 0.2], [0.0, 0.1, 0.2], id="all there"),
        pytest.param([0.0, 0.2, None, None, 0.8], [0.0, 0.2, 0.4, 0.6, 0.8], id="missing, at the rate before"),
        pytest.param([0.0, None, None], [0.0, 0.1, 0.2], id="missing, at the declared rate"),
        pytest.param([0.0, 0.1, None, None], [0.0, 0.1, 0.2, 0.3], id="missing at the end"),
        pytest.param([0.0, None, 0.4, None], [0.0, 0.1, 0.4, 0.6], id="the rate over frames without"),
        pytest.param([None, None, -0.05, 0.05], [0.0, 0.1, 0.2, 0.3], id="missing at the beginning"),
        pytest.param([-0.2, -0.1, 0.0], [0.0, 0.1, 0.2], id="before 0"),
        pytest.param([0.0, 0.0, 0.1], [0.0, 0.0, 0.1], id="twice"),
        pytest.param([0.0, 0.2, 0.1, 0.3], [0.0, 0.2, 0.2, 0.3], id="out of order"),
        pytest.param([5.0, 5.1, 1.0, 1.1], [5.0, 5.1, 1.0, 1.1], id="a clock that restarts"),
        pytest.param([2.0, 2.1], [2.0, 2.1], id="starts late"),
    ],
)
def test_every_frame_gets_a_time(pts: list[float | None], expected: list[float]) -> None:
    assert place(*pts) == pytest.approx(expected)


def test_avi_counts_from_the_first_frame_unless_it_starts_late() -> None:
    assert place(0.2, 0.3, None, is_avi=True) == pytest.approx([0.0, 0.1, 0.2])
    assert place(3.0, 3.1, is_avi=True) == pytest.approx([3.0, 3.1])
