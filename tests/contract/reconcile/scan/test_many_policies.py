"""A repository with more policies than an invocation has time for: all are evaluated in the end, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.errors import OutOfOrder
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.ports.registry import TagListing
from tagstream.ports.selections import Selection
from tagstream.reconcile.scan import portions
from tagstream.reconcile.scan.portions import MOST_POLICIES
from tagstream.reconcile.scan.put_back import MOST_HOPS
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.scan.trigger import ScanTrigger
from tests.contract.mortal_ports import Killed
from tests.contract.reconciling import APP, TRIGGER, Silent, document, message_of, reason
from tests.contract.set_clock import SetClock

NAMES = [NamespacedName("ns", f"p-{number}") for number in range(6)]
AT = datetime(2026, 11, 28, tzinfo=UTC)
# A digest takes so long, and with it each of the policies, of which a run has time for two.
EACH_S, LEFT_S = 11.0, 25.0
WAITING = {"digestReflectionPolicy": "IfNotPresent"}


@dataclass
class Listing:
    """A registry that lists these tags, and takes its time to answer for digests."""

    tags: tuple[str, ...]
    clock: SetClock
    digests: int = 0

    def list_tags(self, *_: Any) -> TagListing:
        return TagListing(tags=self.tags, requests=1)

    def digest(self, *_: Any) -> Digest:
        self.digests += 1
        self.clock.sleep(EACH_S)
        return Digest(f"sha256:{0:064}")


@dataclass
class Watched:
    """Selections; ``stored`` says how many were stored together, and ``before`` is called before that."""

    inner: Any
    stored: list[int] = field(default_factory=list)
    before: Callable[[int], None] = lambda _: None
    refused: NamespacedName | None = None

    def put_each(self, changes: Sequence[tuple[Selection, Selection | None]]) -> Any:
        self.before(len(self.stored))
        taken = [one for one in changes if one[0].policy != self.refused]
        answers = iter(self.inner.put_each(taken) if taken else ())
        self.stored.append(len(taken))
        error = OutOfOrder("throttled", reason="StorageOperationFailed")
        return [error if one[0].policy == self.refused else next(answers) for one in changes]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Unmarked:
    """Tags without a mark that says how far policies are evaluated."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def evaluation_mark(self, key: NamespacedName) -> None:
        return None


class Lost:
    """Tags whose list is not there any more."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def names(self, *_: Any) -> tuple[str, ...]:
        return ()


@dataclass
class Fleet:
    """A repository with many policies, and what the queue brings back of its scans."""

    ports: Ports
    silent: Silent
    clock: SetClock
    selections: Watched
    registry: Listing

    def scan(self, left_s: float, trigger: ScanTrigger = TRIGGER, keys: Sequence[NamespacedName] = (APP,)) -> None:
        scan_repositories(keys, trigger, self.clock.monotonic_s() + left_s, self.ports)

    def brought_back(self, left_s: float) -> int:
        """Scan whenever the queue brings a scan back; return how often it did."""
        times = 0
        while self.silent.sent:
            message = self.silent.sent.pop(0)
            assert isinstance(message, QueuedScan)
            times += 1
            self.scan(left_s, ScanTrigger.of(message), message.repositories)
        return times

    def selected(self) -> list[str]:
        found = self.ports.selections.get_many(NAMES)
        return [found[name].ref.tag if name in found else "" for name in NAMES]

    def reasons(self, names: Sequence[NamespacedName]) -> list[str]:
        found: Any = {one.key: one.status["conditions"] for one in self.ports.objects.get_many("ImagePolicy", names)}
        return [found[name][0]["reason"] for name in names]

    def reported(self) -> Any:
        stored = self.ports.objects.get("ImageRepository", APP)
        assert stored is not None
        result: Any = stored.status.get("lastScanResult", {})
        return result.get("latestTags")


def fleet(ports: Ports, silent: Silent, names: Sequence[NamespacedName] = NAMES, **spec: Any) -> Fleet:
    clock = SetClock(AT)
    registry, selections = Listing(("1.0.0",), clock), Watched(ports.selections)
    listing: Any = registry
    watched: Any = selections
    ports = replace(ports, clock=clock, registry=listing, selections=watched)
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    found = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": ">=1.0.0"}}, **spec)
    for name in names:
        ports.objects.put(found | {"metadata": {"name": name.name, "namespace": name.namespace}})
    return Fleet(ports, silent, clock, selections, registry)


def test_the_first_selections_of_many_policies_are_stored_before_the_last_are_evaluated(
    ports: Ports, silent: Silent
) -> None:
    found = fleet(ports, silent, [NamespacedName("ns", f"p-{number:03}") for number in range(MOST_POLICIES + 5)])
    found.scan(60)
    assert found.selections.stored == [MOST_POLICIES, 5]
    assert found.reported() == ["1.0.0"]
    assert silent.sent == []
    assert ports.tags.evaluation_mark(APP) is None, "nothing is written for a scan that comes to its end soon"


def test_policies_that_were_held_count_with_all_tags_of_a_changed_list(
    ports: Ports, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fleet(ports, silent)
    found.scan(60)
    for number, name in enumerate(NAMES):
        ports.objects.put(
            document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": f">=0.{number}"}})
            | {"metadata": {"name": name.name, "namespace": name.namespace}}
        )
    found.selections.stored.clear()
    monkeypatch.setattr(portions, "MOST_TAGS", 4)
    found.registry.tags = ("1.1.0", "1.0.0")
    found.scan(60)
    assert found.selections.stored == [2, 2, 2], "a policy that was changed looks at the tags before, too"
    found.selections.stored.clear()
    found.registry.tags = ("1.2.0", "1.1.0", "1.0.0")
    found.scan(60)
    assert found.selections.stored == [4, 2], "the others look at the new tag only"


def test_policies_that_a_deadline_leaves_are_evaluated_when_the_queue_brings_the_scan_back(
    ports: Ports, silent: Silent
) -> None:
    found = fleet(ports, silent, **WAITING)
    found.scan(LEFT_S)
    assert found.selected() == ["1.0.0"] * 2 + [""] * 4
    assert found.reported() is None, "nothing is reported before all policies are evaluated"
    assert [one.repositories for one in silent.scans()] == [(APP,)]
    assert found.brought_back(LEFT_S) == 2
    assert set(found.selected()) == {"1.0.0"}
    assert found.reported() == ["1.0.0"]
    assert found.registry.digests == len(NAMES), "none is evaluated twice"


def changed(found: Fleet, *newest: int) -> None:
    """Scan lists that end with these minor versions; what the queue would bring back is lost."""
    for last in newest:
        found.silent.sent.clear()
        found.registry.tags = tuple(f"1.{minor}.0" for minor in range(last, -1, -1))
        found.scan(LEFT_S)


def test_a_list_is_evaluated_to_its_end_though_newer_ones_come_meanwhile(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    changed(found, 0, 1)
    assert found.selected() == ["1.0.0"] * 4 + [""] * 2
    assert found.reported() is None
    changed(found, 2)
    assert found.reported() == ["1.0.0"]
    assert [one.repositories for one in silent.scans()] == [(APP,)], "the newer list is scanned at once"
    assert found.brought_back(LEFT_S) == 3
    assert set(found.selected()) == {"1.2.0"}
    assert found.reported() == ["1.2.0", "1.1.0", "1.0.0"]


def test_a_newer_list_counts_when_an_older_one_was_not_evaluated_for_hours(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    changed(found, 0)
    found.clock.sleep(7 * 3600)
    changed(found, 1)
    assert found.selected() == ["1.0.0", "1.0.0", "1.1.0", "1.1.0", "", ""], "it goes on behind the last one"
    found.brought_back(LEFT_S)
    assert set(found.selected()) == {"1.1.0"}


def test_a_list_that_comes_back_after_another_is_evaluated_anew(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    for newest in (0, 1, 0):
        changed(found, newest)
        found.clock.sleep(7 * 3600)
    found.brought_back(LEFT_S)
    assert found.reported() == ["1.0.0"]
    # No policy goes back by itself, but those that selected from the other list say what they hold.
    assert found.reasons(NAMES) == ["Succeeded"] * 2 + ["DowngradeHeld"] * 2 + ["Succeeded"] * 2


def mirrored(found: Fleet) -> None:
    """Have the repository name another image, which has the same tags."""
    found.ports.objects.put(document("ImageRepository", image="mirror.example.com/app", interval="1m"))


def withdrawn(found: Fleet) -> None:
    """Leave some policies on a newer list, and exclude what is new in it."""
    found.registry.tags = ("1.1.0", "1.0.0")
    found.scan(LEFT_S)
    found.silent.sent.clear()
    spec = {"image": "registry.example.com/app", "interval": "1m", "exclusionList": ["^1.1"]}
    found.ports.objects.put(document("ImageRepository", **spec))


def gone_back(found: Fleet) -> None:
    """Leave some policies on a newer list, until the registry lists again what was reported."""
    found.registry.tags = ("1.1.0", "1.0.0")
    found.scan(LEFT_S)
    found.silent.sent.clear()
    found.clock.sleep(7 * 3600)
    found.registry.tags = ("1.0.0",)


@pytest.mark.parametrize(
    ("change", "image", "held"),
    [
        (mirrored, "mirror.example.com/app", 0),
        (withdrawn, "registry.example.com/app", 2),
        (gone_back, "registry.example.com/app", 2),
    ],
)
def test_policies_are_left_also_if_the_tags_are_those_that_were_reported_before(
    change: Callable[[Fleet], None], image: str, held: int, ports: Ports, silent: Silent
) -> None:
    found = fleet(ports, silent, digestReflectionPolicy="Always", interval="1h")
    found.scan(600)
    change(found)
    found.scan(LEFT_S)
    found.brought_back(LEFT_S)
    assert found.reported() == ["1.0.0"]
    assert found.reasons(NAMES) == ["DowngradeHeld"] * held + ["Succeeded"] * (len(NAMES) - held)
    selected = ports.selections.get_many(NAMES).values()
    assert {one.ref.name for one in selected} == {image}
    found.clock.sleep(3600)
    before = ports.objects.get("ImageRepository", APP)
    found.scan(600)
    assert ports.objects.get("ImageRepository", APP) == before, "nothing is left"


def test_another_exclusion_list_counts_at_once(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    found.registry.tags = ("1.1.0", "1.0.0")
    found.scan(LEFT_S)
    spec = {"image": "registry.example.com/app", "interval": "1m", "exclusionList": ["^1.1"]}
    ports.objects.put(document("ImageRepository", **spec))
    found.brought_back(LEFT_S)
    assert found.reported() == ["1.0.0"]
    assert found.selected()[2:] == ["1.0.0"] * 4


def test_a_stored_list_that_is_lost_does_not_hold_up_a_newer_one(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    found.scan(LEFT_S)
    found.registry.tags = ("1.1.0", "1.0.0")

    lost: Any = Lost(ports.tags)
    found.ports = replace(found.ports, tags=lost)
    found.brought_back(LEFT_S)
    assert set(found.selected()) == {"1.1.0"}


def test_a_chain_that_is_too_long_for_the_queue_is_taken_over_by_the_tick(
    ports: Ports, silent: Silent, table: Table
) -> None:
    found = fleet(ports, silent, **WAITING)
    found.ports = replace(found.ports, agenda=DynamoAgenda(table=table, clock=found.clock))
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="0s"))
    changed(found, 0)
    found.brought_back(LEFT_S)
    found.registry.tags = ("1.1.0", "1.0.0")
    last = replace(TRIGGER, reason="webhook", hops=MOST_HOPS)
    found.scan(LEFT_S, last)
    assert silent.sent == []
    assert found.reported() == ["1.0.0"]
    assert message_of(ports, "ImageRepository") == "4 policies of this image are still to be evaluated"
    found.clock.sleep(120)
    tick(found.clock.monotonic_s() + 2 * LEFT_S, found.ports)
    found.brought_back(LEFT_S)
    assert found.reported() == ["1.1.0", "1.0.0"]
    assert reason(ports, "ImageRepository") == "Succeeded"
    assert set(found.selected()) == {"1.1.0"}
    assert found.registry.digests == 2 * len(NAMES), "each policy is evaluated once on each list"


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_worker_that_dies_in_between_loses_nothing(ports: Ports, silent: Silent, after: int) -> None:
    found = fleet(ports, silent, **WAITING)

    def die(stored: int) -> None:
        if stored == after:
            raise Killed

    found.selections.before = die
    with pytest.raises(Killed):
        found.scan(600)
    found.selections.before = lambda _: None
    assert found.reported() is None
    found.scan(600)
    assert set(found.selected()) == {"1.0.0"}
    assert found.reported() == ["1.0.0"]
    assert found.registry.digests == len(NAMES) + 1, "what is marked is not done again"


def test_a_policy_that_the_table_does_not_take_has_another_turn_behind_the_others(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    found.selections.refused = NAMES[0]
    found.scan(LEFT_S)
    found.selections.refused = None
    assert found.selected() == ["", "1.0.0", "", "", "", ""]
    assert found.brought_back(LEFT_S) == 3
    assert set(found.selected()) == {"1.0.0"}
    assert found.reported() == ["1.0.0"]


def test_a_repository_is_not_reported_while_the_table_does_not_take_a_policy(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    found.selections.refused = NAMES[3]
    found.scan(600)
    for _ in range(3):
        silent.sent.clear()
        found.scan(LEFT_S)
    assert found.reported() is None
    found.registry.tags = ("1.1.0", "1.0.0")
    for _ in range(3):
        silent.sent.clear()
        found.scan(LEFT_S)
    assert [tag for tag in found.selected() if tag] == ["1.1.0"] * 5, "the others go on with newer lists"


def test_a_newer_list_ends_the_evaluation_on_an_older_one(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, **WAITING)
    unmarked: Any = Unmarked(ports.tags)
    found.ports = replace(found.ports, tags=unmarked)

    def newer(stored: int) -> None:
        if stored == 1:
            found.selections.before = lambda _: None
            found.registry.tags = ("1.1.0", "1.0.0")
            found.scan(600)

    found.selections.before = newer
    found.scan(600)
    # The second policy is evaluated again, since what it selected from the older list may have been stored last.
    assert found.registry.digests <= len(NAMES) + 3
    found.brought_back(600)
    assert set(found.selected()) == {"1.1.0"}
    assert found.reported() == ["1.1.0", "1.0.0"]


def test_policies_of_an_overtaken_scan_are_evaluated_again_after_the_deadline_too(ports: Ports, silent: Silent) -> None:
    found = fleet(ports, silent, NAMES[:1])
    found.scan(LEFT_S)

    def newer(_: int) -> None:
        found.selections.before = lambda _: None
        found.registry.tags = ("1.0.0", "0.9.0")
        found.scan(LEFT_S)
        found.clock.sleep(2 * LEFT_S)

    found.selections.before = newer
    found.registry.tags = ("1.1.0", "1.0.0")
    found.scan(LEFT_S)
    # The newer scan had nothing to store for the policy, so that the older one's selection was stored last.
    assert found.selected()[0] == "1.1.0"
    assert found.reasons(NAMES[:1]) == ["DowngradeHeld"], "its tag is not listed any more"


def test_a_repository_whose_policies_are_evaluated_is_reported_though_there_is_no_time_for_the_next(
    ports: Ports, silent: Silent
) -> None:
    found = fleet(ports, silent, NAMES[:2], **WAITING)
    other = NamespacedName("ns", "other")
    repository = document("ImageRepository", image="registry.example.com/other", interval="1m")
    ports.objects.put(repository | {"metadata": {"name": "other", "namespace": "ns"}})
    for name in NAMES[2:]:
        policy = document(
            "ImagePolicy", imageRepositoryRef={"name": "other"}, policy={"semver": {"range": "1.x"}}, **WAITING
        )
        ports.objects.put(policy | {"metadata": {"name": name.name, "namespace": "ns"}})
    found.scan(2 * LEFT_S, keys=[APP, other])
    found.brought_back(LEFT_S)
    statuses = {one.key: one.status for one in ports.objects.get_many("ImageRepository", [APP, other])}
    assert all("lastScanResult" in one for one in statuses.values())
    assert found.registry.digests == len(NAMES)
