"""What ECR's scans have found in the images of one evaluation.

The best few images are looked at, and answers are kept by digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagstream.domain.objects.model import Digest
from tagstream.domain.select.choice import Findings
from tagstream.ports.registry import ScanFindings
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.select.contents import Contents

MOST_LOOKED_AT = 5
KIND = "scan"
# A scan is repeated, and new vulnerabilities become known.
COMPLETE_FOR, UNAVAILABLE_FOR, PENDING_FOR = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
AskFindings = Callable[[Digest], Sequence[ScanFindings]]


@dataclass(slots=True, kw_only=True)
class ImageFindings:
    """The findings in one repository's images.

    Args:
        contents: tells which digest a tag has.
        ask: asks ECR for the findings of a digest; None when only what is stored counts.
    """

    contents: Contents
    ask: AskFindings | None
    _looked_at: int = 0

    def of(self, tag: str) -> Findings:
        """The findings in a tag's image.

        Raises:
            ImageAutomationError: the registry does not answer, or it is not ECR.
        """
        self._looked_at += 1
        content = self.contents.known(tag) if self._looked_at <= MOST_LOOKED_AT else None
        if content is None:
            return Findings(state="pending", problem="was not looked at")
        tags, repository, now = self.contents.first_seen.tags, self.contents.first_seen.repository, self.contents.now
        fact = tags.image_fact(repository, content.digest, KIND)
        if self.ask is not None and (fact is None or fact.until <= now):
            fact = _fact(_together(self.ask(content.digest)), now)
            tags.put_image_fact(repository, content.digest, KIND, fact)
        return Findings(state="pending", problem="was not looked at") if fact is None else _findings(fact)


def _together(found: Sequence[ScanFindings]) -> ScanFindings:
    """What counts of several images: the first without a scan, else one that is not finished, else the sum of all."""
    for state in ("unavailable", "pending"):
        for one in found:
            if one.state == state:
                return one
    names = {name for one in found for name in one.counts}
    return ScanFindings(
        state="complete", counts={name: sum(one.counts.get(name, 0) for one in found) for name in names}
    )


def _fact(found: ScanFindings, now: datetime) -> ImageFact:
    kept_for = {"complete": COMPLETE_FOR, "pending": PENDING_FOR, "unavailable": UNAVAILABLE_FOR}[found.state]
    value = {"state": found.state, "counts": dict(found.counts), "problem": found.problem}
    return ImageFact(value=json.dumps(value, sort_keys=True), until=(now + kept_for).replace(microsecond=0))


def _findings(fact: ImageFact) -> Findings:
    value = json.loads(fact.value)
    return Findings(state=value["state"], counts=value["counts"], problem=value["problem"], until=fact.until)
