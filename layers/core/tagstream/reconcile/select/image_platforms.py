"""Which platforms the tags of one evaluation have: the best few are looked at, and answers are kept by digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tagstream.domain.objects.model import Digest
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.select.contents import Contents

# A tag behind so many better ones that lack a platform is not looked at.
MOST_LOOKED_AT = 5
KIND = "platforms"
# The platforms of a digest never change, but what nobody asks for any more should go by itself.
KEPT_FOR = timedelta(days=30)
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
        content = self.contents.known(tag)
        if content is None:
            return None
        tags, repository = self.contents.first_seen.tags, self.contents.first_seen.repository
        kept = tags.image_fact(repository, content.digest, KIND)
        if kept is not None:
            return frozenset(kept.value.split())
        if self.ask is None:
            return None
        found = self.ask(content.digest)
        fact = ImageFact(value=" ".join(sorted(found)), until=self.contents.now + KEPT_FOR)
        tags.put_image_fact(repository, content.digest, KIND, fact)
        return found
