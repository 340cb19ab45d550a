"""Whether a camera that speaks TLS is the one its address names: checked before anything is said to it.

FFmpeg checks the certificate again when it connects (`tls_verify`), but many of its versions do not compare the name in
it; and it has no words for what is wrong. So the reader first greets the camera by itself, without any credentials.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from framestream.errors import SourceError

_PORTS = {"https": 443, "rtsps": 322, "rtmps": 443}
_REMEDY = "or, if it signs for itself and the network is yours, watch it with --insecure (insecure = true)"
_CAUSES = {
    9: "is not valid yet; check the clock here and there",
    10: "has expired; renew it",
    18: "is signed by nobody but itself; give it one that is",
    62: "is for another name; write the name it is for in the address",
    64: "is for another address; write the name it is for in the address",
}
_UNKNOWN_SIGNER = "is signed by an authority that this machine does not know; add that to the system's store"

# Where systems keep the authorities they trust, for libraries that were built on another.
_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_STORE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class CertificateError(SourceError):
    """A camera's certificate is not to be trusted; nothing was sent to it."""


def uses_certificates(address: str) -> bool:
    """Say whether what is behind an address shows a certificate."""
    return address.partition("://")[0].lower() in _PORTS


def check_certificate(address: str, *, timeout_seconds: float) -> None:
    """Greet a camera and check its certificate: signed by somebody this machine trusts, for this name, and in its time.

    A camera that does not answer raises nothing: connecting will say why.

    Args:
        address: Its URL.
        timeout_seconds: How long it may take to answer.

    Raises:
        CertificateError: The certificate is not to be trusted.
    """
    # Imported where they are used, which for most cameras is nowhere.
    import socket
    import ssl

    scheme, _, rest = address.partition("://")
    # Divided as FFmpeg does it.
    host_and_port = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?", host_and_port)
    if found is None:
        return
    host, port = found[1] or found[2], int(found[3] or _PORTS[scheme.lower()])
    try:
        with socket.create_connection((host, port), timeout_seconds) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        cause = _CAUSES.get(error.verify_code, _UNKNOWN_SIGNER)
        raise CertificateError(f"its certificate {cause}, {_REMEDY}") from error
    except (OSError, ValueError, OverflowError):  # FFmpeg will meet the same, and say what it is
        return


def store_of_system() -> dict[str, str]:
    """Return the environment variable that names the system's store of authorities; none if there is one already."""
    if any(os.environ.get(name) for name in _STORE_VARIABLES):
        return {}
    import ssl

    stores = (ssl.get_default_verify_paths().cafile, *_STORES)
    found = next((store for store in stores if store and Path(store).is_file()), None)
    return {} if found is None else {"SSL_CERT_FILE": found}
