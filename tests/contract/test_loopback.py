"""Nobody on the network can reach what tests and demo start: each of their servers listens on loopback only."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.embedded.aws import EmbeddedAws
from tests.embedded.distribution import running_distribution
from tests.embedded.fault_proxy import running_fault_proxy
from tests.embedded.forward_proxy import HttpProxy, SocksProxy, running_proxy
from tests.embedded.git_server import git_server
from tests.embedded.hanging import hanging
from tests.embedded.loopback import listening, open_to_the_network
from tests.embedded.moto_aws import MotoAws
from tests.embedded.need import need
from tests.embedded.registry import running_registry
from tests.embedded.ssh_server import SSHD, ssh_server
from tests.embedded.token_server import running_token_server

READY_S = 60.0
SERVERS: dict[str, Callable[[Path], AbstractContextManager[Any]]] = {
    "registry": lambda _: running_registry(),
    "git over http": git_server,
    "git over ssh": lambda folder: ssh_server(folder, kinds=("ed25519",)),
    "token server": lambda _: running_token_server(),
    "fault proxy": lambda _: running_fault_proxy(),
    "http proxy": lambda _: running_proxy(HttpProxy),
    "socks proxy": lambda _: running_proxy(SocksProxy),
    "hanging": lambda _: hanging(),
    "distribution": lambda _: running_distribution(),
}


def test_a_socket_that_listens_on_every_address_is_found() -> None:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with socket.create_server((address, 0), family=family) as server:
            assert open_to_the_network(os.getpid()) == [(address, server.getsockname()[1])]
    assert open_to_the_network(os.getpid()) == []


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_of_the_tests_listens_on_loopback_only(name: str, tmp_path: Path) -> None:
    if name == "git over ssh":
        need(SSHD)
    before = listening(os.getpid())
    with SERVERS[name](tmp_path):
        assert [one for one in listening(os.getpid()) if one not in before] != []
        assert open_to_the_network(os.getpid()) == []


def test_the_embedded_aws_listens_on_loopback_only(aws: EmbeddedAws | MotoAws) -> None:
    if isinstance(aws, EmbeddedAws):
        # Its servers of other protocols would start some time after its own.
        end = time.monotonic() + READY_S
        while requests.get(f"{aws.endpoint}/_ministack/ready", timeout=10).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.2)
    assert listening(os.getpid()) != []
    assert open_to_the_network(os.getpid()) == []
