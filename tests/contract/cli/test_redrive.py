"""A registry's push that was not delivered is retried as the scan function would have taken it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.operations import DeadLetter
from tests.contract.reconciling import Silent, document
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryOperations, MemorySecrets, command

PUSH = json.loads((ROOT / "events/ecr_push.json").read_text())
IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/team/app"
FAILED = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": PUSH}


def test_a_push_to_ecr_asks_for_the_scan_of_its_repository(ports: Ports, silent: Silent) -> None:
    ports.objects.put(document("ImageRepository", image=IMAGE, interval="1h"))
    letter = DeadLetter(queue="scan", body=json.dumps(FAILED), sent_at=datetime.now(UTC), receipt="a")
    operations = MemoryOperations(MemorySecrets(), letters=[letter])
    assert command("redrive", "--retry", ports=ports, operations=operations).code == 0
    [scan] = silent.scans()
    assert (scan.repositories, scan.expected_tags) == ((NamespacedName("ns", "app"),), ("1.4.2",))
    assert operations.letters == []
