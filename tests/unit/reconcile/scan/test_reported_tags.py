"""What a scan knows of the stored tags from the status of its repository, and when it reads more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.objects.model import ImageRepository, Metadata, NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.scan.reported_tags import is_time_to_read, with_reported_state
from tagstream.reconcile.scan.scan_outcome import Scan

APP = NamespacedName("ns", "app")
MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC)
RESULT = {"revision": "sha256:1", "tagCount": 3, "scanTime": "2026-11-28T00:00:00Z", "latestTags": ["a", "b", "c"]}
STATUS = {"canonicalImageName": "example.com/app", "observedExclusionList": ["^x"], "lastScanResult": RESULT}


def scan(status: dict[str, object], interval_s: float = 300.0) -> Scan:
    repository = ImageRepository(metadata=Metadata(key=APP), image="example.com/app", interval_s=interval_s)
    return Scan(stored=StoredObject(kind="ImageRepository", key=APP, document={}, status=status), repository=repository)


def test_a_status_tells_revision_count_image_and_exclusion_list() -> None:
    found = with_reported_state(scan(dict(STATUS)))
    assert found.is_from_status
    assert found.before is not None
    assert (found.before.revision, found.before.tag_count) == ("sha256:1", 3)
    assert (found.before.canonical_image, found.before.exclusion_list) == ("example.com/app", ("^x",))


@pytest.mark.parametrize("missing", [*STATUS, "revision", "scanTime"])
def test_a_status_that_does_not_tell_everything_tells_nothing(missing: str) -> None:
    result = {name: value for name, value in RESULT.items() if name != missing}
    status = {name: value for name, value in {**STATUS, "lastScanResult": result}.items() if name != missing}
    found = with_reported_state(scan(status))
    assert found.before is None
    assert not found.is_from_status


@pytest.mark.parametrize("interval_s", [30.0, 300.0, 1_700.0, 3_600.0, 86_400.0])
def test_however_scans_fall_one_of_each_hour_reads(interval_s: float) -> None:
    apart = timedelta(seconds=interval_s + 55)
    for start in range(0, 3_600, 97):
        first = MIDNIGHT + timedelta(seconds=start)
        times = [first + n * apart for n in range(int(timedelta(hours=1) / apart) + 2)]
        assert any(is_time_to_read(scan(STATUS, interval_s), at) for at in times)


def test_most_scans_at_a_short_interval_do_not_read() -> None:
    times = [MIDNIGHT + timedelta(minutes=5 * n) for n in range(12)]
    assert sum(is_time_to_read(scan(STATUS), at) for at in times) <= 2
