"""A registry that answers tag lists and manifests so fast that its clients are what is measured.

It is one thread in a process of its own and knows repositories bench/r0, bench/r1, …, each with the same tags, and
bench/million. `POST /grow` adds a tag to every one; the answer is the number of tags they have then.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.embedded.aws import die_with_parent
from tests.embedded.loopback import free_port

TAGS = 100
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
        self.manifest = _answer(_MANIFEST, _TYPE, f"Docker-Content-Digest: {_DIGEST}\r\n")
        self.ping = _answer(b"{}")

    def to(self, method: bytes, path: bytes) -> bytes:
        """The whole answer to a request."""
        if path == b"/grow":
            self.tags.append(f"1.{len(self.tags)}.0")
            self.lists.clear()
            return _answer(str(len(self.tags)).encode())
        if b"/tags/list" in path:
            name = path.partition(b"/tags/list")[0].removeprefix(b"/v2/")
            if name not in self.lists:
                tags = self.million if name.endswith(b"/million") else self.tags
                self.lists[name] = _answer(json.dumps({"name": name.decode(), "tags": tags}).encode())
            return self.lists[name]
        if b"/manifests/" in path:
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
def serving(million: int = 0) -> Iterator[str]:
    """Run a registry until the end of the with block; the value is its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fast_registry", str(port), str(million)], preexec_fn=die_with_parent
    )
    address = f"127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


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
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


def grow(address: str) -> None:
    """Add a tag to every repository."""
    ask(address, "POST", "/grow")


async def _serve(port: int, million: int) -> None:
    answers = _Answers(million)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
