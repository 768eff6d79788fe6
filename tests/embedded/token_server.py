"""A token server for the challenges of a registry: with a password, an identity token, or anonymously.

Source: docker registry token specification (JWT, kid of libtrust).
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.embedded.certificates import token_signer

SERVICE = "test-registry"
ISSUER = "test-issuer"
USER, PASSWORD, IDENTITY = "alice", "s3cret-pass", "identity-token-of-alice"


class TokenServer(ThreadingHTTPServer):
    """Gives tokens to alice, and to everybody for names below ``public/``.

    ``requests`` lists (method, query or form). Tokens are valid for ``lifetime_s`` seconds.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.lifetime_s = 300
        self.knows_post = True

    @property
    def realm(self) -> str:
        """The URL for the ``realm`` of a challenge."""
        return f"http://127.0.0.1:{self.server_address[1]}/token"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TokenServer

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.server.requests.append(("GET", query))
        header = self.headers.get("Authorization")
        user = None
        if header is not None:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            if (user, password) != (USER, PASSWORD):
                self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]})
                return
        self._answer(200, self._token(user, query.get("scope", []), "token"))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.requests.append(("POST", form))
        if not self.server.knows_post:
            self._answer(404, {})
        elif form.get("refresh_token") != [IDENTITY]:
            self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong identity token"}]})
        else:
            self._answer(200, self._token(USER, form["scope"][0].split(" "), "access_token"))

    def _token(self, user: str | None, scopes: list[str], member: str) -> dict[str, Any]:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            if user is not None or name.startswith("public/"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        return {member: signed(user or "", access, self.server.lifetime_s), "expires_in": self.server.lifetime_s}

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def signed(user: str, access: list[dict[str, Any]], lifetime_s: int) -> str:
    """Make a token that docker-registry accepts."""
    key, certificate = token_signer()
    now = int(time.time())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
    header = {
        "typ": "JWT",
        "alg": "RS256",
        "kid": ":".join(name[at : at + 4] for at in range(0, 48, 4)),
        "x5c": [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()],
    }
    claims = {
        "iss": ISSUER,
        "sub": user,
        "aud": SERVICE,
        "exp": now + lifetime_s,
        "nbf": now - 10,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "access": access,
    }
    text = f"{_packed(header)}.{_packed(claims)}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _packed(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@contextmanager
def running_token_server() -> Iterator[TokenServer]:
    """Start it on a free port, and stop it at the end of the with block."""
    server = TokenServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
