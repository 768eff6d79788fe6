"""Git over SSH: the same calls as over HTTP, on channels of one connection that is made when it is needed.

In: a service and a request body. Out: a reader of the answer, or an error that names the URL without credentials.

Source: gitprotocol-pack(5) "SSH Transport"; fluxcd/pkg git/gogit and ssh; RFC 4253, RFC 4254.
"""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from tagstream.adapters.git.known_hosts import (
    DEFAULT_PORT,
    HostKeyRefused,
    InvalidKnownHosts,
    KnownHosts,
    parse_known_hosts,
)
from tagstream.adapters.git.pktline import ByteReader, read_packet
from tagstream.adapters.git.private_key import UnusableKey, read_private_key
from tagstream.adapters.git.replies import REASON, ServerRefused, failed, words
from tagstream.adapters.registry.session import through_socks
from tagstream.adapters.registry.socks5 import SocksError
from tagstream.errors import AuthenticationError, ImageAutomationError, RetryableError
from tagstream.ports import GitAccess

if TYPE_CHECKING:
    import paramiko

CHUNK = 65_536
MAX_ANSWER = 2**31
DEFAULT_USER = "git"
RECEIVE = "git-receive-pack"
# Sent in place of commands when there are none to send: the server then ends by itself.
NOTHING = b"0000"
VERSION_2 = b"000eversion 2\n"


class SshTransport:
    """One repository over SSH.

    Args:
        access: URL, identity, known hosts, timeout; a proxy must speak SOCKS5, as Flux's must.
    """

    is_stateless = False

    def __init__(self, access: GitAccess) -> None:
        parts = urlsplit(access.url)
        self._host, self._port = parts.hostname or "", parts.port or DEFAULT_PORT
        self._user = unquote(parts.username or "") or DEFAULT_USER
        path = unquote(parts.path)
        # Git's own rule: ~user is looked up by the server's shell, so it must not stand behind a slash.
        self._path = path[1:] if path.startswith("/~") else path
        netloc = self._host if parts.port is None else f"{self._host}:{parts.port}"
        self.url = urlunsplit((parts.scheme, f"{self._user}@{netloc}", parts.path, "", ""))
        self._access = access
        self._connection: paramiko.Transport | None = None
        self._channels: dict[str, _Conversation] = {}
        self.requests = 0

    @contextmanager
    def advertisement(self, service: str) -> Iterator[ByteReader]:
        """Start the service; it begins with what it can do. Its channel stays open for ``call``."""
        with self._told():
            self._end(service)
            one = self._begin(service)
            self._channels[service] = one
            one.listen()
            yield one.reader

    @contextmanager
    def call(self, service: str, body: bytes) -> Iterator[ByteReader]:
        """Send a request on the service's channel."""
        with self._told():
            one = self._channels.get(service)
            if one is None or one.channel.closed:
                one = self._begin(service)
                self._channels[service] = one
                one.listen()
                one.skip_greeting()
            self.requests += 1
            one.send(body, time.monotonic() + self._access.timeout_s)
            try:
                yield one.reader
            finally:
                if not one.serves_more:
                    self._channels.pop(service, None)
                    one.channel.close()

    def renew(self) -> None:
        """End all channels: a service that runs on has read the refs once and for all."""
        for service in list(self._channels):
            self._end(service)

    def close(self) -> None:
        """End all channels and the connection."""
        self.renew()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self, service: str) -> None:
        one = self._channels.pop(service, None)
        if one is not None:
            with suppress(OSError):
                one.channel.sendall(NOTHING)
            one.channel.close()

    def _begin(self, service: str) -> _Conversation:
        self.requests += 1
        deadline_s = time.monotonic() + self._access.timeout_s
        connection = self._connected(deadline_s)
        channel = connection.open_session(timeout=max(0.1, deadline_s - time.monotonic()))
        if service != RECEIVE:
            # Servers that do not accept the variable answer in version 0.
            channel.set_environment_variable("GIT_PROTOCOL", "version=2")
        channel.settimeout(max(0.1, deadline_s - time.monotonic()))
        channel.exec_command(f"{service} {shlex.quote(self._path)}")
        return _Conversation(channel, deadline_s)

    def _connected(self, deadline_s: float) -> paramiko.Transport:
        if self._connection is not None and self._connection.is_active():
            return self._connection
        import paramiko

        known = parse_known_hosts(self._access.known_hosts)
        key = _paramiko_key(self._access)
        connection = paramiko.Transport(self._socket(deadline_s))
        try:
            self._shake_hands(connection, known, deadline_s)
            connection.auth_timeout = max(0.1, deadline_s - time.monotonic())
            connection.auth_publickey(self._user, key)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _shake_hands(self, connection: paramiko.Transport, known: KnownHosts, deadline_s: float) -> None:
        offered = known.algorithms(self._host, self._port)
        if offered:
            options = connection.get_security_options()
            options.key_types = [one for one in offered if one in options.key_types] or list(options.key_types)
        connection.banner_timeout = connection.handshake_timeout = max(0.1, deadline_s - time.monotonic())
        connection.start_client(timeout=max(0.1, deadline_s - time.monotonic()))
        known.check(self._host, self._port, connection.get_remote_server_key().asbytes())

    def _socket(self, deadline_s: float) -> socket.socket:
        timeout_s, proxy = max(0.1, deadline_s - time.monotonic()), self._access.proxy
        if proxy is None:
            return socket.create_connection((self._host, self._port), timeout_s)
        if not proxy.address.startswith("socks5"):
            raise failed(f"unable to reach '{self.url}'", "over SSH the proxy's 'address' must be a socks5 URL")
        return through_socks(proxy, self._host, self._port, timeout_s)

    @contextmanager
    def _told(self) -> Iterator[None]:
        import paramiko

        try:
            yield
        except ImageAutomationError:
            raise
        except (HostKeyRefused, InvalidKnownHosts) as error:
            raise failed(f"unable to reach '{self.url}'", f"ssh: handshake failed: {error}") from None
        except paramiko.AuthenticationException:
            raise AuthenticationError(
                f"authentication required by '{self.url}': ssh: the server does not accept 'identity' for user"
                f" '{self._user}'",
                reason=REASON,
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise failed(f"unable to reach '{self.url}'", _fault(error)) from error


class _Conversation:
    """A service's channel and what was read from it; ``serves_more`` when it speaks version 2."""

    def __init__(self, channel: paramiko.Channel, deadline_s: float) -> None:
        self.channel, self._deadline_s = channel, deadline_s
        self.reader = ByteReader(self._chunks(), MAX_ANSWER)
        self.serves_more = False

    def send(self, body: bytes, deadline_s: float) -> None:
        """Within the time."""
        self._deadline_s = deadline_s
        self.channel.settimeout(max(0.1, deadline_s - time.monotonic()))
        self.channel.sendall(body)

    def listen(self) -> None:
        """Wait for the greeting; its first packet tells the version."""
        # An empty repository of an old server greets with four bytes only, and waits.
        self.serves_more = self.reader.peek(4) == VERSION_2[:4] and self.reader.peek(len(VERSION_2)) == VERSION_2

    def skip_greeting(self) -> None:
        """What was read on another channel already."""
        while isinstance(read_packet(self.reader), bytes):
            pass

    def _chunks(self) -> Iterator[bytes]:
        said = b""
        while True:
            self.channel.settimeout(max(0.1, self._deadline_s - time.monotonic()))
            chunk = self.channel.recv(CHUNK)
            while self.channel.recv_stderr_ready():
                said = (said + self.channel.recv_stderr(CHUNK))[-CHUNK:]
            if not chunk:
                break
            yield chunk
        # What went wrong before Git's protocol began is told there.
        while more := self.channel.recv_stderr(CHUNK):
            said = (said + more)[-CHUNK:]
        if said.strip():
            raise ServerRefused(words(said))


def _paramiko_key(access: GitAccess) -> paramiko.PKey:
    import io

    import paramiko
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    try:
        key = read_private_key(access.identity, access.identity_passphrase.encode())
    except UnusableKey as error:
        said = {
            "unreadable": "'identity' is no private key",
            "locked": "'identity' is protected and the secret has no 'password'",
            "wrong passphrase": "'password' does not open 'identity'",
        }
        cause = said.get(error.cause, f"'identity': {error.detail}")
        raise RetryableError(f"failed configuring source manager: {cause}", reason="SourceManagerFailed") from None
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    is_curve = isinstance(key, EllipticCurvePrivateKey)
    kind = paramiko.ECDSAKey if is_curve else paramiko.RSAKey if isinstance(key, RSAPrivateKey) else paramiko.Ed25519Key
    made: paramiko.PKey = kind.from_private_key(io.StringIO(text))
    return made


def _fault(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "ssh: i/o timeout"
    if isinstance(error, socket.gaierror):
        return "dial tcp: lookup failed: no such host"
    if isinstance(error, ConnectionRefusedError):
        return "dial tcp: connection refused"
    if isinstance(error, SocksError):
        return str(error)
    return f"ssh: handshake failed: {error}" if str(error) else "ssh: the connection was closed"
