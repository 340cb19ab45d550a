"""`framestream data check`: what it finds in real files, and what it says of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from framestream_export.data.check.contact_sheet import file_name
from framestream_export.data.check.fingerprints import FingerprintMaker
from framestream_export.data.check.matching import find_copies
from framestream_export.data.check.thumbnails import Thinned
from tests.export import toy
from tests.export.conftest import ROOT, Cli


def check(cli: Cli, data: Path, *options: object) -> tuple[int, dict[str, Any]]:
    code, out, errors = cli("data", "check", data, "--format", "json", *options)
    assert "error:" not in errors  # FFmpeg says more where its level was set before we were asked
    return code, json.loads(out)


def kinds(found: dict[str, Any]) -> list[str]:
    return [warning["kind"] for warning in found["warnings"]]


def text_of(found: dict[str, Any], kind: str) -> str:
    return " ".join(warning["text"] for warning in found["warnings"] if warning["kind"] == kind)


def encode(
    path: Path, pictures: list[np.ndarray], *, fps: float, size_wh: tuple[int, int], fourcc: str = "mp4v"
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, size_wh)
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA))
    writer.release()


def test_a_sound_data_set(toy_clips: Path, cli: Cli, tmp_path: Path) -> None:
    code, found = check(cli, toy_clips)
    assert (code, found["usable"], found["reasons"], found["unreadable"], found["copies"]) == (0, True, [], [], [])
    assert set(found) == {
        *("data", "usable", "reasons", "warnings", "background", "layout", "recordings", "groups", "splits", "seconds"),
        *("duration_seconds", "frame_rate", "sizes", "labels", "unreadable", "copies", "sheets", "clips"),
    }
    assert found["sizes"] == [{"width": 64, "height": 48, "recordings": 18}]
    assert found["duration_seconds"] == pytest.approx({"least": 2.0, "median": 2.0, "greatest": 2.0})
    assert found["frame_rate"] == pytest.approx({"least": 25.0, "median": 25.0, "greatest": 25.0, "variable": 0})
    assert [label["label"] for label in found["labels"]] == ["across", "idle", "upright"]
    first = found["labels"][0]
    assert (first["recordings"], first["groups"], first["recordings_by_split"]["open"]) == (6, 6, 6)
    assert first["seconds"] == pytest.approx(12.0)
    code, out, _ = cli("data", "check", toy_clips)
    assert code == 0
    assert "18 recordings in 18 groups, 3 labels, background idle" in out
    assert out.rstrip().endswith("can be trained on")


def test_everything_that_can_be_wrong_is_said_and_named(tmp_path: Path, cli: Cli) -> None:
    data = toy.write_class_folders(tmp_path / "data", per_class=3, frames=50)
    (data / "idle" / "broken.mp4").write_bytes(b"not a video" * 100)
    (data / "across" / "empty.mp4").touch()
    (data / "nobody" / "notes").mkdir(parents=True)
    toy.write_video(data / "Idle" / "short.mp4", toy.draw("across", 77, frames=8))
    toy.write_video(data / "upright" / "slow.mp4", toy.draw("across", 78, frames=20), fps=5)
    film = toy.write_film(data / "films" / "film.mp4", ["across", "idle", "upright"], seed=3)
    toy.write_csv(
        film.with_suffix(".csv"), "start,end,label", [(0, 2, "across"), (5, 9, "upright"), (50, 60, "across")]
    )
    code, found = check(cli, data)
    assert code == 0
    assert [one["name"] for one in found["unreadable"]] == ["across/empty.mp4", "idle/broken.mp4"]
    assert "is empty" in found["unreadable"][0]["reason"]
    assert set(kinds(found)) >= {"layout", "unreadable", "short", "slow", "one_group", "alike", "outside", "unbalanced"}
    assert "the folder nobody holds no clips" in text_of(found, "layout")
    assert "Idle/short.mp4" in text_of(found, "short")
    assert "upright/slow.mp4" in text_of(found, "slow")
    assert "'Idle' comes from one group only" in text_of(found, "one_group")
    assert "'Idle' and 'idle'" in text_of(found, "alike")
    assert "films/film.mp4: 'upright' from 5 to 9 s ends after the file does, at 6.00 s" in text_of(found, "outside")
    assert "films/film.mp4: 'across' from 50 to 60 s begins after the file does" in text_of(found, "outside")


def test_what_cannot_be_trained_on_ends_with_1_and_says_why(tmp_path: Path, cli: Cli) -> None:
    data = toy.write_class_folders(tmp_path / "data", per_class=1, frames=20)
    shutil.rmtree(data / "idle")
    code, found = check(cli, data)
    assert (code, found["usable"]) == (1, False)
    assert "2 groups of clips are too few to divide" in found["reasons"][0]
    code, out, _ = cli("data", "check", data)
    assert (code, "cannot be trained on: nothing is left for" in out) == (1, True)
    for path in data.rglob("*.mp4"):
        path.write_bytes(b"no video")
    code, found = check(cli, data)
    assert (code, found["reasons"]) == (1, ["none of the 2 recordings gave a labelled frame"])
    code, found = check(cli, tmp_path / "gone")
    assert (code, found["usable"], found["clips"]) == (1, False, [])
    assert "does not exist" in found["reasons"][0]
    code, out, errors = cli("data", "check", tmp_path / "gone")
    assert (code, out) == (1, "")
    assert "does not exist" in errors


def test_copies_are_found_however_they_were_made_and_other_takes_are_not(tmp_path: Path, cli: Cli) -> None:
    """One camera, so all clips share their background; a manifest whose test split has copies of training clips."""
    rng = np.random.default_rng(5)
    ground = cv2.resize(rng.integers(0, 200, (12, 16, 3)).astype(np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)

    def take(seed: int, frames: int = 75) -> list[np.ndarray]:
        phase, side = 0.78 * seed, 8 + seed
        pictures = []
        for at in range(frames):
            picture = ground.copy()
            x, y = 80 + 55 * np.sin(at / 9 + phase), 60 + 40 * np.sin(at / 13 + 2 * phase)
            cv2.circle(picture, (int(x), int(y)), side, (240, 240, 240), -1)
            pictures.append(picture)
        return pictures

    takes = [take(seed) for seed in range(8)]
    rows: list[tuple[object, ...]] = []
    for number, pictures in enumerate(takes):
        encode(tmp_path / f"{number}.mp4", pictures, fps=25, size_wh=(160, 120))
        rows.append((f"{number}.mp4", "ab"[number % 2], ("train", "train", "validation", "test")[number // 2]))
    encode(tmp_path / "small.avi", takes[0], fps=25, size_wh=(80, 64), fourcc="MJPG")
    encode(tmp_path / "slower.mp4", takes[1][::2], fps=12.5, size_wh=(160, 120))
    encode(tmp_path / "mirror.mp4", [picture[:, ::-1] for picture in takes[2]], fps=25, size_wh=(160, 120))
    shutil.copy(tmp_path / "3.mp4", tmp_path / "same.mp4")
    rows += [
        ("small.avi", "a", "test"),
        ("slower.mp4", "b", "test"),
        ("mirror.mp4", "a", "test"),
        ("same.mp4", "a", "train"),
    ]
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label,split", rows)
    code, found = check(cli, manifest)
    assert code == 0
    copies = {(one["first"], one["second"]): one for one in found["copies"]}
    assert {pair: (one["kind"], one["apart"], one["labels_differ"]) for pair, one in copies.items()} == {
        ("0.mp4", "small.avi"): ("near", "splits", False),
        ("1.mp4", "slower.mp4"): ("near", "splits", False),
        ("2.mp4", "mirror.mp4"): ("mirrored", "splits", False),
        ("3.mp4", "same.mp4"): ("identical", "", True),
    }
    assert "3 pairs (0.mp4 and small.avi; 1.mp4 and slower.mp4; 2.mp4 and mirror.mp4) in different splits" in text_of(
        found, "leak"
    )
    assert "3.mp4 and same.mp4" in text_of(found, "contradiction")


def test_a_still_clip_has_no_fingerprint_and_ten_thousand_are_compared() -> None:
    maker = FingerprintMaker()
    for at in range(10):
        assert maker.wants_next()
        maker.add(at / 25, np.full((48, 64, 3), 90, np.uint8))
    assert maker.finish() is None
    rng = np.random.default_rng(0)
    made = []
    for _ in range(40):
        maker = FingerprintMaker()
        for at in range(12):
            maker.add(at / 25, rng.integers(0, 256, (16, 16, 3)).astype(np.uint8))
        made.append(maker.finish())
    everything = [made[0], None, *made[1:], *[None] * 9000, made[7]]
    assert [(one.first, one.second, one.mirrored) for one in find_copies(everything)] == [(8, 9041, False)]
    assert find_copies([None, None]) == find_copies([]) == []


def test_contact_sheets_for_any_label(tmp_path: Path, cli: Cli) -> None:
    labels = ["grüßen 👋", 'say "hi"', "a$b", "Wave", "wave", "..", "手/振る"]
    rows: list[tuple[object, ...]] = []
    for number, label in enumerate(labels):
        for take in range(3):
            name = f"{number}/clip {take} é手.mp4"
            toy.write_video(tmp_path / name, toy.draw("across", 10 * number + take, frames=25))
            rows.append((name, label))
    manifest = toy.write_csv(tmp_path / "manifest.csv", "path,label", rows)
    code, found = check(cli, manifest, "--sheets", tmp_path / "sheets")
    assert code == 0
    assert [label["label"] for label in found["labels"]] == sorted(labels)
    drawn = sorted((tmp_path / "sheets").iterdir())
    assert sorted(map(str, drawn)) == sorted(found["sheets"])
    assert len({path.name.casefold() for path in drawn}) == len(labels)
    assert {path.name for path in drawn} >= {"grüßen _.png", "say _hi_.png", "a_b.png", "_.png", "手_振る.png"}
    for path in drawn:
        sheet = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        assert sheet.shape[1] > 3 * 4 * 100
        assert len(np.unique(sheet)) > 50


@pytest.mark.parametrize(
    ("label", "name"),
    [("../../etc/passwd", "_.._etc_passwd"), ("con\\x", "con_x"), (" . ", "_"), ("x" * 300, "x" * 120), ("é", "é")],
)
def test_a_label_cannot_choose_another_folder(label: str, name: str) -> None:
    assert file_name(label, set()) == name


def test_sheets_that_cannot_be_written_are_an_error(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").touch()
    code, _, errors = cli("data", "check", toy_clips, "--sheets", tmp_path / "file" / "sheets")
    assert (code, errors.count("\n")) == (1, 1)
    assert "cannot be made" in errors


def test_variable_rates_are_measured(odd_videos: Path, tmp_path: Path, cli: Cli) -> None:
    for name in ("vfr.mp4", "base.mp4", "fps_120.mp4", "rot90_displaymatrix.mp4", "truncated_faststart.mp4"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / name).symlink_to(odd_videos / name)
    toy.write_class_folders(tmp_path, per_class=2, frames=20)
    _, found = check(cli, tmp_path)
    clips = {clip["name"].removeprefix("a/"): clip for clip in found["clips"]}
    assert [name for name, clip in clips.items() if clip["variable_rate"]] == ["vfr.mp4"]
    assert clips["vfr.mp4"]["frame_rate"] == pytest.approx(19, abs=1)
    assert clips["fps_120.mp4"]["frame_rate"] == pytest.approx(120, rel=0.01)
    assert clips["rot90_displaymatrix.mp4"]["height"] > clips["rot90_displaymatrix.mp4"]["width"]
    assert "121 of 239 declared frames" in text_of(found, "damaged")


def test_clocks_that_jump_back_and_names_that_are_not_text(odd_videos: Path, tmp_path: Path, cli: Cli) -> None:
    toy.write_class_folders(tmp_path, per_class=2, frames=20)
    (tmp_path / "idle" / "reset.ts").symlink_to(odd_videos / "resolution_change_pts_reset.ts")
    shutil.copy(tmp_path / "idle" / "000.mp4", tmp_path / "idle" / os.fsdecode(b"\xff.mp4"))
    _, found = check(cli, tmp_path)
    clips = {clip["name"]: clip for clip in found["clips"]}
    assert clips["idle/reset.ts"]["frames"] == 120
    assert clips["idle/reset.ts"]["duration_seconds"] == pytest.approx(4.0, abs=0.2)
    assert clips["idle/reset.ts"]["label_seconds"]["idle"] == pytest.approx(4.0, abs=0.2)
    assert [one["name"] for one in found["unreadable"]] == ["idle/\\xff.mp4"]
    assert cli("data", "check", tmp_path)[0] == 0


def test_real_people_and_their_mirror_images(real_footage: Path, tmp_path: Path, cli: Cli) -> None:
    for label in ("bend", "jack", "wave1", "wave2"):
        (tmp_path / label).symlink_to(real_footage / "weizmann4" / label, target_is_directory=True)
    code, found = check(cli, tmp_path)
    assert code == 0
    assert len(found["copies"]) == 16
    for copy in found["copies"]:
        assert copy["second"] == copy["first"].replace(".mp4", "_mirror.mp4")
        assert (copy["kind"], copy["apart"]) == ("mirrored", "groups")


def test_negatives_are_background_for_their_whole_length(toy_clips: Path, tmp_path: Path, cli: Cli) -> None:
    for name in ("hall/a.mp4", "hall/b.mp4", "c.mp4"):
        toy.write_video(tmp_path / "quiet" / name, toy.draw("idle", len(name), frames=25))
    code, found = check(cli, toy_clips, "--negatives", tmp_path / "quiet")
    assert code == 0
    assert next(label for label in found["labels"] if label["label"] == "idle")["recordings"] == 9
    assert {clip["name"]: clip["group"] for clip in found["clips"] if clip["name"].startswith("quiet")} == {
        "quiet/c.mp4": "quiet/c.mp4",
        "quiet/hall/a.mp4": "quiet/hall",
        "quiet/hall/b.mp4": "quiet/hall",
    }
    code, found = check(cli, toy_clips, "--negatives", tmp_path / "gone")
    assert (code, "is not a folder" in found["reasons"][0]) == (1, True)


def test_thinning_keeps_things_evenly_spread() -> None:
    for count in (1, 7, 8, 9, 100, 1000):
        thinned: Thinned[int] = Thinned(8)
        for number in range(count):
            if thinned.wants_next():
                thinned.keep(number)
        steps = set(np.diff(thinned.items).tolist())
        assert len(steps) <= 1
        assert thinned.items[0] == 0
        assert min(count, 5) <= len(thinned.items) <= 8
        assert count - thinned.items[-1] <= max(steps or {1})


def test_no_tensorflow_is_needed(toy_clips: Path) -> None:
    program = (
        "import sys; from framestream.cli.main import run;"
        f" code = run(['data', 'check', {str(toy_clips)!r}]);"
        " loaded = {'tensorflow', 'keras', 'matplotlib', 'onnx', 'onnxruntime'} & set(sys.modules);"
        " sys.exit(code or repr(loaded) if loaded else code)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=ROOT)
