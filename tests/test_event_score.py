"""The measure the films are judged by."""

from framestream_export.measures.labelled_intervals import LabelledInterval, pair_intervals
from tests.event_score import precision_recall


def test_half_overlap_counts_and_less_does_not() -> None:
    truth = [LabelledInterval(0, 4, "walk")]
    assert precision_recall([LabelledInterval(0, 2, "walk")], truth) == (1.0, 1.0)
    assert precision_recall([LabelledInterval(0, 1.9, "walk")], truth) == (0.0, 0.0)


def test_another_label_is_wrong_however_well_it_fits() -> None:
    assert pair_intervals([LabelledInterval(0, 4, "run")], [LabelledInterval(0, 4, "walk")], least_overlap=0.5) == []


def test_one_true_span_is_found_once() -> None:
    found = [LabelledInterval(0, 2, "wave"), LabelledInterval(2, 4, "wave")]
    assert precision_recall(found, [LabelledInterval(0, 4, "wave")], least_overlap=0.5) == (0.5, 1.0)


def test_nothing_found_where_nothing_happened_is_perfect() -> None:
    assert precision_recall([], []) == (1.0, 1.0)
