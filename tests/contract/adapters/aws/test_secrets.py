"""Secrets of Secrets Manager: what warm functions remember of them, and when they read them anew."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tagstream.adapters.aws.secrets import EPOCH_CACHE_S, PAUSE_S, SETTLE_S, SecretsManager
from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.secrets import SecretNotFound

KEY = NamespacedName("ns", "registry")


@dataclass
class SetClock:
    """A clock that a test sets."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Stack:
    """Everybody who uses the secrets of one stack: each has a memory of its own."""

    def __init__(self, client: Any, table: Table) -> None:
        self.client, self.name, self.clock = client, f"s{uuid.uuid4().hex}", SetClock()
        self.epoch = DynamoSecretsEpoch(table=table)

    def member(self, client: Any = None) -> SecretsManager:
        return SecretsManager(client or self.client, self.name, self.epoch, self.clock)

    def id_of(self, key: NamespacedName) -> str:
        return f"{self.name}/{key}"


class Counting:
    """A client that counts what it is asked for."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.reads = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def get_secret_value(self, **options: Any) -> Any:
        self.reads += 1
        return self.inner.get_secret_value(**options)


@pytest.fixture
def stack(secretsmanager: Any, table: Table) -> Stack:
    return Stack(secretsmanager, table)


def test_members_come_back_as_they_were_put(stack: Stack) -> None:
    members = {"token": b"s3cret", "key": b"\x00\xff", "odd": b"base64:x"}
    stack.member().put(KEY, members)
    assert dict(stack.member().get(KEY)) == members


def test_a_warm_function_reads_a_secret_once_a_minute(stack: Stack) -> None:
    stack.member().put(KEY, {"token": b"first"})
    counting = Counting(stack.client)
    function = stack.member(counting)
    stack.clock.sleep(SETTLE_S)
    for _ in range(3):
        function.get(KEY)
        stack.clock.sleep(EPOCH_CACHE_S)
    assert counting.reads == 1


def test_a_secret_that_was_changed_reaches_a_warm_function_at_once(stack: Stack) -> None:
    stack.member().put(KEY, {"token": b"wrong"})
    function = stack.member()
    stack.clock.sleep(SETTLE_S)
    assert function.get(KEY)["token"] == b"wrong"
    stack.clock.sleep(EPOCH_CACHE_S)
    stack.member().put(KEY, {"token": b"right"})
    assert function.get(KEY)["token"] == b"right"


def test_a_reconcile_reaches_a_secret_that_was_changed_elsewhere(stack: Stack) -> None:
    stack.member().put(KEY, {"token": b"wrong"})
    function = stack.member()
    stack.clock.sleep(SETTLE_S)
    function.get(KEY)
    stack.client.put_secret_value(SecretId=stack.id_of(KEY), SecretString=json.dumps({"token": "right"}))
    stack.clock.sleep(EPOCH_CACHE_S)
    assert function.get(KEY)["token"] == b"wrong", "the console tells nobody"
    stack.member().expire()
    stack.clock.sleep(EPOCH_CACHE_S)
    assert function.get(KEY)["token"] == b"right"


def test_what_is_read_right_after_a_change_is_not_remembered(stack: Stack) -> None:
    # Secrets Manager may answer with the former value for a moment.
    stack.member().put(KEY, {"token": b"former"})
    function = stack.member()
    assert function.get(KEY)["token"] == b"former"
    stack.client.put_secret_value(SecretId=stack.id_of(KEY), SecretString=json.dumps({"token": "latter"}))
    assert function.get(KEY)["token"] == b"latter"


def test_a_frozen_function_looks_for_changes_when_it_wakes(stack: Stack) -> None:
    stack.member().put(KEY, {"token": b"wrong"})
    function = stack.member()
    stack.clock.sleep(SETTLE_S)
    function.get(KEY)
    stack.clock.sleep(30)
    stack.member().put(KEY, {"token": b"right"})
    stack.clock.sleep(SETTLE_S)
    assert function.get(KEY)["token"] == b"right"


def test_a_renewed_secret_is_read_whatever_is_remembered(stack: Stack) -> None:
    stack.member().put(KEY, {"token": b"wrong"})
    function = stack.member()
    stack.clock.sleep(SETTLE_S)
    function.get(KEY)
    stack.client.put_secret_value(SecretId=stack.id_of(KEY), SecretString=json.dumps({"token": "right"}))
    assert function.renewed(KEY)["token"] == b"right"


def test_a_missing_secret_is_named_as_kubernetes_does(stack: Stack) -> None:
    with pytest.raises(SecretNotFound, match=r'secrets "registry" not found'):
        stack.member().get(KEY)


@pytest.mark.parametrize("body", ["s3cret", '["s3cret"]', '{"token": 1}', "[" * 100_000], ids=len)
def test_a_secret_of_another_shape_is_named_and_never_quoted(stack: Stack, body: str) -> None:
    stack.client.create_secret(Name=stack.id_of(KEY), SecretString=body)
    with pytest.raises(AuthenticationError) as caught:
        stack.member().get(KEY)
    assert str(caught.value) == "secret 'ns/registry' is not a JSON object whose values are strings"


def test_a_secret_stored_as_bytes_is_of_another_shape(stack: Stack) -> None:
    stack.client.create_secret(Name=stack.id_of(KEY), SecretBinary=b"s3cret")
    with pytest.raises(AuthenticationError, match="not a JSON object"):
        stack.member().get(KEY)


def test_an_error_of_secrets_manager_names_the_secret_and_its_code(stack: Stack) -> None:
    class Throttling(Counting):
        def get_secret_value(self, **options: Any) -> Any:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "s3cret"}}, "GetSecretValue")

    with pytest.raises(RetryableError) as caught:
        stack.member(Throttling(stack.client)).get(KEY)
    assert str(caught.value) == "failed to read secret 'ns/registry': ThrottlingException"


def test_a_secrets_manager_that_hangs_is_waited_for_once_and_what_is_remembered_is_still_there(stack: Stack) -> None:
    class Hanging(Counting):
        hangs = False

        def get_secret_value(self, **options: Any) -> Any:
            from botocore.exceptions import ReadTimeoutError

            if not self.hangs:
                return super().get_secret_value(**options)
            self.reads += 1
            raise ReadTimeoutError(endpoint_url="https://secretsmanager")

    client = Hanging(stack.client)
    member = stack.member(client)
    member.put(KEY, {"a": b"1"})
    stack.clock.sleep(SETTLE_S + 1)
    assert member.get(KEY) == {"a": b"1"}
    client.reads, client.hangs = 0, True
    for number in range(5):
        with pytest.raises(RetryableError, match=r"failed to read secret 'ns/other"):
            member.get(NamespacedName("ns", f"other{number}"))
        assert member.get(KEY) == {"a": b"1"}
    assert client.reads == 1
    stack.clock.sleep(PAUSE_S)
    client.hangs = False
    with pytest.raises(SecretNotFound):
        member.get(NamespacedName("ns", "other"))
