"""What any connection to a registry or a Git server may need: TLS material and a proxy."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMaterial:
    """PEM bytes; the CA is added to the system's, never replaces it."""

    ca_crt: bytes = b""
    tls_crt: bytes = b""
    tls_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """``address`` is an http, https or socks5 URL without credentials."""

    address: str
    username: str = ""
    password: str = field(default="", repr=False)
