"""The forms in which people store an SSH key and known hosts, all of them before one sshd."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_private_key

from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import GitRef
from tagstream.errors import RetryableError
from tagstream.ports.git import GitAccess
from tests.embedded.git_server import bare_repository
from tests.embedded.need import need
from tests.embedded.ssh_server import SSHD, SshServer, make_key, ssh_server

KINDS = {"ed25519": 0, "rsa": 3072, "ecdsa": 256}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ssh_secrets")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[SshServer]:
    """An sshd with one repository that lets a key of each kind in; no test changes either."""
    need(SSHD)
    bare_repository(folder, "app.git", {"a": b"a"})
    with ssh_server(folder / "server") as running:
        keys = [make_key(folder / kind, kind, bits=bits) for kind, bits in KINDS.items()]
        public = "".join(key.with_suffix(".pub").read_text() for key in keys)
        (running.folder / "authorized").write_text(public)
        yield running


def branch(server: SshServer, folder: Path, identity: bytes, known_hosts: bytes) -> str:
    """Log in and look at the refs."""
    access = GitAccess(url=server.url(folder / "app.git"), identity=identity, known_hosts=known_hosts)
    session = GitClient().open(access)
    try:
        return session.resolve(GitRef(branch="main")).branch
    finally:
        session.close()


def pem(raw: bytes, form: PrivateFormat) -> bytes:
    return load_ssh_private_key(raw, None).private_bytes(Encoding.PEM, form, NoEncryption())


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("ed25519", lambda raw: raw),
        ("ed25519", lambda raw: raw.replace(b"\n", b"\r\n")),
        ("ed25519", lambda raw: raw.rstrip(b"\n")),
        ("ed25519", lambda raw: b"\n" + raw),
        ("ed25519", lambda raw: b"".join(b"    " + line + b"\n" for line in raw.splitlines())),
        ("ed25519", lambda raw: raw.replace(b"\n", b" \n")),
        ("ed25519", lambda raw: raw.replace(b"\n", b" ")),
        ("ed25519", lambda raw: b"# deploy key\n" + raw),
        ("ed25519", lambda raw: b"\xef\xbb\xbf" + raw),
        ("ed25519", lambda raw: pem(raw, PrivateFormat.PKCS8)),
        ("ed25519", lambda raw: pem(raw, PrivateFormat.PKCS8).replace(b"\n", b"\r\n")),
        ("rsa", lambda raw: pem(raw, PrivateFormat.TraditionalOpenSSL)),
        ("rsa", lambda raw: pem(raw, PrivateFormat.TraditionalOpenSSL).rstrip()),
        ("ecdsa", lambda raw: pem(raw, PrivateFormat.PKCS8)),
    ],
    ids=[
        "as-written",
        "crlf",
        "no-final-newline",
        "leading-newline",
        "indented",
        "trailing-blanks",
        "one-line",
        "comment-before",
        "byte-order-mark",
        "pkcs8",
        "pkcs8-crlf",
        "pkcs1",
        "pkcs1-no-final-newline",
        "ecdsa-pkcs8",
    ],
)
def test_an_identity_logs_in_however_it_was_pasted(
    server: SshServer, folder: Path, kind: str, written: Callable[[bytes], bytes]
) -> None:
    identity = written((folder / kind).read_bytes())
    assert branch(server, folder, identity, server.known()) == "main"


@pytest.mark.parametrize(
    "written",
    [
        lambda folder: (folder / "ed25519.pub").read_bytes(),
        lambda folder: (folder / "ed25519").read_bytes().replace(b"\n", b"\\n"),
        lambda folder: base64.b64encode((folder / "ed25519").read_bytes()),
    ],
    ids=["public-key", "escaped-newlines", "base64-twice"],
)
def test_an_identity_that_is_no_private_key_is_named(
    server: SshServer, folder: Path, written: Callable[[Path], bytes]
) -> None:
    with pytest.raises(RetryableError, match="'identity' is no private key"):
        branch(server, folder, written(folder), server.known())


def _hashed(server: SshServer) -> bytes:
    path = server.folder / "hashed"
    path.write_bytes(server.known())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, timeout=20, capture_output=True)
    return path.read_bytes()


UNKNOWN_KIND = (
    b"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEc3NoOg=="
)


@pytest.mark.parametrize(
    "written",
    [
        lambda one: b"".join(map(one.known, KINDS)),
        lambda one: one.known("ecdsa"),
        lambda one: one.known().replace(b"\n", b"\r\n"),
        lambda one: b"# 127.0.0.1 SSH-2.0-OpenSSH\n" + one.known(),
        lambda one: one.known().rstrip() + b" somebody@laptop\n",
        lambda one: one.known().rstrip(),
        lambda one: one.known().replace(b" ", b"\t"),
        lambda one: b"\n\n" + one.known() + b"\n",
        lambda one: one.known(name=f"git.example.com,[127.0.0.1]:{one.port}"),
        lambda one: one.known(name=f"[127.0.0.*]:{one.port}"),
        lambda one: b"[127.0.0.1]:%d sk-ssh-ed25519@openssh.com %s\n" % (one.port, UNKNOWN_KIND) + one.known(),
        _hashed,
    ],
    ids=[
        "all-kinds",
        "one-kind",
        "crlf",
        "comment-line",
        "trailing-comment",
        "no-final-newline",
        "tabs",
        "blank-lines",
        "list-of-hosts",
        "pattern",
        "another-kind-too",
        "hashed",
    ],
)
def test_known_hosts_are_read_however_they_were_made(
    server: SshServer, folder: Path, written: Callable[[SshServer], bytes]
) -> None:
    assert branch(server, folder, (folder / "ed25519").read_bytes(), written(server)) == "main"


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (lambda one: one.known(name="127.0.0.1"), "knownhosts: key is unknown"),
        (lambda one: b"garbage\n" + one.known(), "knownhosts: line 1: expected hosts, a key type and a key"),
    ],
    ids=["host-without-port", "line-that-is-none"],
)
def test_known_hosts_that_do_not_know_the_host_are_told_apart(
    server: SshServer, folder: Path, written: Callable[[SshServer], bytes], cause: str
) -> None:
    with pytest.raises(RetryableError, match=cause):
        branch(server, folder, (folder / "ed25519").read_bytes(), written(server))
