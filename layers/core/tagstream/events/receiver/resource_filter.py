"""Decides which resources a delivery reconciles: ``spec.resourceFilter`` and each entry's own ``filter``.

Source: notification-controller internal/server/receiver_resource_filter.go, docs/spec/v1/receivers.md, Filtering.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.model import Receiver, ReceiverResource
from tagstream.events.delivery import Delivery
from tagstream.events.receiver.expression import evaluate


def filter_resource(
    receiver: Receiver, entry: ReceiverResource, delivery: Delivery, resource: Mapping[str, object]
) -> bool:
    """True when both filters, as far as there are any, are true.

    Args:
        receiver: whose ``resource_filter`` applies to all entries.
        entry: the entry of ``spec.resources`` that selected the resource.
        delivery: its ``document`` is seen as ``req``, its ``claims`` as ``claims`` (generic-oidc only).
        resource: the object's ``apiVersion``, ``kind`` and ``metadata`` as JSON, seen as ``res``.

    Raises:
        InvalidExpression: a filter does not compile.
        ExpressionFailed: a filter cannot be evaluated on this delivery.
    """
    documents: dict[str, Mapping[str, object]] = {"res": resource, "req": delivery.document}
    if receiver.type == "generic-oidc":
        documents["claims"] = delivery.claims
    filters = [one for one in (receiver.resource_filter, entry.filter) if one]
    return all(evaluate(one, documents, boolean=True) is True for one in filters)
