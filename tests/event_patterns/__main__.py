"""Records event-ruler's answers anew (`make event-answers`); needs Java, and Maven if the jars are not there yet."""

from __future__ import annotations

import json
import sys

from tests.embedded.aws import running
from tests.event_patterns import event_ruler, recorded
from tests.event_patterns.table_changes import record_changes


def main() -> int:
    """Record the stream's records, if they have changed, and the answers."""
    with running() as aws:
        live = recorded.named_records(record_changes(aws.endpoint, "event-answers"))
    known = recorded.stream_records() if recorded.STREAM_RECORDS.exists() else {}
    # Times and random numbers differ at every run; only a change that a filter could see is recorded anew.
    if {name: recorded.marks(one) for name, one in live.items()} != {
        name: recorded.marks(one) for name, one in known.items()
    }:
        recorded.write_json(recorded.STREAM_RECORDS, live)
    event_ruler.fetch()
    passed = event_ruler.ask(recorded.patterns(), recorded.samples())
    recorded.write_answers(passed)
    print(json.dumps(passed, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
