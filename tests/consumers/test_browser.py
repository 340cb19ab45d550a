"""The web page, in a real browser: a dropped film, a camera, a slow GPU, and what goes wrong."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from framestream.sources.raw_video import RawVideo
from tests.consumers.chromium import GPU_FLAGS, Chromium
from tests.consumers.comparison import CONSUMERS, DEFAULT_MODEL, KIOSK, ROOT, Record, assert_same, watch
from tests.consumers.conftest import cut_film, require_modules
from tests.servers.web import FileServer

PAGE = "export/consumers/browser/index.html"
CLIP = ROOT / "samples" / "clips" / "bend" / "bend-0000.webm"
MODEL = "?model=/framestream/models/default.onnx"
# How far the page's events may be from FrameStream's, who gets its pixels from FFmpeg. Both decode to the same YUV, but
# bring it to RGB each in its own way: Chromium exactly, FFmpeg's default (which OpenCV uses) a level or two darker.
# Where one label turns into another slowly, that moves the border. Samples are 0.1 s apart. With FFmpeg told to be
# exact all events of kiosk.webm are the same; without, one border of the twenty is two samples off (punch to clap,
# 37.6 s). One sample is allowed to the first, for Chromium's next version.
EXACTLY_CONVERTED = {"seconds": 0.1001, "score": 0.02}
AS_OPENCV_CONVERTS = {"seconds": 0.2001, "score": 0.05}
# A camera was running before the page saw its first frame, so its clock starts anywhere in the footage.
OF_A_CAMERA = {"seconds": 0.5, "score": 0.1}
CAMERA_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def site() -> Iterator[FileServer]:
    """The repository as static files."""
    require_modules("browser")
    with FileServer(ROOT) as server:
        yield server


@pytest.fixture
def film(ffmpeg: str, films: Path) -> Path:
    """The first seconds of a sample, with two whole events."""
    path = films / "dropped.webm"
    return path if path.exists() else cut_film(ffmpeg, path, "-t", "11", "-c", "copy")


def events_on_page(page: Chromium) -> list[Record]:
    records = page.evaluate("[...document.querySelectorAll('#events li')].map((item) => item.dataset.record)")
    return [json.loads(record) for record in records]


def wait_for_status(page: Chromium, text: str) -> None:
    page.wait_for(f"document.getElementById('status').textContent.startsWith('{text}')")


def wait_until_watched(page: Chromium, film: Path) -> None:
    """However slow the machine is: only a page that stands still for a minute is stuck."""
    watched = f"document.getElementById('status').textContent === 'Watched {film.name}'"
    page.wait_while_it_gets_on(watched, "document.getElementById('fact-frames').textContent + video.currentTime")


def text_of(page: Chromium, name: str) -> str:
    return str(page.evaluate(f"document.getElementById('{name}').innerText"))


def exactly_converted(ffmpeg: str, film: Path, size_wh: tuple[int, int], rate: int) -> list[Record]:
    """FrameStream's events of a film whose colours are converted as exactly as browsers do it.

    FFmpeg's default, which OpenCV uses, rounds colours down by up to a level or two. Where one label turns into
    another slowly, that moves the border by a sample or two.
    """
    convert = [ffmpeg, "-v", "error", "-i", str(film), "-vf", "scale=flags=accurate_rnd+full_chroma_int,format=bgr24"]
    raw = subprocess.run([*convert, "-f", "rawvideo", "-"], capture_output=True, check=True, timeout=100).stdout
    frames = RawVideo(io.BytesIO(raw), size_wh=size_wh, rate=rate)
    return [record for record in watch(DEFAULT_MODEL, frames) if record["type"] == "event"]


def test_a_dropped_film(site: FileServer, chromium_program: str, film: Path, ffmpeg: str, tmp_path: Path) -> None:
    wanted = exactly_converted(ffmpeg, film, (256, 192), 20)
    assert len(wanted) >= 2
    with Chromium(chromium_program, tmp_path / "profile", "--window-size=1280,900") as page:
        page.open(site.url(PAGE + MODEL))
        wait_for_status(page, "Ready")
        assert "WebAssembly" in text_of(page, "fact-backend")
        page.drop_files("#stage", film)
        page.wait_for("document.querySelectorAll('#events li').length >= 1")
        assert text_of(page, "label")
        assert "ms a frame" in text_of(page, "fact-speed")
        wait_until_watched(page, film)
        found = events_on_page(page)
        frames = text_of(page, "fact-frames")
        assert page.problems == []
    assert_same(found, wanted, **EXACTLY_CONVERTED)
    capture = cv2.VideoCapture(str(film))
    assert frames.startswith(f"{int(capture.get(cv2.CAP_PROP_FRAME_COUNT))} read, ")
    assert "missed" not in frames
    # And what the command line says of the same film.
    plain = [record for record in watch(DEFAULT_MODEL, film) if record["type"] == "event"]
    assert_same(found, plain, **AS_OPENCV_CONVERTS)


def test_a_camera(site: FileServer, chromium_program: str, ffmpeg: str, films: Path, tmp_path: Path) -> None:
    footage = cut_film(ffmpeg, films / "camera.y4m", "-t", "11", "-pix_fmt", "yuv420p")
    wanted = [record for record in watch(DEFAULT_MODEL, KIOSK) if record["type"] == "event"][:2]
    flags = (*CAMERA_FLAGS, f"--use-file-for-fake-video-capture={footage}")
    with Chromium(chromium_program, tmp_path / "profile", *flags) as page:
        page.open(site.url(PAGE + MODEL))
        wait_for_status(page, "Ready")
        page.evaluate("document.getElementById('use-camera').click()")
        page.wait_for("document.querySelectorAll('#events li').length >= 2")
        page.evaluate("document.getElementById('stop').click()")
        wait_for_status(page, "Watched")
        found = events_on_page(page)[:2]
        assert page.evaluate("document.getElementById('video').srcObject === null")
        assert page.problems == []
    assert_same(found, wanted, **OF_A_CAMERA)


def on_slow_gpu(page: Chromium, site: FileServer) -> None:
    """Open the page, and have it use a GPU that is none: some 250 ms a frame."""
    page.open(site.url(PAGE + MODEL))
    wait_for_status(page, "Ready")
    # Automatic takes no GPU that is none.
    assert "WebAssembly" in text_of(page, "fact-backend")
    page.evaluate("document.getElementById('backend').value = 'webgpu'")
    page.evaluate("document.getElementById('backend').dispatchEvent(new Event('change'))")
    page.wait_for("document.getElementById('fact-backend').innerText.includes('WebGPU')")
    wait_for_status(page, "Ready")
    assert "in software" in text_of(page, "fact-backend")


@pytest.mark.long
def test_a_model_too_slow_for_a_film(
    site: FileServer, chromium_program: str, ffmpeg: str, films: Path, tmp_path: Path
) -> None:
    # It ends while it is halted for its third frame, and the browser tells nobody of that.
    short = cut_film(ffmpeg, films / "three-frames.webm", "-vf", "fps=10", "-frames:v", "3")
    with Chromium(chromium_program, tmp_path / "profile", *GPU_FLAGS) as page:
        on_slow_gpu(page, site)
        page.choose_file("#video-file", short)
        wait_until_watched(page, short)
        assert text_of(page, "fact-frames").startswith("3 read, 3 used")
        page.choose_file("#video-file", CLIP)
        wait_until_watched(page, CLIP)
        assert text_of(page, "fact-frames") == "33 read, 22 used"
        assert page.problems == []
        found = events_on_page(page)
    plain = [record for record in watch(DEFAULT_MODEL, CLIP) if record["type"] == "event"]
    assert_same(found, plain, **AS_OPENCV_CONVERTS)


@pytest.mark.long
def test_a_gpu_that_is_lost_in_the_middle_of_a_film(site: FileServer, chromium_program: str, tmp_path: Path) -> None:
    keep = """
        const request = GPUAdapter.prototype.requestDevice;
        GPUAdapter.prototype.requestDevice = async function (...given) {
            return (window.device = await request.apply(this, given));
        };
    """
    with Chromium(chromium_program, tmp_path / "profile", *GPU_FLAGS) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=keep)
        on_slow_gpu(page, site)
        page.choose_file("#video-file", CLIP)
        page.wait_for("/[3-9] read/.test(document.getElementById('fact-frames').innerText)")
        page.evaluate("device.destroy()")
        page.wait_for("document.getElementById('error').innerText.startsWith('The GPU was lost')")
        page.evaluate("document.getElementById('backend').value = 'wasm'")
        page.evaluate("document.getElementById('backend').dispatchEvent(new Event('change'))")
        page.wait_for("document.getElementById('fact-backend').innerText.includes('WebAssembly')")
        wait_for_status(page, "Ready")
        page.choose_file("#video-file", CLIP)
        wait_until_watched(page, CLIP)
        assert [event["label"] for event in events_on_page(page)] == ["bend"]


def test_what_goes_wrong_is_said_in_the_page(
    site: FileServer, chromium_program: str, ffmpeg: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.webm"
    broken.write_bytes(b"this is no film" * 100)
    sound = tmp_path / "sound.webm"
    subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(sound)], check=True, timeout=60)
    with Chromium(chromium_program, tmp_path / "profile") as page:
        page.open(site.url(PAGE))
        page.wait_for("!document.getElementById('error').hidden")
        assert "model.onnx is not there (404)" in text_of(page, "error")
        page.drop_files("#stage", DEFAULT_MODEL)
        page.wait_for("document.getElementById('error').innerText.includes('two files')")
        page.drop_files("#stage", DEFAULT_MODEL, DEFAULT_MODEL.with_suffix(".json"))
        wait_for_status(page, "Ready")
        assert page.evaluate("document.getElementById('error').hidden")
        page.drop_files("#stage", broken)
        page.wait_for("document.getElementById('error').innerText.includes('cannot decode broken.webm')")
        page.drop_files("#stage", sound)
        page.wait_for("document.getElementById('error').innerText.includes('no picture, only sound')")
        page.evaluate("document.getElementById('use-camera').click()")
        page.wait_for("/no camera|refused|cannot be opened/.test(document.getElementById('error').innerText)")


def write_pair(folder: Path, model: bytes, sidecar: str) -> tuple[Path, Path]:
    """A model and its sidecar."""
    folder.mkdir()
    (folder / "other.onnx").write_bytes(model)
    (folder / "other.json").write_text(sidecar, encoding="utf-8")
    return folder / "other.onnx", folder / "other.json"


def test_a_model_that_cannot_be_used_leaves_the_one_before(
    site: FileServer, chromium_program: str, tmp_path: Path
) -> None:
    model, sidecar = DEFAULT_MODEL.read_bytes(), DEFAULT_MODEL.with_suffix(".json").read_text(encoding="utf-8")
    facts = json.loads(sidecar)
    few_labels = json.dumps(facts | {"framestream.labels": "idle\nwave"})
    other_states = json.dumps(facts | {"framestream.state_names": "hidden\ncell"})
    with Chromium(chromium_program, tmp_path / "profile") as page:
        page.open(site.url(PAGE + MODEL))
        wait_for_status(page, "Ready")
        for number, (content, text, complaint) in enumerate(
            [
                (model, "{}", 'no "framestream.spec_version"'),
                (model, "{no JSON", "The sidecar is no JSON"),
                (model, few_labels, "do not belong together"),
                (model, other_states, "no hidden, cell"),
                (b"no model" * 50, sidecar, "protobuf parsing failed"),
            ]
        ):
            page.drop_files("#stage", *write_pair(tmp_path / str(number), content, text))
            page.wait_for(f"document.getElementById('error').innerText.includes({json.dumps(complaint)})")
            wait_for_status(page, "Ready")
            assert text_of(page, "fact-model").startswith("default.onnx: 10 labels")
        page.choose_file("#video-file", CLIP)
        wait_until_watched(page, CLIP)
        assert page.evaluate("document.getElementById('error').hidden")
        assert [event["label"] for event in events_on_page(page)] == ["bend"]


def test_a_gpu_that_fails_is_said_and_not_used(site: FileServer, chromium_program: str, tmp_path: Path) -> None:
    # A driver that says it is real hardware and then gives no device, as those do that have crashed before.
    driver = """
        const failing = { info: { vendor: "acme", isFallbackAdapter: false }, features: new Set(), limits: {} };
        failing.requestDevice = async () => { throw new Error("the driver has crashed"); };
        navigator.gpu.requestAdapter = async () => failing;
    """
    with Chromium(chromium_program, tmp_path / "profile", *GPU_FLAGS) as page:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=driver)
        page.open(site.url(PAGE + MODEL))
        wait_for_status(page, "Ready")
        assert text_of(page, "fact-backend").startswith("WebAssembly, 1 thread; WebGPU failed: ")
        page.evaluate("document.getElementById('backend').value = 'webgpu'")
        page.evaluate("document.getElementById('backend').dispatchEvent(new Event('change'))")
        page.wait_for("!document.getElementById('error').hidden")
        wait_for_status(page, "Ready")
        # What is asked for is not what it runs on: the page says so, and goes on with what it had.
        assert page.evaluate("document.getElementById('backend').value") == "auto"
        assert text_of(page, "fact-backend").startswith("WebAssembly")


def test_it_fits_on_a_telephone(site: FileServer, chromium_program: str, tmp_path: Path) -> None:
    with Chromium(chromium_program, tmp_path / "profile") as page:
        page.call("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=2, mobile=True)
        page.open(site.url(PAGE + MODEL))
        wait_for_status(page, "Ready")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("document.querySelector('#timeline canvas').clientWidth") > 250


def test_the_page_needs_nothing_but_its_own_folder() -> None:
    folder = CONSUMERS / "browser"
    sources = [folder / "index.html", folder / "style.css", *folder.glob("page/*.js"), *folder.glob("framestream/*.js")]
    assert len(sources) > 8
    for path in sources:
        assert "http://" not in path.read_text(encoding="utf-8")
        assert "https://" not in path.read_text(encoding="utf-8")
