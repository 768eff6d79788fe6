"""A scan worker that is killed: its messages come back within the time for which a living one hides them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagstream.adapters.aws.queue import SqsScanQueue
from tagstream.ports.queue import QueuedRun
from tests.contract.reconciling import APP

ROOT = Path(__file__).resolve().parents[4]
HIDDEN_S = 4.0
# Holds a message as the scan function does, in a fraction of its times, until it is killed.
WORKER = """
import sys, threading
import boto3
from tagstream.adapters.aws.queue import SqsScanQueue
from tagstream.events.queue import QueueMessage
from tagstream.reconcile.scan import held_messages
from tests.contract.reconciling import Silent, ports_on
from dataclasses import replace

held_messages.HIDDEN_S, held_messages.RENEW_EVERY_S = 4.0, 0.5
endpoint, url, receipt, region = sys.argv[1:]
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
client = boto3.client("sqs", endpoint_url=endpoint, region_name=region, **keys)
ports = replace(ports_on(None, Silent()), queue=SqsScanQueue(client=client, url=url))
message = QueueMessage(message_id="1", request=None, receipt=receipt)
with held_messages.HeldMessages([message], ports).kept():
    print("works", flush=True)
    threading.Event().wait()
"""


@contextmanager
def working(sqs: Any, url: str, receipt: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WORKER, sqs.meta.endpoint_url, url, receipt, sqs.meta.region_name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "works\n"
            yield worker
        finally:
            worker.kill()


def received_within(sqs: Any, url: str, seconds: float) -> list[dict[str, Any]]:
    end_s = time.monotonic() + seconds
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < end_s:
        found = sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"]).get("Messages", [])
        time.sleep(0.1)
    return found


def test_the_message_of_a_killed_worker_comes_back_in_seconds_and_never_while_it_lives(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="killed", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
    SqsScanQueue(client=sqs, url=url).send([QueuedRun(automations=(APP,), reason="test")])
    (first,) = received_within(sqs, url, 10)
    with working(sqs, url, first["ReceiptHandle"]) as worker:
        assert received_within(sqs, url, 1.5 * HIDDEN_S) == []
        worker.kill()
        (again,) = received_within(sqs, url, 4 * HIDDEN_S)
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
