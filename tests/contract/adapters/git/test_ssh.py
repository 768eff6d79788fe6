"""Fetch, edit, commit and push through a real sshd; keys and hosts are what they claim to be, or nothing is sent."""

from __future__ import annotations

import base64
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import GitRef
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.connection import Proxy
from tagstream.ports.git import CommitText, GitAccess, PushConflict, RefUpdate
from tests.embedded.forward_proxy import PASSWORD, USER, SocksProxy, running_proxy
from tests.embedded.git_server import bare_repository, commit_files, git
from tests.embedded.need import need
from tests.embedded.ssh_server import SSHD, SshServer, make_key, ssh_server

MAIN = b"refs/heads/main"
FILES = {"apps/a.yaml": b"image: a:1\n", "other/b.yaml": b"b"}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
TEXT = CommitText(author_name="bot", author_email="b@c", message=b"Update", time=NOW)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    """An sshd that lets ``client`` in."""
    need(SSHD)
    with ssh_server(tmp_path / "ssh") as running:
        let_in(running)
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return bare_repository(tmp_path, "app.git", FILES)


def let_in(server: SshServer, kind: str = "ed25519", passphrase: str = "", bits: int = 0) -> Path:
    """A client's key that may log in."""
    path = make_key(server.folder / f"client_{kind}{bits}{len(passphrase)}", kind, passphrase, bits)
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write(path.with_suffix(".pub").read_text())
    return path


def opened(server: SshServer, bare: Path, **given: object) -> GitRepositorySession:
    access = {
        "url": server.url(bare),
        "identity": (server.folder / "client_ed2551900").read_bytes(),
        "known_hosts": server.known(),
        "timeout_s": 20.0,
    }
    return GitClient().open(GitAccess(**{**access, **given}))  # type: ignore[arg-type]


def updated(session: GitRepositorySession) -> list[bytes]:
    """Read, commit and push once; the files that were read."""
    head = session.resolve(GitRef(branch="main")).commit
    files = session.files(head, "apps")
    blobs = session.read([one.blob for one in files])
    made = session.commit(head, {b"apps/a.yaml": b"image: a:2\n"}, TEXT)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    session.close()
    return list(blobs.values())


def head_file(bare: Path) -> str:
    git("fsck", "--strict", "--full", folder=bare)
    return git("show", "main:apps/a.yaml", folder=bare)


def refusal(session: GitRepositorySession) -> str:
    with pytest.raises(ImageAutomationError) as raised:
        session.resolve(GitRef(branch="main"))
    session.close()
    return raised.value.message


def test_an_update_is_fetched_and_pushed_over_one_connection(server: SshServer, bare: Path) -> None:
    assert (updated(opened(server, bare)), head_file(bare)) == ([b"image: a:1\n"], "image: a:2\n")
    logins = (server.folder / "log").read_text().count("Accepted publickey")
    assert logins == 1


@pytest.mark.parametrize("settings", ["LogLevel INFO", "AcceptEnv LANG"])
def test_a_server_that_takes_no_environment_speaks_version_0_and_works(
    tmp_path: Path, bare: Path, settings: str
) -> None:
    need(SSHD)
    with ssh_server(tmp_path / "ssh", settings) as server:
        let_in(server)
        assert (updated(opened(server, bare)), head_file(bare)) == ([b"image: a:1\n"], "image: a:2\n")


@pytest.mark.parametrize("variable", ["GIT_PROTOCOL", "LANG"], ids=["version-2", "version-0"])
def test_a_server_that_allows_one_session_a_connection_is_connected_to_again(
    tmp_path: Path, bare: Path, variable: str
) -> None:
    need(SSHD)
    with ssh_server(tmp_path / "ssh", f"AcceptEnv {variable}\nMaxSessions 1") as server:
        let_in(server)
        assert (updated(opened(server, bare)), head_file(bare)) == ([b"image: a:1\n"], "image: a:2\n")


def test_version_0_leaves_blobs_out_where_they_may_be_asked_for_later(tmp_path: Path, bare: Path) -> None:
    need(SSHD)
    git("config", "uploadpack.allowReachableSHA1InWant", "true", folder=bare)
    with ssh_server(tmp_path / "ssh", "AcceptEnv LANG") as server:
        let_in(server)
        assert (updated(opened(server, bare)), head_file(bare)) == ([b"image: a:1\n"], "image: a:2\n")


@pytest.mark.parametrize(
    ("kind", "bits", "passphrase"),
    [("ecdsa", 256, ""), ("ecdsa", 521, "p w"), ("rsa", 3072, "p w"), ("ed25519", 0, "p w")],
)
def test_every_kind_of_identity_logs_in(server: SshServer, bare: Path, kind: str, bits: int, passphrase: str) -> None:
    identity = let_in(server, kind, passphrase, bits).read_bytes()
    session = opened(server, bare, identity=identity, identity_passphrase=passphrase)
    assert session.resolve(GitRef(branch="main")).branch == "main"
    session.close()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_only_the_kinds_of_host_key_that_are_known_are_asked_for(server: SshServer, bare: Path, kind: str) -> None:
    session = opened(server, bare, known_hosts=server.known(kind))
    assert session.resolve(GitRef(branch="main")).branch == "main"
    session.close()


def test_a_hashed_host_is_found(server: SshServer, bare: Path) -> None:
    path = server.folder / "known"
    path.write_bytes(server.known())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, timeout=20, capture_output=True)
    hashed = path.read_bytes()
    session = opened(server, bare, known_hosts=hashed)
    assert (session.resolve(GitRef(branch="main")).branch, hashed[:3]) == ("main", b"|1|")
    session.close()


def test_a_host_key_that_is_not_the_known_one_ends_it_before_the_login(server: SshServer, bare: Path) -> None:
    other = make_key(server.folder / "other").with_suffix(".pub").read_text().rsplit(" ", 1)[0]
    here, elsewhere = f"[127.0.0.1]:{server.port}", "elsewhere.example.com"
    own = server.host_keys["ed25519"]
    found = [
        refusal(opened(server, bare, known_hosts=f"{here} {other}\n".encode())),
        refusal(opened(server, bare, known_hosts=f"{elsewhere} {own}\n".encode())),
        refusal(opened(server, bare, known_hosts=f"127.0.0.1 {own}\n".encode())),
        refusal(opened(server, bare, known_hosts=f"{here} {own}\n@revoked * {own}\n".encode())),
        refusal(opened(server, bare, known_hosts=f"@cert-authority {here} {own}\n".encode())),
        refusal(opened(server, bare, known_hosts=b"one line that is none\n")),
    ]
    url = server.url(bare)
    assert found == [
        f"unable to reach '{url}': ssh: handshake failed: knownhosts: {cause}"
        for cause in (
            "key mismatch",
            "key is unknown",
            "key is unknown",
            "key is revoked",
            "key is unknown: the server shows no certificate of a @cert-authority",
            "line 1: the key is not of the type in front of it",
        )
    ]
    assert "Accepted publickey" not in (server.folder / "log").read_text()


def test_a_server_that_signs_with_sha1_only_is_refused(
    tmp_path: Path, bare: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need(SSHD)
    with ssh_server(tmp_path / "ssh", "HostKeyAlgorithms ssh-rsa") as server:
        let_in(server)
        said = refusal(opened(server, bare, known_hosts=server.known("rsa")))
    cause = "ssh: no common algorithm for host key; client offered: [rsa-sha2-512 rsa-sha2-256]"
    assert (said.endswith(cause), capfd.readouterr().err) == (True, "")


def test_an_identity_that_may_not_log_in_is_named_with_its_user(server: SshServer, bare: Path) -> None:
    stranger = make_key(server.folder / "stranger").read_bytes()
    said = refusal(opened(server, bare, identity=stranger))
    cause = "ssh: the server does not accept 'identity' for user '"
    assert said.startswith(f"authentication required by '{server.url(bare)}': {cause}")


def test_an_identity_that_cannot_be_read_is_told_from_one_that_is_locked(server: SshServer, bare: Path) -> None:
    locked = make_key(server.folder / "locked", passphrase="p w").read_bytes()
    found = [
        refusal(opened(server, bare, identity=b"no key")),
        refusal(opened(server, bare, identity=locked)),
        refusal(opened(server, bare, identity=locked, identity_passphrase="wrong")),
    ]
    assert found == [
        f"failed configuring source manager: {cause}"
        for cause in (
            "'identity' is no private key",
            "'identity' is protected and the secret has no 'password'",
            "'password' does not open 'identity'",
        )
    ]


def test_a_repository_that_is_not_there_is_told_in_gits_words(server: SshServer, bare: Path) -> None:
    said = refusal(opened(server, bare.parent / "nope.git"))
    assert "does not appear to be a git repository" in said and said.startswith("unable to list remote 'ssh://")


def test_a_branch_that_moved_is_a_conflict(server: SshServer, bare: Path) -> None:
    session = opened(server, bare)
    head = session.resolve(GitRef(branch="main")).commit
    made = session.commit(head, {b"apps/a.yaml": b"image: a:2\n"}, TEXT)
    commit_files(bare, {"x": b"x"}, "faster")
    with pytest.raises(PushConflict):
        session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    session.refresh()
    assert (updated(session), head_file(bare)) == ([b"image: a:1\n"], "image: a:2\n")


def test_a_hook_that_refuses_is_heard(server: SshServer, bare: Path) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RetryableError, match=r"main is protected.*pre-receive hook declined"):
        updated(opened(server, bare))


def test_a_socks_proxy_is_used_and_another_kind_refused(server: SshServer, bare: Path) -> None:
    with running_proxy(SocksProxy) as proxy:
        assert isinstance(proxy, SocksProxy)
        address = f"socks5://127.0.0.1:{proxy.server_address[1]}"
        session = opened(server, bare, proxy=Proxy(address=address, username=USER, password=PASSWORD))
        assert session.resolve(GitRef(branch="main")).branch == "main"
        session.close()
        assert proxy.targets == [f"127.0.0.1:{server.port}"]
    refused = refusal(opened(server, bare, proxy=Proxy(address="http://127.0.0.1:9")))
    assert refused.endswith("over SSH the proxy's 'address' must be a socks5 URL")


def test_a_server_that_never_answers_ends_at_the_timeout(server: SshServer, bare: Path) -> None:
    hang = server.folder / "hang"
    hang.write_text("#!/bin/sh\nexec sleep 30\n")
    hang.chmod(0o755)
    key = (server.folder / "client_ed2551900.pub").read_text()
    (server.folder / "authorized").write_text(f'command="{hang}" {key}')
    # Waited for to its end, it would be said to have ended.
    assert refusal(opened(server, bare, timeout_s=2.0)).endswith("ssh: i/o timeout")


@pytest.mark.parametrize("when", ["before-the-greeting", "before-the-refs"])
def test_a_server_that_hangs_before_it_lists_refs_does_not_get_its_whole_time_out(
    server: SshServer, bare: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr("tagstream.adapters.git.ssh.LISTED_WITHIN_S", 4.0)
    hang = server.folder / "hang"
    greeting = "" if when == "before-the-greeting" else "printf '000eversion 2\\n0000'\n"
    hang.write_text(f"#!/bin/sh\n{greeting}exec sleep 60\n")
    hang.chmod(0o755)
    key = (server.folder / "client_ed2551900.pub").read_text()
    (server.folder / "authorized").write_text(f'command="{hang}" {key}')
    began_s = time.monotonic()
    assert refusal(opened(server, bare, timeout_s=50.0)).endswith("ssh: i/o timeout")
    assert time.monotonic() - began_s < 30


def test_a_server_that_never_stops_talking_ends_at_the_timeout(server: SshServer, bare: Path) -> None:
    drip = server.folder / "drip"
    line = f"{'1' * 40} refs/heads/main\\n"
    drip.write_text(f"#!/bin/sh\nwhile printf '003d{line}'; do echo on and on >&2; sleep 0.05; done\n")
    drip.chmod(0o755)
    key = (server.folder / "client_ed2551900.pub").read_text()
    (server.folder / "authorized").write_text(f'command="{drip}" {key}')
    assert refusal(opened(server, bare, timeout_s=2.0)).endswith("ssh: i/o timeout")


def _kexinit(names: bytes) -> bytes:
    """A packet of RFC 4253 section 7.1 whose first list of algorithms is this."""
    payload = b"\x14" + bytes(16) + len(names).to_bytes(4, "big") + names + bytes(4) * 9 + bytes(5)
    padding = 16 - (len(payload) + 5) % 8
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"SSH-2.0-x\r\n" + _kexinit(b"\xff\xfe"), "the server's answer is damaged"),
        (b"SSH-2.0-x\r\n" + _kexinit(b"none"), "Incompatible ssh peer (no acceptable kex algorithm)"),
        (b"HTTP/1.1 400 Bad Request\r\n" * 200, 'Indecipherable protocol version "HTTP/1.1 400 Bad Request"'),
        (b"a" * 100_000, "Error reading SSH protocol banner"),
    ],
)
def test_bytes_that_are_no_ssh_are_an_error_of_the_handshake(tmp_path: Path, said: bytes, cause: str) -> None:
    identity = make_key(tmp_path / "key").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_say, args=(listening, said), daemon=True).start()
        url = f"ssh://127.0.0.1:{listening.getsockname()[1]}/app.git"
        found = refusal(GitClient().open(GitAccess(url=url, identity=identity, known_hosts=b"", timeout_s=10.0)))
    assert found == f"unable to reach '{url.replace('//', '//git@')}': ssh: handshake failed: {cause}"


def _say(listening: socket.socket, said: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.sendall(said)
        connection.recv(4096)


def test_nothing_secret_is_in_an_error(server: SshServer, bare: Path) -> None:
    stranger = make_key(server.folder / "stranger", passphrase="hunter2").read_bytes()
    said = refusal(opened(server, bare, identity=stranger, identity_passphrase="hunter2"))
    body = base64.b64encode(b"openssh-key")[:8].decode()
    assert ("hunter2" in said, body in said) == (False, False)
