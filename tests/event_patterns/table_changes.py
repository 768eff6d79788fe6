"""Writes, changes and removes an item of every kind in the table, as the stores do it, and reads the stream's records.

It decides nothing about what the records mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import NOTES_KEPT, DynamoAgenda
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.schema import DynamoSchema
from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import Digest, ImageRef, NamespacedName, Revision
from tagstream.domain.scan.circle import START, EvaluationMark
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.selections import Selection, Waiting
from tagstream.ports.tags import TagRecord, TagState
from tagstream.ports.webhook import LastDelivery
from tests.embedded.aws import CREDENTIALS, REGION
from tests.embedded.single_writes import put_selection, put_status
from tests.embedded.table import create_table

BEGIN = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
APP = NamespacedName("flux-system", "app")
HOOK = "/hook/" + "0" * 64
# What stands before the first "#" of a partition key names the kind of an item; these have several kinds.
SHARED_PARTITIONS = {
    "agenda": ("page", "note"),
    "tags": ("state", "chunk", "evaluated"),
    "delivery": ("last", "refused"),
}


@dataclass(slots=True)
class SetClock:
    """A clock that is moved by hand."""

    time: datetime = BEGIN

    def now(self) -> datetime:
        """The time that was set."""
        return self.time

    def monotonic_s(self) -> float:
        """The same in seconds."""
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        """Move the time."""
        self.time += timedelta(seconds=seconds)


def item_kind(item: Mapping[str, Any]) -> str:
    """Return the kind of an item as a word or two: ``selection``, ``agenda page``, ``delivery last`` …"""
    partition, _, rest = item["pk"]["S"].partition("#")
    for part in SHARED_PARTITIONS.get(partition, ()):
        if part in (rest.partition("#")[0], item["sk"]["S"].partition("#")[0]):
            return f"{partition} {part}"
    if partition == "pending" and item["sk"]["S"] != keys.NO_SORT:
        return "pending joined"
    return str(partition)


def change_everything(table: Table) -> None:
    """Write and change an item of every kind, then remove whatever is there."""
    clock = SetClock()
    _change_objects(table, clock)
    _change_tags(table)
    _change_selections(table)
    _change_deliveries(table, clock)
    _change_the_rest(table, clock)
    left = [item for partition in _partitions(table) for item in table.query(partition)]
    for item in left:
        table.delete({name: item[name] for name in ("pk", "sk")})


def _change_objects(table: Table, clock: SetClock) -> None:
    objects = DynamoObjects(table=table, clock=clock)
    documents = [
        _document("ImageRepository", "image.toolkit.fluxcd.io/v1", image="registry.example.com/app", interval="1m"),
        _document("ImagePolicy", "image.toolkit.fluxcd.io/v1", imageRepositoryRef={"name": "app"}),
        _document(
            "ImageUpdateAutomation",
            "image.toolkit.fluxcd.io/v1",
            interval="1m",
            sourceRef={"kind": "GitRepository", "name": "app"},
            git={"commit": {"author": {"email": "bot@example.com"}}},
        ),
        _document("GitRepository", "source.toolkit.fluxcd.io/v1", url="https://git.example.com/app.git", interval="1m"),
        _document("Receiver", "notification.toolkit.fluxcd.io/v1", type="generic"),
        _document("Alert", "notification.toolkit.fluxcd.io/v1beta3", providerRef={"name": "app"}),
        _document("Provider", "notification.toolkit.fluxcd.io/v1beta3", type="generic"),
        _document("Kustomization", "kustomize.toolkit.fluxcd.io/v1", interval="1m"),
        _document("Namespace", "v1"),
    ]
    for document in documents:
        kind = str(document["kind"])
        objects.put(document)
        objects.annotate(kind, APP, {"reconcile.fluxcd.io/requestedAt": "now"})
        put_status(objects, kind, APP, {"observedGeneration": 1})
        put_status(objects, kind, APP, {"observedGeneration": 2})
    labelled = {"name": "other", "namespace": APP.namespace, "labels": {"team": "x"}}
    other = {**documents[1], "metadata": labelled}
    objects.put(other)
    for document in (*documents, other):
        metadata = document["metadata"]
        assert isinstance(metadata, Mapping)
        objects.delete(str(document["kind"]), NamespacedName(APP.namespace, str(metadata["name"])))


def _document(kind: str, version: str, **spec: object) -> dict[str, object]:
    metadata = {"name": APP.name, "namespace": APP.namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _change_tags(table: Table) -> None:
    tags = DynamoTags(table=table)
    state = TagState(
        revision=Revision("sha256:1"),
        tag_count=2,
        latest_tags=("v2", "v1"),
        scanned_at=BEGIN,
        canonical_image="registry.example.com/app",
        exclusion_list=(),
    )
    tags.put(APP, state, [TagRecord(tag="v1", first_seen_at=BEGIN)], None)
    # This list is too long for the item of its state.
    many = [TagRecord(tag=f"v{number * 7919 % 100_003}", first_seen_at=BEGIN) for number in range(2_000, 0, -1)]
    tags.put(APP, state, many, tags.state(APP))
    for policy in ("app", "web"):
        mark = EvaluationMark(of="sha256:1", begun_behind=START, done_to=NamespacedName(APP.namespace, policy))
        tags.put_evaluation_mark(APP, mark, BEGIN)
    for day in range(2):
        tags.first_seen(APP, "v1", Digest("sha256:" + "a" * 64), BEGIN + timedelta(days=day * 200))
        tags.put_cool_down("registry.example.com", BEGIN + timedelta(minutes=day + 1))


def _change_selections(table: Table) -> None:
    selections = DynamoSelections(table=table)
    first = Selection(
        policy=APP,
        ref=ImageRef(name="registry.example.com/app", tag="v1"),
        previous=None,
        tags_revision=Revision("sha256:1"),
        policy_generation=1,
        selected_at=BEGIN,
        cause="delivery-1",
    )
    second = Selection(
        policy=APP,
        ref=ImageRef(name="registry.example.com/app", tag="v2"),
        previous=first.ref,
        tags_revision=Revision("sha256:2"),
        policy_generation=1,
        selected_at=BEGIN,
        cause="delivery-2",
        received_at=BEGIN,
    )
    put_selection(selections, first, None)
    put_selection(selections, second, first)
    for second_of_day in range(2):
        now = BEGIN + timedelta(seconds=second_of_day)
        selections.request_run(APP, "interval", now)
        selections.put_waiting(APP, Waiting(since=BEGIN, until=now, reason="debounce"))


def _change_deliveries(table: Table, clock: SetClock) -> None:
    deliveries = DynamoDeliveries(table=table, clock=clock)
    deliveries.put_targets([HOOK], APP)
    deliveries.put_targets([HOOK, HOOK.replace("0", "1")], APP)
    for result in ("accepted", "refused: signature"):
        delivery = LastDelivery(at=clock.now(), sender="generic", delivery_id="1", result=result)
        deliveries.settle_delivery(APP, "1", 300)
        deliveries.put_refusal(APP, delivery, 10)
        deliveries.put_last_delivery("ImageRepository", [APP], delivery)
        deliveries.coalesce(APP, 5, "delivery-1")
        deliveries.join(APP, "delivery-1", ["v1", result[:3]])
        clock.sleep(60)


def _change_the_rest(table: Table, clock: SetClock) -> None:
    leases = DynamoLeases(table=table, clock=clock)
    lease = leases.acquire("https://git.example.com/app.git#main", "worker", 20)
    assert lease is not None
    leases.release(lease)
    ledger = DynamoLedger(table=table, ttl_s=3600)
    epoch, agenda = DynamoSecretsEpoch(table=table), DynamoAgenda(table=table, clock=clock)
    for number in range(NOTES_KEPT + 2):
        now = clock.now()
        entry = LedgerEntry(
            at=BEGIN, kind="ImagePolicy", key=APP, severity="info", reason="Selected", message=str(number), identity="1"
        )
        ledger.record([entry] if number < 2 else [])
        epoch.change(now)
        agenda.note({ObjectName(kind="ImagePolicy", key=APP): Times(last=now, due=now)})
        clock.sleep(1)
    for schema in (1, 2):
        DynamoSchema(table=table).raise_to(schema)
    agenda.read(folds=True)
    agenda.rewrite({ObjectName(kind="ImagePolicy", key=APP): Times(last=None, due=clock.now())}, clock.now())


def _partitions(table: Table) -> list[str]:
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    return sorted({item["pk"]["S"] for page in pages for item in page["Items"]})


def record_changes(endpoint: str, name: str) -> list[dict[str, Any]]:
    """Make a table with a stream, change everything in it, and return the stream's records in their order.

    Args:
        endpoint: the URL of an embedded AWS.
        name: the name of the table.
    """
    dynamodb, streams = (
        boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        for service in ("dynamodb", "dynamodbstreams")
    )
    made = create_table(
        dynamodb, name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    change_everything(Table(client=dynamodb, name=name, clock=SystemClock()))
    return _records(streams, made["TableDescription"]["LatestStreamArn"])


def _records(streams: Any, stream_arn: str) -> list[dict[str, Any]]:
    found = []
    for shard in streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]:
        where = streams.get_shard_iterator(
            StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while where:
            answer = streams.get_records(ShardIterator=where)
            found += answer["Records"]
            where = answer.get("NextShardIterator") if answer["Records"] else None
    return found
