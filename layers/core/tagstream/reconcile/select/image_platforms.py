"""Which platforms the tags of one evaluation have: the best few are looked at, and answers are kept by digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tagstream.domain.objects.model import Digest
from tagstream.reconcile.select.contents import Contents

# A tag behind so many better ones that lack a platform is not looked at.
MOST_LOOKED_AT = 5
AskPlatforms = Callable[[Digest], frozenset[str]]


@dataclass(slots=True, kw_only=True)
class ImagePlatforms:
    """The platforms of one repository's images.

    Args:
        contents: tells which digest a tag has.
        ask: asks the registry for the platforms of a digest; None when only what is stored counts.
    """

    contents: Contents
    ask: AskPlatforms | None
    _looked_at: int = 0

    def of(self, tag: str) -> frozenset[str] | None:
        """The platforms of a tag's image; None if nobody has looked at it.

        Raises:
            ImageAutomationError: the registry does not answer.
        """
        self._looked_at += 1
        if self._looked_at > MOST_LOOKED_AT:
            return None
        digest = self.contents.known_digest(tag)
        if digest is None:
            return None
        tags, repository = self.contents.first_seen.tags, self.contents.first_seen.repository
        known = tags.platforms(repository, digest)
        if known is None and self.ask is not None:
            known = self.ask(digest)
            tags.put_platforms(repository, digest, known, self.contents.now)
        return known
