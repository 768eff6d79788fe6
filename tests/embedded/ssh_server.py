"""A Git server over SSH on loopback: the real sshd with host keys of its own and, on request, host certificates."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"
START_S = 20.0


@dataclass(frozen=True)
class SshServer:
    """A running sshd; ``host_keys`` maps each key type to the public key as one line."""

    folder: Path
    port: int
    host_keys: dict[str, str]

    def url(self, repository: Path) -> str:
        """Return the URL of a bare repository."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository}"

    def known(self, kind: str = "ed25519", name: str = "") -> bytes:
        """Return the known_hosts line of one of the host keys."""
        return f"{name or f'[127.0.0.1]:{self.port}'} {self.host_keys[kind]}\n".encode()


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", bits: int = 0) -> Path:
    """Make a key pair with ssh-keygen; return the path of the private key."""
    size = ["-b", str(bits)] if bits else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "test", "-f", str(path)], check=True, timeout=60
    )
    return path


def certify(key: Path, authority: Path, *arguments: str) -> Path:
    """Sign a public key with ``ssh-keygen -s`` and these arguments; return the path of the certificate."""
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", *arguments, str(key.with_suffix(".pub"))]
    subprocess.run(command, check=True, timeout=60)
    return key.parent / f"{key.name}-cert.pub"


@contextmanager
def ssh_server(
    folder: Path,
    settings: str = "AcceptEnv GIT_PROTOCOL",
    kinds: Sequence[str] = ("ed25519", "ecdsa", "rsa"),
    certified: Callable[[Path], Path] | None = None,
) -> Iterator[SshServer]:
    """Run sshd on a free port until the end of the with block; keys in ``folder/authorized`` may log in.

    Args:
        folder: where keys, settings and the log are kept.
        settings: lines for sshd_config.
        kinds: the types of the host keys.
        certified: makes a certificate of a host key; None makes no certificates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = {kind: make_key(folder / f"host_{kind}", kind) for kind in kinds}
    (folder / "authorized").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        *(f"HostKey {path}" for path in keys.values()),
        *(f"HostCertificate {certified(path)}" for path in keys.values() if certified),
        f"AuthorizedKeysFile {folder / 'authorized'}",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        settings,
    ]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log)
        try:
            _wait(process, port, folder / "log")
            public = {kind: path.with_suffix(".pub").read_text().rsplit(" ", 1)[0] for kind, path in keys.items()}
            yield SshServer(folder=folder, port=port, host_keys=public)
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"sshd did not start: {log.read_text()[-500:]}")
