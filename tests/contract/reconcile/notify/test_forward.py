"""A stream batch with new ledger entries, while the notify function cannot be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tagstream.adapters.store.table import Table
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.notices import QueuedNotice
from tagstream.reconcile import handlers
from tests.contract.reconciling import APP, automated


class OutOfReach:
    """A notify function whose invocations fail."""

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        raise RetryableError("failed to ask for notifications: x", reason="NotifyOperationFailed")


def inserted(kind: str, pk: str, sk: str, sequence: str) -> dict[str, Any]:
    image = {"t": {"S": kind}, "pk": {"S": pk}, "sk": {"S": sk}}
    written = {"NewImage": image, "SequenceNumber": sequence}
    return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": written}


def test_what_was_applied_is_reconciled_though_nobody_can_be_told_and_the_batch_is_repeated(
    ports: Ports, table: Table
) -> None:
    automated(ports, "https://git.example.com/app.git")
    requested: dict[str, Any] = {"pk": {"S": f"run#{APP.namespace}"}, "sk": {"S": APP.name}}
    assert table.get(requested) is None
    records = [
        inserted("ledger", "ledger#2026-11-27", "2026-11-27T10:00:00.000001Z#1", "1"),
        inserted("object", "object#ImageUpdateAutomation", str(APP), "2"),
    ]
    unheard = replace(ports, notifier=OutOfReach(), tells_event_bus=True)
    assert handlers.scan({"Records": records}, 60_000, unheard) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert table.get(requested) is not None
