"""Host certificates of a real sshd: a server is let near the login only when a known authority vouches for it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import GitRef
from tagstream.errors import ImageAutomationError
from tagstream.ports.git import GitAccess
from tests.embedded.git_server import bare_repository
from tests.embedded.need import need
from tests.embedded.ssh_server import SSHD, SshServer, certify, make_key, ssh_server

NOW = ("-V", "-1h:+1h")
HOST = ("-h", "-n", "git.example.com,127.0.0.1", *NOW)
KINDS = ("ed25519", "ecdsa", "rsa")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    need(SSHD)
    return bare_repository(tmp_path, "app.git", {"a.yaml": b"a\n"})


@contextmanager
def serving(
    folder: Path, *arguments: str, kinds: tuple[str, ...] = ("ed25519",), authority: str = "ed25519"
) -> Iterator[SshServer]:
    """An sshd whose host keys are certified with these arguments by ``folder/ca``; ``folder/client`` may log in."""
    folder.mkdir()
    signer = make_key(folder / "ca", authority)
    client = make_key(folder / "client").with_suffix(".pub").read_text()
    with ssh_server(folder, kinds=kinds, certified=lambda key: certify(key, signer, *arguments)) as server:
        (folder / "authorized").write_text(client)
        yield server


def key_of(path: Path) -> str:
    """A public key without its comment."""
    return path.with_suffix(".pub").read_text().rsplit(" ", 1)[0]


def opened(server: SshServer, bare: Path, known_hosts: str) -> GitRepositorySession:
    access = GitAccess(
        url=server.url(bare),
        identity=(server.folder / "client").read_bytes(),
        known_hosts=known_hosts.encode(),
        timeout_s=20.0,
    )
    return GitClient().open(access)


def admitted(server: SshServer, bare: Path, known_hosts: str) -> bool:
    session = opened(server, bare, known_hosts)
    found = session.resolve(GitRef(branch="main")).branch
    session.close()
    return found == "main"


def refusal(server: SshServer, bare: Path, known_hosts: str) -> str:
    """The cause, after proof that nobody tried to log in."""
    session = opened(server, bare, known_hosts)
    with pytest.raises(ImageAutomationError) as raised:
        session.resolve(GitRef(branch="main"))
    session.close()
    log = (server.folder / "log").read_text()
    assert "Accepted" not in log and f"user {getpass.getuser()}" not in log
    return raised.value.message.removeprefix(f"unable to reach '{server.url(bare)}': ssh: handshake failed: ")


def authority(server: SshServer, hosts: str = "") -> str:
    return f"@cert-authority {hosts or f'[127.0.0.1]:{server.port}'} {key_of(server.folder / 'ca')}\n"


@pytest.mark.parametrize("signer", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_a_known_authority_is_enough(tmp_path: Path, bare: Path, kind: str, signer: str) -> None:
    with serving(tmp_path / "ssh", *HOST, kinds=(kind,), authority=signer) as server:
        assert admitted(server, bare, authority(server, f"elsewhere,[127.0.0.*]:{server.port}"))


def test_a_certificate_for_every_host_and_without_an_end_is_enough(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", "-h") as server:
        assert admitted(server, bare, authority(server))


def test_a_certificate_comes_before_keys_that_are_known_too(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", *HOST, kinds=KINDS) as server:
        other = key_of(make_key(server.folder / "other"))
        assert admitted(server, bare, f"[127.0.0.1]:{server.port} {other}\n{authority(server)}")


def test_a_server_without_a_certificate_is_known_by_its_key(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", *HOST) as first, ssh_server(tmp_path / "plain") as server:
        (server.folder / "client").write_bytes((first.folder / "client").read_bytes())
        (server.folder / "authorized").write_text((first.folder / "authorized").read_text())
        here = f"[127.0.0.1]:{server.port}"
        lines = f"@cert-authority {here} {key_of(first.folder / 'ca')}\n"
        assert refusal(server, bare, lines) == (
            "knownhosts: key is unknown: the server shows no certificate of a @cert-authority"
        )
        assert admitted(server, bare, lines + server.known("rsa").decode())


def test_a_certificate_of_an_unknown_authority_counts_as_the_key_it_is_for(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", *HOST) as server:
        here, other = f"[127.0.0.1]:{server.port}", key_of(make_key(server.folder / "other"))
        lines = f"@cert-authority {here} {other}\n"
        assert refusal(server, bare, lines) == f"ssh: no authorities for hostname: 127.0.0.1:{server.port}"
        assert refusal(server, bare, f"{lines}{here} {other}\n") == "knownhosts: key mismatch"
        assert admitted(server, bare, lines + server.known().decode())


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (
            ("-h", "-n", "git.example.com,127.0.0.*", *NOW),
            'ssh: principal "127.0.0.1" not in the set of valid principals for given certificate:'
            ' ["git.example.com" "127.0.0.*"]',
        ),
        (("-h", "-n", "127.0.0.1", "-V", "20200101:20200201"), "ssh: cert has expired"),
        (("-h", "-n", "127.0.0.1", "-V", "+1d:+2d"), "ssh: cert is not yet valid"),
        (("-n", "127.0.0.1", *NOW), "ssh: certificate presented as a host key has type 1"),
        ((*HOST, "-O", "critical:no-such@example.com=1"), 'ssh: unsupported critical option "no-such@example.com"'),
    ],
)
def test_a_certificate_that_is_not_for_this_host_now_ends_it_before_the_login(
    tmp_path: Path, bare: Path, arguments: tuple[str, ...], cause: str
) -> None:
    with serving(tmp_path / "ssh", *arguments) as server:
        assert refusal(server, bare, authority(server)).startswith(cause)


def test_a_signature_over_sha1_does_not_count(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", *HOST, "-t", "ssh-rsa", authority="rsa") as server:
        said = refusal(server, bare, authority(server))
    assert said == "ssh: certificate is signed with SHA-1: sign it with rsa-sha2-512"


def _revoked_authority(folder: Path) -> str:
    return key_of(folder / "ca")


def _revoked_key(folder: Path) -> str:
    return key_of(folder / "host_ed25519")


def _revoked_certificate(folder: Path) -> str:
    return (folder / "host_ed25519-cert.pub").read_text().rsplit(" ", 1)[0]


@pytest.mark.parametrize("revoked", [_revoked_authority, _revoked_key, _revoked_certificate])
def test_what_is_revoked_is_refused_whoever_vouches_for_it(
    tmp_path: Path, bare: Path, revoked: Callable[[Path], str]
) -> None:
    with serving(tmp_path / "ssh", *HOST) as server:
        lines = f"{authority(server)}@revoked * {revoked(server.folder)}\n"
        assert refusal(server, bare, lines) == "knownhosts: key is revoked"


def test_an_authority_is_believed_only_for_its_hosts_and_is_no_hosts_key(tmp_path: Path, bare: Path) -> None:
    with serving(tmp_path / "ssh", *HOST) as server:
        for lines in (authority(server, "elsewhere.example.com"), authority(server, "127.0.0.1")):
            assert refusal(server, bare, lines) == "knownhosts: key is unknown"
        here = f"[127.0.0.1]:{server.port}"
        own = f"@cert-authority {here} {server.host_keys['ed25519']}\n"
        assert refusal(server, bare, own) == f"ssh: no authorities for hostname: 127.0.0.1:{server.port}"
