"""A stack in memory for the tests of the dashboard and for its screenshots: two teams, some things red, some waiting.

The clock stands still, so that pages are the same each time. ``hostile`` is a stack whose every text attacks the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.annotations import INTERVENTION
from tagstream.domain.objects.intervention import Intervention, intervention_text
from tagstream.domain.objects.model import WINDOW, Digest, ImageRef, NamespacedName, Revision
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.operations import Alarm
from tagstream.ports.selections import Selection
from tagstream.ports.webhook import LastDelivery
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import NOW, MemoryPorts

LAGS_S = (13, 9, 17, 12, 31, 10, 11, 14, 9, 12, 19, 10, 8, 12, 15, 11, 9, 13)
"""Of the commits of another image of the shop, one every 75 minutes."""
COMMITS = ("4f1c09e2", "b7d3a815", "0c9e77fa", "93ab5d10")
GROUPS = {
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "Receiver": "notification.toolkit.fluxcd.io/v1",
    "Alert": "notification.toolkit.fluxcd.io/v1beta3",
    "Provider": "notification.toolkit.fluxcd.io/v1beta3",
}


def key(name: str) -> NamespacedName:
    """``namespace/name`` as a key."""
    return NamespacedName(*name.split("/"))


def ago(**parts: float) -> datetime:
    """A time before NOW."""
    return NOW - timedelta(**parts)


def ready(message: str = "", *, since: datetime = NOW, reason: str = "Succeeded", status: str = "True") -> list[Any]:
    """The conditions of an object; a failed one is tried again."""
    found = {"status": status, "reason": reason, "message": message, "observedGeneration": 1}
    return [{"type": "Ready", **found, "lastTransitionTime": instant_text(since)}]


def put(
    ports: MemoryPorts,
    kind: str,
    name: str,
    status: Mapping[str, object],
    spec: Mapping[str, object],
    annotations: Mapping[str, str] | None = None,
) -> None:
    """Store an object with its status."""
    group = GROUPS.get(kind, "image.toolkit.fluxcd.io/v1")
    where = key(name)
    metadata = {"name": where.name, "namespace": where.namespace, "annotations": dict(annotations or {})}
    ports.objects.put({"apiVersion": group, "kind": kind, "metadata": metadata, "spec": dict(spec)})
    put_status(ports.objects, kind, where, dict(status))


def repository(ports: MemoryPorts, name: str, image: str, tags: Sequence[str], **status: object) -> None:
    """An ImageRepository with its list of tags, which was scanned two minutes ago."""
    scan = {"scanTime": instant_text(ago(minutes=2)), "tagCount": len(tags)}
    put(
        ports,
        "ImageRepository",
        name,
        {"conditions": ready(f"found {len(tags)} tags"), "lastScanResult": scan} | status,
        {"image": image, "interval": "5m"},
    )
    ports.tags.lists[key(name)] = tuple(tags)
    ports.agenda.times[ObjectName(kind="ImageRepository", key=key(name))] = Times(
        last=ago(minutes=2), due=NOW + timedelta(minutes=3)
    )


def selected(ports: MemoryPorts, name: str, image: str, tag: str, previous: str, at: datetime, cause: str = "") -> None:
    """What a policy selected; a delivery led to it ten seconds before, unless it was the schedule."""
    received_at = at - timedelta(seconds=10) if cause else None
    ports.selections.selected[key(name)] = Selection(
        policy=key(name),
        ref=ImageRef(name=image, tag=tag, digest=Digest("")),
        previous=ImageRef(name=image, tag=previous, digest=Digest("")) if previous else None,
        tags_revision=Revision("sha256:0"),
        policy_generation=1,
        selected_at=at,
        cause=cause or "schedule",
        received_at=received_at,
    )
    entry(
        ports, "ImagePolicy", name, at, f"Latest image tag for {image} resolved to {tag}", cause, tag=tag, image=image
    )


def entry(
    ports: MemoryPorts,
    kind: str,
    name: str,
    at: datetime,
    message: str,
    cause: str = "",
    severity: str = "info",
    reason: str = "Succeeded",
    **facts: object,
) -> None:
    """A line of the ledger."""
    ports.ledger.record(
        [
            LedgerEntry(
                at=at,
                kind=kind,
                key=key(name),
                severity=severity,
                reason=reason,
                message=message,
                cause=cause or "schedule",
                facts=facts,
            )
        ]
    )


def committed(ports: MemoryPorts, name: str, commit: str, at: datetime, tags: Mapping[str, str], lag_s: float) -> None:
    """A commit that was pushed so long after the delivery that led to it."""
    told = [
        {
            "policy": policy,
            "tag": tag,
            "selectedAt": instant_text(at - timedelta(seconds=lag_s / 2)),
            "receivedAt": instant_text(at - timedelta(seconds=lag_s)),
        }
        for policy, tag in tags.items()
    ]
    message = f"pushed commit '{commit[:7]}' to branch 'main'"
    entry(
        ports,
        "ImageUpdateAutomation",
        name,
        at,
        message,
        "4be1d2f0",
        commit=commit * 5,
        branch="main",
        selections=told,
    )


def policy(
    ports: MemoryPorts,
    name: str,
    repository_name: str,
    status: Mapping[str, object] | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: object,
) -> None:
    """An ImagePolicy that selects by semver 1.x unless the spec says otherwise."""
    reference = {"name": repository_name}
    choice: Mapping[str, object] = {"policy": {"semver": {"range": "1.x"}}}
    body = {"conditions": ready("Latest image tag resolved")} | dict(status or {})
    put(ports, "ImagePolicy", name, body, {"imageRepositoryRef": reference, **choice, **spec}, annotations)


def automation(
    ports: MemoryPorts,
    name: str,
    source: str,
    status: Mapping[str, object],
    annotations: Mapping[str, str] | None = None,
    push: str = "main",
) -> None:
    """An ImageUpdateAutomation that commits all policies of its namespace."""
    git = {
        "checkout": {"ref": {"branch": "main"}},
        "commit": {"author": {"email": "bot@example.com"}},
        "push": {"branch": push},
    }
    spec = {"interval": "30m", "sourceRef": {"kind": "GitRepository", "name": source}, "git": git}
    body = {"conditions": ready("repository up-to-date"), "lastAutomationRunTime": instant_text(ago(minutes=4))}
    put(ports, "ImageUpdateAutomation", name, body | dict(status), spec, annotations)


def sample() -> MemoryPorts:
    """The stack ``prod``."""
    ports = MemoryPorts()
    _shop(ports)
    _platform(ports)
    _fleet(ports)
    ports.freezes.stored = (
        HandFreeze(
            scope=Scope(namespace="shop"),
            author="arn:aws:iam::123456789012:user/ann",
            made_at=ago(hours=1),
            until=NOW + timedelta(hours=5),
            reason="Christmas sale",
        ),
    )
    ports.ledger.entries.sort(key=lambda one: one.at)
    return ports


def alarms() -> tuple[Alarm, ...]:
    """Those of the stack: one rings."""
    return (
        Alarm(
            name="ScanDeadLetters",
            state="ALARM",
            since=ago(minutes=42),
            description="Messages that were tried again and again are in the dead-letter queue of scans.",
            tells=True,
        ),
        Alarm(name="WebhookErrors", state="OK", since=ago(days=9), description="", tells=True),
    )


def _shop(ports: MemoryPorts) -> None:
    web, api = "ghcr.io/example/shop-web", "ghcr.io/example/shop-api"
    tags = ("latest", "1.2.0", "1.3.0", "1.3.1", "1.4.0", "1.4.1", "1.4.2", "2.0.0-rc.1", "pr-211", "pr-212")
    repository(ports, "shop/web", web, tags)
    ports.tags.seen |= {
        "1.2.0": ago(days=6),
        "latest": ago(days=6),
        "1.3.0": ago(days=4, hours=7),
        "1.3.1": ago(days=3),
        "1.4.0": ago(hours=22),
        "2.0.0-rc.1": ago(hours=18),
        "pr-211": ago(hours=15),
        "1.4.1": ago(hours=9),
        "pr-212": ago(hours=4),
        "1.4.2": ago(minutes=37),
    }
    ports.deliveries.deliveries["ImageRepository"] = {
        key("shop/web"): LastDelivery(
            at=ago(minutes=37), sender="github", delivery_id="4be1d2f0", result="scan asked for"
        )
    }
    policy(ports, "shop/web", "web")
    selected(ports, "shop/web", web, "1.4.0", "1.3.1", ago(hours=22), "a83b01c4")
    committed(ports, "shop/apps", COMMITS[1], ago(hours=22), {"shop/web": "1.4.0"}, 14)
    selected(ports, "shop/web", web, "1.4.1", "1.4.0", ago(hours=9), "77c9e0d1")
    committed(ports, "shop/apps", COMMITS[2], ago(hours=9), {"shop/web": "1.4.1"}, 9)
    selected(ports, "shop/web", web, "1.4.2", "1.4.1", ago(minutes=37), "4be1d2f0")
    committed(ports, "shop/apps", COMMITS[0], ago(minutes=36), {"shop/web": "1.4.2"}, 11)
    repository(ports, "shop/api", api, ("0.9.0", "1.0.0", "1.1.0"))
    wait = "1.1.0 is 3h0m0s old, and tags wait for 24h0m0s"
    policy(
        ports,
        "shop/api",
        "api",
        {
            "conditions": ready(f"Latest image tag for {api} resolved to 1.0.0; {wait}", since=ago(hours=3)),
            "tagstream": {"waitUntil": instant_text(NOW + timedelta(hours=21))},
        },
        {"tagstream.dev/minimum-age": "24h"},
    )
    selected(ports, "shop/api", api, "1.0.0", "0.9.0", ago(days=2))
    for number, lag_s in enumerate(LAGS_S):
        at = ago(minutes=80 + 75 * number)
        committed(ports, "shop/apps", f"{number:08x}", at, {"shop/mail": f"0.{60 - number}.0"}, lag_s)
    source = {"url": "https://github.com/example/shop-deploy", "interval": "10m"}
    put(ports, "GitRepository", "shop/deploy", {}, source)
    pushed = {"lastPushCommit": COMMITS[0] * 5, "lastPushTime": instant_text(ago(minutes=36))}
    automation(ports, "shop/apps", "deploy", pushed)


def _platform(ports: MemoryPorts) -> None:
    search, worker, proxy = (f"registry.example.com/platform/{name}" for name in ("search", "worker", "proxy"))
    refused = f'GET "https://{search}/tags/list": UNAUTHORIZED: authentication required (401)'
    repository(
        ports,
        "platform/search",
        search,
        (),
        conditions=ready(refused, since=ago(hours=5), reason="AuthenticationFailed", status="False"),
        lastScanResult={"scanTime": instant_text(ago(hours=5)), "tagCount": 18},
    )
    policy(
        ports,
        "platform/search",
        "search",
        {
            "conditions": ready(
                "retrying in 30s error: no tags in database",
                since=ago(hours=4, minutes=50),
                reason="DependencyNotReady",
                status="False",
            )
        },
        policy={"numerical": {"order": "asc"}},
        filterTags={"pattern": "^build-(?P<n>[0-9]+)$", "extract": "$n"},
    )
    repository(ports, "platform/worker", worker, ("v3.1.0", "v3.2.0", "v3.3.0"))
    order = Intervention(
        kind="pin",
        author="arn:aws:iam::123456789012:user/ben",
        tag="v3.2.0",
        reason="v3.3.0 leaks memory",
        at=ago(days=1),
        until=NOW + timedelta(days=6),
    )
    policy(
        ports,
        "platform/worker",
        "worker",
        annotations={INTERVENTION: intervention_text(order)},
        policy={"semver": {"range": ">=3.0.0"}},
    )
    selected(ports, "platform/worker", worker, "v3.2.0", "v3.3.0", ago(hours=23), "")
    committed(ports, "platform/fleet", COMMITS[3], ago(hours=23), {"platform/worker": "v3.2.0"}, 48)
    repository(ports, "platform/proxy", proxy, ("2025.12.1", "2026.1.1"))
    put_status(ports.objects, "ImageRepository", key("platform/proxy"), {})
    policy(ports, "platform/proxy", "proxy", {"conditions": []}, policy={"alphabetical": {"order": "asc"}})


def _fleet(ports: MemoryPorts) -> None:
    source = {"url": "ssh://git@gitlab.com/example/platform.git", "interval": "10m"}
    put(ports, "GitRepository", "platform/fleet", {}, source)
    request = {
        **{"number": "87", "url": "https://gitlab.com/example/platform/-/merge_requests/87", "state": "open"},
        **{"checks": "pending", "head": "image-updates", "base": "main"},
    }
    wait = {"until": instant_text(NOW + timedelta(hours=6)), "reason": "outside the window of the automation"}
    pushed = {"lastPushCommit": COMMITS[3] * 5, "lastPushTime": instant_text(ago(hours=23))}
    held = {"tagstream": {"postponed": {**wait, "selections": 2}, "waitUntil": wait["until"]}, "pullRequest": request}
    window = {WINDOW: "Mon-Fri 09:00-17:00 Europe/Berlin"}
    automation(ports, "platform/fleet", "fleet", pushed | held, window, "image-updates")
    applied = {"conditions": ready("Applied revision"), "lastAppliedRevision": f"main@sha1:{COMMITS[3] * 5}"}
    spec = {
        **{"interval": "5m", "path": "./clusters/prod", "prune": True},
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    put(ports, "Kustomization", "platform/fleet", applied, spec)
    put(ports, "Provider", "platform/slack", {}, {"type": "slack", "address": "https://hooks.example.com/x"})
    put(
        ports,
        "Alert",
        "platform/chat",
        {},
        {"providerRef": {"name": "slack"}, "eventSources": [{"kind": "ImagePolicy", "name": "*"}]},
    )
    entry(
        ports,
        "Alert",
        "platform/chat",
        ago(hours=2),
        "Provider/platform/slack: the service answers 404: no_team",
        severity="error",
        reason="NotificationDispatchFailed",
    )


EVIL = "<script>window.evil=1</script><img src=//evil.example/x onerror=window.evil=1>\u202e\u2028'\"`{{7*7}}"
"""A text that nobody should be able to get into a page."""


def hostile() -> MemoryPorts:
    """A stack in which every text that others write attacks the page."""
    ports = MemoryPorts()
    evil_tag = "v1.0.0-\u202e<b>"
    repository(ports, "shop/web", f"ghcr.io/{EVIL}", (evil_tag, EVIL, "1.0.0"))
    failure = ready(EVIL, since=ago(hours=1), reason=f"Evil{EVIL}", status="False")
    put(ports, "ImageRepository", "shop/evil", {"conditions": failure}, {"image": EVIL, "interval": "5m"})
    policy(ports, "shop/web", "web", {"conditions": failure}, {"tagstream.dev/hold": "true"})
    selected(ports, "shop/web", f"ghcr.io/{EVIL}", EVIL, EVIL, ago(hours=1), EVIL)
    put(ports, "GitRepository", "shop/deploy", {}, {"url": f"https://github.com/{EVIL}", "interval": "10m"})
    request = {
        **{"number": EVIL, "url": "javascript:window.evil=1", "state": "open", "checks": EVIL},
        **{"head": EVIL, "base": EVIL},
    }
    pushed = {"lastPushCommit": EVIL, "lastPushTime": instant_text(ago(hours=1)), "pullRequest": request}
    automation(ports, "shop/apps", "deploy", {"conditions": failure, **pushed}, {WINDOW: EVIL})
    put(
        ports,
        "Kustomization",
        "shop/evil",
        {"conditions": failure, "lastAppliedRevision": EVIL},
        {"interval": "5m", "path": EVIL, "prune": True, "sourceRef": {"kind": "GitRepository", "name": "deploy"}},
    )
    committed(ports, "shop/apps", EVIL, ago(hours=1), {"shop/web": EVIL}, 5)
    put(ports, "Alert", "shop/evil", {}, {"providerRef": {"name": EVIL}})
    entry(ports, "Alert", "shop/evil", ago(hours=1), EVIL, EVIL, severity="error", reason=EVIL)
    ports.freezes.stored = (HandFreeze(scope=Scope(), author=EVIL, made_at=ago(hours=1), reason=EVIL),)
    return ports
