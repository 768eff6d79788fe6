"""A scan that settles after a newer one takes nothing back of what the newer one has selected and reported.

Scan A stores its list and waits. Scan B then stores a newer list, and settles or dies. Then A goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tagstream.domain.objects.model import Digest
from tagstream.errors import OutOfOrder
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.select.read_ahead import FRESH_S
from tests.contract.reconciling import APP, TRIGGER, Silent, document, message_of, reason, selected
from tests.contract.skipping_clock import SkippingClock

BEFORE, OLDER, NEWER = ("1.0.0",), ("1.0.0", "1.1.0"), ("1.0.0", "1.1.0", "1.2.0")
ANNOTATION = "tagstream.dev/allow-downgrade"
PIN, HOLD = "tagstream.dev/pin", "tagstream.dev/hold"


@dataclass
class Listing:
    """A registry that lists these tags; ``on_digest`` happens when the first digest is asked for."""

    tags: tuple[str, ...]
    on_digest: Callable[[], None] | None = None

    def list_tags(self, *_: Any) -> TagListing:
        return TagListing(tags=self.tags, requests=1)

    def digest(self, _image: Any, tag: str, *_: Any) -> Digest:
        act, self.on_digest = self.on_digest, None
        if act is not None:
            act()
        return Digest("sha256:" + tag.encode().hex().rjust(64, "0"))


class Interrupted:
    """A port where something else happens once, before or after its next call of one name."""

    def __init__(self, inner: Any, call: str, act: Callable[[], None], *, after: bool = False) -> None:
        self._inner, self._call, self._after = inner, call, after
        self._acts = [act]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._call or not self._acts:
            return found
        act = self._acts.pop()

        def call(*arguments: Any, **options: Any) -> Any:
            if not self._after:
                act()
            answer = found(*arguments, **options)
            if self._after:
                act()
            return answer

        return call


def scan_of(ports: Ports, *tags: str, **parts: Any) -> None:
    """Scan the image while the registry lists these tags; some ports may be others."""
    registry: Any = Listing(tags)
    found = replace(ports, **{"registry": registry, **parts})
    scan_repositories([APP], TRIGGER, found.clock.monotonic_s() + 60, found)


def policy(semver: str = "1.x", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    found = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": semver}}, **spec)
    return found | {"metadata": {"name": "app", "namespace": "ns", "annotations": annotations or {}}}


def applied(ports: Ports, **more: Any) -> None:
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    ports.objects.put(policy(**more))


def overtaken(ports: Ports, newer: Callable[[], None] | None = None) -> None:
    """Scan A stores its list; then a newer scan takes place, and A settles."""
    act = newer or (lambda: scan_of(ports, *NEWER))
    scan_of(ports, *OLDER, objects=Interrupted(ports.objects, "policies_of", act))


def rescanned(ports: Ports, silent: Silent, *tags: str) -> None:
    """Do what the queue brings back."""
    for message in [silent.sent.pop(0) for _ in silent.scans()]:
        registry: Any = Listing(tags)
        found = replace(ports, registry=registry)
        scan_repositories(message.repositories, ScanTrigger.of(message), time.monotonic() + 60, found)


def reported(ports: Ports) -> tuple[str, ...]:
    """The tags that the status of the ImageRepository shows."""
    stored = ports.objects.get("ImageRepository", APP)
    assert stored is not None
    result: Any = stored.status["lastScanResult"]
    return tuple(result["latestTags"])


def shown(ports: Ports) -> str:
    """The tag that the status of the ImagePolicy shows."""
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    ref: Any = stored.status["latestRef"]
    return str(ref["tag"])


def assert_newer_counts(ports: Ports) -> None:
    assert selected(ports) == shown(ports) == "1.2.0"
    assert reason(ports, "ImagePolicy") == "Succeeded", message_of(ports, "ImagePolicy")
    assert reported(ports) == tuple(reversed(NEWER))


def test_the_first_scan_of_an_image_does_not_take_back_what_a_newer_one_selected(ports: Ports, silent: Silent) -> None:
    applied(ports)
    overtaken(ports)
    assert_newer_counts(ports)
    rescanned(ports, silent, *NEWER)
    assert_newer_counts(ports)
    assert silent.sent == []


def test_a_later_scan_does_not_take_back_what_a_newer_one_selected(ports: Ports) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)
    overtaken(ports)
    assert_newer_counts(ports)


def test_a_scan_after_one_that_did_not_settle_does_not_take_back_what_a_newer_one_selected(ports: Ports) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)
    unsettled(ports, "1.0.0", "1.0.1")
    overtaken(ports)
    assert_newer_counts(ports)


def unsettled(ports: Ports, *tags: str) -> None:
    """A scan that stores its list, and dies before it settles."""

    def die() -> None:
        raise OutOfOrder("throttled", reason="StorageOperationFailed")

    scan_of(ports, *tags, objects=Interrupted(ports.objects, "policies_of", die))


def test_a_policy_that_may_go_back_stays_with_what_a_newer_scan_selected(ports: Ports) -> None:
    applied(ports, annotations={ANNOTATION: "true"})
    overtaken(ports)
    assert_newer_counts(ports)


def test_a_policy_that_was_changed_meanwhile_stays_with_what_a_newer_scan_selected(ports: Ports) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)

    def newer() -> None:
        scan_of(ports, *NEWER)
        ports.objects.put(policy(">=1.0.0"))

    overtaken(ports, newer)
    assert_newer_counts(ports)


@pytest.mark.parametrize(("order", "tag"), [({PIN: "1.1.0"}, "1.1.0"), ({HOLD: "true"}, "1.2.0")], ids=["pin", "hold"])
def test_what_a_person_orders_after_a_newer_scan_is_kept(
    ports: Ports, silent: Silent, order: dict[str, str], tag: str
) -> None:
    applied(ports, annotations={ANNOTATION: "true"})

    def newer() -> None:
        scan_of(ports, *NEWER)
        ports.objects.put(policy(annotations={ANNOTATION: "true", **order}))
        evaluate_policies([APP], Cause(text="apply"), time.monotonic() + 60, ports)

    overtaken(ports, newer)
    rescanned(ports, silent, *NEWER)
    assert selected(ports) == shown(ports) == tag
    assert reported(ports) == tuple(reversed(NEWER))


def test_a_policy_with_digests_is_read_again_after_its_turn_has_come(ports: Ports) -> None:
    ports = replace(ports, clock=SkippingClock())
    applied(ports, annotations={ANNOTATION: "true"}, digestReflectionPolicy="IfNotPresent")

    def newer() -> None:
        scan_of(ports, *NEWER)
        ports.clock.sleep(FRESH_S + 1)

    scan_of(ports, *OLDER, selections=Interrupted(ports.selections, "get_with_lists", newer, after=True))
    assert_newer_counts(ports)


def test_a_newer_scan_that_comes_while_a_digest_is_asked_for_is_not_taken_back(ports: Ports, silent: Silent) -> None:
    applied(ports, annotations={ANNOTATION: "true"}, digestReflectionPolicy="IfNotPresent")
    scan_of(ports, *OLDER, registry=Listing(OLDER, on_digest=lambda: scan_of(ports, *NEWER)))
    assert_newer_counts(ports)
    rescanned(ports, silent, *NEWER)
    assert_newer_counts(ports)


@pytest.mark.parametrize("port", ["selections.put_each", "objects.replace_statuses", "ledger.record"])
def test_a_newer_scan_counts_wherever_it_comes_in_between_the_writes(ports: Ports, silent: Silent, port: str) -> None:
    applied(ports, annotations={ANNOTATION: "true"})
    scan_of(ports, *BEFORE)
    name, call = port.split(".")
    inner = getattr(ports, name)
    scan_of(ports, *OLDER, **{name: Interrupted(inner, call, lambda: scan_of(ports, *NEWER))})
    assert selected(ports) == "1.2.0"
    rescanned(ports, silent, *NEWER)
    assert_newer_counts(ports)


@pytest.mark.parametrize("port", ["selections.put_each", "objects.replace_statuses", "ledger.record"])
def test_a_tag_that_a_newer_scan_no_longer_lists_is_not_selected_without_a_word(
    ports: Ports, silent: Silent, port: str
) -> None:
    # The newer scan selects nothing new, so that the older one finds the selection as it was.
    applied(ports)
    scan_of(ports, *BEFORE)
    name, call = port.split(".")
    inner = getattr(ports, name)
    newest = ("0.9.0", "1.0.0")
    scan_of(ports, *OLDER, **{name: Interrupted(inner, call, lambda: scan_of(ports, *newest))})
    rescanned(ports, silent, *newest)
    assert reported(ports) == tuple(reversed(newest))
    # It was selected while it was listed, and nothing newer is left.
    assert (selected(ports), reason(ports, "ImagePolicy")) in {("1.0.0", "Succeeded"), ("1.1.0", "DowngradeHeld")}


def test_a_newer_scan_that_dies_before_it_settles_is_made_good_by_the_next(ports: Ports, silent: Silent) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)
    overtaken(ports, lambda: unsettled(ports, *NEWER))
    assert selected(ports) == "1.0.0"
    assert reported(ports) == BEFORE
    # Both came to no end, so the queue brings both back.
    rescanned(ports, silent, *NEWER)
    assert_newer_counts(ports)
    assert silent.sent == []


def test_a_policy_that_is_evaluated_for_its_own_change_stays_with_what_a_newer_scan_selected(ports: Ports) -> None:
    applied(ports, annotations={ANNOTATION: "true"})
    scan_of(ports, *OLDER)
    ports.objects.put(policy(">=1.0.0", {ANNOTATION: "true"}))
    found = replace(ports, selections=Interrupted(ports.selections, "put_each", lambda: scan_of(ports, *NEWER)))
    objects = Interrupted(ports.objects, "replace_statuses", lambda: scan_of(ports, *NEWER))
    evaluate_policies([APP], Cause(text="apply"), time.monotonic() + 60, replace(found, objects=objects))
    assert_newer_counts(ports)


def test_a_policy_that_was_changed_is_not_reported_with_the_selection_of_its_former_spec(ports: Ports) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)

    def changed() -> None:
        ports.objects.put(policy("1.0.x"))
        evaluate_policies([APP], Cause(text="apply"), time.monotonic() + 60, ports)

    scan_of(ports, *OLDER, selections=Interrupted(ports.selections, "put_each", changed))
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    assert stored.status["observedGeneration"] == 2


def test_a_failed_scan_does_not_replace_the_status_of_a_newer_one(ports: Ports, silent: Silent) -> None:
    applied(ports)
    scan_of(ports, *BEFORE)

    class Failing:
        def list_tags(self, *_: Any) -> TagListing:
            scan_of(ports, *NEWER)
            raise OutOfOrder("no answer", reason="ReadOperationFailed")

    scan_of(ports, registry=Failing())
    assert reason(ports, "ImageRepository") == "Succeeded"
    assert_newer_counts(ports)
    assert [one.repositories for one in silent.scans()] == [(APP,)]
