"""What content the tags of one evaluation have, and since when: asked for as seldom as possible.

A digest is asked for once while a tag is young, and once more when it is old enough to be selected. Between the two,
nobody can move the tag unseen. A policy without a minimum age asks for no digest here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tagstream.domain.objects.model import Digest, ImageRef
from tagstream.domain.select.choice import Content
from tagstream.errors import ImageAutomationError
from tagstream.reconcile.select.first_seen import FirstSeen

# Of the tags that are too young, only the best can be next.
MOST_YOUNG = 3
AskDigest = Callable[[str], Digest]


@dataclass(slots=True, kw_only=True)
class Contents:
    """The contents of one repository's tags.

    Args:
        first_seen: when scans first listed the repository's tags.
        current: what is selected.
        is_reread: whether the policy asks for the digest of the current tag again.
        minimum_age: of the policy.
        now: aware UTC.
        ask: asks the registry for the digest of a tag; None when only what is stored counts.
    """

    first_seen: FirstSeen
    current: ImageRef | None
    is_reread: bool
    minimum_age: timedelta
    now: datetime
    ask: AskDigest | None
    _digests: dict[str, Digest] = field(default_factory=dict)
    _young: int = 0

    def digest(self, tag: str) -> Digest:
        """The digest of a tag now; the registry is asked once. None is asked for while ``ask`` is None.

        Raises:
            ImageAutomationError: the registry does not answer.
        """
        if tag not in self._digests:
            assert self.ask is not None, "nobody can be asked"
            self._digests[tag] = self.ask(tag)
        return self._digests[tag]

    def is_moved(self, tag: str) -> bool:
        """Whether the selected tag has another digest than the one that is selected, if the policy asks for it again.

        Raises:
            ImageAutomationError: the registry does not answer.
        """
        current = self.current
        if current is None or current.tag != tag or not self.is_reread:
            return False
        return self.digest(tag) != current.digest

    def known(self, tag: str) -> Content | None:
        """The content of a tag now, and when the tag was first seen with it.

        While nobody can be asked, it is the content that the tag was seen with last; None if it was never seen.

        Raises:
            ImageAutomationError: the registry does not answer.
        """
        if self.ask is None:
            known = self._sightings(tag)
            digest = _last_seen(known) if known else None
            return None if digest is None else Content(digest=digest, since=known[digest])
        digest = self.digest(tag)
        return Content(digest=digest, since=self._sighted(tag, digest))

    def of(self, tag: str) -> Content:
        """The content of a tag, as the gate of the minimum age is told.

        Raises:
            ImageAutomationError: the registry does not answer, and the tag may not be selected without its digest.
        """
        if self.current is not None and self.current.tag == tag:
            return self._of_current(self.current)
        # A tag that another scan has just removed counts as new.
        listed_at = self.first_seen(tag) or self.now
        since = None if self.first_seen.was_there_from_the_start(tag) else listed_at
        if since is not None and since + self.minimum_age > self.now:
            self._remember_young(tag)
            return Content(since=since)
        known = self._sightings(tag)
        if not known:
            return Content(since=since)
        digest = _last_seen(known) if self.ask is None else self.digest(tag)
        if digest == min(known, key=lambda one: known[one]):
            # The tag was not moved since it was listed.
            return Content(digest=digest, since=since)
        return Content(digest=digest, since=known.get(digest) or self._sighted(tag, digest))

    def _of_current(self, current: ImageRef) -> Content:
        if not self.is_reread or self.ask is None or not current.digest:
            return Content(digest=Digest(current.digest))
        digest = self.digest(current.tag)
        if digest == current.digest:
            return Content(digest=digest)
        return Content(digest=digest, since=self._sighted(current.tag, digest))

    def _remember_young(self, tag: str) -> None:
        """Ask once what a young tag contains, so that it is noticed when the tag is moved before it is old enough."""
        self._young += 1
        if self.ask is None or self._young > MOST_YOUNG or self._sightings(tag):
            return
        try:
            self._sighted(tag, self.digest(tag))
        except ImageAutomationError:
            # The tag waits in any case, and the next evaluation asks again.
            return

    def _sightings(self, tag: str) -> Mapping[Digest, datetime]:
        return self.first_seen.tags.sightings(self.first_seen.repository, tag)

    def _sighted(self, tag: str, digest: Digest) -> datetime:
        return self.first_seen.tags.first_seen(self.first_seen.repository, tag, digest, self.now)


def _last_seen(known: Mapping[Digest, datetime]) -> Digest:
    return max(known, key=lambda one: known[one])
