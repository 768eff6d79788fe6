"""Signed commits are verified by git with the real gpg and ssh-keygen, and keys that cannot sign are told apart."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import SigningMaterial
from tagstream.ports.secrets import SecretNotFound
from tests.contract.reconciling import Silent, automated, message_of, reason, run, selection
from tests.embedded.git_server import git
from tests.embedded.single_writes import put_selection

KEY = NamespacedName("ns", "key")
PASSPHRASE = "a passphrase, with Ümlaut"
RSA = "Key-Type: RSA\nKey-Length: 2048"
ED25519 = "Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519"
WITH_SUBKEY = (
    "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: cert\nSubkey-Type: RSA\nSubkey-Length: 2048\nSubkey-Usage: sign"
)


@dataclass(frozen=True)
class GnuPG:
    """gpg with a home of its own; short, since its agent's socket lies in it."""

    home: Path

    def __call__(self, *arguments: str, stdin: str = "") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, input=stdin.encode(), capture_output=True, check=True, timeout=60).stdout

    def key(self, parameters: str, passphrase: str = "", expires: str = "0") -> bytes:
        """An armoured private key; its public half is trusted."""
        locked = f"Passphrase: {passphrase}" if passphrase else "%no-protection"
        who = "Name-Real: Bot\nName-Email: bot@example.com"
        self("--gen-key", stdin=f"{parameters}\n{who}\nExpire-Date: {expires}\n{locked}\n%commit\n")
        return self("--passphrase", passphrase, "--armor", "--export-secret-keys", "bot@example.com")


@pytest.fixture
def gpg() -> Iterator[GnuPG]:
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        Path(home).chmod(0o700)
        yield GnuPG(Path(home))
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True, timeout=20)


def ssh_key(folder: Path, kind: str, bits: int = 0, password: str = "", form: str = "RFC4716") -> bytes:
    """A private key as ssh-keygen writes it."""
    size = ["-b", str(bits)] if bits else []
    path = folder / f"{kind}{bits}"
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", password, "-C", "bot", "-f", str(path)]
    subprocess.run(command, check=True, timeout=60)
    if form != "RFC4716":
        # ssh-keygen rewrites a key in place when it changes its passphrase.
        rewrite = ["ssh-keygen", "-q", "-p", "-m", form, "-P", password, "-N", password, "-f", str(path)]
        subprocess.run(rewrite, check=True, timeout=60, capture_output=True)
    return path.read_bytes()


def signed_run(ports: Ports, url: str, kind: str) -> None:
    """Run an automation that signs with the secret ``key``."""
    automated(ports, url, signing_key={"type": kind, "secretRef": {"name": "key"}})
    put_selection(ports.selections, selection("v2.0.0"), None)
    run(ports)
    assert reason(ports, "ImageUpdateAutomation") == "Succeeded"


@pytest.mark.parametrize(
    ("parameters", "passphrase"),
    [(RSA, ""), (ED25519, PASSPHRASE), (WITH_SUBKEY, PASSPHRASE)],
    ids=["rsa", "ed25519", "signing-subkey"],
)
def test_a_commit_signed_with_openpgp_is_verified_by_git(
    ports: Ports, silent: Silent, repository: tuple[str, Path], gpg: GnuPG, parameters: str, passphrase: str
) -> None:
    url, bare = repository
    silent.secrets[KEY] = {"git.asc": gpg.key(parameters, passphrase), "passphrase": passphrase.encode()}
    signed_run(ports, url, "gpg")
    script = bare.parent / "gpg-at-home"
    script.write_text(f'#!/bin/sh\nexec gpg --homedir "{gpg.home}" "$@"\n')
    script.chmod(0o700)
    # The raw report quotes the signature's notations, which are no text.
    verified = subprocess.run(
        ["git", "-c", f"gpg.program={script}", "verify-commit", "--raw", "main"],
        cwd=bare,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert verified.returncode == 0
    assert b"GOODSIG" in verified.stderr
    assert git("fsck", "--strict", folder=bare) == ""


@pytest.mark.parametrize(
    ("kind", "bits", "password", "form"),
    [
        ("ed25519", 0, "", "RFC4716"),
        ("ed25519", 0, PASSPHRASE, "RFC4716"),
        ("ecdsa", 256, "", "RFC4716"),
        ("ecdsa", 384, PASSPHRASE, "RFC4716"),
        ("ecdsa", 521, "", "PKCS8"),
        ("rsa", 2048, PASSPHRASE, "RFC4716"),
        ("rsa", 3072, "", "PEM"),
    ],
)
def test_a_commit_signed_with_ssh_is_verified_by_git(
    ports: Ports,
    silent: Silent,
    repository: tuple[str, Path],
    tmp_path: Path,
    kind: str,
    bits: int,
    password: str,
    form: str,
) -> None:
    identity = ssh_key(tmp_path, kind, bits, password, form)
    url, bare = repository
    silent.secrets[KEY] = {"identity": identity, "password": password.encode()}
    signed_run(ports, url, "ssh")
    public = (tmp_path / f"{kind}{bits}.pub").read_text().rsplit(" ", 1)[0]
    (tmp_path / "signers").write_text(f"b@c {public}\n")
    verified = subprocess.run(
        ["git", "-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'signers'}", "verify-commit", "main"],
        cwd=bare,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shown = 'Good "git" signature for b@c'
    assert verified.returncode == 0
    assert shown in verified.stderr
    assert git("fsck", "--strict", folder=bare) == ""


def refusal(kind: str, secret: Mapping[str, bytes]) -> str:
    with pytest.raises(RetryableError) as raised:
        GitClient().signer(SigningMaterial(type=kind, secret="ns/key", data=secret))
    assert raised.value.reason == "SourceManagerFailed"
    # Nothing that was in the secret is in the error, nor behind it.
    for value in secret.values():
        assert not value or value.decode(errors="replace").strip() not in str(raised.value.message)
    return raised.value.message.removeprefix("failed configuring source manager: ")


def test_an_openpgp_key_that_cannot_be_used_is_named(gpg: GnuPG) -> None:
    locked = gpg.key(ED25519, PASSPHRASE)
    public = gpg("--armor", "--export", "bot@example.com")
    gpg("--passphrase", "", "--quick-gen-key", "Other <other@example.com>", "ed25519", "sign", "never")
    both = gpg("--passphrase", PASSPHRASE, "--armor", "--export-secret-keys")
    found = [
        refusal("gpg", {}),
        refusal("gpg", {"git.asc": b"no key"}),
        refusal("gpg", {"git.asc": public}),
        refusal("gpg", {"git.asc": both}),
        refusal("gpg", {"git.asc": locked}),
        refusal("gpg", {"git.asc": locked, "passphrase": b"wrong"}),
    ]
    assert found == [
        "signing key secret 'ns/key' does not contain a 'git.asc' key",
        "could not read signing key secret 'ns/key': 'git.asc' is no armoured private key",
        "could not read signing key secret 'ns/key': 'git.asc' has no private key",
        "multiple entities read from secret 'ns/key', could not determine which signing key to use",
        "can not use passphrase protected signing key without 'passphrase' field present in secret 'ns/key'",
        "'passphrase' in secret 'ns/key' does not open 'git.asc'",
    ]


def test_an_openpgp_key_that_may_not_sign_is_refused(gpg: GnuPG) -> None:
    only_certifies = gpg.key("Key-Type: RSA\nKey-Length: 2048\nKey-Usage: cert")
    assert refusal("gpg", {"git.asc": only_certifies}) == (
        "signing key secret 'ns/key': 'git.asc' has no key that may sign: expired, revoked, or made for something else"
    )


def test_an_expired_openpgp_key_signs_nothing_but_a_subkey_in_force_does(gpg: GnuPG, tmp_path: Path) -> None:
    long_ago = ("--faked-system-time", "20200101T000000", "--passphrase", "")
    gpg(*long_ago, "--quick-gen-key", "Old <old@example.com>", "ed25519", "sign", "1y")
    assert refusal("gpg", {"git.asc": gpg("--armor", "--export-secret-keys", "old@example.com")}).endswith(
        "'git.asc' has no key that may sign: expired, revoked, or made for something else"
    )
    gpg(*long_ago, "--quick-gen-key", "Bot <bot@example.com>", "ed25519", "cert", "never")
    fingerprint = gpg("--list-keys", "--with-colons", "bot@example.com").split(b"\nfpr:")[1].split(b":")[8].decode()
    gpg(*long_ago, "--quick-add-key", fingerprint, "ed25519", "sign", "1y")
    gpg("--passphrase", "", "--quick-add-key", fingerprint, "ed25519", "sign", "never")
    # Without the primary key, as it is kept where nobody can reach it.
    offline = gpg("--passphrase", "", "--armor", "--export-secret-subkeys", "bot@example.com")
    sign = GitClient().signer(SigningMaterial(type="gpg", secret="ns/key", data={"git.asc": offline}))
    (tmp_path / "signature").write_bytes(sign(b"content"))
    (tmp_path / "content").write_bytes(b"content")
    reported = gpg("--status-fd", "1", "--verify", str(tmp_path / "signature"), str(tmp_path / "content"))
    assert b"GOODSIG" in reported


def test_an_ssh_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    locked, short = ssh_key(tmp_path, "ed25519", 0, PASSPHRASE), ssh_key(tmp_path, "rsa", 1024)
    found = [
        refusal("ssh", {}),
        refusal("ssh", {"identity": b"no key"}),
        refusal("ssh", {"identity": short}),
        refusal("ssh", {"identity": locked}),
        refusal("ssh", {"identity": locked, "password": b"wrong"}),
    ]
    assert found == [
        "signing key secret 'ns/key' does not contain a 'identity' key",
        "could not read signing key secret 'ns/key': 'identity' is no private key",
        "signing key secret 'ns/key': the RSA key has 1024 bits, 2048 are needed",
        "can not use passphrase protected signing key without 'password' field present in secret 'ns/key'",
        "'password' in secret 'ns/key' does not open 'identity'",
    ]


def test_without_its_key_nothing_is_committed_at_all(
    ports: Ports, silent: Silent, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    before = git("rev-parse", "main", folder=bare)
    automated(ports, url, signing_key={"secretRef": {"name": "absent"}})
    put_selection(ports.selections, selection("v2.0.0"), None)
    run(ports)
    said = "failed configuring source manager: could not find signing key secret 'ns/absent': "
    assert git("rev-parse", "main", folder=bare) == before
    assert reason(ports, "ImageUpdateAutomation") == "SourceManagerFailed"
    assert message_of(ports, "ImageUpdateAutomation").startswith(
        said + str(SecretNotFound('secrets "absent" not found'))
    )
