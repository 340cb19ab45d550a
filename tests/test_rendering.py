"""The renderer: what it draws is deterministic, moves as labelled, and can be read back."""

import csv
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footage.cameras import draw_camera
from footage.direction import LYING, direct
from footage.drawing import draw_solids
from footage.drops import fall
from footage.motions import LABELS, Motion, Place
from footage.pairs import PAIRS, sit_down
from footage.people import draw_person
from footage.poses import INDEX, blend, make_pose
from footage.recorder import (
    JOINTS_SUFFIX,
    SUFFIX,
    record_clips,
    record_pairs,
    record_shot,
    record_shots,
    write_joints,
    write_manifest,
)
from footage.repertoire import PERFORMERS
from footage.resting import lie_a_while
from footage.scenes import draw_empty_scene, draw_scene, on_tripod
from footage.seated import sit_a_while
from footage.skeleton import Proportions, place_joints
from footage.strides import walk

Rester = Callable[[np.random.Generator, Place], Motion]


@pytest.mark.parametrize("label", LABELS)
def test_the_same_seed_draws_the_same_pixels_and_another_seed_others(label: str) -> None:
    def picture(seed: int) -> np.ndarray:
        return draw_scene(np.random.default_rng(seed), [label], size_wh=(96, 72)).render(0.4, 4)

    assert np.array_equal(picture(3), picture(3))
    assert not np.array_equal(picture(3), picture(4))


@pytest.mark.parametrize("height", [1.5, 1.9])
def test_a_standing_body_has_its_joints_where_bodies_have_them(height: float) -> None:
    joints = place_joints(make_pose(), Proportions(height=height))
    shares = {name: float(joints[name][1]) / height for name in ("head", "left_shoulder", "pelvis", "right_knee")}
    assert 0.85 < shares["head"] < 0.97
    assert 0.7 < shares["left_shoulder"] < 0.85
    assert 0.45 < shares["pelvis"] < 0.56
    assert 0.22 < shares["right_knee"] < 0.32
    assert joints["left_hand"][0] > 0 > joints["right_hand"][0], "the left hand is towards +x"
    raised = place_joints(make_pose(left_shoulder_flex=90), Proportions(height=height))
    assert raised["left_hand"][2] > 0.4, "flexing lifts the arm to the front"
    assert raised["left_hand"][1] == pytest.approx(raised["left_shoulder"][1])


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("seed", range(5))
def test_bones_keep_their_length(label: str, seed: int) -> None:
    body = Proportions(height=1.8)
    motion = PERFORMERS[label](np.random.default_rng(seed), Place())
    lengths = []
    for seconds in np.linspace(0, motion.seconds, 25):
        joints = place_joints(motion.pose_at(float(seconds)), body)
        lengths.append(
            [
                np.linalg.norm(joints[f"{side}_{a}"] - joints[f"{side}_{b}"])
                for side in ("left", "right")
                for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
            ]
        )
    assert np.ptp(np.array(lengths), axis=0).max() < 1e-9


def _timeline(label: str, seed: int, joint: str) -> np.ndarray:
    motion = PERFORMERS[label](np.random.default_rng(seed), Place())
    times = np.arange(0, motion.seconds, 0.05)
    return np.array([place_joints(motion.pose_at(float(t)), Proportions())[joint] for t in times])


@pytest.mark.parametrize("seed", range(8))
def test_what_a_label_means_can_be_seen_in_the_joints(seed: int) -> None:
    head = _timeline("fall", seed, "head")[:, 1]
    assert head[0] > 1.4
    assert head[-1] < 0.6 * head[0], "a fall ends low"
    head = _timeline("bend", seed, "head")[:, 1]
    assert head.min() < head[0] - 0.35
    assert abs(head[-1] - head[0]) < 0.1, "a bend comes back"
    left, right = _timeline("wave-both-hands", seed, "left_hand"), _timeline("wave-both-hands", seed, "right_hand")
    assert left[:, 1].mean() > 1.3
    assert right[:, 1].mean() > 1.3
    hands = sorted(_timeline("wave", seed, f"{side}_hand")[:, 1].mean() for side in ("left", "right"))
    assert hands[0] < 1.0 < 1.3 < hands[1], "one hand up, one down"
    gap = np.linalg.norm(_timeline("clap", seed, "left_hand") - _timeline("clap", seed, "right_hand"), axis=1)
    assert gap.min() < 0.22 < 0.3 < gap.max(), "hands meet and part"
    feet = np.linalg.norm(
        _timeline("jumping-jack", seed, "left_ankle") - _timeline("jumping-jack", seed, "right_ankle"), axis=1
    )
    assert feet.max() > feet.min() + 0.25


def test_idle_moves_less_than_anything_else() -> None:
    def busy(label: str) -> float:
        speeds = [np.abs(np.diff(_timeline(label, seed, "right_hand"), axis=0)).mean() for seed in range(6)]
        return float(np.mean(speeds))

    assert busy("idle") < 0.5 * min(busy(label) for label in LABELS if label not in ("idle", "fall"))


def _heights_of_head(motion: Motion) -> NDArray[np.float64]:
    """Metres above the floor, twenty times a second."""
    times = np.arange(0, motion.seconds, 0.05)
    return np.array([place_joints(motion.pose_at(float(t)), Proportions())["head"][1] for t in times])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rest", [sit_a_while, lie_a_while])
def test_sitting_and_lying_down_is_slow_and_comes_back(rest: Rester, seed: int) -> None:
    motion = rest(np.random.default_rng(seed), Place())
    assert motion.label == "idle"
    assert motion.rest is not None
    head = _heights_of_head(motion)
    assert head.min() < head[0] - 0.3
    assert head[-1] > head[0] - 0.1
    falling = _heights_of_head(fall(np.random.default_rng(seed), Place()))
    assert -np.diff(head).min() < -np.diff(falling).min()


@pytest.mark.parametrize("seed", range(4))
def test_who_leaves_walks_out_of_the_picture(seed: int) -> None:
    place = Place(half_width=1.0, leaving=True)
    motion = walk(np.random.default_rng(seed), place)
    assert abs(motion.pose_at(motion.seconds)[INDEX["x"]]) > place.half_width


def test_somebody_asleep_lies_on_furniture_and_does_nothing() -> None:
    scene = draw_scene(np.random.default_rng(1), ["idle", "idle"], posture=LYING, size_wh=(96, 72))
    assert {part.label for part in scene.segments} == {"idle"}
    heads = [scene.landmarks(t, ("head",)) for t in (0.5, scene.performance.seconds - 0.5)]
    assert heads[0] is not None
    assert heads[1] is not None
    assert np.abs(heads[0] - heads[1]).max() < 20


def test_a_face_is_seen_from_the_front_only() -> None:
    def differing(yaw: float) -> int:
        person = draw_person(np.random.default_rng(3))
        solids = person.solids(place_joints(make_pose(yaw=yaw), person.body))
        camera = draw_camera(np.random.default_rng(1), size_wh=(320, 240), framing="waist", person_height=1.75)
        pictures = []
        for drawn in (solids, [replace(solid, marks=()) for solid in solids]):
            canvas = np.zeros((240, 320, 3), np.uint8)
            draw_solids(canvas, drawn, camera, light=(0.0, -1.0), offset_xy=(0.0, 0.0))
            pictures.append(canvas)
        return int((pictures[0] != pictures[1]).any(axis=2).sum())

    assert differing(0) > 50
    assert differing(180) == 0


def test_a_body_turns_the_short_way_round() -> None:
    halfway = blend(make_pose(yaw=170), make_pose(yaw=-170), 0.5)
    assert np.isclose(abs(np.rad2deg(halfway[3])), 180)


@pytest.mark.parametrize("seed", range(12))
def test_a_performance_is_continuous_and_its_timeline_covers_it(seed: int) -> None:
    labels = ["walk", "fall", "wave", "idle", "bend", "run", "clap"]
    performance = direct(np.random.default_rng(seed), labels, half_width=1.5)
    segments = performance.segments
    assert segments[0].start == 0
    assert segments[-1].end == pytest.approx(performance.seconds)
    assert all(before.end == after.start for before, after in pairwise(segments))
    assert [part.label for part in segments] == ["walk", "fall", "idle", "wave", "idle", "bend", "run", "clap"]
    step = 0.01
    heads = np.array([
        place_joints(performance.pose_at(t), Proportions())["head"] for t in np.arange(0, performance.seconds, step)
    ])  # fmt: skip
    speed = np.linalg.norm(np.diff(heads, axis=0), axis=1) / step
    assert speed.max() < 12, "nobody jumps from one place to another"


def test_written_clips_can_be_read_and_the_manifest_names_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recordings = list(record_clips(tmp_path, labels=["wave", "idle"], per_class=2, seed=5))
    assert capfd.readouterr().err == "", "a codec that is said to be not supported, of a file that is fine"
    write_manifest(tmp_path / "manifest.csv", recordings)
    rows = list(csv.DictReader((tmp_path / "manifest.csv").open(encoding="utf-8")))
    assert [row["label"] for row in rows] == ["wave", "wave", "idle", "idle"]
    for row in rows:
        capture = cv2.VideoCapture(str(tmp_path / row["path"]))
        frames = 0
        while capture.grab():
            frames += 1
        capture.release()
        assert frames >= 15
        assert row["path"].endswith(SUFFIX)


def test_shots_carry_several_segments_and_every_eleventh_has_nobody(tmp_path: Path) -> None:
    recordings = [*record_shots(tmp_path, count=4, seed=3), record_shot(tmp_path, 3, 10)]
    assert all(len(recording.segments) >= 2 for recording in recordings[:-1] if recording.segments[0].label != "idle")
    assert [part.label for part in recordings[-1].segments] == ["idle"]
    for recording in recordings:
        path = tmp_path / recording.path
        joints = np.load(path.with_suffix(JOINTS_SUFFIX))
        assert joints.shape == (len(_decoded(path)), 17, 2)
        assert np.isnan(joints).all() == (path.stem == "shot-00010"), "nobody is there in the eleventh"


def test_the_joints_of_a_shot_are_where_the_person_is_drawn(tmp_path: Path) -> None:
    scene = on_tripod(draw_scene(np.random.default_rng(8), ["wave"], size_wh=(192, 144), framing="whole"))
    scene = replace(scene, extra=None, movers=(), appearance=replace(scene.appearance, shadow=0.0))
    write_joints(tmp_path / "joints.npy", scene, rate=2.0)
    without = replace(scene, person=None)
    for number, joints in enumerate(np.load(tmp_path / "joints.npy")):
        changed = np.abs(scene.render(number / 2, number).astype(int) - without.render(number / 2, number)).max(axis=2)
        columns, rows = (joints * (192, 144)).astype(int).T
        assert (changed[rows, columns] > 0).mean() > 0.9
        assert (changed > 0).mean() < 0.3, "the picture is the same elsewhere"


def test_an_empty_scene_has_nobody_and_a_tripod_holds_still() -> None:
    scene = draw_empty_scene(np.random.default_rng(2), seconds=2.0, size_wh=(96, 72))
    assert scene.person is None
    assert {part.label for part in scene.segments} == {"idle"}
    steady = on_tripod(scene)
    assert steady.camera.shake(1.7) == (0.0, 0.0)


def test_the_clips_of_a_pair_show_the_same_frames_the_other_way_round(tmp_path: Path) -> None:
    recordings = list(record_pairs(tmp_path, pairs=PAIRS, per_class=2, seed=6))
    write_manifest(tmp_path / "manifest.csv", recordings)
    rows = list(csv.DictReader((tmp_path / "manifest.csv").open(encoding="utf-8")))
    assert [row["label"] for row in rows] == [*PAIRS[0], *PAIRS[0], *PAIRS[1], *PAIRS[1]]
    for forwards, backwards in zip(rows[::2], rows[1::2], strict=True):
        assert forwards["group"] == backwards["group"], "never one to train on and the other to test on"
        frames, reversed_frames = (_decoded(tmp_path / row["path"]) for row in (forwards, backwards))
        assert 16 <= len(frames) <= 25, "a window of 16 frames sees most of the motion"
        assert np.array_equal(frames, reversed_frames[::-1]), "compression must not tell which way round"
        assert not np.array_equal(frames[0], frames[-1])
    assert len({row["group"] for row in rows}) == 4


def _decoded(path: Path) -> np.ndarray:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    capture.release()
    return np.stack(frames)


@pytest.mark.parametrize("seed", range(6))
def test_sitting_down_goes_one_way_and_leaves_the_feet_where_they_are(seed: int) -> None:
    motion = sit_down(np.random.default_rng(seed), Place(yaw=30.0))
    joints = [place_joints(motion.pose_at(float(t)), Proportions()) for t in np.linspace(0, motion.seconds, 40)]
    pelvis = np.array([at["pelvis"] for at in joints])
    assert pelvis[0, 1] > 0.8
    assert pelvis[-1, 1] < 0.65
    assert np.diff(pelvis[:, 1]).max() < 0.01, "nobody rises on the way"
    for side in ("left", "right"):
        ankle = np.array([at[f"{side}_ankle"] for at in joints])
        assert np.linalg.norm(ankle - ankle[0], axis=1).max() < 0.2
