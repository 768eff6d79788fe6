"""A registry that answers tag lists and manifests so fast that its clients are what is measured.

It is one thread in a process of its own and knows repositories bench/r0, bench/r1, …, each with the same tags, and
bench/million. `POST /grow` adds a tag to every one, and `GET /state` tells how many tags they have, and how
often it was asked for a list or a manifest.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import hashlib
import http.client
import ipaddress
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.embedded.aws import die_with_parent
from tests.embedded.loopback import free_port

TAGS = 100
TRUSTED = "SSL_CERT_FILE"
"""The variable that names the file of trusted certificates, for OpenSSL and for Go."""
PLAIN, TLS = "127.0.0.1", "127.0.0.2"
"""Addresses of this machine: Flux's registry client tries plain HTTP at the first one only."""
_REQUEST = re.compile(rb"(GET|HEAD|POST) (\S+) HTTP/1\.1\r\n")
_TLS = b"\x16"
_TYPE = "application/vnd.oci.image.index.v1+json"
_MANIFEST = b"{}"
_DIGEST = f"sha256:{hashlib.sha256(_MANIFEST).hexdigest()}"


class _Answers:
    """The bytes of every answer, made once."""

    def __init__(self, million: int) -> None:
        self.tags = [f"1.{number}.0" for number in range(TAGS)]
        self.million = [f"{number % 97}.{number % 89}.{number}" for number in range(million)]
        self.lists: dict[bytes, bytes] = {}
        self.asked = {"lists": 0, "manifests": 0}
        self.manifest = _answer(_MANIFEST, _TYPE, f"Docker-Content-Digest: {_DIGEST}\r\n")
        self.ping = _answer(b"{}")

    def to(self, method: bytes, path: bytes) -> bytes:
        """The whole answer to a request."""
        if path == b"/grow":
            self.tags.append(f"1.{len(self.tags)}.0")
            self.lists.clear()
            return _answer(str(len(self.tags)).encode())
        if path == b"/state":
            return _answer(json.dumps({**self.asked, "tags": len(self.tags)}).encode())
        if b"/tags/list" in path:
            self.asked["lists"] += 1
            name = path.partition(b"/tags/list")[0].removeprefix(b"/v2/")
            if name not in self.lists:
                tags = self.million if name.endswith(b"/million") else self.tags
                self.lists[name] = _answer(json.dumps({"name": name.decode(), "tags": tags}).encode())
            return self.lists[name]
        if b"/manifests/" in path:
            self.asked["manifests"] += 1
            return self.manifest if method != b"HEAD" else self.manifest.removesuffix(_MANIFEST)
        return self.ping


class _Connection(asyncio.Protocol):
    def __init__(self, answers: _Answers) -> None:
        self._answers, self._pending = answers, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        if self._pending[:1] == _TLS and self._transport:
            # Flux's client tries TLS first. Servers without TLS answer in plain text, by which it knows them.
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self._transport.close()
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head, self._pending = self._pending[: end + 2], self._pending[end + 4 :]
            found = _REQUEST.match(head)
            if found and self._transport:
                self._transport.write(self._answers.to(found[1], found[2]))


def _answer(body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@contextmanager
def serving(million: int = 0, certificate: str = "") -> Iterator[str]:
    """Run a registry until the end of the with block; the value is its address.

    Args:
        million: the number of tags of bench/million.
        certificate: a file with a certificate for TLS and its key; without one, the registry speaks plain HTTP.
    """
    port = free_port()
    host = TLS if certificate else PLAIN
    command = [sys.executable, "-m", "tests.bench.fast_registry", host, str(port), str(million), certificate]
    process = subprocess.Popen(command, preexec_fn=die_with_parent)
    address = f"{host}:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def serving_tls() -> Iterator[str]:
    """The same with TLS, as registries are. This process, and those that it starts meanwhile, trust its certificate."""
    before = os.environ.get(TRUSTED)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "registry.pem")
        file.write_bytes(_certificate())
        os.environ[TRUSTED] = str(file)
        try:
            with serving(certificate=str(file)) as address:
                yield address
        finally:
            del os.environ[TRUSTED]
            if before is not None:
                os.environ[TRUSTED] = before


@functools.cache
def _certificate() -> bytes:
    """A certificate that is its own authority, with its key, as PEM.

    A process trusts what it has read when it first needed it, so that all registries of a process have the same one.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    address = x509.IPAddress(ipaddress.ip_address(TLS))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            ask(address, "GET", "/v2/")
            return
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.05)


def ask(address: str, method: str, path: str) -> bytes:
    """One request."""
    connection = http.client.HTTPConnection(address, timeout=30)
    if not is_plain(address):
        connection = http.client.HTTPSConnection(address, timeout=30)
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


def is_plain(address: str) -> bool:
    """Whether the registry at this address speaks plain HTTP."""
    return address.startswith(PLAIN)


def told_of(address: str, count: int, concurrent: int) -> dict[str, Any]:
    """What Flux's driver is told of a registry, to ask for so many of its repositories, so many at once."""
    trusted = "" if is_plain(address) else os.environ[TRUSTED]
    return {"address": address, "certificate": trusted, "count": count, "concurrent": concurrent}


def grow(address: str) -> None:
    """Add a tag to every repository."""
    ask(address, "POST", "/grow")


@dataclass(frozen=True, slots=True)
class State:
    """How many tags each repository has, and how often the registry was asked since its start."""

    tags: int
    lists: int
    manifests: int


def state(address: str) -> State:
    """What the registry knows now."""
    return State(**json.loads(ask(address, "GET", "/state")))


async def _serve(host: str, port: int, million: int, certificate: str) -> None:
    answers = _Answers(million)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
    if tls:
        tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers), host, port, ssl=tls)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
