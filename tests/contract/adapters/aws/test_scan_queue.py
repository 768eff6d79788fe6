"""What the scan function makes of a batch of its queue."""

from __future__ import annotations

from tagstream.adapters.aws.queue import message_body
from tagstream.adapters.store.table import Table
from tagstream.ports.queue import QueuedRun, QueuedScan
from tagstream.reconcile import handlers
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import APP, Silent, ports_on, watched
from tests.embedded.registry import Registry


def test_a_run_does_not_wait_for_the_scans_of_its_batch(table: Table, registry: Registry) -> None:
    registry.add_tags("app", ["v1.0.0"])
    ports, life = ports_on(table, Silent()), Life()
    watched(ports, registry)
    asked = (QueuedScan(repositories=(APP,), reason="interval"), QueuedRun(automations=(APP,), reason="later"))
    records = [{"eventSource": "aws:sqs", "messageId": str(one), "body": message_body(one)} for one in asked]
    assert handlers.scan({"Records": records}, 60_000, life.ports(ports)) == {"batchItemFailures": []}
    assert [one for one in life.calls if one in ("selections.request_run", "registry.list_tags")] == [
        "selections.request_run",
        "registry.list_tags",
    ]
