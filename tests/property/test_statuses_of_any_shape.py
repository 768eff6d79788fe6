"""Whatever is stored as a status, the command line prints something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from tagstream.cli.object_columns import COLUMNS
from tagstream.cli.outcome import _success as success
from tagstream.cli.waiting import _observed_generation as observed_generation
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.shown_status import conditions_of, ready_of, wait_text

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.sampled_from(
    [
        *("type", "status", "message", "reason", "observedGeneration", "lastTransitionTime", "name", "tag", "digest"),
        *("tagCount", "scanTime", "time", "sender", "result", "until", "postponed", "generation", "waitUntil"),
    ]
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
MEMBERS = st.sampled_from(
    [
        *("conditions", "lastScanResult", "latestRef", "lastDelivery", "waiting", "tagstream", "observedGeneration"),
        *("lastAutomationRunTime", "webhookPath", "lastPushTime"),
    ]
)
READY = st.fixed_dictionaries({"type": st.just("Ready")}, optional={"status": VALUES, "message": VALUES})
STATUSES = st.dictionaries(MEMBERS, VALUES | st.lists(READY | VALUES, max_size=3), max_size=5)


@given(found=STATUSES, spec=VALUES)
def test_every_column_and_every_outcome_is_text(found: dict[str, Any], spec: object) -> None:
    for kind, columns in COLUMNS.items():
        stored = StoredObject(
            kind=kind,
            key=NamespacedName("ns", "app"),
            document={"kind": kind, "metadata": {"name": "app", "namespace": "ns"}, "spec": spec},
            status=found,
        )
        assert all(isinstance(one.shown(stored, now), str) for one in columns for now in (None, NOW))
        assert all(isinstance(one, str) for one in (*ready_of(stored), success(stored, "done")))
        assert isinstance(observed_generation(stored), int)
        assert isinstance(wait_text(status.postponement(stored.status)), str)
        assert all(isinstance(one, dict) for one in cast("list[object]", conditions_of(stored)))
