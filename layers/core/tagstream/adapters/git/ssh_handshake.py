"""The handshake of an SSH connection: the host's key is checked before the login.

This module is imported only when a connection is made, because importing paramiko takes long.

Source: RFC 4253 sections 7 and 8; OpenSSH PROTOCOL.certkeys; fluxcd/pkg ssh.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from tagstream.adapters.git.host_certificate import SUFFIX, HostKeyRefused, read_certificate
from tagstream.adapters.git.known_hosts import KnownHosts, Shown
from tagstream.adapters.git.private_key import UnusableKey, paramiko_key, read_private_key
from tagstream.adapters.http.time_limit import time_limit
from tagstream.errors import RetryableError
from tagstream.ports.git import GitAccess

# What it logs as errors, with tracebacks of its thread, it raises here too.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Handshake(paramiko.Transport):
    """A connection that asks for the host keys that are known, certificates first, and for no others."""

    asked: Sequence[str] = ()

    @property
    def preferred_keys(self) -> Sequence[str]:
        """What paramiko offers; by itself it would put certificates last and ask for them of every host."""
        return self.asked

    def meet(self, known: KnownHosts, where: tuple[str, int], deadline_s: float) -> None:
        """Agree on keys and check the host's.

        Raises:
            HostKeyRefused: it is not the one that is known.
            paramiko.SSHException: the server speaks otherwise.
        """
        every = self.get_security_options().key_types
        plain: Sequence[str] = [one for one in known.algorithms(*where) if one in every] or every
        certified = [one + SUFFIX for one in every] if known.has_authority(*where) else []
        self.asked = (*certified, *plain)
        self.banner_timeout = self.handshake_timeout = max(0.1, deadline_s - time.monotonic())
        try:
            with _one_kind_of_error():
                self.start_client(timeout=max(0.1, deadline_s - time.monotonic()))
        except IncompatiblePeer as error:
            if "host key" not in str(error):
                raise
            offered = " ".join(self.asked)
            raise HostKeyRefused(f"ssh: no common algorithm for host key; client offered: [{offered}]") from None
        if time.monotonic() >= deadline_s:
            # paramiko only stops waiting.
            raise TimeoutError
        key = self.get_remote_server_key()
        blob = key.public_blob.key_blob if key.public_blob else None
        certificate = read_certificate(blob) if blob else None
        known.check(*where, Shown(key=key.asbytes(), certificate=certificate, now_s=time.time()))

    def log_in(self, user: str, key: paramiko.PKey, deadline_s: float) -> None:
        """By a key, after ``meet``.

        Raises:
            paramiko.AuthenticationException: the server does not accept it.
            paramiko.SSHException: the server speaks otherwise.
        """
        self.auth_timeout = max(0.1, deadline_s - time.monotonic())
        with _one_kind_of_error():
            self.auth_publickey(user, key)


def ended_by(connection: paramiko.Transport | None, deadline_s: float) -> AbstractContextManager[None]:
    """End a connection that has not done in time what the with block waits for.

    paramiko waits for the answer to some requests without a timeout, and anew for every piece that a server takes.

    Raises:
        TimeoutError: the time, which is on the monotonic clock, was over.
    """
    return time_limit(deadline_s - time.monotonic(), lambda: connection.close() if connection is not None else None)


@contextmanager
def _one_kind_of_error() -> Iterator[None]:
    """Bytes that are no SSH make paramiko's thread raise whatever they run into; all of it means the same."""
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError):
        raise
    except Exception as error:
        raise paramiko.SSHException("the server's answer is damaged") from error


def client_key(access: GitAccess) -> paramiko.PKey:
    """The ``identity`` to log in with.

    Raises:
        RetryableError: SourceManagerFailed, it cannot be used.
    """
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
    return paramiko_key(key)
