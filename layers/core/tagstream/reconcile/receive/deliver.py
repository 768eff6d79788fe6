"""Verifies, routes, coalesces and queues a webhook delivery; the answer never waits for a registry.

Unlike Flux only the ImageRepositories whose image was pushed are scanned, and everything authentic is answered with 2xx
(docs/differences.md). This module must import nothing slow, because some senders give up after one second.

Source: notification-controller internal/server/receiver_handlers.go; unlike Flux only the ImageRepositories whose image
was pushed are scanned, and everything authentic is answered with 2xx (docs/differences.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from tagstream.domain.objects.acl import may_refer
from tagstream.domain.objects.model import NamespacedName, Receiver, ReceiverResource
from tagstream.domain.objects.receiver import parse_receiver
from tagstream.errors import ImageAutomationError, RefusedDelivery
from tagstream.events.delivery import Delivery, DeliveryAnswer, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept, admit, is_hook_path, unauthentic
from tagstream.events.receiver.expression import ExpressionFailed, InvalidExpression
from tagstream.events.receiver.resource_filter import filter_resource
from tagstream.ports.bundle import WebhookPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.webhook import LastDelivery
from tagstream.reconcile.receive.record import accepted_entry, last_delivery
from tagstream.reconcile.receive.replays import DeliveryRecords, act_once
from tagstream.reconcile.receive.routing import NamedImages, pushed_tags
from tagstream.reconcile.receive.run_requests import KINDS, ask_for_runs, automations_of, is_of_branches
from tagstream.reconcile.receive.scan_windows import Push, ask_for_scans
from tagstream.reconcile.receive.sources import ask_for_syncs, listed_sources

KIND = "Receiver"
CONTROLLER = "receiver"
REPEAT_S = 300.0
REFUSAL_WINDOW_S = 10.0
# An item of the table holds 400 KB, but a Receiver may list any number of objects, and a delivery any number of tags.
SHOWN_NAMES = 20
KEPT_NAMES = 500
NAMED_IMAGES = 3
BUSY = DeliveryAnswer(status=503)
FILTER_FAILED = "a filter failed"
NOT_ALLOWED = "cross-namespace references are not allowed"


def deliver(incoming: IncomingDelivery, ports: WebhookPorts) -> DeliveryAnswer:
    """Answer one delivery.

    Returns:
        2xx for everything authentic, 4xx for what is not, 503 when the table, a secret or the queue cannot be reached.
    """
    try:
        # Refusals that need no Receiver come first: they must not tell which paths exist.
        receiver, delivery = _accepted(admit(incoming), ports)
        ports.log.correlate(delivery.delivery_id)
        scans = _act(receiver, delivery, incoming.received_at, ports)
    except RefusedDelivery as refusal:
        return refuse(refusal, ports)
    except ImageAutomationError as error:
        return _failed(error, ports)
    ports.log.info(
        "delivery accepted",
        controller=CONTROLLER,
        namespace=receiver.metadata.key.namespace,
        name=receiver.metadata.key.name,
        sender=delivery.sender,
        delivery_id=delivery.delivery_id,
        remark=delivery.remark,
        scans=scans,
    )
    return delivery.answer


def refuse(refusal: RefusedDelivery, ports: WebhookPorts) -> DeliveryAnswer:
    """The answer to a refused delivery, which tells the sender a status and no more."""
    ports.log.info("delivery refused", controller=CONTROLLER, http_status=refusal.status, cause=refusal.cause)
    return DeliveryAnswer(status=refusal.status)


def _failed(error: ImageAutomationError, ports: WebhookPorts) -> DeliveryAnswer:
    """Answer 503 and count it as HookFailed, because Lambda's own error metric does not show it."""
    ports.metrics.add("HookFailed", 1, CONTROLLER)
    ports.log.error("delivery failed", controller=CONTROLLER, reason=error.reason, error=error.message)
    return BUSY


def _accepted(incoming: IncomingDelivery, ports: WebhookPorts) -> tuple[Receiver, Delivery]:
    # The table is not asked for a path of another shape: a key may be too long for it, which would be an error.
    target = ports.deliveries.target(incoming.path) if is_hook_path(incoming.path) else None
    if target is None:
        raise unauthentic("path")
    receiver = parse_receiver(target.document)
    try:
        return receiver, accept(receiver, _secret(receiver, ports), incoming, keys=ports.issuer_keys)
    except RefusedDelivery as refusal:
        _note_refusal(receiver, refusal, incoming.received_at, ports)
        raise


def _secret(receiver: Receiver, ports: WebhookPorts) -> ReceiverSecret:
    name = receiver.token_secret
    if name is None:
        return ReceiverSecret()
    try:
        return ReceiverSecret(data=ports.secrets.get(name))
    except SecretNotFound:
        # An empty secret authenticates nobody.
        return ReceiverSecret()


def _act(receiver: Receiver, delivery: Delivery, received_at: datetime, ports: WebhookPorts) -> int:
    """Queue what a delivery asks for, once per delivery id; a burst makes a bounded number of scans.

    Returns:
        How many ImageRepositories are scanned for it.
    """
    sources = listed_sources(receiver, delivery, ports)
    if not (delivery.hints or delivery.rescans or delivery.all_resources or sources):
        _record_quiet(receiver, delivery, received_at, ports)
        return 0
    ttl_s = max(REPEAT_S, delivery.replay_s)
    records = DeliveryRecords(receiver.metadata.key, delivery.delivery_id, ttl_s, ports.deliveries)
    count = act_once(records, delivery.delivery_id, lambda: _ask(receiver, delivery, sources, received_at, ports))
    if count is None and delivery.replay_s:
        refusal = unauthentic("replay", "the same signature was accepted before")
        _note_refusal(receiver, refusal, received_at, ports)
        raise refusal
    return count or 0


def _ask(
    receiver: Receiver,
    delivery: Delivery,
    sources: Sequence[NamespacedName],
    received_at: datetime,
    ports: WebhookPorts,
) -> int:
    ask_for_syncs(sources, delivery.delivery_id, ports)
    wanted, obstacles = _wanted(receiver, delivery, ports)
    push = Push(reason="webhook", cause=delivery.delivery_id, received_at=received_at)
    joined = ask_for_scans(wanted, push, ports.deliveries, ports.queue)
    runs = _runs(receiver, delivery, ports)
    ask_for_runs(runs, delivery, ports)
    outcome = _Outcome(
        receiver=receiver,
        delivery=delivery,
        wanted=tuple(wanted),
        sources=tuple(sources),
        joined=joined,
        runs=runs,
        obstacles=obstacles,
    )
    # Record before the delivery counts as acted on: if recording fails and the answer is 503, the sender's retry must
    # be processed and not be taken for a replay.
    _record(outcome, received_at, ports)
    return len(wanted)


def _wanted(
    receiver: Receiver, delivery: Delivery, ports: WebhookPorts
) -> tuple[Mapping[NamespacedName, frozenset[str]], frozenset[str]]:
    """The listed ImageRepositories that the delivery is for, with the tags it names; and what kept it from others.

    They are sorted. These are all listed ones, without tags, when the sender does not speak of images.
    """
    named = None if delivery.all_resources else NamedImages.of((*delivery.hints, *delivery.rescans))
    found: dict[NamespacedName, frozenset[str]] = {}
    obstacles: set[str] = set()
    for entry in receiver.resources:
        if entry.kind != "ImageRepository":
            continue
        if not _may_name(receiver, entry, ports):
            obstacles.add(NOT_ALLOWED)
            continue
        for stored in _listed(entry, ports):
            tags = frozenset[str]() if named is None else named.tags_of(_image(stored))
            passes = tags is not None and _passes(receiver, entry, delivery, stored, ports)
            obstacles |= {FILTER_FAILED} if passes is None else set()
            if tags is not None and passes:
                found[stored.key] = tags
    return dict(sorted(found.items())), frozenset(obstacles)


def _runs(receiver: Receiver, delivery: Delivery, ports: WebhookPorts) -> tuple[NamespacedName, ...]:
    """The automations that the delivery has run: where a Git host tells of a branch or of a request."""
    if not is_of_branches(delivery):
        return ()
    entries = [one for one in receiver.resources if one.kind in KINDS and _may_name(receiver, one, ports)]
    listed = [
        stored
        for entry in entries
        for stored in _listed(entry, ports)
        if _passes(receiver, entry, delivery, stored, ports)
    ]
    return automations_of(listed, ports)


def _may_name(receiver: Receiver, entry: ReceiverResource, ports: WebhookPorts) -> bool:
    own = receiver.metadata.key
    if may_refer(own.namespace, entry.key, no_cross_namespace_refs=ports.no_cross_namespace_refs):
        return True
    ports.log.error(
        "resource refused",
        controller=CONTROLLER,
        namespace=own.namespace,
        name=own.name,
        resource=f"{entry.kind}/{entry.key}",
        error=NOT_ALLOWED,
    )
    return False


def _image(stored: StoredObject) -> str:
    spec = cast("Mapping[str, object]", stored.document.get("spec") or {})
    return str(spec.get("image", ""))


def _listed(entry: ReceiverResource, ports: WebhookPorts) -> Iterable[StoredObject]:
    if entry.key.name != "*":
        stored = ports.objects.get(entry.kind, entry.key)
        return (stored,) if stored else ()
    return (
        stored
        for stored in ports.objects.list(entry.kind, entry.key.namespace)
        if all(_labels(stored).get(name) == value for name, value in entry.match_labels.items())
    )


def _labels(stored: StoredObject) -> Mapping[str, str]:
    metadata = cast("Mapping[str, Any]", stored.document["metadata"])
    return cast("Mapping[str, str]", metadata.get("labels") or {})


def _passes(
    receiver: Receiver, entry: ReceiverResource, delivery: Delivery, stored: StoredObject, ports: WebhookPorts
) -> bool | None:
    """Whether the filters select this resource; None when one cannot be evaluated, which selects nothing."""
    resource = {name: stored.document[name] for name in ("apiVersion", "kind", "metadata")}
    try:
        return filter_resource(receiver, entry, delivery, resource)
    except (InvalidExpression, ExpressionFailed) as error:
        ports.log.error(
            "resource filter failed",
            controller=CONTROLLER,
            namespace=receiver.metadata.key.namespace,
            name=receiver.metadata.key.name,
            error=str(error),
        )
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a delivery led to.

    ``joined`` are the deliveries whose scans may find its push first; ``runs`` are the automations that run for it;
    ``obstacles`` say why listed objects were left out.
    """

    receiver: Receiver
    delivery: Delivery
    wanted: tuple[NamespacedName, ...]
    sources: tuple[NamespacedName, ...]
    joined: frozenset[str]
    runs: tuple[NamespacedName, ...]
    obstacles: frozenset[str]


def _record(outcome: _Outcome, received_at: datetime, ports: WebhookPorts) -> None:
    delivery = outcome.delivery
    why = "".join(f", {one}" for one in sorted(outcome.obstacles))
    count = len(outcome.wanted)
    names = ", ".join(str(key) for key in outcome.wanted[:SHOWN_NAMES]) or f"none{why}"
    names += f" and {count - SHOWN_NAMES} more" if count > SHOWN_NAMES else ""
    facts: dict[str, object] = {
        "repositories": [str(key) for key in outcome.wanted[:KEPT_NAMES]],
        "tags": list(pushed_tags(delivery.hints))[:KEPT_NAMES],
        "joined": sorted(outcome.joined)[:KEPT_NAMES],
        **({"moreRepositories": count - KEPT_NAMES} if count > KEPT_NAMES else {}),
    }
    git = ", ".join(str(key) for key in outcome.sources[:SHOWN_NAMES])
    asked = [f"ImageRepositories: {names}"] if count or not git else []
    what = f"delivery asks for {' and '.join([*asked, *([f'GitRepositories: {git}'] if git else [])])}"
    if outcome.runs:
        what += f", and runs ImageUpdateAutomations: {', '.join(map(str, outcome.runs[:SHOWN_NAMES]))}"
        facts["automations"] = [str(key) for key in outcome.runs[:KEPT_NAMES]]
    ports.ledger.record([accepted_entry(KIND, outcome.receiver.metadata.key, delivery, received_at, what, facts)])
    nobody = f"no ImageRepository is meant{why}{_delivered(delivery)}"
    counted = ((count, "scan"), (len(outcome.runs), "run"))
    told = [f"{number} {thing}{'' if number == 1 else 's'}" for number, thing in counted if number]
    told += [git] if git and not count else []
    result = f"asked for {' and '.join(told)}" if told else nobody
    _note(outcome.receiver, delivery, received_at, result, ports)
    ports.deliveries.put_last_delivery(
        "ImageRepository", outcome.wanted, last_delivery(delivery, received_at, "asked for a scan")
    )


def _delivered(delivery: Delivery) -> str:
    """The images that a delivery named, in the sender's spelling, so that they can be compared with ``spec.image``."""
    named = (*delivery.hints, *delivery.rescans)
    images = list(dict.fromkeys(f"{one.registry or '<any host>'}/{one.repository}" for one in named))
    if not images:
        return ""
    more = f" and {len(images) - NAMED_IMAGES} more" if len(images) > NAMED_IMAGES else ""
    return f": {', '.join(images[:NAMED_IMAGES])}{more} delivered"


def _record_quiet(receiver: Receiver, delivery: Delivery, at: datetime, ports: WebhookPorts) -> None:
    result = f"nothing to scan: {delivery.remark or 'no image named'}"
    ports.ledger.record([accepted_entry(KIND, receiver.metadata.key, delivery, at, f"delivery: {result}", {})])
    _note(receiver, delivery, at, result, ports)


def _note(receiver: Receiver, delivery: Delivery, at: datetime, result: str, ports: WebhookPorts) -> None:
    ports.deliveries.put_last_delivery("Receiver", [receiver.metadata.key], last_delivery(delivery, at, result))


def _note_refusal(receiver: Receiver, refusal: RefusedDelivery, at: datetime, ports: WebhookPorts) -> None:
    """Show the refusal with the Receiver, at most once in a window: a flood must cost the table next to nothing."""
    why = f"{refusal.cause}: {refusal.detail}" if refusal.detail else refusal.cause
    refused = LastDelivery(at=at, sender=receiver.type, delivery_id="", result=f"refused: {why}")
    entry = LedgerEntry(
        at=at,
        kind="Receiver",
        key=receiver.metadata.key,
        severity="error",
        reason="DeliveryRefused",
        message=f"{receiver.type} delivery refused: {why}",
    )
    with suppress(ImageAutomationError):
        if ports.deliveries.put_refusal(receiver.metadata.key, refused, REFUSAL_WINDOW_S):
            ports.ledger.record([entry])
