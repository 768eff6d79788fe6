"""``tagstream freeze`` and ``thaw``: what they keep, tell, and refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagstream.cli.parser import UsageError, parse
from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.objects.model import NamespacedName
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command

ANN = "arn:aws:iam::1:user/ann"


def stack() -> MemoryPorts:
    ports = MemoryPorts()
    metadata = {"name": "app", "namespace": "flux-system"}
    ports.objects.put({"kind": "ImageUpdateAutomation", "metadata": metadata, "spec": {}})
    ports.objects.put({"kind": "Namespace", "metadata": {"name": "prod", "namespace": "prod"}})
    return ports


def frozen(ports: MemoryPorts, *arguments: str) -> None:
    done = command("freeze", *arguments, "--no-wait", ports=ports)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "scope"),
    [
        (("--all",), Scope()),
        (("-n", "prod"), Scope(namespace="prod")),
        (("automation", "app"), Scope(namespace="flux-system", name="app")),
    ],
)
def test_a_freeze_is_kept_with_its_scope_author_time_end_and_reason(arguments: tuple[str, ...], scope: Scope) -> None:
    ports = stack()
    frozen(ports, *arguments, "--until", "2h", "--reason", "incident")
    assert ports.freezes.stored == (
        HandFreeze(scope=scope, author=ANN, made_at=NOW, until=NOW + timedelta(hours=2), reason="incident"),
    )


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-02-01T08:00:00+01:00", NOW.replace(month=2, day=1, hour=7, minute=0, second=0, microsecond=0)),
    ],
)
def test_until_is_a_duration_or_a_time_with_its_zone(text: str, until: object) -> None:
    ports = stack()
    frozen(ports, "--all", "--until", text)
    assert ports.freezes.stored[0].until == until


def test_freezing_and_thawing_are_events_that_are_written_with_the_freezes() -> None:
    ports = stack()
    frozen(ports, "automation", "app", "--reason", "incident", "--until", "2h")
    assert command("thaw", "automation", "app", ports=ports).code == 0
    assert [(one.kind, str(one.key), one.reason, one.message) for one in ports.freezes.recorded] == [
        (
            "ImageUpdateAutomation",
            "flux-system/app",
            "Frozen",
            f"frozen by {ANN} until 2026-01-02T05:04:05Z: incident",
        ),
        ("ImageUpdateAutomation", "flux-system/app", "Thawed", f"thawed by {ANN}"),
    ]
    assert ports.freezes.stored == ()


def test_events_of_any_namespace_show_a_freeze_of_everything() -> None:
    ports = stack()
    frozen(ports, "--all")
    ports.ledger.record(ports.freezes.recorded)
    assert "frozen by" in command("events", "-n", "prod", ports=ports).out


def test_a_second_freeze_of_a_scope_replaces_the_first_and_leaves_the_others() -> None:
    ports = stack()
    frozen(ports, "-n", "prod", "--reason", "first")
    frozen(ports, "--all")
    frozen(ports, "-n", "prod", "--reason", "second")
    assert [(str(one.scope), one.reason) for one in ports.freezes.stored] == [
        ("everything", ""),
        ("namespace prod", "second"),
    ]


def test_a_freeze_that_is_over_goes_with_the_next_change() -> None:
    ports = stack()
    old = HandFreeze(scope=Scope(), author=ANN, made_at=NOW - timedelta(days=1), until=NOW - timedelta(hours=1))
    ports.freezes.stored = (old,)
    frozen(ports, "-n", "prod")
    assert [str(one.scope) for one in ports.freezes.stored] == ["namespace prod"]


def test_thaw_says_what_is_frozen_when_its_scope_is_not() -> None:
    ports = stack()
    frozen(ports, "-n", "prod")
    done = command("thaw", "--all", ports=ports)
    assert done.code == 1
    assert "everything is not frozen by hand; frozen by hand: namespace prod" in done.err


def test_thaw_says_which_namespaces_exist_when_its_own_does_not() -> None:
    done = command("thaw", "-n", "prdo", ports=stack())
    assert done.code == 1
    assert "namespace 'prdo' not found; those that exist: flux-system, prod" in done.err


def test_a_freeze_of_a_namespace_that_is_gone_can_be_lifted() -> None:
    ports = stack()
    frozen(ports, "-n", "prod")
    ports.objects.delete("Namespace", NamespacedName("prod", "prod"))
    assert command("thaw", "-n", "prod", ports=ports).code == 0
    assert ports.freezes.stored == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what: --all, -n NAMESPACE, or automation NAME"),
        (("app",), "'app' cannot be frozen"),
        (("automation",), "'automation' cannot be frozen"),
        (("--all", "-n", "prod"), "--all goes with no other scope"),
        (("-n", "prdo"), "namespace 'prdo' not found; those that exist: flux-system, prod"),
        (("automation", "gone"), "ImageUpdateAutomation 'gone' not found in flux-system namespace"),
        (("--all", "--until", "tomorrow"), "--until 'tomorrow': expected a duration (2h, 3d) or a time with its zone"),
        (("--all", "--until", "2026-02-01T08:00:00"), "or a time with its zone"),
        (("--all", "--until", "2026-01-01T00:00:00Z"), "is over already"),
        (("--all", "--until", "0s"), "is over already"),
        (("--all", "--until", "9999-12-31T23:59:59-14:00"), "expected a duration"),
    ],
)
def test_a_freeze_that_says_nothing_useful_is_refused_and_nothing_is_frozen(
    arguments: tuple[str, ...], message: str
) -> None:
    ports = stack()
    done = command("freeze", *arguments, "--no-wait", ports=ports)
    assert done.code == 1
    assert message in done.err
    assert ports.freezes.stored == ()


def test_thaw_takes_no_end() -> None:
    with pytest.raises(UsageError, match="unrecognized arguments: --until"):
        parse(["thaw", "--all", "--until", "2h"])


def test_thaw_of_everything_removes_freezes_that_cannot_be_read() -> None:
    ports = stack()
    ports.freezes.broken = True
    done = command("thaw", "--all", ports=ports)
    assert done.code == 0
    assert "freezes that could not be read are removed" in done.out + done.err
    assert [one.reason for one in ports.freezes.recorded] == ["Thawed"]


def test_thaw_of_one_scope_leaves_freezes_that_cannot_be_read() -> None:
    ports = stack()
    ports.freezes.broken = True
    assert command("thaw", "automation", "app", ports=ports).code == 1
    assert ports.freezes.broken
