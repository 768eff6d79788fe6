"""Reads ECR's EventBridge events as deliveries; AWS has authenticated them, so they need no Receiver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.ecr_partition_table import DOMAIN_BY_REGION_PREFIX
from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.hints import push_hints

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent

_ACTIONS: Mapping[tuple[str, str], PushAction] = {
    ("ECR Image Action", "PUSH"): "push",
    ("ECR Image Action", "DELETE"): "delete",
    ("ECR Replication Action", "REPLICATE"): "push",
    ("ECR Pull Through Cache Action", ""): "push",
}


def ecr_registry(account: str, region: str) -> str:
    """The host of a private registry, ``account.dkr.ecr.region.domain``.

    Args:
        account: twelve digits.
        region: e.g. ``eu-west-1``; its partition decides the domain.
    """
    found = [domain for prefix, domain in DOMAIN_BY_REGION_PREFIX if region.startswith(prefix)]
    return f"{account}.dkr.ecr.{region}.{found[0] if found else 'amazonaws.com'}"


def ecr_delivery(event: EventBridgeEvent) -> Delivery:
    """What an ECR event says about one image.

    Pushes, deletions, replications and pull-through cache updates become hints on the registry of the event's own
    account and region, whether it is this account or one that forwards its events. Image scans, failures and images
    without a tag become deliveries that ask for nothing.

    Source: Amazon ECR user guide, "Sample events from Amazon ECR"; vectors webhooks/ecr_*.json.
    """
    kind, detail = text_at(event.raw_event, "detail-type"), event.detail
    word = text_at(detail, "action-type")
    action = _ACTIONS.get((kind, word))
    hints: tuple[PushHint, ...] = ()
    remark = "irrelevant"
    if action is not None:
        hints, remark = _hints(event, action)
    return Delivery(
        sender="ecr",
        delivery_id=text_at(event.raw_event, "id")[:128],
        action=word or kind,
        hints=hints,
        remark=remark,
    )


def _hints(event: EventBridgeEvent, action: PushAction) -> tuple[tuple[PushHint, ...], str]:
    detail = event.detail
    if (text_at(detail, "result") or text_at(detail, "sync-status")) != "SUCCESS":
        return (), "irrelevant"
    hint = PushHint(
        registry=ecr_registry(text_at(event.raw_event, "account"), text_at(event.raw_event, "region")),
        repository=text_at(detail, "repository-name"),
        tag=text_at(detail, "image-tag"),
        digest=text_at(detail, "image-digest"),
        action=action,
    )
    hints = push_hints([hint])
    return hints, "" if hints else "untagged"
