"""The Git client over SSH: dulwich's protocol on the channels of one paramiko connection, made when it is needed.

Source: gitprotocol-pack(5) "SSH Transport"; fluxcd/pkg git/gogit and ssh; RFC 4253, RFC 4254.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from dulwich.client import SSHVendor, _quote_remote_path
from dulwich.protocol import Protocol, pkt_line

from tagstream.adapters.git.bounded_answer import FLUSH, BoundedAnswer
from tagstream.adapters.git.clients import (
    LIST_REFS,
    LISTED_WITHIN_S,
    KnownServers,
    RepositoryClient,
    Response,
    TimeLeft,
)
from tagstream.adapters.git.host_certificate import HostKeyRefused
from tagstream.adapters.git.known_hosts import DEFAULT_PORT, InvalidKnownHosts, parse_known_hosts
from tagstream.adapters.git.replies import REASON, ServerRefused, failed, unanswered, words
from tagstream.adapters.http.faults import as_fault
from tagstream.adapters.http.proxies import SocksError, through_socks
from tagstream.errors import AuthenticationError, ImageAutomationError
from tagstream.ports.git import GitAccess

if TYPE_CHECKING:
    import paramiko

CHUNK = 65_536
DEFAULT_USER = "git"


class SshClient(RepositoryClient):
    """One repository over SSH.

    dulwich's ``SSHGitClient`` starts a service for each fetch, lists its refs again and writes line by line. Here a
    service of version 2 takes all requests on one channel, and each request is written at once.

    Args:
        access: URL, identity, known hosts, timeout; a proxy must speak SOCKS5, as Flux's must.
        known: what is known of servers; filled here.
    """

    assumes = False

    def __init__(self, access: GitAccess, known: KnownServers) -> None:
        parts = urlsplit(access.url)
        user = unquote(parts.username or "") or DEFAULT_USER
        address = f"{user}@{parts.netloc.rpartition('@')[2]}"
        super().__init__(urlunsplit((parts.scheme, address, parts.path, "", "")), known)
        path = unquote(parts.path)
        # Git's own rule: ~user is looked up by the server's shell, so it must not stand behind a slash.
        self._path = path[1:] if path.startswith("/~") else path
        self._host, self._left = parts.hostname or "", TimeLeft(access)
        self._vendor = ParamikoVendor(access, self.url)
        self._running: dict[str, Service] = {}

    def _http_request(
        self, url: str, headers: dict[str, str] | None = None, data: Any = None, raise_for_status: bool = True
    ) -> Any:
        if data is None:
            name = url.rpartition("=")[2]
            self._end(name)
            service = self._begin(name)
            service.answer.begin(lists_refs=True)
            return Response(f"application/x-{name}-advertisement", _stays_open), service.answer.read
        name = url.rpartition("/")[2]
        running = self._running.get(name)
        if running is None or not running.is_open:
            running = self._begin(name)
            running.skip_greeting()
        self.requests += 1
        body = data if isinstance(data, bytes) else b"".join(data)
        running.send(body, self._left.seconds(), lists_refs=LIST_REFS in body[: 4 + len(LIST_REFS)])
        return Response(f"application/x-{name}-result", lambda: self._leave(name)), running.answer.read

    def _begin(self, name: str) -> Service:
        self.requests += 1
        command = name.encode() + b" " + _quote_remote_path(self._path.encode())
        self._running[name] = self._vendor.run_command(self._host, command, protocol_version=2)
        return self._running[name]

    def _leave(self, name: str) -> None:
        """After an answer: only a service of version 2 whose answer was read to its end takes another request."""
        service = self._running.get(name)
        if service is not None and not (self.protocol_version == 2 and service.answer.is_at_rest):
            self._end(name)

    def _end(self, name: str) -> None:
        service = self._running.pop(name, None)
        if service is not None:
            service.close()

    def renew(self) -> None:
        """End all services: one that runs on has read the refs once and for all."""
        for name in list(self._running):
            self._end(name)

    def close(self) -> None:
        """End all services and the connection."""
        self.renew()
        self._vendor.close()


class ParamikoVendor(SSHVendor):
    """Starts services over SSH, on one connection; dulwich's vendors run a program or know one kind of host key.

    Args:
        access: URL, identity, known hosts, timeout, proxy.
        url: of the repository, for errors.
    """

    def __init__(self, access: GitAccess, url: str) -> None:
        parts = urlsplit(access.url)
        self._host, self._port = parts.hostname or "", parts.port or DEFAULT_PORT
        self._user = unquote(parts.username or "") or DEFAULT_USER
        self._access, self._url, self._left = access, url, TimeLeft(access)
        self._connection: paramiko.Transport | None = None
        self._has_answered = False

    def run_command(  # type: ignore[override]
        self, host: str, command: bytes, *, protocol_version: int | None = None, **options: Any
    ) -> Service:
        """Start a service; nothing of it was read. The host is the one that the vendor was made for."""
        from tagstream.adapters.git.ssh_handshake import ended_by

        with self._reported():
            left_s = self._left.seconds()
            deadline_s = time.monotonic() + left_s
            # A service begins with a list of refs, or with what it can do.
            first_s = time.monotonic() + min(left_s, LISTED_WITHIN_S)
            channel = self._session(first_s)
            if protocol_version and b"receive-pack" not in command:
                # Servers that do not accept the variable answer in version 0.
                channel.set_environment_variable("GIT_PROTOCOL", f"version={protocol_version}")
            channel.settimeout(max(0.1, first_s - time.monotonic()))
            with ended_by(self._connection, first_s):
                channel.exec_command(command.decode())
            return Service(channel, command.split(b" ")[0], first_s, deadline_s, self._reported)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

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
            self._has_answered = True
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
            raise failed(f"unable to reach '{self._url}'", "over SSH the proxy's 'address' must be a socks5 URL")
        return through_socks(proxy, self._host, self._port, timeout_s)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        import paramiko

        try:
            yield
        except ImageAutomationError:
            raise
        except (HostKeyRefused, InvalidKnownHosts) as error:
            raise failed(f"unable to reach '{self._url}'", f"ssh: handshake failed: {error}") from None
        except paramiko.AuthenticationException:
            raise AuthenticationError(
                f"authentication required by '{self._url}': ssh: the server does not accept 'identity' for user"
                f" '{self._user}'",
                reason=REASON,
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            told = failed if self._has_answered else unanswered
            raise told(f"unable to reach '{self._url}'", _fault(error)) from error


class Service:
    """A running Git service on its channel, as dulwich's SSH vendors give one.

    ``answer`` begins with the service's name, as over HTTP.

    Args:
        channel: that it runs on.
        name: ``git-upload-pack`` or ``git-receive-pack``.
        first_s: when its greeting must have begun, on the monotonic clock.
        deadline_s: when its greeting must have ended.
        reported: translates the errors of the connection.
    """

    def __init__(
        self,
        channel: paramiko.Channel,
        name: bytes,
        first_s: float,
        deadline_s: float,
        reported: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._channel, self._reported = channel, reported
        self._first_s, self._deadline_s = first_s, deadline_s
        self.answer = BoundedAnswer(itertools.chain([pkt_line(b"# service=" + name + b"\n") + FLUSH], self._chunks()))

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return not self._channel.closed

    def send(self, body: bytes, timeout_s: float, *, lists_refs: bool) -> None:
        """A request; its answer must have come within the time, and a list of refs must begin early in it."""
        from tagstream.adapters.git.ssh_handshake import ended_by

        self._deadline_s = time.monotonic() + timeout_s
        self._first_s = min(self._deadline_s, time.monotonic() + LISTED_WITHIN_S) if lists_refs else self._deadline_s
        self.answer.begin(lists_refs=False)
        with self._reported(), ended_by(self._channel.get_transport(), self._deadline_s):
            for start in range(0, len(body), CHUNK):
                self._take_time()
                self._channel.sendall(body[start : start + CHUNK])

    def skip_greeting(self) -> None:
        """What was read on another channel already: the service's name and the greeting, each up to a flush."""
        protocol = Protocol(self.answer.read, len)
        for _ in range(2):
            deque(protocol.read_pkt_seq(), maxlen=0)

    def close(self) -> None:
        """The service ends by itself when it is asked for nothing."""
        with suppress(OSError):
            self._channel.sendall(FLUSH)
        self._channel.close()

    def _chunks(self) -> Iterator[bytes]:
        said = b""
        with self._reported():
            while True:
                self._take_time()
                chunk = self._channel.recv(CHUNK)
                self._first_s = self._deadline_s
                while self._channel.recv_stderr_ready():
                    said = self._heard(said)
                if not chunk:
                    break
                yield chunk
            # A server reports on stderr what went wrong before Git's protocol began.
            while (more := self._heard(said)) is not said:
                said = more
        if said.strip():
            raise ServerRefused(words(said))

    def _heard(self, said: bytes) -> bytes:
        self._take_time()
        more = self._channel.recv_stderr(CHUNK)
        return (said + more)[-CHUNK:] if more else said

    def _take_time(self) -> None:
        """The next wait is as long as there is time left: a server that never stops talking cannot outlast it."""
        left_s = self._first_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._channel.settimeout(left_s)


def _stays_open() -> None:
    """After a greeting comes a request on the same channel."""


def _fault(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "ssh: i/o timeout"
    if isinstance(error, socket.gaierror | ConnectionRefusedError | SocksError):
        return str(as_fault(error))
    return f"ssh: handshake failed: {error}" if str(error) else "ssh: the connection was closed"
