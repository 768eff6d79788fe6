"""What ``apply`` says of a policy that asks for the vulnerabilities of another registry than ECR."""

from __future__ import annotations

from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.test_gates_page import EXAMPLES

EXAMPLE = next(one for one in EXAMPLES if "tagstream.dev/vulnerabilities-below" in one)


def test_another_registry_than_ecr_is_refused() -> None:
    example = EXAMPLE.replace("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ghcr.io").replace(", provider: aws", "")
    done = command("apply", "-f", "-", ports=MemoryPorts(), stdin=example)
    assert done.code == 1
    words = '"ghcr.io/example/api" is not in a private ECR registry, and only ECR is asked for vulnerabilities'
    assert f"metadata.annotations[tagstream.dev/vulnerabilities-below]: {words}" in done.err


def test_without_its_repository_among_the_files_a_policy_is_applied() -> None:
    policy = EXAMPLE.partition("---\n")[2]
    assert command("apply", "-f", "-", ports=MemoryPorts(), stdin=policy).code == 0
