"""``tagstream get secrets`` shows names and keys and never a value; ``delete secret`` ends what they opened."""

from __future__ import annotations

import json

import pytest

from tagstream.domain.objects.model import NamespacedName
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_apply import RECEIVER, TOKEN

VALUE = b"hunter2-of-the-registry"


def ports() -> MemoryPorts:
    found = MemoryPorts()
    found.secrets.data = {
        NamespacedName("flux-system", "login"): {"username": VALUE, "password": VALUE},
        NamespacedName("flux-system", "serviceaccount+bot"): {"imagePullSecrets": b"login"},
        NamespacedName("apps", "ca"): {"ca.crt": VALUE},
    }
    return found


def test_names_and_keys_of_the_namespace_are_listed() -> None:
    assert command("get", "secrets", ports=ports()).out == ("NAME \tKEYS              \nlogin\tpassword, username\t\n")


@pytest.mark.parametrize("output", ["wide", "json", "name"])
@pytest.mark.parametrize("width", [0, 100])
def test_no_output_has_a_value(output: str, width: int) -> None:
    done = command("get", "secrets", "-A", "-o", output, ports=ports(), width=width)
    assert "login" in done.out and "ca" in done.out
    assert VALUE.decode() not in done.out + done.err


def test_programs_get_names_and_keys() -> None:
    assert json.loads(command("get", "secrets", "-A", "-o", "json", ports=ports()).out) == [
        {"namespace": "apps", "name": "ca", "keys": ["ca.crt"]},
        {"namespace": "flux-system", "name": "login", "keys": ["password", "username"]},
    ]
    assert command("get", "secrets", "-o", "name", ports=ports()).out == "secret/login\n"


def test_a_secret_that_is_not_there_is_said_and_is_no_failure() -> None:
    done = [command("get", "secrets", "x", ports=ports()), command("get", "secrets", "-n", "empty", ports=ports())]
    assert [(one.code, one.err) for one in done] == [
        (0, "✗ secret 'x' not found in \"flux-system\" namespace\n"),
        (0, '✗ no secrets found in "empty" namespace\n'),
    ]


def test_a_secret_is_deleted_after_a_question_and_can_be_brought_back() -> None:
    found = ports()
    refused = command("delete", "secret", "login", ports=found, stdin="n\n")
    done = command("delete", "secret", "login", ports=found, stdin="y\n")
    again = command("delete", "secret", "login", "-s", ports=found)
    assert (refused.code, done.code, again.code) == (1, 0, 1)
    assert "aws secretsmanager restore-secret --secret-id tagstream/flux-system/login" in done.err
    assert again.err.endswith("✗ secret 'login' not found in flux-system namespace\n")
    assert found.operations.actions == ["delete", "delete"]
    assert [(one.kind, one.reason) for one in found.ledger.entries] == [("Secret", "Deleted")]


def test_a_secret_can_be_deleted_for_good() -> None:
    found = ports()
    done = command("delete", "secret", "login", "-s", "--now", ports=found)
    assert "restore-secret" not in done.err
    assert found.operations.actions == ["delete at once"]


def test_the_path_of_a_receiver_ends_with_its_token() -> None:
    found = MemoryPorts()
    command("apply", "-f", "-", ports=found, stdin=TOKEN + "---" + RECEIVER)
    key = NamespacedName("flux-system", "push")
    assert len(found.deliveries.published[key]) == 1
    command("delete", "secret", "token", "-s", ports=found)
    assert found.deliveries.published[key] == ()
