"""The docker-registry program of Debian, run with passwords, tokens, TLS, client certificates or read-only.

Source: distribution's configuration reference.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import requests
from cryptography.hazmat.primitives import serialization

from tests.embedded.certificates import Authority, token_signer
from tests.embedded.loopback import free_port
from tests.embedded.need import need
from tests.embedded.token_server import ISSUER, PASSWORD, SERVICE, USER

START_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A running registry; ``folder`` is where it stores images."""

    address: str
    url: str
    folder: Path
    log: Path

    def link_tags(self, repository: str, tags: list[str], digest: str) -> None:
        """Write tags straight into the registry's storage, which is much faster than pushing them."""
        below = self.folder / "docker/registry/v2/repositories" / repository / "_manifests/tags"
        for tag in tags:
            current = below / tag / "current"
            current.mkdir(parents=True, exist_ok=True)
            (current / "link").write_text(digest)


@contextmanager
def running_distribution(
    *,
    passwords: bool = False,
    token_realm: str = "",
    tls: Authority | None = None,
    client_certificates: bool = False,
    read_only: bool = False,
    notified: Sequence[Mapping[str, Any]] = (),
) -> Iterator[Distribution]:
    """Run the registry until the end of the with block.

    Its arguments choose between alice's password, tokens of a realm, TLS, client certificates, and a registry that
    refuses pushes. ``notified`` are the endpoints to which it sends notifications; its log says how they answered.
    """
    program = need("docker-registry")
    with tempfile.TemporaryDirectory(prefix="distribution-") as name:
        folder = Path(name)
        port = free_port()
        http = {"addr": f"127.0.0.1:{port}", "secret": "test", **_tls(folder, tls, client_certificates)}
        configuration = {
            "version": "0.1",
            "log": {"level": "info" if notified else "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(folder / "data")},
                "cache": {"blobdescriptor": "inmemory"},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": read_only}},
            },
            "http": http,
            **({"notifications": {"endpoints": list(notified)}} if notified else {}),
            **_auth(folder, passwords, token_realm),
        }
        file = folder / "config.yml"
        file.write_text(json.dumps(configuration))
        scheme = "https" if tls else "http"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, "serve", str(file)], stdout=log, stderr=log)
            try:
                _wait_for(port, process, folder / "log")
                address = f"127.0.0.1:{port}"
                yield Distribution(
                    address=address, url=f"{scheme}://{address}", folder=folder / "data", log=folder / "log"
                )
            finally:
                process.terminate()
                process.wait(START_S)


def alice(ca: Path | None = None) -> requests.Session:
    """Make a session that authenticates as alice."""
    session = requests.Session()
    session.trust_env = False
    session.auth = (USER, PASSWORD)
    if ca is not None:
        session.verify = str(ca)
    return session


def _auth(folder: Path, passwords: bool, realm: str) -> dict[str, Any]:
    if passwords:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        return {"auth": {"htpasswd": {"realm": "test-realm", "path": str(folder / "htpasswd")}}}
    if realm:
        _, certificate = token_signer()
        (folder / "tokens.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        token = {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(folder / "tokens.crt")}
        return {"auth": {"token": token}}
    return {}


def _tls(folder: Path, tls: Authority | None, client_certificates: bool) -> dict[str, Any]:
    if tls is None:
        return {}
    for name, content in (("ca.crt", tls.ca), ("srv.crt", tls.server.certificate), ("srv.key", tls.server.key)):
        (folder / name).write_bytes(content)
    found: dict[str, Any] = {"certificate": str(folder / "srv.crt"), "key": str(folder / "srv.key")}
    if client_certificates:
        found["clientcas"] = [str(folder / "ca.crt")]
    return {"tls": found}


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"docker-registry did not start: {log.read_text(errors='replace')[-2000:]}")
