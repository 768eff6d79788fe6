"""Where a Receiver listens follows its token, on a real table: at its interval, whoever changed it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName, Receiver
from tagstream.errors import RetryableError
from tagstream.events.receiver import hook_path
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.due import due_at
from tagstream.reconcile.receive.paths import publish_receiver, refresh_receivers
from tagstream.reconcile.stored_objects import parsed_objects
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import Silent, document, emptied, looked_at, message_of, ports_on, reason

HOOK = NamespacedName("ns", "app")


def path_of(token: str) -> str:
    return hook_path(token, "app", "ns")


def received(ports: Ports, **spec: Any) -> None:
    spec = {"type": "dockerhub", "secretRef": {"name": "app"}, "resources": [], **spec}
    publish_receiver(ports.objects.put(document("Receiver", "notification.toolkit.fluxcd.io/v1", **spec)), ports)


def open_paths(ports: Ports, *tokens: str) -> list[str]:
    return [token for token in tokens if ports.deliveries.target(path_of(token)) is not None]


def look(ports: Ports, age: timedelta | None = None, left_s: float = 60.0) -> None:
    """The end of a tick that comes so long after the last look at the secret."""
    now = ports.clock.now()
    last = None if age is None else now - age
    listed = parsed_objects(ports.objects.list("Receiver"), Receiver, ports.log)
    times = [(stored, receiver, due_at(stored, receiver, last)) for stored, receiver in listed]
    wanted = [(stored, receiver) for stored, receiver, due in times if due is not None and due <= now]
    refresh_receivers(wanted, ports.clock.monotonic_s() + left_s, ports)


def later(ports: Ports, by: timedelta) -> Ports:
    agenda = replace(cast("DynamoAgenda", ports.agenda), clock=Later(by))
    return replace(ports, clock=Later(by), agenda=agenda)


class Later(SystemClock):
    """The same clock, some time later."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.fixture
def silent() -> Silent:
    return Silent(secrets={HOOK: {"token": b"old"}})


@pytest.fixture
def ports(table: Table, silent: Silent) -> Ports:
    emptied(table)
    found = ports_on(table, silent)
    received(found)
    return found


def test_a_token_changed_where_it_is_kept_moves_the_address_with_the_tick(ports: Ports, silent: Silent) -> None:
    silent.secrets[HOOK] = {"token": b"new", "token-previous": b"old"}
    handlers.scan({"tagstream": "tick"}, 60_000, ports)
    assert open_paths(ports, "old", "new") == ["old"], "the interval is ten minutes"
    handlers.scan({"tagstream": "tick"}, 60_000, later(ports, timedelta(minutes=10)))
    assert open_paths(ports, "old", "new") == ["old", "new"]
    assert message_of(ports, "Receiver") == f"Receiver initialized for path: {path_of('new')}"
    silent.secrets[HOOK] = {"token": b"new"}
    handlers.scan({"tagstream": "tick"}, 60_000, later(ports, timedelta(minutes=19)))
    assert open_paths(ports, "old", "new") == ["old", "new"]
    handlers.scan({"tagstream": "tick"}, 60_000, later(ports, timedelta(minutes=20)))
    assert open_paths(ports, "old", "new") == ["new"]


def test_the_address_of_a_suspended_receiver_stays(ports: Ports, silent: Silent) -> None:
    received(ports, suspend=True)
    silent.secrets[HOOK] = {"token": b"new"}
    look(ports)
    assert open_paths(ports, "old", "new") == ["old"]


def test_a_secret_that_is_gone_closes_the_address_and_is_told_once(ports: Ports, silent: Silent) -> None:
    silent.secrets.clear()
    for wait_s in (0, 61):
        look(later(ports, timedelta(seconds=wait_s)))
    now = ports.clock.now()
    told = [one.message for one in ports.ledger.read(now - timedelta(hours=1), now)]
    assert (open_paths(ports, "old"), reason(ports, "Receiver")) == ([], "TokenNotFound")
    assert told == ['unable to read token: secrets "app" not found']
    silent.secrets[HOOK] = {"token": b"new"}
    look(later(ports, timedelta(minutes=15)))
    assert (open_paths(ports, "new"), reason(ports, "Receiver")) == (["new"], "Succeeded")


def test_an_address_stays_while_its_secret_is_out_of_reach(ports: Ports, silent: Silent) -> None:
    class Unreachable(Silent):
        def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
            raise RetryableError("throttled", reason="AuthenticationFailed")

    before = looked_at(ports)
    look(replace(ports, secrets=Unreachable()))
    assert (open_paths(ports, "old"), looked_at(ports)) == (["old"], before), "the next tick tries again"


def test_what_is_applied_meanwhile_is_not_replaced_by_what_was_read_before(ports: Ports, silent: Silent) -> None:
    class Overtaken(Silent):
        """Somebody applies a new token between the reading of the old one and what comes of it."""

        def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
            silent.secrets[HOOK] = {"token": b"new"}
            received(ports)
            return {"token": b"older"}

    look(replace(ports, secrets=Overtaken()))
    assert open_paths(ports, "older", "old", "new") == ["new"]


def test_an_address_is_right_in_the_end_wherever_a_worker_dies(table: Table, ports: Ports, silent: Silent) -> None:
    deliveries: Any = ports.deliveries
    for step in itertools.count(1):
        emptied(table)
        silent.secrets[HOOK] = {"token": b"old"}
        received(ports)
        silent.secrets[HOOK] = {"token": b"new"}
        life = Life(ends_at=step)
        mortal = replace(life.ports(ports), deliveries=replace(deliveries, table=life.part(table, "table")))
        with suppress(Killed):
            look(mortal)
        look(ports)
        stored = ports.objects.get("Receiver", HOOK)
        assert stored is not None
        assert (open_paths(ports, "old", "new"), stored.status["webhookPath"]) == (["new"], path_of("new")), step
        if not life.dead:
            break
    assert len(life.calls) > 6


class Interrupted(Life):
    """A worker at whose nth call somebody else does something from its beginning to its end."""

    def __init__(self, step: int, other: Callable[[], object]) -> None:
        super().__init__(ends_at=step)
        self.other = other

    def call(self, name: str, method: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) == self.ends_at:
            self.other()
        return method(*arguments, **options)

    def table_ports(self, ports: Ports, table: Table) -> Ports:
        part = self.part(table, "table")
        deliveries: Any = ports.deliveries
        objects: Any = ports.objects
        return replace(ports, deliveries=replace(deliveries, table=part), objects=replace(objects, table=part))


def interrupted_everywhere(
    table: Table, ports: Ports, work: Callable[[Ports], object], other: Callable[[], object]
) -> Iterator[int]:
    """Each step of a worker at which another came in between, when both are done."""
    for step in itertools.count(1):
        emptied(table)
        life = Interrupted(step, other)
        work(life.table_ports(ports, table))
        if len(life.calls) < step:
            return
        yield step


def listed_paths(table: Table) -> list[str]:
    """All that is open, whoever knows of it."""
    items = table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    return sorted(item["pk"]["S"].removeprefix("hook#") for item in items if item["pk"]["S"].startswith("hook#"))


def test_who_applies_while_a_tick_moves_the_address_has_the_last_word(
    table: Table, ports: Ports, silent: Silent
) -> None:
    def tick(mine: Ports) -> None:
        silent.secrets[HOOK] = {"token": b"old"}
        received(ports)
        silent.secrets[HOOK] = {"token": b"moved"}
        look(mine)

    def apply() -> None:
        silent.secrets[HOOK] = {"token": b"new"}
        received(ports)

    for step in interrupted_everywhere(table, ports, tick, apply):
        assert listed_paths(table) == [path_of("new")], step
    assert step > 3


def test_nothing_is_open_behind_a_deleted_receiver_although_a_tick_moves_its_address(
    table: Table, ports: Ports, silent: Silent
) -> None:
    def delete(mine: Ports) -> None:
        received(ports)
        mine.objects.delete("Receiver", HOOK)

    def end_of_a_tick() -> None:
        ports.deliveries.put_targets([path_of("moved")], HOOK, expected=[path_of("old")])

    for step in interrupted_everywhere(table, ports, delete, end_of_a_tick):
        assert listed_paths(table) == [], step
    assert step > 3


def test_a_secret_that_was_missing_is_looked_for_after_a_back_off_and_not_after_the_interval(
    ports: Ports, silent: Silent
) -> None:
    known = silent.secrets.pop(HOOK)
    received(ports, interval="24h")
    for wait_s in (61, 181):
        ports = later(ports, timedelta(seconds=wait_s))
        look(ports, timedelta())
    assert open_paths(ports, "old") == []
    silent.secrets[HOOK] = known
    look(later(ports, timedelta(seconds=200)), timedelta())
    assert open_paths(ports, "old") == [], "the third back-off is four minutes"
    look(later(ports, timedelta(seconds=500)), timedelta())
    assert open_paths(ports, "old") == ["old"]


def test_a_change_whose_apply_died_before_the_address_is_followed_with_the_next_tick(
    ports: Ports, silent: Silent
) -> None:
    silent.secrets[NamespacedName("ns", "other")] = {"token": b"new"}
    spec = {"type": "dockerhub", "secretRef": {"name": "other"}, "resources": []}
    ports.objects.put(document("Receiver", "notification.toolkit.fluxcd.io/v1", **spec))
    look(ports, timedelta())
    assert open_paths(ports, "old", "new") == ["new"]


def test_a_tick_without_time_leaves_the_secrets_to_the_next(ports: Ports, silent: Silent) -> None:
    silent.secrets[HOOK] = {"token": b"new"}
    before = looked_at(ports)
    look(ports, left_s=0.0)
    assert (open_paths(ports, "old", "new"), looked_at(ports)) == (["old"], before)
    look(later(ports, timedelta(minutes=1)))
    assert (open_paths(ports, "old", "new"), looked_at(ports) == before) == (["new"], False)


def test_a_receiver_of_bearer_tokens_needs_no_secret_and_asks_for_none(ports: Ports, silent: Silent) -> None:
    provider = {"issuerURL": "https://i.example", "validations": [{"expression": "true", "message": "no"}]}
    received(ports, type="generic-oidc", secretRef={"name": "nobody-has-this"}, oidcProviders=[provider])
    look(ports)
    assert (open_paths(ports, "", "old"), reason(ports, "Receiver")) == ([""], "Succeeded")


def test_receivers_whose_tokens_are_the_same_are_read_once_and_noted_together(ports: Ports) -> None:
    received(ports)
    spec = {"type": "dockerhub", "secretRef": {"name": "app"}, "resources": []}
    other = document("Receiver", "notification.toolkit.fluxcd.io/v1", **spec)
    publish_receiver(ports.objects.put({**other, "metadata": {"name": "other", "namespace": "ns"}}), ports)
    life = Life()
    look(life.ports(ports), age=timedelta(hours=1))
    counted = {name: life.calls.count(name) for name in ("deliveries.paths", "objects.get", "agenda.note")}
    assert counted == {"deliveries.paths": 2, "objects.get": 2, "agenda.note": 1}
