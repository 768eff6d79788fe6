"""What the scan function makes of a batch of its queue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tagstream.adapters.aws.queue import SqsScanQueue, message_body
from tagstream.adapters.store.table import Table
from tagstream.errors import RetryableError
from tagstream.ports.queue import QueuedRun, QueuedScan
from tagstream.reconcile import handlers
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import APP, Silent, ports_on, watched
from tests.embedded.registry import Registry

SCAN = QueuedScan(repositories=(APP,), reason="webhook", cause="delivery-1")
RUN = QueuedRun(automations=(APP,), reason="later")


def record(name: str, body: str, attempt: int = 1) -> dict[str, Any]:
    return {
        "eventSource": "aws:sqs",
        "messageId": name,
        "body": body,
        "receiptHandle": f"receipt of {name}",
        "attributes": {"ApproximateReceiveCount": str(attempt)},
    }


def failing(method: str) -> Life:
    """A life in which the first call of a port's method fails."""
    error = RetryableError("the table is out of reach", reason="StorageOperationFailed")
    return _FailsAt(method=method, error=error)


class _FailsAt(Life):
    def __init__(self, method: str, error: Exception) -> None:
        super().__init__(error=error)
        self.method = method

    def call(self, name: str, method: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if name == self.method and self.error is not None:
            raise self.error
        return super().call(name, method, arguments, options)


def test_a_run_does_not_wait_for_the_scans_of_its_batch(table: Table, registry: Registry) -> None:
    registry.add_tags("app", ["v1.0.0"])
    ports, life = ports_on(table, Silent()), Life()
    watched(ports, registry)
    records = [record("scan", message_body(SCAN)), record("run", message_body(RUN))]
    assert handlers.scan({"Records": records}, 60_000, life.ports(ports)) == {"batchItemFailures": []}
    assert [one for one in life.calls if one in ("selections.request_run", "registry.list_tags")] == [
        "selections.request_run",
        "registry.list_tags",
    ]


def test_a_failed_message_alone_goes_back_and_comes_back_in_seconds(table: Table, registry: Registry) -> None:
    registry.add_tags("app", ["v1.0.0"])
    silent = Silent()
    ports = ports_on(table, silent)
    watched(ports, registry)
    records = [record("scan", message_body(SCAN)), record("run", message_body(RUN))]
    broken = failing("selections.request_run").ports(ports)
    assert handlers.scan({"Records": records}, 60_000, broken) == {"batchItemFailures": [{"itemIdentifier": "run"}]}
    assert silent.given_back == [("receipt of run", 5.0)]
    assert ports.tags.state(APP) is not None, "the scan of the same batch was done"


def test_a_message_that_fails_again_and_again_waits_longer_each_time(table: Table) -> None:
    silent = Silent()
    broken = failing("selections.request_run").ports(ports_on(table, silent))
    for attempt in (1, 2, 3, 9):
        handlers.scan({"Records": [record("run", message_body(RUN), attempt)]}, 60_000, broken)
    assert [after_s for _, after_s in silent.given_back] == [5.0, 10.0, 20.0, 720.0]


def test_a_message_that_cannot_be_read_goes_to_the_dead_letters_without_a_wait(table: Table) -> None:
    silent = Silent()
    failed = handlers.scan({"Records": [record("m", "not a request")]}, 60_000, ports_on(table, silent))
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert silent.given_back == [("receipt of m", 0.0)]


def test_a_queue_that_takes_nothing_back_keeps_its_own_time(table: Table) -> None:
    ports = ports_on(table, Silent())
    without_queue = failing("queue.give_back").ports(ports).queue
    broken = replace(failing("selections.request_run").ports(ports), queue=without_queue)
    failed = handlers.scan({"Records": [record("run", message_body(RUN))]}, 60_000, broken)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "run"}]}


def test_the_log_of_a_scan_names_the_delivery_that_caused_it(table: Table, registry: Registry) -> None:
    registry.add_tags("app", ["v1.0.0"])
    silent = Silent()
    ports = ports_on(table, silent)
    watched(ports, registry)
    handlers.scan({"Records": [record("scan", message_body(SCAN))]}, 60_000, ports)
    assert silent.correlated == ["delivery-1"]


def test_a_message_given_back_is_received_again_at_once(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="give-back", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
    queue = SqsScanQueue(client=sqs, url=url)
    queue.send([RUN])
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    queue.give_back(first["ReceiptHandle"], 0.0)
    (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert again["MessageId"] == first["MessageId"]


def test_hidden_messages_are_received_again_when_their_time_is_over(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="hide", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
    queue = SqsScanQueue(client=sqs, url=url)
    queue.send([RUN] * 11)
    received = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        received += more
    queue.hide({one["ReceiptHandle"]: 0.0 if number else 700.0 for number, one in enumerate(received)})
    again = []
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        again += more
    assert {one["MessageId"] for one in again} == {one["MessageId"] for one in received[1:]}
