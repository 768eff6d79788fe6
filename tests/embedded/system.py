"""A whole tagstream on loopback: a deployed stack, a registry, a Git server and the command line."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.embedded.aws import EmbeddedStack, HttpAnswer
from tests.embedded.loopback import free_port
from tests.embedded.push import push_image

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "bot", "hunter2"


class CommandFailed(RuntimeError):
    """The command line's exit code was not 0; the message has its output."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A server process on a loopback port."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def address(self) -> str:
        """The address, ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop the process."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)


def start_server(module: str, *arguments: str, keep: bool = False) -> Server:
    """Run a module of this folder as a server and wait until it listens.

    Args:
        module: ``registry`` or ``git_server``.
        arguments: the arguments after the port.
        keep: whether the server may outlive this process.
    """
    return _listening([f"tests.embedded.{module}", *arguments], keep=keep)


def start_page(stack: EmbeddedStack, *arguments: str) -> Server:
    """Run ``tagstream dashboard`` on a free port, and wait until it listens; it outlives this process."""
    return _listening(["tagstream.cli", "--stack", stack.name, "dashboard", *arguments], stack.environ, keep=True)


def _listening(module: Sequence[str], environ: Mapping[str, str] | None = None, *, keep: bool) -> Server:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *module, "--port", str(port)],
        cwd=ROOT,
        env=_without_aws() | dict(environ or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if keep else None,
        start_new_session=keep,
    )
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Server(process=process, port=port)
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"{module[0]} does not listen on port {port}")


def _without_aws() -> dict[str, str]:
    """The environment, but for its AWS: a profile or a token of the shell would come before the embedded AWS's keys."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What a user has: a stack, the address of a registry, and the command line."""

    stack: EmbeddedStack
    registry: str

    def cli(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run ``tagstream`` and return its output.

        Raises:
            CommandFailed: the exit code is not 0.
        """
        command, environ = self._command(*arguments), self._environ()
        done = subprocess.run(command, input=stdin, capture_output=True, env=environ, cwd=ROOT, check=False)
        if done.returncode:
            raise CommandFailed(f"tagstream {' '.join(arguments)}\n{done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def run(self, *arguments: str) -> None:
        """Run ``tagstream`` on this process's own terminal."""
        subprocess.run(self._command(*arguments), env=self._environ(), cwd=ROOT, check=True)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tagstream.cli", "--stack", self.stack.name, *arguments]

    def _environ(self) -> dict[str, str]:
        return {**_without_aws(), **self.stack.environ}

    def objects(self, kind: str, namespace: str) -> list[Mapping[str, Any]]:
        """Return the objects that ``get images KIND -o json`` prints, as a list of documents."""
        found = json.loads(self.cli("get", "images", kind, "-n", namespace, "-o", "json"))
        items: list[Mapping[str, Any]] = found.get("items", [found])
        return items

    def push(self, image: str, tag: str, content: bytes = b"layer") -> str:
        """Push an image to the registry; return its digest."""
        return push_image(self.registry, image.partition("/")[2], tag, content)

    def hook_path(self, receiver: str, namespace: str) -> str:
        """Return the path of the URL that ``tagstream webhook-url`` prints."""
        return urlsplit(self.cli("webhook-url", receiver, "-n", namespace).strip()).path

    def deliver(self, path: str, token: str, document: Mapping[str, Any]) -> HttpAnswer:
        """Deliver a signed webhook (generic-hmac)."""
        body = json.dumps(document).encode()
        signature = hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": f"sha256={signature}"}
        return self.stack.post(path, body, headers)


def documents(*objects: Mapping[str, Any]) -> bytes:
    """Write objects as a stream of YAML documents; each document is JSON, which is YAML too."""
    return b"\n---\n".join(json.dumps(one).encode() for one in objects)


@contextlib.contextmanager
def servers(git_root: Path) -> Iterator[tuple[Server, Server]]:
    """Run a registry and a Git server until the end of the with block."""
    registry = start_server("registry")
    git = start_server("git_server", "--root", str(git_root), "--user", f"{USER}:{PASSWORD}")
    try:
        yield registry, git
    finally:
        registry.stop()
        git.stop()
