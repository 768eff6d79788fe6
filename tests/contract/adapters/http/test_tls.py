"""TLS of every session: contexts are shared, and keys that can be broken are refused."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tagstream.adapters.http.timed_socket import SLICE_S
from tagstream.adapters.http.tls import tls_context
from tagstream.ports.connection import TlsMaterial


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(SLICE_S + 0.2)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up: that is the point."""


def self_signed(bits: int) -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1 that is its own CA, and its RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = built.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), pem


@contextmanager
def serving(certificate: bytes, key: bytes, folder: Path) -> Iterator[str]:
    """A TLS server that takes keys of any size for itself."""
    file = folder / "server.pem"
    file.write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(file)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize(("bits", "said"), [(2048, "204"), (1024, "tls: ")])
def test_a_server_whose_rsa_key_can_be_broken_is_refused(bits: int, said: str, tmp_path: Path) -> None:
    certificate, key = self_signed(bits)
    with serving(certificate, key, tmp_path) as url:
        try:
            with Session(TlsMaterial(ca_crt=certificate)).open(Request(method="GET", url=url, headers={}), 5) as found:
                outcome = str(found[0].status)
        except ConnectionFault as fault:
            outcome = str(fault)
    assert outcome.startswith(said)
    assert ("key too small" in outcome or "key too weak" in outcome) is (bits == 1024)


def test_a_context_is_made_once_for_its_material() -> None:
    certificate, _ = self_signed(2048)
    assert tls_context(TlsMaterial(ca_crt=certificate)) is tls_context(TlsMaterial(ca_crt=certificate))
    assert tls_context(None) is not tls_context(TlsMaterial(ca_crt=certificate))


def test_an_answer_over_tls_may_take_as_long_as_the_timeout_and_no_longer(tmp_path: Path) -> None:
    certificate, key = self_signed(2048)
    with serving(certificate, key, tmp_path) as url:
        request = Request(method="GET", url=f"{url}slow", headers={})
        session = Session(TlsMaterial(ca_crt=certificate))
        with session.open(request, 30) as (response, _):
            assert response.status == 204
        with pytest.raises(ConnectionFault, match="context deadline exceeded"), session.open(request, 0.5):
            pass
