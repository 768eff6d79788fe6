"""A stream batch with new ledger entries, while the notify function or the table cannot be asked."""

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


class Heard:
    """A notify function that remembers what it is asked for."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        self.entries += [entry for notice in notices for entry in notice.entries]


class Throttled:
    """Selections that the table takes no writes for."""

    def __getattr__(self, name: str) -> Any:
        raise RetryableError("the table is throttled", reason="StoreOperationFailed")


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


def test_no_entry_is_told_again_for_each_time_that_its_batch_fails(ports: Ports, table: Table) -> None:
    automated(ports, "https://git.example.com/app.git")
    early, late = "2026-11-27T10:00:00.000001Z#1", "2026-11-27T10:00:00.000001Z#2"
    records = [
        inserted("ledger", "ledger#2026-11-27", early, "1"),
        inserted("object", "object#ImageUpdateAutomation", str(APP), "2"),
        inserted("ledger", "ledger#2026-11-27", late, "3"),
    ]
    heard = Heard()
    healthy = replace(ports, notifier=heard, tells_event_bus=True)
    throttled = replace(healthy, selections=Throttled())
    assert handlers.scan({"Records": records}, 60_000, throttled) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    for _ in range(3):
        handlers.scan({"Records": records[1:]}, 60_000, throttled)
    assert heard.entries == [early]
    assert handlers.scan({"Records": records[1:]}, 60_000, healthy) == {"batchItemFailures": []}
    assert heard.entries == [early, late]
