"""The first page's values: what runs where, what is red and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import pytest

from tagstream.dashboard.overview import read_overview
from tagstream.dashboard.view import Overview
from tagstream.domain.objects.model import FREEZE, WINDOW, NamespacedName
from tagstream.errors import RetryableError
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import NOW, MemoryPorts
from tests.unit.dashboard.sample_stack import (
    COMMITS,
    ago,
    alarms,
    automation,
    committed,
    entry,
    key,
    policy,
    put,
    ready,
    sample,
    selected,
)


def overview(ports: MemoryPorts | None = None, namespace: str | None = None) -> Overview:
    return read_overview("prod", namespace, (ports or sample()).bundle(), alarms())


def row(view: Overview, name: str) -> object:
    return next(one for one in view.policies if one.key == key(name))


def test_red_are_alarms_and_what_is_not_ready_the_longest_first() -> None:
    assert [(one.kind, str(one.key.name), one.health.since) for one in overview().red] == [
        ("Alarm", "ScanDeadLetters", ago(minutes=42)),
        ("ImageRepository", "search", ago(hours=5)),
        ("ImagePolicy", "search", ago(hours=4, minutes=50)),
        ("Alert", "chat", ago(hours=2)),
    ]


def test_a_red_object_says_why_in_the_words_of_its_condition() -> None:
    found = overview().red[1].health
    assert found.reason == "AuthenticationFailed"
    assert found.message.endswith("UNAUTHORIZED: authentication required (401)")


def test_a_suspended_object_is_not_red() -> None:
    ports = MemoryPorts()
    failed = {"conditions": ready("no", status="False")}
    put(ports, "ImageRepository", "shop/web", failed, {"image": "x/y", "interval": "1m", "suspend": True})
    view = overview(ports)
    assert [one.kind for one in view.red] == ["Alarm"]
    assert view.repositories[0].health.state == "suspended"


def test_an_alert_that_is_gone_or_suspended_is_not_red() -> None:
    for change in ("delete", "suspend"):
        ports = sample()
        stored = ports.objects.get("Alert", key("platform/chat"))
        assert stored is not None
        ports.objects.delete("Alert", stored.key)
        if change == "suspend":
            put(ports, "Alert", "platform/chat", {}, {"providerRef": {"name": "slack"}, "suspend": True})
        assert "Alert" not in {one.kind for one in overview(ports).red}


@pytest.mark.parametrize(("minutes", "is_red"), [(5, True), (90, False)])
def test_an_alert_whose_notification_was_only_delayed_is_red_no_longer_than_it_is_tried(
    minutes: int, is_red: bool
) -> None:
    ports = sample()
    ports.ledger.entries.clear()
    delayed = "failed to send notification: 503; it is tried again up to 6 times"
    entry(
        ports, "Alert", "platform/chat", ago(minutes=minutes), delayed, severity="error", reason="NotificationDelayed"
    )
    assert ("Alert" in {one.kind for one in overview(ports).red}) == is_red


def test_an_alert_that_told_its_delayed_notification_is_not_red() -> None:
    ports = sample()
    ports.ledger.entries.clear()
    entry(ports, "Alert", "platform/chat", ago(minutes=5), "503", "", severity="error", reason="NotificationDelayed")
    entry(ports, "Alert", "platform/chat", ago(minutes=4), "sent", "", reason="NotificationDelivered")
    assert "Alert" not in {one.kind for one in overview(ports).red}
    entry(ports, "Alert", "platform/chat", ago(minutes=3), "503", "", severity="error", reason="NotificationDelayed")
    assert "Alert" in {one.kind for one in overview(ports).red}


def test_what_is_wrong_comes_first_in_each_table() -> None:
    assert [(one.key.name, one.health.state) for one in overview().policies] == [
        ("search", "red"),
        ("api", "waiting"),
        ("proxy", "new"),
        ("worker", "ready"),
        ("web", "ready"),
    ]


def test_a_policy_shows_its_latest_image_its_rule_and_what_led_to_it() -> None:
    web = overview().policies[-1]
    assert (web.image, web.tag, web.previous) == ("ghcr.io/example/shop-web", "1.4.2", "1.4.1")
    assert (web.rule, web.cause, web.selected_at) == ("semver 1.x", "a push (delivery 4be1d2f0)", ago(minutes=37))


def test_a_policy_that_waits_says_what_its_gate_says() -> None:
    assert overview().policies[1].health.message == "1.1.0 is 3h0m0s old, and tags wait for 24h0m0s"


def test_a_pin_is_shown_with_its_author_reason_and_end() -> None:
    [order] = overview().orders
    assert (order.policy, order.kind, order.tag, order.at) == (key("platform/worker"), "pin", "v3.2.0", ago(days=1))
    assert order.text == ("by arn:aws:iam::123456789012:user/ben, until 2026-01-08T03:04:05Z: v3.3.0 leaks memory")


def test_an_automation_shows_its_last_commit_with_its_page_on_the_git_host() -> None:
    fleet, apps = overview().automations
    assert fleet.commit is not None
    assert fleet.commit.url == f"https://gitlab.com/example/platform/-/commit/{COMMITS[3] * 5}"
    assert (apps.url, apps.branch, apps.policies) == ("github.com/example/shop-deploy", "main", 2)


@pytest.mark.parametrize(("kept", "shown"), [("images/web", "images/web"), ("", "")])
def test_the_last_commit_of_a_branch_template_is_shown_with_the_branch_it_went_to(kept: str, shown: str) -> None:
    ports = sample()
    commit = COMMITS[0] * 5
    others = [{"branch": "images/api", "policies": [], "commit": COMMITS[1] * 5}]
    branches = [*others, *([{"branch": kept, "policies": [], "commit": commit}] if kept else [])]
    status = {"lastPushCommit": commit, "pushBranches": branches}
    automation(ports, "platform/fleet", "fleet", status, push="images/{{ .Policy }}")
    fleet = next(one for one in overview(ports).automations if one.key == key("platform/fleet"))
    assert fleet.commit is not None
    assert (fleet.branch, fleet.commit.branch) == ("images/{{ .Policy }}", shown)


def test_an_open_request_is_shown_and_a_merged_one_is_not() -> None:
    ports = sample()
    [request] = overview(ports).requests
    assert (request.title, request.head, request.base, request.checks) == ("#87", "image-updates", "main", "pending")
    merged = {"pullRequest": {"number": "88", "url": "https://x/88", "state": "merged"}}
    automation(ports, "platform/fleet", "fleet", merged)
    assert overview(ports).requests == ()


def test_each_push_branch_of_a_template_shows_its_open_request() -> None:
    ports = sample()
    opened = [{"number": number, "state": "open", "head": f"images/{number}", "base": "main"} for number in ("8", "9")]
    branches = [{"branch": one["head"], "policies": [], "pullRequest": one} for one in opened]
    automation(ports, "platform/fleet", "fleet", {"pushBranches": branches})
    assert [one.head for one in overview(ports).requests] == ["images/8", "images/9"]


def test_windows_and_freezes_say_whether_they_are_open_now() -> None:
    window, freeze = overview().calendars
    assert (window.owner, window.is_open) == ("ImageUpdateAutomation platform/fleet", False)
    assert window.windows == ("Mon-Fri 09:00-17:00 Europe/Berlin",)
    assert (freeze.owner, freeze.opens_at) == ("namespace shop", NOW + timedelta(hours=5))


def test_the_calendar_of_a_namespace_is_shown() -> None:
    ports = sample()
    put(ports, "Namespace", "shop/shop", {}, {}, {FREEZE: "2025-12-20/2026-01-10 holidays"})
    put(ports, "Namespace", "dev/dev", {}, {}, {WINDOW: "09:00-17:00"})
    owners = [one.owner for one in overview(ports, "shop").calendars]
    assert owners == ["namespace shop", "namespace shop"]


def test_freezes_that_cannot_be_read_are_told() -> None:
    ports = sample()
    ports.freezes.broken = True
    assert overview(ports).calendars[-1].problem == "freezes cannot be read: nothing is pushed"


def test_the_latency_counts_from_the_delivery_to_the_push() -> None:
    ports = MemoryPorts()
    for lag_s in (48, 14, 9, 11):
        committed(ports, "shop/apps", COMMITS[0], ago(hours=1), {"shop/web": "1.0.0"}, lag_s)
    found = overview(ports).latency
    assert [one.seconds for one in found.lags] == [48, 14, 9, 11]
    assert (found.median_s, found.p95_s, found.hours) == (12.5, 48, 24)


def test_without_a_commit_there_is_no_latency() -> None:
    found = overview(MemoryPorts()).latency
    assert (found.lags, found.median_s, found.p95_s) == ((), None, None)


def test_a_namespace_shows_its_own_objects_and_all_namespaces_that_there_are() -> None:
    view = overview(namespace="shop")
    assert {one.key.namespace for one in (*view.policies, *view.repositories, *view.automations)} == {"shop"}
    assert [one.kind for one in view.red] == ["Alarm"]
    assert 48 not in {one.seconds for one in view.latency.lags}
    assert view.namespaces == ("platform", "shop")


def test_a_source_of_another_namespace_is_found() -> None:
    ports = MemoryPorts()
    put(ports, "GitRepository", "infra/deploy", {}, {"url": "https://github.com/a/b", "interval": "1m"})
    pushed = {"lastPushCommit": COMMITS[0] * 5, "lastPushTime": "2026-01-02T03:00:00Z"}
    spec = {
        "interval": "1m",
        "sourceRef": {"kind": "GitRepository", "name": "deploy", "namespace": "infra"},
        "git": {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "a@b"}}},
    }
    put(ports, "ImageUpdateAutomation", "shop/apps", pushed, spec)
    commit = overview(ports, "shop").automations[0].commit
    assert commit is not None
    assert commit.url == f"https://github.com/a/b/commit/{COMMITS[0] * 5}"


def test_an_object_that_cannot_be_read_is_shown_with_what_its_status_says() -> None:
    ports = MemoryPorts()
    broken = {"conditions": ready("invalid object: spec", status="False", reason="InvalidObject")}
    put(ports, "ImagePolicy", "shop/web", broken, {"policy": "semver", "imageRepositoryRef": 7})
    [found] = overview(ports).policies
    assert (found.rule, found.repository, found.health.reason) == ("", "", "InvalidObject")


def test_entries_of_any_shape_are_passed_over() -> None:
    ports = MemoryPorts()
    entry(ports, "ImageUpdateAutomation", "a/b", ago(hours=1), "x", commit="abc", selections=["x", {"policy": 3}])
    entry(ports, "ImageUpdateAutomation", "a/b", ago(hours=1), "x", commit=7, selections={"a": "b"})
    assert overview(ports).latency.lags == ()


def test_a_clock_that_is_behind_makes_no_negative_latency() -> None:
    ports = MemoryPorts()
    committed(ports, "shop/apps", COMMITS[0], ago(hours=1), {"shop/web": "1.0.0"}, -30)
    assert overview(ports).latency.median_s == 0


def test_the_95th_percentile_is_a_value_that_was_measured() -> None:
    ports = MemoryPorts()
    for number in range(1, 101):
        committed(ports, "shop/apps", COMMITS[0], ago(minutes=number), {"shop/web": "1.0.0"}, number)
    found = overview(ports).latency
    assert (found.median_s, found.p95_s) == (50.5, 95)


def test_of_many_namespaces_the_page_says_whose_selections_it_shows() -> None:
    ports = MemoryPorts()
    for number in range(60):
        policy(ports, f"n{number:02}/web", "web")
        selected(ports, f"n{number:02}/web", "x/y", "1.0.0", "", ago(hours=1))
    [note] = overview(ports).notes
    assert note == "Selections are shown for the first 50 of 60 namespaces: choose one to see its own."
    assert NamespacedName("n59", "web") == overview(ports).policies[-1].key


def test_a_red_object_says_what_its_failure_points_to() -> None:
    [hint] = overview().red[1].hints
    assert hint.startswith("registry.example.com refuses a request without login")


def test_what_a_failure_points_to_is_left_out_where_it_may_not_be_read() -> None:
    ports = sample()
    put_status(ports.objects, "ImageRepository", key("platform/search"), {"conditions": ready()})

    def refused(*arguments: object) -> NoReturn:
        raise RetryableError("not authorized", reason="StorageOperationFailed")

    ports.tags.tags = refused  # type: ignore[method-assign]
    assert [(one.kind, one.hints) for one in overview(ports).red][1] == ("ImagePolicy", ())
