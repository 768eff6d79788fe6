"""A tag has to be known for its policy's minimum age: by our own sight of its digest, on a real table and registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.select.test_waiting import TICK, later
from tests.contract.reconciling import APP, document, message_of, reason, scan, selected, watched
from tests.embedded.registry import Registry

HOUR, AGE = timedelta(hours=1), timedelta(days=3)
OTHER = b'{"moved": true}'


def aged(ports: Ports, registry: Registry, age: str = "3d", **spec: Any) -> None:
    """A repository that was scanned a minute ago, and a policy with a minimum age that has selected ``v1.29.0``."""
    watched(ports, registry)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}, **spec)
    policy["metadata"]["annotations"] = {"tagstream.dev/minimum-age": age}
    ports.objects.put(policy)
    scan(later(ports, -timedelta(minutes=1)))


def tick(ports: Ports, by: timedelta) -> None:
    """A tick some time from now."""
    handlers.scan(TICK, 60_000, later(ports, by))


def asked(registry: Registry) -> list[str]:
    """The tags whose digest the registry was asked for, in order."""
    return [path.rpartition("/")[2] for _, path in registry.requests if "/manifests/" in path]


@pytest.fixture
def waiting(ports: Ports, registry: Registry) -> Ports:
    """``v1.29.0`` is selected, and ``v1.30.0`` has just been pushed."""
    aged(ports, registry)
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    return ports


def test_the_tags_of_the_first_scan_are_old_enough_and_no_digest_is_asked_for(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    assert selected(ports) == "v1.29.0"
    assert reason(ports, "ImagePolicy") == "Succeeded"
    assert asked(registry) == []


def test_a_new_tag_waits_and_the_tick_selects_it_when_it_is_old_enough(waiting: Ports) -> None:
    assert selected(waiting) == "v1.29.0"
    assert "; v1.30.0, first seen at " in message_of(waiting, "ImagePolicy")
    assert message_of(waiting, "ImagePolicy").endswith("when it is 72h0m0s old")
    tick(waiting, AGE - HOUR)
    assert selected(waiting) == "v1.29.0"
    tick(waiting, AGE + timedelta(minutes=1))
    assert selected(waiting) == "v1.30.0"
    assert "first seen" not in message_of(waiting, "ImagePolicy")


def test_the_digest_is_asked_for_once_while_the_tag_is_young_and_once_when_it_may_go(
    waiting: Ports, registry: Registry
) -> None:
    for tag in ("v1.28.1", "v1.28.2"):
        registry.add_tags("app", [tag])
        scan(waiting)
    assert asked(registry) == ["v1.30.0"]
    tick(waiting, AGE + timedelta(minutes=1))
    assert asked(registry) == ["v1.30.0", "v1.30.0"]
    scan(waiting)
    assert len(asked(registry)) == 2, "what is selected is not looked at any more"


def test_a_tag_that_was_moved_meanwhile_is_young_again(waiting: Ports, registry: Registry) -> None:
    registry.add_tags("app", ["v1.30.0"], OTHER)
    tick(waiting, AGE + timedelta(minutes=1))
    assert selected(waiting) == "v1.29.0"
    assert "; v1.30.0, first seen at " in message_of(waiting, "ImagePolicy")
    tick(waiting, 2 * AGE)
    assert selected(waiting) == "v1.29.0"
    tick(waiting, 2 * AGE + timedelta(minutes=3))
    assert selected(waiting) == "v1.30.0"


def test_of_many_new_tags_the_best_few_are_looked_at(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    registry.add_tags("app", [f"v1.{minor}.0" for minor in range(30, 50)])
    scan(ports)
    assert asked(registry) == ["v1.49.0", "v1.48.0", "v1.47.0"]


def test_the_next_best_tag_is_selected_when_it_is_old_enough(waiting: Ports, registry: Registry) -> None:
    registry.add_tags("app", ["v1.31.0"])
    clock = later(waiting, 2 * HOUR)
    scan(clock)
    tick(waiting, AGE + timedelta(minutes=1))
    assert selected(waiting) == "v1.30.0"
    assert "; v1.31.0, first seen at " in message_of(waiting, "ImagePolicy")


def test_a_registry_that_fails_while_a_tag_is_young_fails_nothing(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    registry.add_tags("app", ["v1.30.0"])
    scan(replace(ports, registry=Deaf(ports.registry)))
    assert reason(ports, "ImagePolicy") == "Succeeded"
    assert "; v1.30.0, first seen at " in message_of(ports, "ImagePolicy")


def test_a_registry_that_does_not_answer_when_the_tag_may_go_keeps_the_selection(waiting: Ports) -> None:
    tick(replace(waiting, registry=Deaf(waiting.registry)), AGE + timedelta(minutes=1))
    assert selected(waiting) == "v1.29.0"
    assert reason(waiting, "ImagePolicy") == "Failed"
    tick(waiting, AGE + timedelta(minutes=5))
    assert selected(waiting) == "v1.30.0"


def test_a_reflected_digest_that_changes_under_the_selected_tag_waits_too(ports: Ports, registry: Registry) -> None:
    old = Digest(registry.add_tags("app", ["v1.29.0"]))
    aged(ports, registry, digestReflectionPolicy="Always", interval="10m")
    new = Digest(registry.add_tags("app", ["v1.29.0"], OTHER))
    tick(ports, HOUR)
    assert digest_of(ports) == old
    assert reason(ports, "ImagePolicy") == "MinimumAge"
    assert "; the new content of v1.29.0, first seen at " in message_of(ports, "ImagePolicy")
    tick(ports, AGE)
    assert digest_of(ports) == old
    tick(ports, HOUR + AGE + timedelta(minutes=1))
    assert digest_of(ports) == new
    assert reason(ports, "ImagePolicy") == "Succeeded"


def test_another_image_begins_with_a_first_scan_of_its_own(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    registry.add_tags("other", [f"v1.{minor}.0" for minor in range(41)])
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/other", interval="1m"))
    scan(later(ports, HOUR))
    assert selected(ports) == "v1.40.0"


def test_a_list_of_a_version_before_counts_its_oldest_tags_as_the_first_scan(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    state = ports.tags.state(APP)
    assert state is not None
    ports.tags.put(APP, replace(state, first_scanned_at=None), list(ports.tags.tags(APP)), state)
    registry.add_tags("app", ["v1.30.0"])
    scan(later(ports, HOUR))
    assert selected(ports) == "v1.29.0"
    assert "; v1.30.0, first seen at " in message_of(ports, "ImagePolicy")


class Deaf:
    """A registry that lists tags and does not answer for digests."""

    def __init__(self, inner: Any) -> None:
        self.list_tags: Callable[..., Any] = inner.list_tags

    def digest(self, *arguments: object) -> Digest:
        raise RetryableError("no answer", reason="ReadOperationFailed")


def digest_of(ports: Ports) -> str:
    found = ports.selections.get(APP)
    return found.ref.digest if found else ""


WRITING = frozenset({"put", "put_each", "replace_statuses", "first_seen", "record", "note"})


def test_new_tags_wait_as_long_wherever_the_scan_that_sees_them_first_dies(ports: Ports, registry: Registry) -> None:
    aged(ports, registry)
    registry.add_tags("app", ["v1.30.0"])
    life = Life()
    scan(life.ports(ports))
    deaths = [at for at, call in enumerate(life.calls, start=1) if call.rpartition(".")[2] in WRITING]
    assert {"tags.put", "tags.first_seen", "objects.replace_statuses"} <= {life.calls[at - 1] for at in deaths}
    for at in deaths:
        registry.add_tags("app", [f"v1.{30 + at}.0"])
        with pytest.raises(Killed):
            scan(Life(ends_at=at).ports(ports))
        scan(ports)
        assert selected(ports) == "v1.29.0", at
        assert ", first seen at " in message_of(ports, "ImagePolicy"), at
    tick(ports, AGE - HOUR)
    assert selected(ports) == "v1.29.0"
    tick(ports, AGE + HOUR)
    assert selected(ports) == f"v1.{30 + deaths[-1]}.0"
