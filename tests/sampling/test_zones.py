from itertools import pairwise

import numpy as np
import pytest

from framestream import CameraSettings, Classifier, Event, SettingsError, Zone
from framestream.sampling.resize import fit_frame
from framestream.sampling.zones import cut_zones, prepare_for
from tests.conftest import colour_image
from tests.image_source import ImageSource


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (0, -0.1, 1, 1), (0, 0, 1.01, 1), (float("nan"), 0, 1, 1), (0, 0, 640, 480)]
)
def test_a_box_that_is_none_or_lies_outside_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(SettingsError, match=r"zone door: box is .*give \[left, top, right, bottom\]"):
        Zone("door", *box)


def test_a_zone_needs_a_name() -> None:
    with pytest.raises(SettingsError, match="no name"):
        Zone(" ", 0, 0, 1, 1)


def test_a_polygon_becomes_the_rectangle_around_it() -> None:
    assert Zone.around("mat", [(0.2, 0.9), (0.6, 0.3), (0.4, 0.5)]) == Zone("mat", 0.2, 0.3, 0.6, 0.9)
    with pytest.raises(SettingsError, match="three or more"):
        Zone.around("mat", [(0, 0), (1, 1)])


def test_a_cut_is_the_named_pixels() -> None:
    image = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    assert np.array_equal(Zone("z", 0.25, 0.5, 0.75, 1.0).cut(image), image[5:10, 5:15])
    assert np.array_equal(Zone("z", 0, 0, 1, 1).cut(image), image)


@pytest.mark.parametrize("size", [1, 2, 7, 641])
def test_zones_that_touch_share_no_pixel_and_leave_none_out(size: int) -> None:
    image = np.zeros((size, size, 3), np.uint8)
    edges = [0, 0.31, 0.5, 0.77, 1]
    widths = [Zone("z", left, 0, right, 1).cut(image).shape[1] for left, right in pairwise(edges)]
    assert min(widths) >= 1
    if size > len(edges):
        assert sum(widths) == size


def test_prepared_zones_are_the_fitted_cuts() -> None:
    image = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    zones = (Zone("a", 0, 0, 0.5, 1), Zone("b", 0.5, 0.25, 1, 0.75))
    prepared = prepare_for((8, 8), zones)(image)
    assert prepared.shape == (2, 8, 8, 3)
    assert np.array_equal(prepared[0], fit_frame(image[:, :32], size_wh=(8, 8)))
    assert np.array_equal(prepared[1], fit_frame(image[12:36, 32:], size_wh=(8, 8)))
    assert np.array_equal(prepared, cut_zones(image, zones=zones, size_wh=(8, 8)))
    assert np.array_equal(prepare_for((8, 8), ())(image), fit_frame(image, size_wh=(8, 8)))


def test_zones_of_one_camera_are_watched_each_for_itself(classifier: Classifier) -> None:
    # Left half red for the first second, right half green for the second one.
    blue = colour_image("blue")
    left, right = blue.copy(), blue.copy()
    left[:, :32] = colour_image("red")[:, :32]
    right[:, 32:] = colour_image("green")[:, 32:]
    frames = [(index / 10, left if index < 10 else right) for index in range(20)]
    zones = (Zone("left", 0, 0, 0.5, 1), Zone("right", 0.5, 0, 1, 1))
    records = list(classifier.watch_many({"hall": CameraSettings(ImageSource(frames), zones=zones)}))
    found = {(item.camera, item.zone, item.label): item for item in records if isinstance(item, Event)}
    assert set(found) == {("hall", "left", "red"), ("hall", "right", "green")}
    for zone, part in (("left", slice(0, 32)), ("right", slice(32, 64))):
        alone = [
            item
            for item in classifier.watch(ImageSource([(pts, image[:, part]) for pts, image in frames]))
            if isinstance(item, Event)
        ]
        mine = [item for item in records if isinstance(item, Event) and item.zone == zone]
        assert [(item.label, item.start_seconds, item.end_seconds) for item in mine] == [
            (item.label, item.start_seconds, item.end_seconds) for item in alone
        ]
    end = records[-1].to_dict()
    # The picture is decoded once, and answered twice.
    assert (end["frames_read"], end["frames_sampled"], end["predictions"]) == (20, 20, 34)


def test_zones_of_one_camera_have_names_of_their_own() -> None:
    zone = Zone("door", 0, 0, 1, 1)
    with pytest.raises(SettingsError, match="zone door occurs twice"):
        CameraSettings("film.mp4", zones=(zone, zone))
