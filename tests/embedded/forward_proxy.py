"""Proxies on loopback: HTTP (forwarding and CONNECT) and SOCKS5, both with an optional password."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

USER, PASSWORD = "proxy-user", "proxy-pass"


class HttpProxy(ThreadingHTTPServer):
    """An HTTP proxy; it may ask for USER and PASSWORD."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HttpHandler)
        self.targets: list[str] = []
        self.names: dict[str, str] = {}


class SocksProxy(ThreadingTCPServer):
    """A SOCKS proxy of version 5; it may ask for USER and PASSWORD."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _SocksHandler)
        self.targets: list[str] = []


class _HttpHandler(BaseHTTPRequestHandler):
    server: HttpProxy

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def _allowed(self) -> bool:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Proxy-Authorization") == wanted:
            return True
        self.send_error(407)
        return False

    def do_CONNECT(self) -> None:
        if not self._allowed():
            return
        self.server.targets.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), 10) as upstream:
            self.send_response(200)
            self.end_headers()
            _relay(self.connection, upstream)
        self.close_connection = True

    def do_GET(self) -> None:
        if not self._allowed():
            return
        url = urlsplit(self.path)
        self.server.targets.append(url.netloc)
        where = urlsplit("//" + self.server.names.get(url.netloc, url.netloc))
        with socket.create_connection((where.hostname or "", where.port or 80), 10) as upstream:
            asked = f"{self.command} {url.path}?{url.query} HTTP/1.1"
            lines = [asked, f"Host: {url.netloc}", "Connection: close", "", ""]
            upstream.sendall("\r\n".join(lines).encode())
            while chunk := upstream.recv(65536):
                self.wfile.write(chunk)
        self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()


class _SocksHandler(StreamRequestHandler):
    server: SocksProxy

    def handle(self) -> None:
        """Serve one connection: the greeting, the password and the CONNECT request."""
        methods = self.rfile.read(self.rfile.read(2)[1])
        if b"\x02" not in methods:
            self.wfile.write(b"\x05\xff")
            return
        self.wfile.write(b"\x05\x02")
        user = self.rfile.read(self.rfile.read(2)[1])
        password = self.rfile.read(self.rfile.read(1)[0])
        allowed = (user, password) == (USER.encode(), PASSWORD.encode())
        self.wfile.write(b"\x01\x00" if allowed else b"\x01\x01")
        if not allowed:
            return
        host = self._target()
        port = int.from_bytes(self.rfile.read(2), "big")
        self.server.targets.append(f"{host}:{port}")
        try:
            upstream = socket.create_connection((host, port), 10)
        except OSError:
            self.wfile.write(b"\x05\x05\x00\x01\0\0\0\0\0\0")
            return
        with upstream:
            self.wfile.write(b"\x05\x00\x00\x01\0\0\0\0\0\0")
            _relay(self.connection, upstream)

    def _target(self) -> str:
        """Read the host of a CONNECT request: an IPv4 address, a name or an IPv6 address."""
        kind = self.rfile.read(4)[3]
        if kind == 3:
            return self.rfile.read(self.rfile.read(1)[0]).decode()
        return str(ip_address(self.rfile.read(4 if kind == 1 else 16)))


def _relay(client: socket.socket, upstream: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
    back.start()
    _copy(client, upstream)
    back.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def running_proxy(kind: type[HttpProxy] | type[SocksProxy]) -> Iterator[HttpProxy | SocksProxy]:
    """Start it on a free port, and stop it at the end of the with block."""
    proxy = kind()
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
