"""Ports of this machine: free ones, and those that a process and its children listen on."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"
"""The state in /proc/net/tcp (include/net/tcp_states.h)."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(process: int) -> list[tuple[str, int]]:
    """Return address and port of every TCP socket that a process or one of its descendants listens on (Linux)."""
    owned = {inode for one in _family(process) for inode in _sockets(one)}
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()]
    bound = [line[1].split(":") for line in lines if line[3] == LISTENING and line[9] in owned]
    return sorted((_address(address), int(port, 16)) for address, port in bound)


def open_to_the_network(process: int) -> list[tuple[str, int]]:
    """Return those of them whose address is not of the loopback network."""
    return [one for one in listening(process) if not ipaddress.ip_address(one[0]).is_loopback]


def _family(process: int) -> Iterator[int]:
    yield process
    for task in _entries(process, "task"):
        with suppress(OSError):
            children = (task / "children").read_text().split()
            yield from (one for child in children for one in _family(int(child)))


def _sockets(process: int) -> Iterator[str]:
    for descriptor in _entries(process, "fd"):
        with suppress(OSError):
            target = str(descriptor.readlink())
            yield target.removeprefix("socket:[").removesuffix("]")


def _entries(process: int, folder: str) -> list[Path]:
    """The entries of a folder of a process, which may have ended meanwhile."""
    with suppress(OSError):
        return list(Path(f"/proc/{process}/{folder}").iterdir())
    return []


def _address(words: str) -> str:
    """The kernel writes each four bytes as a number of this machine's byte order; that of all Linux here is little."""
    raw = bytes.fromhex(words)
    return str(ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))))
