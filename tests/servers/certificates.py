"""Certificates for servers of tests: one of an authority that is trusted in the test, and what is wrong with others."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """An authority of its own, whose certificate is `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "authority.pem"
        self._key = folder / "authority.key"
        request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=authority of a test")
        _openssl(*request, "-keyout", str(self._key), "-out", str(self.path))

    def sign(self, name: str, *, days: int = 30) -> Certificate:
        """Make a certificate for a name, `DNS:…` or `IP:…`; with negative days it has expired."""
        made = self._made(f"{name.replace(':', '-')}{days}")
        request, extension = self._folder / "request", self._folder / "extension"
        subject = ("-subj", "/CN=camera", "-keyout", str(made.key), "-out", str(request))
        _openssl("req", "-newkey", "rsa:2048", "-nodes", *subject)
        extension.write_text(f"subjectAltName={name}\n")
        signed = ("-CA", str(self.path), "-CAkey", str(self._key), "-CAcreateserial", "-extfile", str(extension))
        _openssl("x509", "-req", "-in", str(request), *signed, "-days", str(days), "-out", str(made.certificate))
        return made

    def sign_for_itself(self, name: str) -> Certificate:
        """Make a certificate that nobody else has signed."""
        made = self._made("itself")
        subject = ("-subj", "/CN=camera", "-addext", f"subjectAltName={name}", "-days", "30")
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes"),
            *subject,
            "-keyout",
            str(made.key),
            "-out",
            str(made.certificate),
        )
        return made

    def _made(self, name: str) -> Certificate:
        return Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
