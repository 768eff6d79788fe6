"""The recorded samples of stream records are what the stores' writes lead to today."""

from __future__ import annotations

import uuid

from tests.embedded.aws import EmbeddedAws
from tests.embedded.moto_aws import MotoAws
from tests.event_patterns.recorded import marks, named_records, stream_records
from tests.event_patterns.table_changes import record_changes


def test_the_stores_writes_make_the_recorded_records(aws: EmbeddedAws | MotoAws) -> None:
    live = named_records(record_changes(aws.endpoint, f"changes-{uuid.uuid4().hex}"))
    found = {name: marks(one) for name, one in live.items()}
    recorded = {name: marks(one) for name, one in stream_records().items()}
    assert found == recorded, "run `make event-answers`"
