"""SSH servers that let a client in and then keep it waiting, which no real sshd does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import GitRef
from tagstream.errors import RetryableError, Unanswered
from tagstream.ports.git import GitAccess
from tests.embedded.ssh_server import make_key

HOST_KEY = paramiko.ECDSAKey.generate()


class Keeper(paramiko.ServerInterface):
    """Lets everybody in and never says whether a command was started."""

    def __init__(self) -> None:
        self.ends = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: Any) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        self.ends.wait(60)
        return False


@pytest.fixture
def port() -> Iterator[int]:
    keeper, transports = Keeper(), []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                transport = paramiko.Transport(listening.accept()[0])
            except OSError:
                return
            transports.append(transport)
            transport.add_server_key(HOST_KEY)
            transport.start_server(event=threading.Event(), server=keeper)

    threading.Thread(target=serve, daemon=True).start()
    yield int(listening.getsockname()[1])
    keeper.ends.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for transport in transports:
        transport.close()


def test_a_server_that_never_says_whether_a_command_was_started_ends_at_the_timeout(tmp_path: Path, port: int) -> None:
    access = GitAccess(
        url=f"ssh://git@127.0.0.1:{port}/app.git",
        identity=make_key(tmp_path / "key").read_bytes(),
        known_hosts=f"[127.0.0.1]:{port} {HOST_KEY.get_name()} {HOST_KEY.get_base64()}\n".encode(),
        timeout_s=2.0,
    )
    session = GitClient().open(access)
    begun = time.monotonic()
    with pytest.raises(RetryableError, match="ssh: i/o timeout") as raised:
        session.resolve(GitRef(branch="main"))
    session.close()
    assert time.monotonic() - begun < 10
    # The server lives: others may get an answer.
    assert not isinstance(raised.value, Unanswered)
