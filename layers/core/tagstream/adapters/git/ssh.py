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

from tagstream.adapters.git.host_certificate import HostKeyRefused
from tagstream.adapters.git.known_hosts import DEFAULT_PORT, InvalidKnownHosts, parse_known_hosts
from tagstream.adapters.git.pktline import ByteReader, read_packet
from tagstream.adapters.git.replies import REASON, ServerRefused, failed, words
from tagstream.adapters.http.proxies import SocksError, through_socks
from tagstream.errors import AuthenticationError, ImageAutomationError
from tagstream.ports.git import GitAccess

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
        netloc = parts.netloc.rpartition("@")[2]
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
        channel = self._session(deadline_s)
        if service != RECEIVE:
            # Servers that do not accept the variable answer in version 0.
            channel.set_environment_variable("GIT_PROTOCOL", "version=2")
        channel.settimeout(max(0.1, deadline_s - time.monotonic()))
        channel.exec_command(f"{service} {shlex.quote(self._path)}")
        return _Conversation(channel, deadline_s)

    def _session(self, deadline_s: float) -> paramiko.Channel:
        from paramiko.ssh_exception import ChannelException

        before, connection = self._connection, self._connected(deadline_s)
        try:
            return connection.open_session(timeout=max(0.1, deadline_s - time.monotonic()))
        except ChannelException:
            if connection is not before:
                raise
            # A server that allows one session a connection: fetching is over when pushing begins.
            self.close()
        return self._connected(deadline_s).open_session(timeout=max(0.1, deadline_s - time.monotonic()))

    def _connected(self, deadline_s: float) -> paramiko.Transport:
        if self._connection is not None and self._connection.is_active():
            return self._connection
        from tagstream.adapters.git.ssh_handshake import Handshake, client_key

        known = parse_known_hosts(self._access.known_hosts)
        key = client_key(self._access)
        connection = Handshake(self._socket(deadline_s))
        try:
            connection.meet(known, (self._host, self._port), deadline_s)
            connection.log_in(self._user, key, deadline_s)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

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
        for start in range(0, len(body), CHUNK):
            self._take_time()
            self.channel.sendall(body[start : start + CHUNK])

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
            self._take_time()
            chunk = self.channel.recv(CHUNK)
            while self.channel.recv_stderr_ready():
                said = self._heard(said)
            if not chunk:
                break
            yield chunk
        # What went wrong before Git's protocol began is told there.
        while (more := self._heard(said)) is not said:
            said = more
        if said.strip():
            raise ServerRefused(words(said))

    def _heard(self, said: bytes) -> bytes:
        self._take_time()
        more = self.channel.recv_stderr(CHUNK)
        return (said + more)[-CHUNK:] if more else said

    def _take_time(self) -> None:
        """The next wait is as long as there is time left: a server that never stops talking cannot outlast it."""
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self.channel.settimeout(left_s)


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
