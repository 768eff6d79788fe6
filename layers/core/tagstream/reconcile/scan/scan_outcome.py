"""What becomes of one scan: the repository's status, its ledger entries and its log line.

Nothing is asked for or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.image_name import ImageName, InvalidImage, parse_repository_image
from tagstream.domain.objects.model import ImageRepository
from tagstream.domain.scan.exclusion import ScanResult
from tagstream.domain.scan.tag_grammar import shown
from tagstream.errors import ImageAutomationError
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.ports.tags import TagState
from tagstream.reconcile import status
from tagstream.reconcile.transition import Attempt, Transition, failed, succeeded, success_entry

REFUSED = "refusedTags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One repository's scan, from what was stored to what was found.

    ``is_former`` says that what was found is the stored list, although the registry lists other tags by now.
    ``before`` is the summary of the stored tags. ``is_from_status`` says that it is taken from the repository's status,
    which is enough to find that nothing is new; tags must not be stored because of it.
    """

    stored: StoredObject
    repository: ImageRepository
    before: TagState | None = None
    is_from_status: bool = False
    image: ImageName | None = None
    found: ScanResult | None = None
    error: ImageAutomationError | None = None
    requests: int = 0
    warnings: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    is_former: bool = False

    @property
    def host(self) -> str:
        """The registry host; empty for an image that cannot be parsed."""
        try:
            return parse_repository_image(self.repository.image).registry
        except InvalidImage:
            return ""

    @property
    def is_same_image(self) -> bool:
        """Whether the stored list is of the image that is scanned."""
        return self.before is not None and self.image is not None and self.before.is_of(self.image.canonical)

    @property
    def known_tags(self) -> int:
        """How many tags are stored of the image that is scanned."""
        return self.before.tag_count if self.before is not None and self.is_same_image else 0

    @property
    def changed(self) -> bool:
        """Whether the stored list has to be replaced."""
        if self.found is None or self.image is None:
            return False
        before = self.before
        return before is None or (before.revision, before.canonical_image, before.exclusion_list) != (
            self.found.revision,
            self.image.canonical,
            self.repository.exclusion_list,
        )


def has_news(scan: Scan) -> bool:
    """Whether the tags have to be stored, or their policies evaluated."""
    return scan.error is None and (scan.changed or _owes_evaluation(scan))


def _owes_evaluation(scan: Scan) -> bool:
    """Whether tags were stored by a scan that had no time, or did not live, to evaluate all policies on them."""
    return scan.found is not None and scan.before is not None and not is_settled(scan)


def is_settled(scan: Scan) -> bool:
    """Whether all policies were evaluated on the tags that were stored when the scan began.

    The revision alone does not tell: another image may have the same tags, and a list may go back to the reported one
    after some policies were evaluated on others. Such a list was stored after the last report.
    """
    before, body = scan.before, scan.stored.status
    if before is None or reported_revision(scan) != before.revision:
        return False
    excluded = body.get("observedExclusionList")
    if body.get("canonicalImageName") != before.canonical_image or excluded != list(before.exclusion_list):
        return False
    result = body.get("lastScanResult")
    reported_at = status.read_time(result.get("scanTime")) if isinstance(result, Mapping) else None
    # The report is in whole seconds, and may have come within the second in which its list was stored.
    return reported_at is None or before.scanned_at.replace(microsecond=0) <= reported_at


def reported_revision(scan: Scan) -> object:
    """The revision of the tags that all policies were evaluated on."""
    result = scan.stored.status.get("lastScanResult")
    return result.get("revision") if isinstance(result, Mapping) else None


def transition(scan: Scan, cause: str, duration_ms: float, now: datetime) -> Transition:
    """What became of the repository."""
    attempt = Attempt(stored=scan.stored, at=now, cause=cause, duration_ms=duration_ms)
    if scan.error is not None:
        return failed(attempt, scan.error)
    assert scan.found is not None and scan.image is not None
    body = {name: value for name, value in scan.stored.status.items() if name != REFUSED} | _refused(scan)
    if scan.changed or _owes_evaluation(scan):
        body |= {
            "canonicalImageName": scan.image.canonical,
            "observedExclusionList": list(scan.repository.exclusion_list),
            "lastScanResult": {
                "revision": scan.found.revision,
                "tagCount": len(scan.found.tags),
                "scanTime": instant_text(attempt.at),
                "latestTags": list(scan.found.latest_tags),
            },
        }
    message = f"successful scan: found {len(scan.found.tags)} tags with checksum {scan.found.revision}"
    outcome = succeeded(attempt, "scanned", body, message)
    return replace(
        outcome,
        entries=_entries(scan, outcome, message),
        facts={
            "tag_count": _size(scan),
            "changed": scan.changed,
            "requests": scan.requests,
            "warnings": scan.warnings,
            **_refused(scan),
        },
        is_news=scan.changed or outcome.changes_status or bool(scan.warnings),
    )


def _refused(scan: Scan) -> dict[str, object]:
    """``status.refusedTags``: how many names the registry lists that are no tags, and the first of them."""
    return {REFUSED: {"count": len(scan.refused), "tags": shown(scan.refused)}} if scan.refused else {}


def _entries(scan: Scan, outcome: Transition, message: str) -> tuple[LedgerEntry, ...]:
    if not outcome.changes_status:
        return ()
    found = [success_entry(outcome.attempt, message)]
    refused = outcome.status.get(REFUSED)
    if refused is not None and refused != scan.stored.status.get(REFUSED):
        words = f"{len(scan.refused)} listed names are no tags and were left out: {', '.join(shown(scan.refused))}"
        entry = success_entry(outcome.attempt, words, {REFUSED: refused})
        found.append(replace(entry, severity="error", reason="TagsRefused"))
    return tuple(found)


def _size(scan: Scan) -> int:
    return len(scan.found.tags) if scan.found else 0
