"""Serves pages to browsers of this machine: on 127.0.0.1 only, and for reading only.

A page of the Internet must not reach it through a name that it points to this machine, so a request for another host is
refused. Pages may load nothing, run nothing and be framed by nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

HOST = "127.0.0.1"
READ_TIMEOUT_S = 10.0
Answered = Callable[[str], "Page"]


class Page(Protocol):
    """What a path is answered with."""

    @property
    def status(self) -> HTTPStatus:
        """Of the answer."""

    @property
    def html(self) -> bytes:
        """The page."""


class LoopbackServer(ThreadingHTTPServer):
    """The server of one command.

    Args:
        port: 0 for any that is free.
        answer: makes the page of a path with its query; called by one thread at a time.
        policy: the Content-Security-Policy of the pages; that nobody frames them is added.

    Raises:
        OSError: the port is taken, or this user may not listen on it.
    """

    daemon_threads = True
    # The next command may listen at once, and two commands never share a port on Linux.
    allow_reuse_address = True

    def __init__(self, port: int, answer: Answered, policy: str) -> None:
        super().__init__((HOST, port), _Handler)
        self.answer, self.turn = answer, threading.Lock()
        self.names = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        if self.server_port == 80:
            self.names |= {HOST, "localhost"}
        self.policy = f"{policy}; frame-ancestors 'none'"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that goes away in between is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
    timeout = READ_TIMEOUT_S
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def parse_request(self) -> bool:
        """Refuse every method that could be meant to change something."""
        if not super().parse_request():
            return False
        if self.command in ("GET", "HEAD"):
            return True
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
        return False

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the head of a page."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if self.headers.get("Host", "").casefold() not in self.server.names:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server answers for 127.0.0.1 and localhost only")
            return
        if self.path == "/favicon.ico":
            self._send(HTTPStatus.NOT_FOUND, b"", with_body=with_body)
            return
        with self.server.turn:
            page = self.server.answer(self.path)
        self._send(page.status, page.html, with_body=with_body)

    def _send(self, status: HTTPStatus, html: bytes, *, with_body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(html)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(html if with_body else b"")

    def end_headers(self) -> None:
        """Add to every answer what a browser must not do with it."""
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def version_string(self) -> str:
        """Name the server, without versions."""
        return "tagstream"

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing for a request."""
