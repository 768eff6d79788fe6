"""Which platforms the tags of one evaluation have: the best few are looked at, and answers are kept by digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tagstream.domain.objects.model import Digest
from tagstream.ports.tags import ImageFact
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.looks import Looks

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
        looks: how many tags may be looked at.
    """

    contents: Contents
    ask: AskPlatforms | None
    looks: Looks
    _answers: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def of(self, tag: str) -> frozenset[str] | None:
        """The platforms of a tag's image; None if nobody has looked at it.

        Raises:
            ImageAutomationError: the registry does not answer.
        """
        if tag not in self._answers and self.looks.may_compare():
            self._answers[tag] = self._looked_at(tag)
        return self._answers.get(tag)

    def _looked_at(self, tag: str) -> frozenset[str] | None:
        content = self.contents.known(tag)
        if content is None:
            return None
        tags, repository = self.contents.first_seen.tags, self.contents.first_seen.repository
        kept = tags.image_fact(repository, content.digest, KIND)
        if kept is not None:
            return frozenset(kept.value.split())
        if self.ask is None:
            return None
        self.looks.count_question()
        found = self.ask(content.digest)
        fact = ImageFact(value=" ".join(sorted(found)), until=self.contents.now + KEPT_FOR)
        tags.put_image_fact(repository, content.digest, KIND, fact)
        return found
