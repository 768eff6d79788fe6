"""``tagstream events`` and ``webhook-url``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tagstream.domain.ages import human_duration
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.receiver import hook_path
from tagstream.ports.ledger import LedgerEntry
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command, interrupt
from tests.unit.cli.verbs.test_apply import RECEIVER, TOKEN


def ports() -> MemoryPorts:
    found = MemoryPorts()
    found.ledger.record(
        [
            entry(7200, "ImagePolicy", "old", "info", "long ago"),
            entry(600, "ImagePolicy", "app", "info", "Latest image tag for a resolved to 1"),
            entry(5, "ImageUpdateAutomation", "apps", "error", "failed to push", "other"),
        ]
    )
    return found


def entry(age_s: int, kind: str, name: str, severity: str, message: str, namespace: str = "flux-system") -> LedgerEntry:
    return LedgerEntry(
        at=NOW - timedelta(seconds=age_s),
        kind=kind,
        key=NamespacedName(namespace, name),
        severity=severity,
        reason="Succeeded",
        message=message,
        cause="schedule",
        facts={"tag": "1"},
    )


def test_events_of_the_namespace_and_the_last_hour_are_listed() -> None:
    assert command("events", ports=ports()).out == (
        "LAST SEEN\tTYPE  \tREASON   \tOBJECT         \tCAUSE   \tMESSAGE                             \n"
        "10m      \tNormal\tSucceeded\tImagePolicy/app\tschedule\tLatest image tag for a resolved to 1\t\n"
    )


def caused(number: int, kind: str, cause: str, **facts: object) -> LedgerEntry:
    return replace(entry(60 - number, kind, f"step-{number}", "info", f"step {number}"), cause=cause, facts=facts)


def test_a_delivery_is_followed_to_the_commit_and_through_the_scan_it_shares() -> None:
    found = MemoryPorts()
    found.ledger.record(
        [
            caused(1, "Receiver", "first", joined=[]),
            caused(2, "Receiver", "second", joined=["first"]),
            caused(3, "ImageRepository", "first"),
            caused(4, "ImageRepository", "schedule"),
            caused(5, "ImagePolicy", "first"),
            caused(6, "ImageUpdateAutomation", "another,first"),
        ]
    )
    lines = [command("events", "--cause", cause, ports=found).out.splitlines()[1:] for cause in ("first", "second")]
    steps = [[line.split("\t")[-2].strip() for line in one] for one in lines]
    assert steps == [
        ["step 1", "step 3", "step 5", "step 6"],
        ["step 1", "step 2", "step 3", "step 5", "step 6"],
    ]


def test_a_delivery_is_followed_to_the_commit_of_its_tag_although_another_scan_found_it() -> None:
    found = MemoryPorts()
    found.ledger.record(
        [
            caused(1, "ImagePolicy", "schedule", repository="ns/app", tag="0.9"),
            caused(2, "Receiver", "mine", repositories=["ns/app"], tags=["1.0"], joined=[]),
            caused(3, "ImagePolicy", "schedule", repository="ns/app", tag="1.0"),
            caused(4, "ImagePolicy", "schedule", repository="ns/other", tag="1.0"),
            caused(5, "ImageUpdateAutomation", "schedule", selections=[{"policy": "ns/else", "tag": "1.0"}]),
            caused(6, "ImageUpdateAutomation", "schedule", selections=[{"policy": "flux-system/step-3", "tag": "1.0"}]),
        ]
    )
    lines = command("events", "--cause", "mine", ports=found).out.splitlines()[1:]
    assert [line.split("\t")[-2].strip() for line in lines] == ["step 2", "step 3", "step 6"]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (("-A",), ["app", "apps"]),
        (("-A", "--since", "3h"), ["old", "app", "apps"]),
        (("-A", "--for", "imagepolicy"), ["app"]),
        (("-A", "--for", "ImageUpdateAutomation/apps"), ["apps"]),
        (("-A", "--for", "ImageUpdateAutomation/other"), []),
        (("-A", "--types", "warning"), ["apps"]),
        (("-A", "--types", "Normal,Warning"), ["app", "apps"]),
        (("-n", "other"), ["apps"]),
    ],
)
def test_events_are_filtered(flags: tuple[str, ...], names: list[str]) -> None:
    out = command("events", *flags, "-o", "json", ports=ports()).out
    assert [one["name"] for one in json.loads(out or "[]")] == names


def test_no_events_are_said() -> None:
    assert command("events", "-n", "x", ports=ports()).err == "✗ No events found in x namespace.\n"


def test_an_unknown_type_is_refused() -> None:
    assert command("events", "--types", "bad", ports=ports()).code == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (125, "2m5s"), (120, "2m"), (660, "11m"), (10800, "3h"), (11000, "3h3m"), (36000, "10h"),
     (200000, "2d7h"), (900000, "10d")],
)  # fmt: skip
def test_durations_are_printed_as_kubernetes_does(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_the_address_of_a_receiver_is_the_function_and_the_path() -> None:
    found = MemoryPorts()
    command("apply", "-f", "-", ports=found, stdin=RECEIVER + "---" + TOKEN)
    done = command("webhook-url", "push", "--stack", "prod", ports=found)
    assert done.out == f"https://prod.example{hook_path('s3cret', 'push', 'flux-system')}\n"


def test_an_unknown_receiver_or_one_of_another_namespace_has_no_address() -> None:
    found = MemoryPorts()
    command("apply", "-f", "-", ports=found, stdin=RECEIVER + "---" + TOKEN)
    done = [command("webhook-url", *one, ports=found) for one in (("gone",), ("push", "-n", "other"))]
    assert [(one.code, one.out, one.err) for one in done] == [
        (1, "", "✗ Receiver 'gone' not found in flux-system namespace\n"),
        (1, "", "✗ Receiver 'push' not found in other namespace\n"),
    ]


def test_a_receiver_without_a_token_has_no_address() -> None:
    found = MemoryPorts()
    command("apply", "-f", "-", ports=found, stdin=RECEIVER)
    done = command("webhook-url", "push", ports=found)
    assert done.code == 1
    assert "has no webhook path: unable to read token" in done.err


def test_what_a_cause_led_to_is_looked_for_in_all_namespaces_and_shown_with_them() -> None:
    shown = command("events", "--cause", "schedule", "-n", "x", ports=ports()).out.splitlines()
    assert [line.split("\t")[0].strip() for line in shown] == ["NAMESPACE", "flux-system", "other"]
    assert command("events", "--cause", "nobody", "-n", "x", ports=ports()).err == "✗ No events found.\n"


def test_events_of_a_kind_that_does_not_exist_are_an_error() -> None:
    done = command("events", "--for", "Policy/app", ports=ports())
    assert done.code == 1
    assert done.out == ""
    assert done.err == (
        "✗ kind 'Policy' not supported, can be one of: "
        "ImageRepository, ImagePolicy, ImageUpdateAutomation, GitRepository, Receiver, Kustomization, Alert, "
        "Provider, Namespace\n"
    )


def test_a_watch_prints_each_event_once_when_it_comes() -> None:
    found = ports()
    late = entry(4, "ImagePolicy", "app", "info", "found late")
    found.clock.turns = [lambda: None, lambda: found.ledger.record([late]), lambda: None, interrupt]
    done = command("events", "--watch", ports=found)
    messages = [line.split("\t")[-2].strip() for line in done.out.splitlines()[1:]]
    assert (done.code, messages) == (130, ["Latest image tag for a resolved to 1", "found late"])


def test_a_chain_that_is_over_cannot_be_watched() -> None:
    assert command("events", "--watch", "--cause", "x", ports=ports()).err == (
        "✗ --watch does not go with --cause, which looks back\n"
    )
