"""TLS contexts, made once for each set of certificates: loading the system's CAs takes 20 ms of CPU.

A certificate and its key are on disk only while they are loaded, readable by this process alone.
"""

from __future__ import annotations

import ssl
import tempfile
from functools import lru_cache

from tagstream.errors import unusable_login
from tagstream.ports.connection import TlsMaterial

MAX_CONTEXTS = 64
# RSA keys of 2048 bits and more, as OpenSSL calls it.
SECURITY_LEVEL = 2


@lru_cache(maxsize=MAX_CONTEXTS)
def tls_context(tls: TlsMaterial | None) -> ssl.SSLContext:
    """The system's CAs and the given one, with a client certificate when there is one.

    Raises:
        AuthenticationError: AuthenticationFailed, PEM that cannot be loaded; the cause names the member only.
    """
    context = ssl.create_default_context()
    # As Go, on every Python: a given CA may be an intermediate one, and old CAs lack key identifiers.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if context.security_level < SECURITY_LEVEL:
        context.set_ciphers(f"DEFAULT:@SECLEVEL={SECURITY_LEVEL}")
    if tls is None:
        return context
    try:
        if tls.ca_crt:
            context.load_verify_locations(cadata=tls.ca_crt.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise unusable_login("failed to parse CA certificate") from error
    try:
        if tls.tls_crt:
            _load_certificate(context, tls)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise unusable_login("failed to parse certificate and key in 'tls.crt' and 'tls.key'") from error
    return context


def _load_certificate(context: ssl.SSLContext, tls: TlsMaterial) -> None:
    # The ssl module reads certificates from files only.
    with tempfile.NamedTemporaryFile() as file:
        file.write(tls.tls_crt + b"\n" + tls.tls_key)
        file.flush()
        context.load_cert_chain(file.name, password=_no_passphrase)


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted")
