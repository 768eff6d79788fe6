"""The table keeps its promises: whole lists, conditional selections, fenced leases, expiring deliveries."""

from __future__ import annotations

import secrets
import uuid
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tagstream.adapters.store import keys
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import CanonicalImage, CommitId, Digest, ImageRef, NamespacedName, Revision
from tagstream.domain.scan.circle import START, EvaluationMark
from tagstream.errors import RetryableError
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.selections import Selection
from tagstream.ports.tags import TagRecord, TagState
from tagstream.ports.webhook import LastDelivery, ScanWindow
from tagstream.reconcile import status
from tests.contract.counted_calls import CountingClient
from tests.contract.pushed import pushed
from tests.embedded.single_writes import put_selection, put_status

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
APP = NamespacedName("flux-system", "app")
IMAGE = CanonicalImage("registry.example.com/app")


@dataclass
class SetClock:
    """A clock that stands where it is put."""

    time: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def monotonic_s(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def state(revision: str = "sha256:1") -> TagState:
    return TagState(
        revision=Revision(revision),
        tag_count=2,
        latest_tags=("v2", "v1"),
        scanned_at=NOW,
        canonical_image="index.docker.io/library/app",
        exclusion_list=("^.*\\.sig$",),
    )


def records(*tags: str) -> tuple[TagRecord, ...]:
    return tuple(TagRecord(tag=tag, first_seen_at=NOW) for tag in tags)


def many(prefix: str) -> tuple[TagRecord, ...]:
    """So many tags that they do not fit into the item of their state."""
    return records(*(f"{prefix}-{uuid.UUID(int=n).hex}" for n in reversed(range(2_000))))


def repository(image: str = "app", **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImageRepository",
        "metadata": {"name": "app", "namespace": "flux-system"},
        "spec": {"image": image, "interval": "1m", **spec},
    }


def selection(tag: str, previous: str | None = None) -> Selection:
    return Selection(
        policy=APP,
        ref=ImageRef(name="app", tag=tag),
        previous=ImageRef(name="app", tag=previous) if previous else None,
        tags_revision=Revision("sha256:1"),
        policy_generation=1,
        selected_at=NOW,
        cause="delivery-1",
        received_at=NOW,
    )


def test_a_stored_list_is_read_back_whole_and_in_order(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), records("v2", "v1"), None)
    assert tuple(tags.tags(APP)) == records("v2", "v1")


def test_a_list_of_many_chunks_is_read_back_whole(table: Table) -> None:
    tags = DynamoTags(table=table)
    many = records(*(f"{uuid.UUID(int=n).hex}-{n}" for n in range(20_000)))
    tags.put(APP, state(), many, None)
    stored = tags.state(APP)
    assert stored is not None
    assert (tuple(tags.tags(APP)), stored.chunk_count > 1) == (many, True)


def test_a_short_list_is_kept_in_the_item_of_its_state(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), records(*(f"v1.{n:03d}.0" for n in reversed(range(100)))), None)
    stored = list(table.query("tags#flux-system/app"))
    assert [keys.read_text(item, "sk") for item in stored] == ["state"]
    assert len(tuple(tags.tags(APP))) == 100


@pytest.mark.parametrize(
    "listed",
    [records("v2", "v1"), records("z\\n", "y\ty", "x\n", "\ud800", "a"), records(), many("v")],
    ids=["short", "odd", "empty", "chunks"],
)
def test_the_names_of_a_list_are_those_of_its_records(table: Table, listed: tuple[TagRecord, ...]) -> None:
    tags = DynamoTags(table=table)
    assert tags.put(APP, replace(state(), tag_count=len(listed)), listed, None)
    names = [one.tag for one in listed]
    assert list(tags.names(APP)) == list(tags.names(APP, tags.state(APP))) == names
    assert list(tags.names(NamespacedName("flux-system", "unknown"))) == []


@pytest.mark.parametrize("text", [b"v2\t1\nv1", b"v2\nv1\t1\n", b"v2\tlater\n", b""])
def test_names_that_cannot_be_read_are_forgotten_as_their_records_are(table: Table, text: bytes) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), records("v2", "v1"), None)
    (item,) = table.query("tags#flux-system/app")
    table.write_many([{**item, "tags": {"B": zlib.compress(text)}}])
    with pytest.raises(RetryableError, match="the next scan stores them anew"):
        tags.names(APP)
    assert tags.state(APP) is None


def test_an_empty_list_is_read_back_as_empty(table: Table) -> None:
    tags = DynamoTags(table=table)
    assert tags.put(APP, replace(state(), tag_count=0), (), None)
    assert tuple(tags.tags(APP)) == ()


def test_chunks_of_a_writer_that_died_go_with_a_later_change(table: Table) -> None:
    tags = DynamoTags(table=table)
    left = (
        replace(state(), scanned_at=NOW - timedelta(hours=2)),
        replace(state(), scanned_at=NOW - timedelta(minutes=2)),
    )
    for number, one in enumerate(left):
        # A writer that is killed before the state names its chunks is one whose state was never written.
        repository_of_its_own = NamespacedName("flux-system", f"other{number}")
        tags.put(repository_of_its_own, one, many("dead"), None)
        chunks = table.query(keys.tags(repository_of_its_own), "chunk#")
        table.write_many([item | {"pk": keys.text(keys.tags(APP))} for item in chunks])
    tags.put(APP, state("sha256:2"), many("b"), None)
    found = {item["sk"]["S"].split("#")[1][:10] for item in table.query(keys.tags(APP), "chunk#")}
    young = f"{int(left[1].scanned_at.timestamp()):010x}"
    # The younger chunks may belong to a scan that is still going on.
    assert found == {young, f"{int(NOW.timestamp()):010x}"}
    assert tuple(tags.tags(APP)) == many("b")


def test_a_replaced_list_leaves_no_old_chunk_behind(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), many("a"), None)
    tags.put(APP, state("sha256:2"), many("b"), tags.state(APP))
    assert len(list(table.query("tags#flux-system/app", "chunk#"))) == 1
    tags.put(APP, state("sha256:3"), records("v1"), tags.state(APP))
    assert list(table.query("tags#flux-system/app", "chunk#")) == []


def test_a_scan_that_was_overtaken_replaces_nothing_and_is_told(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), records("v1"), None)
    compared = tags.state(APP)
    outcomes = [
        tags.put(APP, state("sha256:2"), many("b"), compared),
        tags.put(APP, state("sha256:3"), many("c"), compared),
    ]
    chunks = len(list(table.query("tags#flux-system/app", "chunk#")))
    assert (outcomes, tuple(tags.tags(APP)), chunks) == ([True, False], many("b"), 1)


def test_states_of_unknown_repositories_are_left_out(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put(APP, state(), records("v1"), None)
    assert set(tags.states([APP, NamespacedName("x", "y")])) == {APP}


def test_a_digest_of_a_tag_keeps_its_first_sighting(table: Table) -> None:
    tags = DynamoTags(table=table)
    digest = Digest("sha256:" + "a" * 64)
    tags.first_seen(APP, "v1", digest, NOW)
    assert tags.first_seen(APP, "v1", digest, NOW + timedelta(days=3)) == NOW


def test_the_digests_of_a_tag_are_found_with_their_first_sightings(table: Table) -> None:
    tags = DynamoTags(table=table)
    one, other = (Digest("sha256:" + letter * 64) for letter in "ab")
    tags.first_seen(APP, "v1", one, NOW)
    tags.first_seen(APP, "v1", other, NOW + timedelta(days=3))
    tags.first_seen(APP, "v1.1", one, NOW)
    assert tags.sightings(APP, "v1") == {one: NOW, other: NOW + timedelta(days=3)}
    assert tags.sightings(APP, "v2") == {}


def test_when_an_image_was_first_scanned_is_kept_with_its_list(table: Table) -> None:
    tags = DynamoTags(table=table)
    begun = replace(state(), first_scanned_at=NOW)
    tags.put(APP, begun, records("v1"), None)
    stored = tags.state(APP)
    assert stored is not None and stored.first_scanned_at == NOW
    assert tags.put(APP, replace(state("sha256:2"), first_scanned_at=NOW), records("v2"), stored)


def test_how_far_policies_are_evaluated_is_kept_for_a_week(table: Table) -> None:
    tags = DynamoTags(table=table)
    assert tags.evaluation_mark(APP) is None
    mark = EvaluationMark(of="sha256:1", begun_behind=START, done_to=APP, has_failed=True)
    tags.put_evaluation_mark(APP, mark, NOW)
    assert tags.evaluation_mark(APP) == mark
    stored = table.get(keys.evaluation_mark(APP)) or {}
    assert keys.read_number(stored, "expiresAt") == (NOW + timedelta(days=7)).timestamp()
    assert tags.state(APP) is None, "it is no part of the list"


def test_a_mark_that_cannot_be_read_says_that_no_policy_is_evaluated(table: Table) -> None:
    table.put(keys.evaluation_mark(APP) | {"doneTo": keys.number(1)})
    assert DynamoTags(table=table).evaluation_mark(APP) == EvaluationMark(of="", begun_behind=START, done_to=START)


def test_a_cool_down_is_never_shortened(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_cool_down("example.com:5000", NOW + timedelta(minutes=5))
    tags.put_cool_down("example.com:5000", NOW + timedelta(minutes=1))
    assert tags.cool_down("example.com:5000") == NOW + timedelta(minutes=5)


def test_the_generation_grows_only_with_the_spec(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    generations = []
    for document in (repository(), repository(), repository(suspend=True)):
        generations.append(objects.put(document).document["metadata"]["generation"])  # type: ignore[index]
    assert generations == [1, 1, 2]


def test_an_unchanged_object_is_not_written_again(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    first = objects.put(repository())
    assert DynamoObjects(table=table, clock=SetClock(time=NOW + timedelta(days=1))).put(repository()) == first


def test_a_reconcile_request_outlives_an_apply(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    objects.annotate("ImageRepository", APP, {"reconcile.fluxcd.io/requestedAt": "now"})
    stored = objects.put(repository(suspend=True))
    assert stored.document["metadata"]["annotations"] == {"reconcile.fluxcd.io/requestedAt": "now"}  # type: ignore[index]


def test_objects_are_listed_by_namespace_with_their_status(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    put_status(objects, "ImageRepository", APP, {"observedGeneration": 1})
    assert [one.status for one in objects.list("ImageRepository", "flux-system")] == [{"observedGeneration": 1}]


def test_a_status_of_a_deleted_object_is_dropped(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    gone = objects.put(repository())
    objects.delete("ImageRepository", APP)
    objects.put_statuses([(gone, {"observedGeneration": 1})])
    objects.put(repository())
    assert objects.list("ImageRepository")[0].status == {}


def test_a_later_status_takes_one_call_and_is_dropped_when_its_object_is_gone(table: Table) -> None:
    client = CountingClient(table.client)
    objects = DynamoObjects(table=replace(table, client=client), clock=SetClock())
    first = objects.put(repository())
    objects.put_statuses([(first, {"observedGeneration": 1})])
    later = replace(first, status={"observedGeneration": 1})
    client.reset()
    objects.put_statuses([(later, {"observedGeneration": 2})])
    assert (dict(client.calls), client.read_units) == ({"put_item": 1}, 0)
    assert objects.list("ImageRepository")[0].status == {"observedGeneration": 2}
    objects.delete("ImageRepository", APP)
    objects.put_statuses([(later, {"observedGeneration": 3})])
    assert list(table.query(keys.statuses("ImageRepository"))) == []


def test_deleting_a_repository_removes_all_that_was_derived_from_it(table: Table) -> None:
    objects, tags, deliveries = (
        DynamoObjects(table=table, clock=SetClock()),
        DynamoTags(table=table),
        DynamoDeliveries(table=table, clock=SetClock()),
    )
    objects.put(repository())
    tags.put(APP, state(), records("v1"), None)
    objects.delete("ImageRepository", APP)
    assert (tags.state(APP), tuple(tags.tags(APP)), deliveries.repositories("index.docker.io/library/app")) == (
        None,
        (),
        (),
    )


class Busy:
    """A client whose first transactions meet another transaction on one of their items, as DynamoDB tells it."""

    def __init__(self, inner: Any, conflicts: int) -> None:
        self.inner, self.conflicts = inner, conflicts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def transact_write_items(self, **given: Any) -> Any:
        if self.conflicts == 0:
            return self.inner.transact_write_items(**given)
        self.conflicts -= 1
        reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
        error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
        raise ClientError({"Error": error, "CancellationReasons": reasons}, "TransactWriteItems")  # type: ignore[typeddict-unknown-key]


def test_a_policy_is_deleted_while_another_one_of_its_repository_is(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(policy_of_app())
    DynamoObjects(table=replace(table, client=Busy(table.client, 2)), clock=SetClock()).delete("ImagePolicy", APP)
    assert objects.get("ImagePolicy", APP) is None


def test_a_deletion_that_is_always_overtaken_says_so(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(policy_of_app())
    busy = DynamoObjects(table=replace(table, client=Busy(table.client, 99)), clock=SetClock())
    with pytest.raises(RetryableError, match="is being changed by others, try again"):
        busy.delete("ImagePolicy", APP)
    assert objects.get("ImagePolicy", APP) is not None


def policy_of_app() -> dict[str, Any]:
    return {
        **repository(),
        "kind": "ImagePolicy",
        "spec": {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}},
    }


@pytest.mark.usefixtures("unmarked_table")
@pytest.mark.parametrize("order", [("ImagePolicy", "ImageRepository"), ("ImageRepository", "ImagePolicy")])
def test_nothing_is_left_of_a_repository_and_its_policy(table: Table, order: tuple[str, str]) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    objects.put(policy_of_app())
    for kind in order:
        objects.delete(kind, APP)
    left = [item["pk"]["S"] for item in table.client.scan(TableName=table.name)["Items"]]
    assert [name for name in left if name != "agenda"] == []


def test_a_repository_is_found_by_its_canonical_name_only(table: Table) -> None:
    objects, deliveries = DynamoObjects(table=table, clock=SetClock()), DynamoDeliveries(table=table, clock=SetClock())
    objects.put(repository())
    objects.put(repository(image="ghcr.io/team/app"))
    found = [deliveries.repositories(name) for name in ("index.docker.io/library/app", "ghcr.io/team/app")]
    assert found == [(), (APP,)]


def test_a_selection_is_stored_only_by_who_knows_the_stored_one(table: Table) -> None:
    selections = DynamoSelections(table=table)
    outcomes = [
        put_selection(selections, selection("v1"), None),
        put_selection(selections, selection("v2"), None),
        put_selection(selections, selection("v2", "v1"), selection("v1")),
        put_selection(selections, selection("v3", "v1"), selection("v1")),
    ]
    assert (outcomes, selections.get(APP)) == ([True, False, True, False], selection("v2", "v1"))


def test_selections_of_a_namespace_are_listed(table: Table) -> None:
    selections = DynamoSelections(table=table)
    put_selection(selections, selection("v1"), None)
    assert (selections.list("flux-system"), selections.list("other")) == ({APP: selection("v1")}, {})


def test_a_lease_has_one_holder_until_it_expires(table: Table) -> None:
    clock = SetClock()
    leases = DynamoLeases(table=table, clock=clock)
    first = leases.acquire("url#main", "a", 60)
    refused = leases.acquire("url#main", "b", 60)
    clock.time += timedelta(seconds=61)
    second = leases.acquire("url#main", "b", 60)
    assert first is not None and second is not None
    assert (refused, second.fence - first.fence) == (None, 1)


def test_a_holder_that_was_overtaken_may_not_write_its_intent(table: Table) -> None:
    clock = SetClock()
    leases = DynamoLeases(table=table, clock=clock)
    first = leases.acquire("url#main", "a", 60)
    clock.time += timedelta(seconds=61)
    leases.acquire("url#main", "b", 60)
    assert first is not None
    with pytest.raises(RetryableError, match="went to another worker"):
        leases.put_intent(first, [pushed(APP, NOW, "c" * 40)])


def test_a_released_lease_keeps_the_intent_for_the_next_holder(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SetClock())
    commit = CommitId("c" * 40)
    intent = pushed(APP, NOW, commit, cause="delivery-1", facts={"commit": commit})
    lease = leases.acquire("url#main", "a", 60)
    assert lease is not None
    leases.put_intent(lease, [intent])
    leases.release(lease)
    assert (leases.intents("url#main"), leases.acquire("url#main", "b", 60) is not None) == ((intent,), True)


def test_an_intent_to_put_a_branch_back_is_read_as_it_was_written(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SetClock())
    base, stale = CommitId("b" * 40), CommitId("c" * 40)
    intent = pushed(APP, NOW, base, branch="auto", replaces=stale, message="reset")
    lease = leases.acquire("url#auto", "a", 60)
    assert lease is not None
    leases.put_intent(lease, [intent])
    assert leases.intents("url#auto") == (intent,)


def test_what_a_large_push_has_to_tell_fits_into_its_leases_item(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SetClock())
    lease = leases.acquire("url#main", "a", 60)
    assert lease is not None
    intents = []
    for number in range(20):
        commit = f"{number:040x}"
        changes = [
            {"file": f"clusters/production/team-{number}/application-{one}/deployment.yaml", "old": "v1", "new": "v2"}
            for one in range(200)
        ]
        message = "pushed\n" + "- a change\n" * 300
        intents.append(pushed(APP, NOW, commit, message=message, facts={"changes": changes}))
    leases.put_intent(lease, intents)
    size = len(repr(list(table.query(keys.lease("url#main")))))
    assert (leases.intents("url#main"), len(repr(intents)) > 400_000, size < 200_000) == (tuple(intents), True, True)


def test_the_ledger_reads_a_period_back_in_order(table: Table) -> None:
    ledger = DynamoLedger(table=table, ttl_s=60)
    entry = LedgerEntry(at=NOW, kind="ImagePolicy", key=APP, severity="info", reason="Succeeded", message="m", facts={})
    later = replace(entry, at=NOW + timedelta(days=1), cause="delivery-1", facts={"tag": "v1"})
    ledger.record([later, entry])
    found = ledger.read(NOW - timedelta(hours=1), NOW + timedelta(days=2))
    assert [(one.at.date(), one.cause, one.facts) for one in found] == [
        (NOW.date(), "", {}),
        (later.at.date(), "delivery-1", {"tag": "v1"}),
    ]


def test_an_entry_with_an_identity_is_one_however_often_it_is_written(table: Table) -> None:
    ledger = DynamoLedger(table=table, ttl_s=60)
    entry = LedgerEntry(
        at=NOW, kind="K", key=APP, severity="info", reason="R", message="m", facts={}, identity="c" * 40
    )
    for _ in range(3):
        ledger.record([entry])
    ledger.record([replace(entry, identity=""), replace(entry, identity="")])
    assert len(ledger.read(NOW - timedelta(hours=1), NOW + timedelta(hours=1))) == 3


def test_a_delivery_is_settled_once_it_was_acted_on_until_that_expires(table: Table) -> None:
    clock = SetClock()
    deliveries = DynamoDeliveries(table=table, clock=clock)
    answers = [deliveries.delivery_settled(APP, "d")]
    deliveries.settle_delivery(APP, "d", 60)
    answers += [deliveries.delivery_settled(APP, "d"), deliveries.delivery_settled(APP, "e")]
    clock.time += timedelta(seconds=62)
    answers.append(deliveries.delivery_settled(APP, "d"))
    assert answers == [False, True, False, False]


def test_a_burst_of_pushes_is_scanned_at_once_and_once_more_at_the_end(table: Table) -> None:
    clock = SetClock()
    deliveries = DynamoDeliveries(table=table, clock=clock)
    burst = [deliveries.coalesce(APP, 5, f"delivery-{number}") for number in range(2)]
    deliveries.confirm(APP, "delivery-1")
    burst += [deliveries.coalesce(APP, 5, f"delivery-{number}") for number in range(2, 4)]
    clock.time += timedelta(seconds=6)
    assert (burst, deliveries.coalesce(APP, 5, "next")) == (
        [
            ScanWindow(when="now", planned_for="delivery-0"),
            ScanWindow(when="later", planned_for="delivery-1", others=frozenset({"delivery-0"})),
            ScanWindow(when="pending", planned_for="delivery-1", others=frozenset({"delivery-0", "delivery-1"})),
            ScanWindow(when="pending", planned_for="delivery-1", others=frozenset({"delivery-0", "delivery-1"})),
        ],
        ScanWindow(when="now", planned_for="next"),
    )


def test_a_window_of_a_clock_that_is_ahead_hides_no_push(table: Table) -> None:
    clock, ahead = SetClock(), SetClock(time=NOW + timedelta(minutes=5))
    ahead_of_time = DynamoDeliveries(table=table, clock=ahead)
    for number in range(2):
        ahead_of_time.coalesce(APP, 5, f"delivery-{number}")
    ahead_of_time.confirm(APP, "delivery-1")
    # By a clock that is right, the scan for delivery-1 was over long ago.
    clock.time += timedelta(seconds=60)
    found = DynamoDeliveries(table=table, clock=clock).coalesce(APP, 5, "delivery-2")
    assert found == ScanWindow(when="now", planned_for="delivery-2")


def test_nothing_counts_on_a_scan_whose_planner_has_not_asked_for_it(table: Table) -> None:
    deliveries = DynamoDeliveries(table=table, clock=SetClock())
    planned = [deliveries.coalesce(APP, 5, f"delivery-{number}") for number in range(3)]
    deliveries.confirm(APP, "delivery-1")
    planned.append(deliveries.coalesce(APP, 5, "delivery-3"))
    deliveries.confirm(APP, "delivery-3")
    planned.append(deliveries.coalesce(APP, 5, "delivery-4"))
    assert [(one.when, one.planned_for) for one in planned] == [
        ("now", "delivery-0"),
        ("later", "delivery-1"),
        ("later", "delivery-2"),
        ("later", "delivery-3"),
        ("pending", "delivery-3"),
    ]


def test_the_tags_of_covered_deliveries_are_kept_with_the_scan_that_covers_them(table: Table) -> None:
    deliveries = DynamoDeliveries(table=table, clock=SetClock())
    deliveries.join(APP, "scan", {"v1", "v2"})
    deliveries.join(APP, "scan", {"v2", "v3"})
    deliveries.join(APP, "other", ())
    assert (deliveries.joined_tags(APP, "scan"), deliveries.joined_tags(APP, "other")) == ({"v1", "v2", "v3"}, set())


def test_a_flood_of_tags_neither_fails_nor_grows_without_end(table: Table) -> None:
    deliveries = DynamoDeliveries(table=table, clock=SetClock())
    for delivery in range(5):
        deliveries.join(APP, "scan", {f"{delivery}-{number}".ljust(128, "x") for number in range(1000)})
    assert len(deliveries.joined_tags(APP, "scan")) <= 400


def test_a_receivers_former_path_stops_working(table: Table) -> None:
    objects, deliveries = DynamoObjects(table=table, clock=SetClock()), DynamoDeliveries(table=table, clock=SetClock())
    objects.put({"kind": "Receiver", "metadata": {"namespace": "flux-system", "name": "app"}, "spec": {}})
    deliveries.put_targets(["/hook/a", "/hook/b"], APP)
    deliveries.put_targets(["/hook/b", "/hook/c"], APP)
    assert [deliveries.target(path) is not None for path in ("/hook/a", "/hook/b", "/hook/c")] == [False, True, True]


def test_what_may_be_written_after_its_object_was_deleted_goes_by_itself(table: Table) -> None:
    DynamoSelections(table=table).request_run(APP, "webhook", NOW)
    DynamoTags(table=table).put_creation_times(APP, IMAGE, {"v1": NOW}, NOW)
    last = LastDelivery(at=NOW, sender="harbor", delivery_id="1", result="asked for a scan")
    DynamoDeliveries(table=table, clock=SetClock()).put_last_delivery("ImageRepository", [APP], last)
    written = [keys.run(APP), keys.creation_times(APP), keys.last_delivery("ImageRepository", APP)]
    ends = [keys.read_number(table.get(where) or {}, "expiresAt") - NOW.timestamp() for where in written]
    assert [timedelta(seconds=left) for left in ends] == [timedelta(days=days) for days in (2, 400, 400)]


def test_a_failure_with_a_very_long_text_is_stored(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put({"kind": "Kustomization", "metadata": {"name": APP.name, "namespace": APP.namespace}, "spec": {}})
    text = secrets.token_hex(230_000)
    put_status(objects, "Kustomization", APP, status.failed({}, 1, RetryableError(text, reason="BuildFailed"), NOW))
    stored = objects.get("Kustomization", APP)
    assert stored is not None
    assert status.conditions(stored.status)["Ready"].message.startswith(text[:20_000])
