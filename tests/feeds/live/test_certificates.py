"""Cameras behind TLS: who gets to hear the password, and who does not."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from framestream import CameraSettings, Classifier, Prediction, Start, Status
from framestream.feeds.feed import Closed
from framestream.feeds.live.reader.certificates import uses_certificates
from framestream.sources.decoders import DecoderChoice
from tests.live_watching import QUICK, STEADY, Watching, all_text
from tests.servers.certificates import Authority, Certificate
from tests.servers.rtsp import RtspCamera
from tests.servers.tls import TlsFront
from tests.servers.web import MjpegCamera
from tests.sources.films import DECODERS

LOGIN = "me:hush"
BAD = ["another name", "expired", "signed for itself", "of nobody known"]
CAUSES = {
    "another name": "is for another address",
    "expired": "has expired",
    "signed for itself": "is signed by nobody but itself",
    "of nobody known": "is signed by an authority that this machine does not know",
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl program here")
    authority = Authority(tmp_path_factory.mktemp("authority"))
    return {
        "authority": Certificate(authority.path, authority.path),
        "good": authority.sign("IP:127.0.0.1"),
        "another name": authority.sign("DNS:other.example"),
        "expired": authority.sign("IP:127.0.0.1", days=-1),
        "signed for itself": authority.sign_for_itself("IP:127.0.0.1"),
        "of nobody known": Authority(tmp_path_factory.mktemp("other")).sign("IP:127.0.0.1"),
    }


@pytest.fixture(autouse=True)
def trust(certificates: dict[str, Certificate], monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is in what stands for the system's store."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["authority"].certificate))


@contextmanager
def secured(scheme: str, certificate: Certificate) -> Iterator[tuple[TlsFront, str]]:
    """A camera behind TLS, and its address with a password."""
    if scheme == "https":
        with MjpegCamera() as camera, TlsFront(camera.host, certificate) as front:
            camera.login = LOGIN
            yield front, f"https://{LOGIN}@{front.host}/video"
    else:
        with RtspCamera() as camera:
            host, _, path = camera.url.partition("://")[2].partition("/")
            with TlsFront(host.rpartition("@")[2], certificate) as front:
                yield front, f"rtsps://{LOGIN}@{front.host}/{path}"


def has_heard_password(front: TlsFront) -> bool:
    return base64.b64encode(LOGIN.encode()) in front.heard or b"hush" in front.heard


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_a_good_certificate_is_trusted(
    scheme: str, certificates: dict[str, Certificate], decoder: DecoderChoice
) -> None:
    with secured(scheme, certificates["good"]) as (front, address):
        with Watching(address, decoder=decoder) as watching:
            watching.until_samples(3)
        assert not watching.opened[0].info.insecure
        assert has_heard_password(front) or scheme == "rtsps"


@pytest.mark.parametrize("decoder", DECODERS)
def test_authorities_may_lie_in_a_folder(
    certificates: dict[str, Certificate], decoder: DecoderChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificates["authority"].certificate
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(authority)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(authority, tmp_path / f"{name}.0")
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with secured("https", certificates["good"]) as (_, address), Watching(address, decoder=decoder) as watching:
        watching.until_samples(3)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_any_other_hears_nothing(
    scheme: str, kind: str, certificates: dict[str, Certificate], caplog: pytest.LogCaptureFixture
) -> None:
    with secured(scheme, certificates[kind]) as (front, address):
        with Watching(address, settings=replace(QUICK, reconnect=False)) as watching:
            watching.until(lambda: watching.items and isinstance(watching.items[-1], Closed))
        assert front.heard == b""
    assert f"its certificate {CAUSES[kind]}" in str(watching.closed.error)
    assert "--insecure" in str(watching.closed.error)
    assert "hush" not in all_text(watching, caplog.text)


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_who_wants_to_takes_any(scheme: str, kind: str, certificates: dict[str, Certificate]) -> None:
    with secured(scheme, certificates[kind]) as (_, address):
        with Watching(address, settings=replace(STEADY, insecure=True)) as watching:
            watching.until_samples(3)
        assert watching.opened[0].info.insecure


@pytest.mark.parametrize("decoder", DECODERS)
def test_ffmpeg_checks_as_well(
    certificates: dict[str, Certificate], monkeypatch: pytest.MonkeyPatch, decoder: DecoderChoice
) -> None:
    """Behind an address without TLS there may be one that sends its viewers on."""
    from http.server import BaseHTTPRequestHandler

    from tests.servers.web import WebServer

    with secured("https", certificates["signed for itself"]) as (front, address):

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", address)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "reconnect;0")
        with WebServer(Handler) as server:
            settings = replace(QUICK, reconnect=False)
            with Watching(f"http://{server.host}/", settings=settings, decoder=decoder) as watching:
                watching.until(lambda: watching.items and isinstance(watching.items[-1], Closed))
            assert "certificate" in str(watching.closed.error)
        assert front.heard == b""


def test_it_is_told_in_start(classifier: Classifier, certificates: dict[str, Certificate]) -> None:
    with secured("https", certificates["signed for itself"]) as (_, address), MjpegCamera() as plain:
        live = replace(STEADY, insecure=True)
        cameras = {"own": CameraSettings(address, live=live), "plain": CameraSettings(plain.url, live=live)}
        starts: dict[str | None, Start] = {}
        with classifier.watch_many(cameras) as watch:
            for record in watch:
                assert not (isinstance(record, Status) and record.state == "failed")
                if isinstance(record, Start):
                    starts[record.camera] = record
                if isinstance(record, Prediction) and len(starts) == 2:
                    break
    assert starts["own"].to_dict()["insecure"] is True
    assert "insecure" not in starts["plain"].to_dict()


def test_which_addresses_have_certificates() -> None:
    assert [uses_certificates(f"{scheme}://a/b") for scheme in ("https", "RTSPS", "rtmps")] == [True] * 3
    assert not any(uses_certificates(f"{scheme}://a/b") for scheme in ("http", "rtsp", "udp", "srt"))
