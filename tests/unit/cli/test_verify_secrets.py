"""What ``apply`` and ``lint`` say of the secret with the keys that verify signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.cosign import recording
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.test_gates_page import EXAMPLES

EXAMPLE = next(one for one in EXAMPLES if "tagstream.dev/verify" in one)
POLICY = EXAMPLE.partition("---\n")[0]
KEYS = NamespacedName("flux-system", "cosign-keys")
PATH = "metadata.annotations[tagstream.dev/verify-secret]"


def applied(data: dict[str, bytes] | None, example: str = POLICY) -> str:
    """Apply the policy to a stack that has this secret; return what the user reads."""
    ports = MemoryPorts()
    if data is not None:
        ports.secrets.put(KEYS, data)
    command("apply", "-f", "-", ports=ports, stdin=EXAMPLES[0])
    return command("apply", "-f", "-", ports=ports, stdin=example).err


def test_a_good_secret_is_applied_without_a_word() -> None:
    assert applied(dict(recording("tag-p256").keys)) == ""


def test_a_secret_that_does_not_exist_is_a_warning() -> None:
    assert f"{PATH}: Secret/flux-system/cosign-keys does not exist (yet)" in applied(None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"cosign.pem": b"x"}, "no member ends in '.pub'"),
        ({"cosign.pub": b"x"}, "'cosign.pub' is no public key in PEM form"),
        (
            {"cosign.pub": b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0"},
            "'cosign.pub' is a private key",
        ),
    ],
)
def test_a_secret_that_cannot_verify_is_an_error_that_shows_nothing_of_it(data: dict[str, bytes], words: str) -> None:
    found = applied(data)
    assert f"{PATH}: secret 'flux-system/cosign-keys': {words}" in found
    assert "nothing was applied" in found
    assert "c2VjcmV0" not in found


def test_without_a_digest_in_git_the_user_is_warned() -> None:
    example = POLICY.replace("  digestReflectionPolicy: IfNotPresent\n", "")
    found = applied(dict(recording("tag-p256").keys), example)
    assert "the tag alone is written, which may be moved to other content" in found


def test_lint_checks_the_secret_that_is_among_the_files(tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_text(EXAMPLES[0] + "---\n" + EXAMPLE.replace("PUBLIC KEY", "PRIVATE KEY"))
    done = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tmp_path)
    assert done.code == 1
    assert "'cosign.pub' is a private key" in done.out + done.err
