"""A registry that answers with faults that a test chooses, in front of a real registry or alone."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One answer of the proxy.

    Args:
        status: the status code; 0 sends the body without a status line, and closes the connection.
        headers: sent unchanged; several values of one name become separate lines.
        body: the body; Content-Length is its length.
        cut_at: how many bytes of the body are sent before the connection is closed.
        drip_s: the pause after each byte, in seconds.
        endless: bytes that are sent again and again after the body, without end.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut_at: int | None = None
    drip_s: float = 0.0
    endless: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as the proxy received it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


Respond = Callable[[Received], Fault | None]


class FaultProxy(ThreadingHTTPServer):
    """The proxy; it takes its answers from ``script``, then from ``respond``, then from the real registry."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.script: list[Fault | None] = []
        self.respond: Respond = lambda request: None
        self.received: list[Received] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    @property
    def address(self) -> str:
        """The address, ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients close the connection, which is what the tests are about."""

    def next_fault(self, request: Received) -> Fault | None:
        """Return the fault for a request; None forwards it to the real registry."""
        with self.lock:
            self.received.append(request)
            if self.script:
                return self.script.pop(0)
        return self.respond(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultProxy

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Received(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)
        fault = self.server.next_fault(request)
        if fault is None:
            fault = self._upstream(body)
        self._answer(fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815

    def _upstream(self, body: bytes) -> Fault:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=20)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        headers = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP)
        return Fault(status=answer.status, headers=headers, body=content)

    def _answer(self, fault: Fault) -> None:
        if fault.status == 0:
            self.wfile.write(fault.body)
            self._hang_up()
            return
        self.send_response(fault.status)
        for name, value in fault.headers:
            self.send_header(name, value)
        if fault.endless:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self._send_body(fault)
        if fault.cut_at is not None:
            self._hang_up()

    def _send_body(self, fault: Fault) -> None:
        content = fault.body[: fault.cut_at]
        if not fault.drip_s:
            self.wfile.write(content)
        for byte in content if fault.drip_s else b"":
            self.wfile.write(bytes([byte]))
            time.sleep(fault.drip_s)
        while fault.endless and not self.server.stopped.is_set():
            self.wfile.write(fault.endless)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_fault_proxy(upstream: str = "127.0.0.1:9") -> Iterator[FaultProxy]:
    """Start it on a free port, and stop it at the end of the with block."""
    proxy = FaultProxy(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stopped.set()
        proxy.shutdown()
        proxy.server_close()
        thread.join()
