"""What is known of a repository's stored tags from its status, so that an unchanged scan need not read their summary.

The status is written after the tags are stored and all policies are evaluated on them. What is taken from here may end
a scan with "nothing changed"; before anything is stored, the summary itself is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from tagstream.domain.objects.model import Revision
from tagstream.domain.scan.schedule import TICK_S, jitter_s
from tagstream.ports.tags import TagState
from tagstream.reconcile import status
from tagstream.reconcile.scan.scan_outcome import Scan

READ_EVERY_S = 3600.0
"""How often the summary is read all the same, in case the stored tags got lost."""


def is_time_to_read(scan: Scan, now: datetime) -> bool:
    """Whether the summary has to be read: at least one scan of each hour does so.

    The hour begins at another minute for each repository. It begins with a span in which a scan must come, because
    scans are an interval and at most a tick apart.

    Args:
        scan: not begun yet.
        now: aware UTC.
    """
    since_s = (now.timestamp() + jitter_s(str(scan.stored.key), READ_EVERY_S)) % READ_EVERY_S
    return since_s < scan.repository.interval_s + TICK_S


def with_reported_state(scan: Scan) -> Scan:
    """Return the scan with the summary as far as the status tells of it; as it was if the status does not."""
    body = scan.stored.status
    result, image, excluded = (
        body.get(name) for name in ("lastScanResult", "canonicalImageName", "observedExclusionList")
    )
    if not isinstance(result, Mapping) or not isinstance(image, str) or not isinstance(excluded, list):
        return scan
    revision, scanned_at = result.get("revision"), status.read_time(result.get("scanTime"))
    if not isinstance(revision, str) or scanned_at is None:
        return scan
    before = TagState(
        revision=Revision(revision),
        tag_count=status.reported_tags(body, image),
        latest_tags=(),
        scanned_at=scanned_at,
        canonical_image=image,
        exclusion_list=tuple(map(str, excluded)),
    )
    return replace(scan, before=before, is_from_status=True)
