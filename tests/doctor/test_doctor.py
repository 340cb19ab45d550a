import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from framestream.cli.main import run
from framestream.doctor import Finding, examine
from framestream.doctor.camera_devices import check_camera
from framestream.doctor.codecs import CODECS, check_codecs, count_readable_frames
from framestream.doctor.interlacing import check_interlacing, judge, reads_alike
from framestream.doctor.packages import check_overlaps, check_versions
from framestream.doctor.providers import explain_missing_cuda
from framestream.errors import SettingsError
from framestream.sources.decoders import DecoderChoice, is_av_installed
from tests.conftest import WriteVideo
from tests.sources.films import Film
from tests.test_wall import TRAINING_SIDE, modules_after


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return examine()


def test_this_machine_can_do_what_the_core_needs(findings: list[Finding]) -> None:
    assert [finding for finding in findings if finding.state == "broken"] == []
    states = {(finding.area, finding.name): finding.state for finding in findings}
    assert states["providers", "CPUExecutionProvider"] == "ok"
    assert states["codecs", "Motion JPEG"] == "ok"
    assert states["model", "default"] == "ok"
    assert states["versions", "numpy"] == "ok"
    assert {finding.area for finding in findings} == {
        "versions",
        "packages",
        "providers",
        "codecs",
        "cameras",
        "model",
    }


def test_every_trouble_comes_with_one_line_of_remedy(findings: list[Finding]) -> None:
    for finding in findings:
        assert bool(finding.remedy) == (finding.state != "ok")
        assert "\n" not in finding.detail + finding.remedy
    with pytest.raises(SettingsError, match="needs a remedy"):
        Finding("model", "default", "broken", "it is gone")
    with pytest.raises(SettingsError, match="state is 'fine'"):
        Finding("model", "default", "fine", "it is there")  # type: ignore[arg-type]


def test_two_distributions_of_one_package_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("opencv_contrib_python", "onnxruntime_gpu"):
        folder = tmp_path / f"{name}-9.9.9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9.9\n")
        (folder / "top_level.txt").write_text("cv2\n" if name.startswith("opencv") else "onnxruntime\n")
    assert [finding.state for finding in check_overlaps()] == ["ok", "ok"]
    monkeypatch.syspath_prepend(str(tmp_path))
    opencv, runtime = check_overlaps()
    assert (opencv.name, opencv.state) == ("OpenCV", "warning")
    assert "opencv-contrib-python and opencv-python-headless" in opencv.detail
    assert opencv.remedy.endswith("&& pip install opencv-python-headless")
    assert (runtime.name, runtime.state) == ("ONNX Runtime", "warning")
    # Who installed the CUDA build wants it.
    assert runtime.remedy == "run: pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"


def test_a_package_from_elsewhere_is_only_noted() -> None:
    findings = check_overlaps({})
    assert [(finding.name, finding.state) for finding in findings] == [("OpenCV", "note")]


def test_a_version_that_is_too_old_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rich-9.0.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: rich\nVersion: 9.0.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {finding.name: finding for finding in check_versions()}
    assert found["rich"].state == "warning"
    assert found["rich"].detail.startswith("9.0.0, older than ")
    assert "pip install --upgrade" in found["rich"].remedy
    assert found["click"].state == "ok"
    # Those of extras other than the engine's are none of the runtime's business.
    assert "tensorflow" not in found


@pytest.mark.parametrize(
    ("distributions", "has_gpu", "state", "words"),
    [
        (["onnxruntime"], False, "note", "no NVIDIA GPU"),
        (["onnxruntime"], True, "warning", "build without CUDA"),
        (["onnxruntime", "onnxruntime-gpu"], True, "warning", "overwrote"),
        (["onnxruntime", "onnxruntime-gpu"], False, "warning", "overwrote"),
        ([], True, "warning", "build without CUDA"),
    ],
)
def test_why_there_is_no_cuda(distributions: list[str], has_gpu: bool, state: str, words: str) -> None:
    finding = explain_missing_cuda(distributions, has_gpu=has_gpu)
    assert finding.state == state
    assert words in finding.detail
    if state == "warning":
        assert finding.remedy.startswith("run: pip uninstall")
        assert all(name in finding.remedy for name in distributions)


def test_without_ffmpeg_opencv_still_shows_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in check_codecs()}
    assert found["Motion JPEG"].state == "ok"
    assert found["ffmpeg"].state == "note"
    assert "apt install ffmpeg" in found["ffmpeg"].remedy
    assert {codec.name for codec in CODECS} < set(found)
    assert all(finding.state != "broken" for finding in found.values())


def test_an_ffmpeg_that_does_not_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "ffmpeg"
    command.write_text("#!/bin/sh\nexit 3\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    found = {finding.name: finding for finding in check_codecs()}
    assert found["ffmpeg"].state == "warning"
    assert "does not run" in found["ffmpeg"].detail
    assert found["Motion JPEG"].state == "ok"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_interlaced_films_are_tried_with_each_decoder(tmp_path: Path) -> None:
    found = {finding.name: finding for finding in check_codecs()}["interlaced films"]
    has_av = is_av_installed()
    if has_av:
        assert found.state == "ok"
        assert "PyAV" in found.detail
    # What OpenCV gives differs from version to version; what is said of it must be so.
    films = []
    for name, options in (("fields", ["-vf", "setfield=tff", "-flags", "+ilme+ildct"]), ("frames", [])):
        films.append(Film(f"{name}.mpg", [*options, "-c:v", "mpeg2video", "-q:v", "2"]).make(tmp_path))
    assert (f"OpenCV {cv2.__version__} gives other pictures" in found.detail) == (not reads_alike(*films, "opencv"))
    if has_av:
        assert reads_alike(*films, "av")
        assert not reads_alike(
            films[0], Film("other.mpg", ["-vf", "negate", "-c:v", "mpeg2video"]).make(tmp_path), "av"
        )


def test_interlaced_films_are_not_tried_without_ffmpeg() -> None:
    finding = check_interlacing(None)
    assert (finding.state, finding.remedy) == ("note", "install ffmpeg to have it tried")


@pytest.mark.parametrize(
    ("decoders", "wrong", "state", "words"),
    [
        (("av", "opencv"), (), "ok", "read right by PyAV, OpenCV"),
        (("av", "opencv"), ("opencv",), "ok", "read right by PyAV, which decodes files; OpenCV"),
        (("av", "opencv"), ("av",), "warning", "PyAV gives other pictures"),
        (("opencv",), ("opencv",), "warning", "OpenCV"),
        (("opencv",), (), "ok", "read right by OpenCV"),
    ],
)
def test_what_is_said_of_interlaced_films(
    decoders: tuple[DecoderChoice, ...], wrong: tuple[DecoderChoice, ...], state: str, words: str
) -> None:
    finding = judge(decoders, wrong)
    assert finding.state == state
    assert words in finding.detail
    # Who has PyAV already is not told to install it, but what else helps.
    assert ("pip install av," in finding.remedy) == (state == "warning" and "av" not in decoders)


def test_readable_frames_are_counted(write_video: WriteVideo, tmp_path: Path) -> None:
    assert count_readable_frames(write_video(["red"] * 7)) == 7
    (tmp_path / "text.mp4").write_text("no video " * 99)
    assert count_readable_frames(tmp_path / "text.mp4") == 0


def test_a_camera_is_opened_and_looked_through(write_video: WriteVideo, tmp_path: Path) -> None:
    # What OpenCV opens by path is no more to it than a camera is.
    finding = check_camera(str(write_video(["red"] * 3)))
    assert finding is not None
    assert (finding.state, finding.detail) == ("ok", "gives pictures, 64x48")
    (tmp_path / "video7").write_text("no camera " * 99)
    finding = check_camera(str(tmp_path / "video7"))
    assert finding is not None
    assert (finding.state, finding.detail) == ("note", "cannot be opened")
    finding = check_camera(str(tmp_path / "gone"))
    assert finding is not None
    assert finding.state == "warning"
    assert check_camera("97") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_camera_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "video0")
    finding = check_camera(str(tmp_path / "video0"), probe_seconds=2.0)
    assert finding is not None
    assert (finding.state, finding.detail) == ("warning", "no answer within 2 s")


def test_the_command_prints_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["broken"] is False
    assert {"area", "name", "state", "detail", "remedy"} == set(report["findings"][0])
    assert run(["doctor"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert all(finding["name"] in shown.out for finding in report["findings"])
    assert shown.out.count("→") == sum(finding["state"] != "ok" for finding in report["findings"])


def test_a_broken_model_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "default.onnx").write_text("no protobuf " * 50)
    monkeypatch.setattr("framestream.classifier.default_model_path", lambda: tmp_path / "default.onnx")
    assert run(["doctor", "--format", "json"]) == 1
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert shown.err == ""
    assert report["broken"] is True
    broken = [finding for finding in report["findings"] if finding["state"] == "broken"]
    assert [(finding["area"], finding["name"]) for finding in broken] == [("model", "default")]
    assert "not an ONNX model" in broken[0]["detail"]


def test_without_onnx_runtime_it_says_what_to_install() -> None:
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            raise ImportError("No module named 'onnxruntime'")
sys.meta_path.insert(0, Missing())
from framestream.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "broken" in done.stdout
    assert 'pip install "framestream[cpu]"' in done.stdout


def test_an_opencv_that_does_not_load_is_told_and_everything_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from framestream.cli.main import main; main()"
    told, failed = (
        subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)
        for arguments in (["doctor", "--format", "json"], ["watch", "film.mp4"])
    )
    assert (told.returncode, told.stderr) == (1, "")
    findings = json.loads(told.stdout)["findings"]
    broken = [finding for finding in findings if finding["state"] == "broken"]
    assert [finding["name"] for finding in broken] == ["OpenCV"]
    assert "libGL.so.1" in broken[0]["detail"]
    assert "opencv-python-headless" in broken[0]["remedy"]
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert "libGL.so.1" in failed.stderr
    assert "framestream doctor" in failed.stderr


def test_it_loads_no_training_side() -> None:
    loaded = modules_after("from framestream.cli.main import run; assert run(['doctor', '--format', 'json']) == 0")
    assert loaded & TRAINING_SIDE == set()
