"""An SMTP server on loopback, with TLS from the beginning or by STARTTLS, that keeps what it is sent."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer

USER, PASSWORD = "mail-user", "mail-pass"


@dataclass
class MailServer:
    """``refusals`` are answers to the next MAIL commands, in place of 250."""

    address: str
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    refusals: list[bytes] = field(default_factory=list)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    context: ssl.SSLContext
    is_implicit: bool
    state: MailServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client that trusts no certificate of ours ends the handshake."""


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer commands until QUIT."""
        self.is_encrypted = self.server.is_implicit
        if self.is_encrypted:
            self._encrypt()
        self._say(b"220 ready")
        while True:
            line = self.rfile.readline()
            if not line or not self._answer(line.strip()):
                return

    def _answer(self, line: bytes) -> bool:
        state = self.server.state
        verb = line.split(b" ")[0].split(b":")[0].upper()
        if verb == b"EHLO":
            offers = [b"250-hello"] + ([] if self.is_encrypted else [b"250-STARTTLS"])
            self._say(b"\r\n".join([*offers, b"250 AUTH PLAIN"]))
        elif verb == b"STARTTLS":
            self._say(b"220 go")
            self._encrypt()
            self.is_encrypted = True
        elif verb == b"AUTH":
            login = base64.b64decode(line.split(b" ")[2]).decode()
            state.logins.append((login, self.is_encrypted))
            self._say(b"235 ok" if login == f"\0{USER}\0{PASSWORD}" else b"535 no " + login[1:].encode())
        elif verb == b"MAIL":
            self._say(state.refusals.pop(0) if state.refusals else b"250 ok")
        elif verb == b"RCPT":
            state.recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            self._say(b"250 ok")
        elif verb == b"DATA":
            self._take()
        else:
            self._say(b"221 bye" if verb == b"QUIT" else b"250 ok")
        return verb != b"QUIT"

    def _take(self) -> None:
        self._say(b"354 go")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.server.state.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self._say(b"250 taken")

    def _encrypt(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def mail_server(context: ssl.SSLContext, *, is_implicit: bool) -> Iterator[MailServer]:
    """Run a server with this TLS context on a free port of loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.context, server.is_implicit = context, is_implicit
    server.state = MailServer(address=f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
