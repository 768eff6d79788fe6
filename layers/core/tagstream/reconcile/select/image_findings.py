"""What ECR's scans have found in the images of one evaluation.

The best few images are looked at, and answers are kept by digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tagstream.domain.objects.model import Digest
from tagstream.domain.select.choice import Findings
from tagstream.ports.registry import ScanFindings
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.looks import Looks

KIND = "scan"
NOT_LOOKED_AT = Findings(state="pending", problem="was not looked at")
# A scan is repeated, and new vulnerabilities become known.
COMPLETE_FOR, UNAVAILABLE_FOR, PENDING_FOR = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
AskFindings = Callable[[Digest], Sequence[ScanFindings]]


@dataclass(slots=True, kw_only=True)
class ImageFindings:
    """The findings in one repository's images.

    Args:
        contents: tells which digest a tag has.
        ask: asks ECR for the findings of a digest; None when only what is stored counts.
        looks: how many tags may be looked at.
    """

    contents: Contents
    ask: AskFindings | None
    looks: Looks
    _answers: dict[str, Findings] = field(default_factory=dict)

    def of(self, tag: str) -> Findings:
        """The findings in a tag's image.

        Raises:
            ImageAutomationError: the registry does not answer, or it is not ECR.
        """
        if tag not in self._answers and self.looks.may_compare():
            self._answers[tag] = self._looked_at(tag)
        return self._answers.get(tag, NOT_LOOKED_AT)

    def _looked_at(self, tag: str) -> Findings:
        content = self.contents.known(tag)
        if content is None:
            return NOT_LOOKED_AT
        tags, repository, now = self.contents.first_seen.tags, self.contents.first_seen.repository, self.contents.now
        fact = tags.image_fact(repository, content.digest, KIND)
        if self.ask is not None and (fact is None or fact.until <= now):
            self.looks.count_question()
            fact = _fact(_together(self.ask(content.digest)), now)
            tags.put_image_fact(repository, content.digest, KIND, fact)
        return NOT_LOOKED_AT if fact is None else _findings(fact)


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
